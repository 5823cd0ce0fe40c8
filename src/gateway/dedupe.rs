//! How copies of a delivery are recognised. Every delivery comes through here, so no more of `context` is built than the
//! template reads.

use sha2::{Digest, Sha256};

use super::digits;
use crate::{
    engine::{DedupeKey, EventRoots, ReplayKey},
    model::{Content, Dedupe, Event, FieldError, Span, TriggerScope, Webhook, WhenUnknown},
    template::{Budget, Path, Root, Template},
    verify::{Replay, Scheme},
};

/// The longest key that is hashed, bytes.
const MAX_KEY: usize = 64 << 20;

/// How the deliveries of one trigger are recognised.
pub(super) struct DedupeRule {
    /// The key, a template over the delivery.
    template: Template,
    /// How long a key is remembered.
    ttl: Span,
    /// What becomes of a delivery without a key.
    pub(super) on_missing: WhenUnknown,
    /// Whether anyone may send.
    unverified: bool,
}

/// The rule of a trigger.
///
/// # Errors
/// A template that cannot be read or reads nothing of the delivery; no key, and a sender that gives no id.
pub(super) fn compile(
    webhook: &Webhook,
    scheme: &Result<Option<Scheme>, FieldError>,
) -> Result<Option<DedupeRule>, FieldError> {
    let Some(Dedupe { key, ttl, on_missing }) = &webhook.dedupe else { return Ok(None) };
    let text = match (key, scheme) {
        (Some(own), _) => own.as_str(),
        (None, Ok(Some(scheme))) => {
            scheme.default_dedupe().ok_or_else(|| no_key("its `verify` scheme names none"))?
        }
        (None, Ok(None)) => return Err(no_key("there is no `verify` scheme that names one")),
        // The endpoint refuses everything until its secret is there, and is compiled again then.
        (None, Err(_)) => return Ok(None),
    };
    let unverified = webhook.verify.is_none();
    template(text)
        .map(|template| Some(DedupeRule { template, ttl: *ttl, on_missing: *on_missing, unverified }))
}

fn no_key(why: &str) -> FieldError {
    let example = "{\"key\": \"{{$context.headers.x-delivery-id}}\"}";
    FieldError::new("trigger.dedupe", format!("which field is the delivery's id? {why}; give {example}"))
}

/// A key that reads nothing of the delivery would make all deliveries copies of the first.
fn template(text: &str) -> Result<Template, FieldError> {
    let wrong = |message: String| FieldError::new("trigger.dedupe.key", message);
    let template = Template::parse(text).map_err(|error| wrong(error.to_string()))?;
    let reads = |path: &Path| path.root() == Root::Context && path.name().is_some();
    if template.references().next().is_none() || !template.references().all(reads) {
        return Err(wrong(
            "read a field of the delivery, as in {{$context.headers.x-github-delivery}}".to_owned(),
        ));
    }
    Ok(template)
}

/// What copies of this delivery to the trigger with this scope are recognised by; nothing when the template, or one of its parts, gives
/// nothing. `query` is that of the request as it came.
///
/// A verified sender may send a copy that differs a little, as senders do. A delivery of a stranger is a copy only if it is
/// the same to the byte. Otherwise somebody who guesses an id would get the answer of another, or keep the true delivery
/// from being run.
pub(super) fn key(
    trigger: &TriggerScope,
    rule: Option<&DedupeRule>,
    event: &Event,
    query: Option<&str>,
) -> Option<DedupeKey> {
    let DedupeRule { template, ttl, unverified, .. } = rule?;
    let roots = EventRoots::new(event, template.references());
    let content = unverified.then(|| content(event, query.unwrap_or("")));
    // The key is hashed while it is written, and never held. A key beyond the bound does not count, so no event is taken for another.
    DedupeKey::written(trigger, content.as_ref(), *ttl, |out| {
        // With a part missing, what is left of the key is that of other events, too.
        template.has_all_parts(&roots)
            && template.write_text(&roots, out, &mut Budget::new(MAX_KEY)).is_ok()
            && template
                .references()
                .filter_map(|path| beyond(event, path))
                .all(|digits| write!(out, "\0{digits}").is_ok())
    })
}

