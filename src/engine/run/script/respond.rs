//! `respond(...)`: answers the caller while the script goes on. The first answer of a run counts.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::oneshot;

use super::{ScriptHost, ScriptRequest, unkept};
use crate::{
    engine::run::mask::masked_answer,
    model::{CallError, JsonText},
    steps::written_answer,
};

#[derive(Deserialize)]
struct Args {
    status: Value,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: String,
}

pub(super) async fn perform(host: &ScriptHost, args: &Value) -> Result<JsonText, CallError> {
    let Args { status, headers, body } =
        Args::deserialize(args).map_err(|error| CallError::new("TypeError", format!("respond: {error}")))?;
    let body =
        STANDARD.decode(body).map_err(|_| CallError::new("TypeError", "respond: the body is no base64"))?;
    let answer = written_answer(&status, headers, body)
        .map_err(|error| CallError::new("TypeError", format!("respond: {}", error.message)))?;
    let answer = masked_answer(answer, &host.caller.given.masks);
    host.before_effect().await?;
    let (done, stored) = oneshot::channel();
    let gone = |_| unkept("the run is executed no further");
    host.requests
        .send(ScriptRequest::Answer(Box::new(answer), done))
        .map_err(|_| unkept("the run has ended"))?;
    stored.await.map_err(gone)?;
    Ok(JsonText::null())
}
