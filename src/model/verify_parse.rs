//! JSON into a [`Verify`], where every error names its field.

use serde_json::Value;

use super::{
    envelope::{EnvelopeSpec, FeishuSpec, WechatMpSpec},
    units::Span,
    verify::{HmacSpec, Secrets, Verify},
    workflow_parse::{FieldError, Object, join, object, only_known, required, typed},
};

pub(super) fn verify(value: Value) -> Result<Verify, FieldError> {
    const PATH: &str = "trigger.verify";
    let mut fields = object(value, PATH)?;
    let scheme: String = required(&mut fields, PATH, "scheme")?;
    match scheme.as_str() {
        "github" => {
            only_known(&fields, PATH, &["secret"])?;
            let secret: Secrets = secrets(&mut fields, PATH)?;
            Ok(Verify::Github { secret })
        }
        "hmac" => {
            let spec: HmacSpec = typed(Value::Object(fields), PATH)?;
            no_empty_secret(&spec.secret, PATH)?;
            let tolerance = spec.timestamp.as_ref().map(|timestamp| timestamp.tolerance);
            if tolerance.is_some_and(|tolerance| tolerance > Span::from_millis(86_400_000)) {
                return Err(FieldError::new("trigger.verify.timestamp.tolerance", "1d is the most"));
            }
            Ok(Verify::Hmac(spec))
        }
        "wecom" => envelope(fields).map(Verify::Wecom),
        "dingtalk_event" => envelope(fields).map(Verify::DingtalkEvent),
        "wechat_mp" => {
            let spec: WechatMpSpec = typed(Value::Object(fields), PATH)?;
            filled(Some(&spec.token), "token")?;
            filled(spec.aes_key.as_ref(), "aes_key")?;
            within_a_day(spec.tolerance).map(|()| Verify::WechatMp(spec))
        }
        "feishu" | "lark" => {
            let spec: FeishuSpec = typed(Value::Object(fields), PATH)?;
            if spec.token.is_none() && spec.encrypt_key.is_none() {
                return Err(FieldError::new(PATH, "give `encrypt_key`, `token` or both"));
            }
            filled(spec.token.as_ref(), "token")?;
            filled(spec.encrypt_key.as_ref(), "encrypt_key")?;
            within_a_day(spec.tolerance).map(|()| Verify::Feishu(spec))
        }
        other => Err(FieldError::new(
            "trigger.verify.scheme",
            format!(
                "unknown scheme `{other}`; known are github, hmac, wecom, wechat_mp, dingtalk_event, feishu, lark"
            ),
        )),
    }
}

fn envelope(fields: Object) -> Result<EnvelopeSpec, FieldError> {
    let spec: EnvelopeSpec = typed(Value::Object(fields), "trigger.verify")?;
    filled(Some(&spec.token), "token")?;
    filled(Some(&spec.aes_key), "aes_key")?;
    within_a_day(spec.tolerance).map(|()| spec)
}

fn filled(secrets: Option<&Secrets>, field: &str) -> Result<(), FieldError> {
    match secrets.map(Secrets::templates) {
        Some(templates) if templates.is_empty() || templates.iter().any(String::is_empty) => Err(
            FieldError::new(join("trigger.verify", field), "an empty secret would let anyone in; give one"),
        ),
        Some(_) | None => Ok(()),
    }
}

fn within_a_day(tolerance: Span) -> Result<(), FieldError> {
    match tolerance > Span::from_millis(86_400_000) {
        true => Err(FieldError::new("trigger.verify.tolerance", "1d is the most")),
        false => Ok(()),
    }
}

fn secrets(fields: &mut Object, path: &str) -> Result<Secrets, FieldError> {
    let secrets = required(fields, path, "secret")?;
    no_empty_secret(&secrets, path)?;
    Ok(secrets)
}

fn no_empty_secret(secrets: &Secrets, path: &str) -> Result<(), FieldError> {
    if secrets.templates().is_empty() || secrets.templates().iter().any(String::is_empty) {
        return Err(FieldError::new(join(path, "secret"), "an empty secret would let anyone in; give one"));
    }
    Ok(())
}
