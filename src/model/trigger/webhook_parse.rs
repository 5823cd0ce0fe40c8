//! JSON into a [`Webhook`], where every error names its field.

use serde_json::Value;

use super::{
    guards::{RateLimit, RateLimits, is_token},
    handshake::Handshake,
    verify::Verify,
    webhook::{Dedupe, Webhook},
};
use crate::model::value::{
    FieldError, Limits, ResponseSpec,
    condition::condition,
    fields::{Object, only_known, take, typed},
    response::response,
};

pub(super) fn webhook(mut fields: Object) -> Result<Webhook, FieldError> {
    const PATH: &str = "trigger";
    const KNOWN: [&str; 19] = [
        "methods",
        "mode",
        "path",
        "verify",
        "body",
        "json_fields",
        "charset",
        "filter",
        "filter_on_error",
        "dedupe",
        "response",
        "max_body",
        "decompress",
        "sync_wait",
        "keep_headers",
        "ip",
        "rate_limit",
        "cors",
        "handshake",
    ];
    only_known(&fields, PATH, &KNOWN).map_err(|error| FieldError {
        message: error.message.replace("are ", "are type, name, "),
        ..error
    })?;
    let verify_value: Option<Value> = take(&mut fields, PATH, "verify")?;
    let response_value: Option<Value> = take(&mut fields, PATH, "response")?;
    let handshake: Option<Value> = take(&mut fields, PATH, "handshake")?;
    let mut webhook = Webhook {
        methods: take(&mut fields, PATH, "methods")?.unwrap_or_else(Webhook::default_methods),
        mode: take(&mut fields, PATH, "mode")?.unwrap_or_default(),
        verify: verify_value.map(Verify::from_value).transpose()?,
        path: take(&mut fields, PATH, "path")?,
        body: take(&mut fields, PATH, "body")?.unwrap_or_default(),
        json_fields: take(&mut fields, PATH, "json_fields")?,
        charset: take(&mut fields, PATH, "charset")?,
        filter: condition(&mut fields, PATH, "filter")?,
        filter_on_error: take(&mut fields, PATH, "filter_on_error")?.unwrap_or_default(),
        dedupe: take(&mut fields, PATH, "dedupe")?.map(dedupe).transpose()?.flatten(),
        response: response_value.map(|value| response(value, "trigger.response")).transpose()?,
        max_body: take(&mut fields, PATH, "max_body")?,
        decompress: take(&mut fields, PATH, "decompress")?.unwrap_or_default(),
        sync_wait: take(&mut fields, PATH, "sync_wait")?,
        keep_headers: take(&mut fields, PATH, "keep_headers")?.unwrap_or_default(),
        ip: take(&mut fields, PATH, "ip")?,
        rate_limit: rate_limits(&mut fields)?,
        cors: take(&mut fields, PATH, "cors")?,
        handshake: handshake.map(Handshake::from_value).transpose()?,
    };
    if webhook.response.is_none() && webhook.verify.as_ref().is_some_and(Verify::answers_are_commands) {
        webhook.response = Some(ResponseSpec::default());
    }
    if let Some(ip) = &webhook.ip {
        ip.check("trigger.ip")?;
    }
    if let Some(cors) = &webhook.cors {
        cors.check("trigger.cors")?;
    }
    if let Some(index) = webhook.keep_headers.iter().position(|name| !is_token(name)) {
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

/// One rate or an array of them.
fn rate_limits(fields: &mut Object) -> Result<Vec<RateLimit>, FieldError> {
    const FIELD: &str = "trigger.rate_limit";
    let limits = match fields.shift_remove("rate_limit") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        // Not through the untagged type, whose errors name no field.
        Some(several @ Value::Array(_)) => RateLimits::Several(typed(several, FIELD)?),
        Some(one) => RateLimits::One(typed(one, FIELD)?),
    };
    limits.checked(FIELD)
}

/// `true`, or an object; `false` is as good as leaving it out.
fn dedupe(value: Value) -> Result<Option<Dedupe>, FieldError> {
    match value {
        Value::Bool(true) => Ok(Some(Dedupe::by_sender())),
        Value::Bool(false) => Ok(None),
        other => typed(other, "trigger.dedupe").map(Some),
    }
}
