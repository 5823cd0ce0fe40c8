//! JSON into the settings of proofs that are no plain secret: tokens, public keys, fields. Every error names its field.
//!
//! Part of `verify_parse`.

use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::{
    fields::{FieldsAlgorithm, FieldsFormat, FieldsSpec},
    jwt::JwtSpec,
    public_key::{PaypalSpec, SignatureSpec, SnsSpec},
    verify_fields::{PATH, check_tolerance, read, read_with_keys},
};
use crate::model::value::{
    FieldError,
    fields::{Object, join, only_known, take},
    is_safe_way,
};

const JWT: [&str; 12] = [
    "algorithm",
    "secret",
    "secret_encoding",
    "public_key",
    "jwks_url",
    "issuer",
    "audience",
    "claims",
    "header",
    "prefix",
    "parameter",
    "body_claim",
];
const SIGNATURE: [&str; 15] = [
    "header",
    "public_key",
    "algorithm",
    "form",
    "key_id_header",
    "encoding",
    "prefix",
    "signed",
    "separator",
    "signature_key",
    "assign",
    "timestamp",
    "id_header",
    "id_path",
    "url",
];
const FIELDS: [&str; 17] = [
    "algorithm",
    "secret",
    "public_key",
    "format",
    "field",
    "header",
    "prefix",
    "encoding",
    "leave_out",
    "keep_empty",
    "only",
    "names",
    "assign",
    "join",
    "signed",
    "timestamp",
    "accept",
];

fn wrong<T>(field: &str, message: impl Into<String>) -> Result<T, FieldError> {
    let path = if field.is_empty() { PATH.to_owned() } else { join(PATH, field) };
    Err(FieldError::new(path, message))
}

pub(super) fn jwt(fields: Object) -> Result<JwtSpec, FieldError> {
    let spec: JwtSpec = read(fields, &JWT, &["algorithm"])?;
    let (needed, useless, there, too_much) = if spec.algorithm.is_symmetric() {
        ("secret", "public_key", spec.secret.is_some(), spec.public_key.is_some())
    } else {
        ("public_key", "secret", spec.public_key.is_some(), spec.secret.is_some())
    };
    if too_much {
        return wrong(useless, format!("{:?} has no `{useless}`; give `{needed}`", spec.algorithm));
    }
    match &spec.jwks_url {
        Some(_) if spec.algorithm.is_symmetric() => {
            return wrong("jwks_url", "a published key is public; give an algorithm such as RS256");
        }
        Some(_) if there => return wrong("", "give `public_key` or `jwks_url`, not both"),
        Some(url) => jwks(&spec, url)?,
        None if !there && !spec.algorithm.is_symmetric() => {
            return wrong("", "`public_key` is missing; give it, or `jwks_url`");
        }
        None if !there => return wrong("", format!("`{needed}` is missing")),
        None => {}
    }
    if spec.parameter.is_some() && (spec.header.is_some() || spec.prefix.is_some()) {
        return wrong(
            "parameter",
            "a token in the query has no `header` and no `prefix`; give one or the other",
        );
    }
    if spec.prefix.as_ref().is_some_and(|prefix| prefix.contains(char::is_whitespace)) {
        return wrong("prefix", "it is one word; the space behind it belongs to it without saying so");
    }
    for (claim, value) in &spec.claims {
        let plain = |value: &Value| matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_));
        let fits = match value {
            Value::Array(choice) => !choice.is_empty() && choice.iter().all(plain),
            one => plain(one),
        };
        if !fits {
            let message = "give a text, a number, a boolean, or an array of them as a choice";
            return wrong(&format!("claims.{claim}"), message);
        }
        if let Some(own) = [("iss", "issuer"), ("aud", "audience")].iter().find(|(name, _)| name == claim) {
            return wrong(
                &format!("claims.{claim}"),
                format!("this claim has a field of its own: `{}`", own.1),
            );
        }
    }
    Ok(spec)
}

/// Whoever publishes keys signs tokens for many. Only the audience says that one is for us.
fn jwks(spec: &JwtSpec, url: &str) -> Result<(), FieldError> {
    let Ok(url) = Url::parse(url) else {
        return wrong("jwks_url", "it is no URL; write it as https://issuer.example/keys");
    };
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("jwks_url", "it holds a user or a password; published keys need none");
    }
    // On the way over a network, anybody could answer with other keys.
    if !is_safe_way(&url) {
        return wrong(
            "jwks_url",
            "it must begin with https://, because whoever changes the keys on their way gets in",
        );
    }
    if spec.audience.is_none() {
        let message = "`audience` is missing: the issuer of a `jwks_url` signs tokens for others too, and they would \
                       be accepted here; give what `aud` must be";
        return wrong("", message);
    }
    Ok(())
}

