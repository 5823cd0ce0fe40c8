//! What all settings of `verify` are read with: which fields there may be, and the forms of secrets, keys and texts.
//!
//! Used by `verify_parse` and `proof_parse`.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::model::value::{
    FieldError, Span,
    fields::{Object, join, kind_of, only_known, typed},
};

pub(super) const PATH: &str = "trigger.verify";
/// A timestamp may be off by so much at most.
const MAX_TOLERANCE: Span = Span::from_millis(86_400_000);

/// `known` are all fields, `required` those that must be there. A public key has the form of a secret.
pub(super) fn read<T: DeserializeOwned>(
    fields: Object,
    known: &[&str],
    required: &[&str],
) -> Result<T, FieldError> {
    read_fields(fields, known, required, &[])
}

/// As [`read`], for senders whose public keys have ids: `public_key` and `certificate` have the form of `PublicKeys`.
pub(super) fn read_with_keys<T: DeserializeOwned>(
    fields: Object,
    known: &[&str],
    required: &[&str],
) -> Result<T, FieldError> {
    read_fields(fields, known, required, &["public_key", "certificate"])
}

fn read_fields<T: DeserializeOwned>(
    fields: Object,
    known: &[&str],
    required: &[&str],
    keys: &[&str],
) -> Result<T, FieldError> {
    only_known(&fields, PATH, known)?;
    if let Some(field) = required.iter().find(|field| fields.get(**field).is_none_or(Value::is_null)) {
        return Err(FieldError::new(PATH, format!("`{field}` is missing")));
    }
    let given = |field: &str| fields.get(field).filter(|value| !value.is_null());
    for field in ["secret", "public_key", "password", "token", "aes_key", "encrypt_key", "webhook_id"] {
        if let Some(secrets) = given(field).filter(|_| !keys.contains(&field)) {
            check_secrets(secrets, &join(PATH, field))?;
        }
    }
    for field in keys {
        if let Some(found) = given(field) {
            check_keys(found, &join(PATH, field))?;
        }
    }
    for field in ["receive_id", "issuer", "audience", "topic"] {
        if let Some(texts) = given(field) {
            check_texts(texts, &join(PATH, field))?;
        }
    }
    if let Some(tolerance) = given("tolerance") {
        check_tolerance(tolerance.clone(), &join(PATH, "tolerance"))?;
    }
    for field in ["parameter", "header", "url", "key_id_header", "field", "body_claim", "jwks_url"] {
        if fields.get(field).and_then(Value::as_str) == Some("") {
            return Err(FieldError::new(join(PATH, field), "it is empty"));
        }
    }
    typed(Value::Object(fields), PATH)
}

pub(super) fn check_tolerance(value: Value, path: &str) -> Result<(), FieldError> {
    let tolerance: Span = typed(value, path)?;
    if tolerance > MAX_TOLERANCE {
        return Err(FieldError::new(path, format!("{MAX_TOLERANCE} is the most")));
    }
    Ok(())
}

/// One text or several. Some vendors send no receiver, which is an empty `receive_id`.
fn check_texts(value: &Value, path: &str) -> Result<(), FieldError> {
    let empty = || Err(FieldError::new(path, "it names nothing, so it would let nobody in; give one"));
    let may_be_empty = path.ends_with("receive_id");
    match value {
        Value::String(one) if one.is_empty() && !may_be_empty => empty(),
        Value::String(_) => Ok(()),
        Value::Array(several) if several.is_empty() => empty(),
        Value::Array(several) => several.iter().enumerate().try_for_each(|(index, one)| match one {
            Value::String(one) if one.is_empty() && !may_be_empty => empty(),
            Value::String(_) => Ok(()),
            other => {
                let message = format!("expected a string, found {}", kind_of(other));
                Err(FieldError::new(format!("{path}[{index}]"), message))
            }
        }),
        other => {
            Err(FieldError::new(path, format!("expected a string or an array, found {}", kind_of(other))))
        }
    }
}

/// The form of secrets, looked at before serde would say no more than that no variant fits.
fn check_secrets(value: &Value, path: &str) -> Result<(), FieldError> {
    let empty = |path: &str| FieldError::new(path, "an empty secret would let anyone in; give one");
    match value {
        Value::String(one) if one.is_empty() => Err(empty(path)),
        Value::String(_) => Ok(()),
        Value::Array(several) if several.is_empty() => Err(empty(path)),
        Value::Array(several) => {
            for (index, entry) in several.iter().enumerate() {
                check_entry(entry, &format!("{path}[{index}]"), path, &empty)?;
            }
            Ok(())
        }
        other => {
            Err(FieldError::new(path, format!("expected a string or an array, found {}", kind_of(other))))
        }
    }
}

fn check_entry(
    entry: &Value,
    place: &str,
    path: &str,
    empty: &dyn Fn(&str) -> FieldError,
) -> Result<(), FieldError> {
    match entry {
        Value::String(one) if one.is_empty() => Err(empty(path)),
        Value::String(_) => Ok(()),
        Value::Object(fields) => {
            only_known(fields, place, &["secret", "until"])?;
            for field in ["secret", "until"] {
                match fields.get(field) {
                    Some(Value::String(text)) if text.is_empty() => return Err(empty(&join(place, field))),
                    Some(Value::String(_)) => {}
                    Some(other) => {
                        let message = format!("expected a string, found {}", kind_of(other));
                        return Err(FieldError::new(join(place, field), message));
                    }
                    None => return Err(FieldError::new(place, format!("`{field}` is missing"))),
                }
            }
            Ok(())
        }
        other => {
            Err(FieldError::new(place, format!("expected a string or an object, found {}", kind_of(other))))
        }
    }
}

/// The form of public keys, looked at before serde would say no more than that no variant fits.
fn check_keys(value: &Value, path: &str) -> Result<(), FieldError> {
    let empty = |path: &str| Err(FieldError::new(path, "an empty key would let nobody in; give one"));
    let odd = |path: &str, value: &Value| {
        Err(FieldError::new(path, format!("expected a string or an array, found {}", kind_of(value))))
    };
    let several = match value {
        Value::String(one) if one.is_empty() => return empty(path),
        Value::String(_) => return Ok(()),
        Value::Array(several) if several.is_empty() => return empty(path),
        Value::Array(several) => several,
        other => return odd(path, other),
    };
    for (index, entry) in several.iter().enumerate() {
        let place = format!("{path}[{index}]");
        match entry {
            Value::String(one) if one.is_empty() => return empty(&place),
            Value::String(_) => {}
            Value::Object(fields) => {
                only_known(fields, &place, &["key", "id", "until"])?;
                match fields.get("key") {
                    Some(Value::String(key)) if !key.is_empty() => {}
                    Some(Value::String(_)) => return empty(&join(&place, "key")),
                    Some(other) => return odd(&join(&place, "key"), other),
                    None => return Err(FieldError::new(place, "`key` is missing")),
                }
            }
            other => return odd(&place, other),
        }
    }
    Ok(())
}
