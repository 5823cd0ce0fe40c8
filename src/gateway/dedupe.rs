//! What copies of a delivery are recognised by. On the path of every delivery, so it builds no more of
//! `context` than the template reads.

use sha2::{Digest, Sha256};

use crate::{
    engine::{DedupeKey, EventRoots, ReplayKey},
    model::{Dedupe, Event, FieldError, Span, Webhook, WhenUnknown, Workflow, WorkflowKey},
    template::{Budget, Path, Root, Template},
    verify::{Replay, Scheme},
};

/// The longest key that is hashed, bytes.
const KEY_MOST: usize = 64 << 20;

/// The template of a trigger's key, how long a key is remembered, and what becomes of a delivery without one.
///
/// # Errors
/// A template that cannot be read or reads nothing of the delivery; no key, and a sender that gives no id.
pub(super) fn compile(
    webhook: &Webhook,
    scheme: &Result<Option<Scheme>, FieldError>,
) -> Result<Option<(Template, Span, WhenUnknown)>, FieldError> {
    let Some(Dedupe { key, ttl, on_missing }) = &webhook.dedupe else { return Ok(None) };
    let text = match (key, scheme) {
        (Some(own), _) => own.as_str(),
        (None, Ok(Some(scheme))) => {
            scheme.default_dedupe().ok_or_else(|| no_key("its `verify` scheme names none"))?
        }
        (None, Ok(None)) => return Err(no_key("there is no `verify` scheme that names one")),
        // It refuses everything until its secret is there, and is compiled anew then.
        (None, Err(_)) => return Ok(None),
    };
    template(text).map(|template| Some((template, *ttl, *on_missing)))
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

/// What copies of this delivery are recognised by; nothing when the template gives nothing. `query` is that of the
/// request as it came.
///
/// Whoever is verified may send a copy that differs a little, as senders do. Of strangers only a copy that is the same to
/// the byte is one: else who guesses an id would get another's answer, or keep the true delivery from being run.
pub(super) fn key(
    workflow: &Workflow,
    dedupe: Option<&(Template, Span, WhenUnknown)>,
    event: &Event,
    query: Option<&str>,
) -> Option<DedupeKey> {
    let (template, ttl, _) = dedupe?;
    let roots = EventRoots::new(event, template.references());
    let unverified = workflow.webhook().is_none_or(|webhook| webhook.verify.is_none());
    let content = unverified.then(|| content(event, query.unwrap_or("")));
    // The key is hashed as it is filled in, and never held. One beyond the bound is none: no event is taken for another.
    DedupeKey::written(&workflow.key, content.as_ref(), *ttl, |out| {
        template.write_text(&roots, out, &mut Budget::new(KEY_MOST)).is_ok()
    })
}

/// A digest of all that a sender chose but its headers.
fn content(event: &Event, query: &str) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in [event.method.as_bytes(), event.path.as_bytes(), query.as_bytes(), &event.body] {
        // With its length, so that no byte moves from one to the next.
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

/// What an author should know of a trigger that is right.
pub(super) fn warning(webhook: &Webhook) -> Option<FieldError> {
    let unverified = webhook.dedupe.is_some() && webhook.verify.is_none();
    unverified.then(|| {
        let message = "anyone may send here and choose any id, so only a copy with the same method, path, query and body \
                       counts as the same event; set `verify` to go by the id alone";
        FieldError::new("trigger.dedupe", message)
    })
}

/// What a replay of this delivery is recognised by, where the sender's signature covers no id.
pub(super) fn replay(workflow: &WorkflowKey, replay: Option<Replay>) -> Option<ReplayKey> {
    let Replay { digest, until_ms } = replay?;
    Some(ReplayKey::new(workflow, &digest, until_ms))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
                    let webhook = workflow.webhook().unwrap();
                    let scheme = webhook.verify.as_ref().map(|verify| {
                        Scheme::compile(verify, &|secret| Ok(secret.to_owned()))
                            .map_err(|error| FieldError::new("trigger.verify", error.to_string()))
                    });
                    compile(webhook, &scheme.transpose())
                })
                .map(|dedupe| dedupe.map(|(_, ttl, _)| ttl.as_millis()));
            assert_eq!(
                found.map_err(|error| error.path),
                expected.map_err(str::to_owned),
                "{dedupe} {verify:?}"
            );
        }
    }
}