/// Checks `timestamp` before serde would say less: it has exactly one of these places.
pub(super) fn timestamp(fields: &mut Object, places: &[&str]) -> Result<(), FieldError> {
    let Some(timestamp): Option<Object> = take(fields, PATH, "timestamp")? else { return Ok(()) };
    let path = join(PATH, "timestamp");
    only_known(&timestamp, &path, &[places, &["unit", "tolerance"]].concat())?;
    if let Some(tolerance) = timestamp.get("tolerance").filter(|value| !value.is_null()) {
        check_tolerance(tolerance.clone(), &join(&path, "tolerance"))?;
    }
    let given = |field: &&&str| timestamp.get(**field).is_some_and(|value| !value.is_null());
    if places.iter().filter(given).count() != 1 {
        let places: Vec<_> = places.iter().map(|place| format!("`{place}`")).collect();
        let (last, others) = places.split_last().expect("there are places");
        return Err(FieldError::new(path, format!("give one of {} and {last}", others.join(", "))));
    }
    fields.insert("timestamp".to_owned(), Value::Object(timestamp));
    Ok(())
}

pub(super) fn signature(mut fields: Object) -> Result<SignatureSpec, FieldError> {
    timestamp(&mut fields, &["header", "key", "path"])?;
    read_with_keys(fields, &SIGNATURE, &["header", "public_key", "algorithm"])
}

pub(super) fn fields(mut fields: Object) -> Result<FieldsSpec, FieldError> {
    timestamp(&mut fields, &["header", "path"])?;
    let spec: FieldsSpec = read_with_keys(fields, &FIELDS, &["algorithm"])?;
    let (needed, useless, there, too_much) = if spec.algorithm.has_public_key() {
        ("public_key", "secret", spec.public_key.is_some(), spec.secret.is_some())
    } else {
        ("secret", "public_key", spec.secret.is_some(), spec.public_key.is_some())
    };
    if too_much {
        return wrong(useless, format!("this algorithm has no `{useless}`; give `{needed}`"));
    }
    if !there {
        return wrong("", format!("`{needed}` is missing"));
    }
    if spec.field.is_some() && spec.header.is_some() {
        return wrong("", "the signature stands in `field` or in `header`, not in both");
    }
    if spec.only.as_ref().is_some_and(|only| only.is_empty() || only.iter().any(String::is_empty)) {
        return wrong("only", "it names no field; leave it out when all fields are signed");
    }
    if spec.only.is_some() && !spec.leave_out.is_empty() {
        return wrong("leave_out", "`only` already says which fields are signed; remove one of them");
    }
    let in_text = |part: &str| spec.signed.as_ref().is_some_and(|signed| signed.contains(part));
    if plain_without_secret(spec.algorithm, in_text("{secret}")) {
        let message = "`signed` must hold {secret}, as in {fields}&key={secret}: a plain digest without a secret is one \
                       that anyone can compute";
        return wrong("signed", message);
    }
    if spec.algorithm.has_public_key() && in_text("{secret}") {
        return wrong("signed", "a public key is no secret; remove {secret}");
    }
    if spec.format == FieldsFormat::Query && in_text("{body}") {
        return wrong("format", "the fields of the query and {body} do not go together");
    }
    Ok(spec)
}

fn plain_without_secret(algorithm: FieldsAlgorithm, has_secret: bool) -> bool {
    algorithm.is_plain() && !has_secret
}

pub(super) fn sns(fields: Object) -> Result<SnsSpec, FieldError> {
    let spec: SnsSpec = read_with_keys(fields, &["topic", "certificate", "tolerance"], &["topic"])?;
    let is_arn = |topic: &String| topic.starts_with("arn:") && topic.matches(':').count() == 5;
    match spec.topic.list().iter().find(|topic| !is_arn(topic)) {
        None => Ok(spec),
        Some(topic) => wrong(
            "topic",
            format!("`{topic}` is not the ARN of a topic, as in arn:aws:sns:eu-west-1:123456789012:orders"),
        ),
    }
}

pub(super) fn paypal(fields: Object) -> Result<PaypalSpec, FieldError> {
    read_with_keys(fields, &["webhook_id", "certificate", "tolerance"], &["webhook_id"])
}

/// A known sender with keys of its own.
pub(super) fn key<T: DeserializeOwned>(fields: Object) -> Result<T, FieldError> {
    read_with_keys(fields, &["public_key", "tolerance"], &["public_key"])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn published_keys_come_over_a_way_on_which_nobody_changes_them() {
        for (url, fits) in [
            ("https://a.example/keys", true),
            ("https://a.example", true),
            ("http://127.0.0.1:80/keys", true),
            ("http://[::1]/", true),
            ("http://[::1]:8080/keys", true),
            ("http://localhost/keys", true),
            ("http://a.example/keys", false),
            ("http://127.0.0.1:80@a.example/", false),
            ("http://localhost@a.example/", false),
            ("https://user:hunter2@a.example/", false),
            ("https://", false),
            ("a.example/keys", false),
            ("ftp://127.0.0.1/keys", false),
        ] {
            let fields = json!({"algorithm": "RS256", "jwks_url": url, "audience": "a"});
            let read = jwt(fields.as_object().unwrap().clone());
            match read {
                Ok(_) => assert!(fits, "{url}"),
                Err(error) => {
                    assert!(!fits && error.path == "trigger.verify.jwks_url", "{url}: {error}");
                    assert!(!error.message.contains("hunter2"), "{error}");
                }
            }
        }
    }
}
