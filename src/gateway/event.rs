//! Makes the event of a request, with the notes on how it was read.

use std::{net::IpAddr, sync::Arc};

use http::request::Parts;

use super::{endpoint::Endpoint, header_list::headers, refusal::Refusal};
use crate::{
    engine::Engine,
    formats::{self, FormatError, Reading},
    model::{Content, Event, Note, Started, WhenUnknown},
};

/// The most parameters of a query.
const MAX_PARAMETERS: usize = 1_000;

/// The event of a request with this type and body.
pub(super) fn event_of(
    engine: &Engine,
    client: IpAddr,
    parts: &Parts,
    (content_type, body): (Option<&str>, Vec<u8>),
    reading: &Reading,
) -> Result<Event, Refusal> {
    let content = formats::decode(reading, content_type, &body).map_err(|error| match error {
        FormatError::Invalid(why) => Refusal::BodyInvalid(why),
        FormatError::Type(essence) => Refusal::MediaType(essence),
    })?;
    let raw_query = parts.uri.query().unwrap_or("");
    let query: Vec<_> = reading.query(raw_query).take(MAX_PARAMETERS + 1).collect();
    if query.len() > MAX_PARAMETERS {
        return Err(Refusal::QueryInvalid { most: MAX_PARAMETERS });
    }
    Ok(Event {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        ip: client.to_string(),
        headers: headers(&parts.headers),
        query,
        params: Vec::new(),
        notes: notes_of(&content).into_iter().collect(),
        content,
        body,
        origin: Arc::clone(engine.public_url()),
        raw_query: raw_query.to_owned(),
        trigger: Started::default(),
    })
}

/// The note on how a body was read.
pub(super) fn notes_of(content: &Content) -> Option<Note> {
    match content {
        Content::Undecoded { media_type } => Some(Note::BodyNotDecoded { media_type: media_type.clone() }),
        Content::Empty
        | Content::Json
        | Content::Decoded(_)
        | Content::Text
        | Content::Binary
        | Content::Multipart { .. } => None,
    }
}

/// Whether the trigger's filter lets an event start a run.
pub(super) fn is_wanted(endpoint: &Endpoint, event: &Event, notes: &mut Vec<Note>) -> Result<bool, Refusal> {
    let Some(filter) = &endpoint.filter else { return Ok(true) };
    filter.lets_through(event).or_else(|why| {
        let workflow = &endpoint.definition.workflow.key;
        tracing::warn!(%workflow, %why, "the filter cannot be answered for a delivery");
        notes.push(Note::FilterUnanswered { why: why.clone() });
        match endpoint.webhook().filter_on_error {
            WhenUnknown::Run => Ok(true),
            WhenUnknown::Refuse => Err(Refusal::FilterUnanswered(why)),
        }
    })
}
