//! JSON into a [`Webhook`], where every error names its field.

use serde_json::Value;

use super::{
    handshake::Handshake,
    limits::Limits,
    step::ResponseSpec,
    step_parse::response,
    verify::Verify,
    verify_parse::verify,
    webhook::Webhook,
    workflow_parse::{FieldError, Object, only_known, take},
};

pub(super) fn webhook(mut fields: Object) -> Result<Webhook, FieldError> {
    const PATH: &str = "trigger";
    const KNOWN: [&str; 9] = [
        "methods",
        "mode",
        "verify",
        "dedupe",
        "response",
        "max_body",
        "sync_wait",
        "keep_headers",
        "handshake",
    ];
    only_known(&fields, PATH, &KNOWN)
        .map_err(|error| FieldError { message: error.message.replace("are ", "are type, "), ..error })?;
    let verify_value: Option<Value> = take(&mut fields, PATH, "verify")?;
    let response_value: Option<Value> = take(&mut fields, PATH, "response")?;
    let handshake: Option<Value> = take(&mut fields, PATH, "handshake")?;
    let mut webhook = Webhook {
        methods: take(&mut fields, PATH, "methods")?.unwrap_or_else(Webhook::default_methods),
        mode: take(&mut fields, PATH, "mode")?.unwrap_or_default(),
        verify: verify_value.map(verify).transpose()?,
        dedupe: take(&mut fields, PATH, "dedupe")?,
        response: response_value.map(|value| response(value, "trigger.response")).transpose()?,
        max_body: take(&mut fields, PATH, "max_body")?,
        sync_wait: take(&mut fields, PATH, "sync_wait")?,
        keep_headers: take(&mut fields, PATH, "keep_headers")?.unwrap_or_default(),
        handshake: handshake.map(Handshake::from_value).transpose()?,
    };
    if webhook.response.is_none() && webhook.verify.as_ref().is_some_and(Verify::answers_are_commands) {
        webhook.response = Some(ResponseSpec::default());
    }
    if let Some(index) = webhook.keep_headers.iter().position(|name| !is_header_name(name)) {
        return Err(FieldError::new(format!("trigger.keep_headers[{index}]"), "this is no header's name"));
    }
    if webhook.methods.is_empty() {
        return Err(FieldError::new("trigger.methods", "name at least one method"));
    }
    if webhook.max_body.is_some_and(|size| size > Limits::BODY_CAP) {
        return Err(FieldError::new("trigger.max_body", format!("{} is the most", Limits::BODY_CAP)));
    }
    if webhook.sync_wait.is_some_and(|wait| wait > Limits::SYNC_WAIT_CAP) {
        return Err(FieldError::new("trigger.sync_wait", format!("{} is the most", Limits::SYNC_WAIT_CAP)));
    }
    if let Some(dedupe) = &webhook.dedupe
        && (dedupe.ttl > Limits::DEDUPE_TTL_CAP || dedupe.ttl.as_millis() == 0)
    {
        return Err(FieldError::new(
            "trigger.dedupe.ttl",
            format!("a key can be remembered for 1ms to {}", Limits::DEDUPE_TTL_CAP),
        ));
    }
    Ok(webhook)
}

/// A token as RFC 9110 section 5.6.2 has it.
fn is_header_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