/// The digits of an id that is too long for a number. Written as the value that it was decoded to, two such ids would be
/// one key.
fn beyond(event: &Event, path: &Path) -> Option<String> {
    match path.segments().split_first() {
        Some((first, rest)) if path.root() == Root::Context && first.as_str() == "data" => {
            let text = match &event.content {
                Content::Decoded(json) => json.as_str().as_bytes(),
                Content::Empty
                | Content::Json
                | Content::Text
                | Content::Binary
                | Content::Multipart { .. }
                | Content::Undecoded { .. } => &event.body,
            };
            digits::beyond(text, rest)
        }
        Some(_) | None => None,
    }
}

/// A digest of everything that the sender chose, except for the headers.
fn content(event: &Event, query: &str) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in [event.method.as_bytes(), event.path.as_bytes(), query.as_bytes(), &event.body] {
        // Each part has its length in front, so that no byte can move from one part to the next.
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

/// A warning for the author of a trigger that is right.
pub(super) fn warning(webhook: &Webhook) -> Option<FieldError> {
    let unverified = webhook.dedupe.is_some() && webhook.verify.is_none();
    unverified.then(|| {
        let message = "anyone may send here and choose any id, so only a copy with the same method, path, query and body \
                       counts as the same event; set `verify` to go by the id alone";
        FieldError::new("trigger.dedupe", message)
    })
}

/// What a replay of this delivery is recognised by, where the sender's signature covers no id.
pub(super) fn replay(trigger: &TriggerScope, replay: Option<Replay>) -> Option<ReplayKey> {
    let Replay { digest, until_ms } = replay?;
    Some(ReplayKey::new(trigger, &digest, until_ms))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::Workflow;

    #[test]
    fn a_key_is_the_authors_or_the_senders() {
        let github = json!({ "scheme": "github", "secret": "s" });
        let hmac = json!({ "scheme": "hmac", "header": "x-s", "secret": "s" });
        let own = "{{$context.data.id}}";
        let cases = [
            (json!(true), Some(&github), Ok(Some(86_400_000))),
            (json!({ "ttl": "3d" }), Some(&github), Ok(Some(259_200_000))),
            (json!(false), Some(&github), Ok(None)),
            (json!({ "key": own }), None, Ok(Some(86_400_000))),
            (json!({ "key": own }), Some(&hmac), Ok(Some(86_400_000))),
            (json!(true), Some(&hmac), Err("trigger.dedupe")),
            (json!(true), None, Err("trigger.dedupe")),
            (json!({ "key": "fixed" }), None, Err("trigger.dedupe.key")),
            (json!({ "key": "{{$env.A}}" }), None, Err("trigger.dedupe.key")),
            (json!({ "kee": own }), None, Err("trigger.dedupe.kee")),
            (json!("id"), None, Err("trigger.dedupe")),
            (json!({ "ttl": "31d" }), Some(&github), Err("trigger.dedupe.ttl")),
        ];
        for (dedupe, verify, expected) in cases {
            let trigger = json!({ "type": "webhook", "verify": verify, "dedupe": dedupe });
            let found = Workflow::from_value(json!({ "key": "a", "trigger": trigger, "steps": [] }))
                .and_then(|workflow| {
                    let (_, webhook) = workflow.webhooks().next().unwrap();
                    let scheme = webhook.verify.as_ref().map(|verify| {
                        Scheme::compile(verify, &|secret| Ok(secret.to_owned()))
                            .map_err(|error| FieldError::new("trigger.verify", error.to_string()))
                    });
                    compile(webhook, &scheme.transpose())
                })
                .map(|rule| rule.map(|rule| rule.ttl.as_millis()));
            assert_eq!(
                found.map_err(|error| error.path),
                expected.map_err(str::to_owned),
                "{dedupe} {verify:?}"
            );
        }
    }
}
