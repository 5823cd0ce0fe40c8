//! Reads a body under a byte cap and a deadline, and decodes it by its type.

use std::time::Duration;

use axum::body::Body;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Map, Value};

use super::{refusal::Refusal, xml};
use crate::model::{Content, JsonText};

/// How long a body may take to arrive.
const DEADLINE: Duration = Duration::from_secs(30);
/// The most fields of a form.
const FORM_FIELDS: usize = 1_000;

/// The whole body, at most `limit` bytes of it.
pub(super) async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Vec<u8>, Refusal> {
    if let Some(encoding) = headers.get(header::CONTENT_ENCODING)
        && !encoding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        return Err(Refusal::ContentEncoding(String::from_utf8_lossy(encoding.as_bytes()).into_owned()));
    }
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(Refusal::TooLarge { limit });
    }
    let collected = tokio::time::timeout(DEADLINE, Limited::new(body, limit).collect())
        .await
        .map_err(|_| Refusal::BodyTimeout { seconds: DEADLINE.as_secs() })?;
    match collected {
        Ok(collected) => Ok(collected.to_bytes().into()),
        Err(error) if error.is::<LengthLimitError>() => Err(Refusal::TooLarge { limit }),
        Err(error) => Err(Refusal::BodyBroken(error.to_string())),
    }
}

/// What a body is, by its `Content-Type`.
///
/// A body that says nothing of its type is JSON when it is valid JSON. One that says form but begins with
/// `{` or `[` is JSON too if it is valid: that is what `curl -d '{…}'` sends, and no browser's form.
///
/// # Errors
/// Why it is not what its type says.
pub fn decode(content_type: Option<&str>, body: &[u8]) -> Result<Content, String> {
    decode_body(content_type, body).map_err(|refusal| refusal.to_string())
}

pub(super) fn decode_body(content_type: Option<&str>, body: &[u8]) -> Result<Content, Refusal> {
    if body.is_empty() {
        return Ok(Content::Empty);
    }
    let essence = content_type.map(|value| value.split(';').next().unwrap_or("").trim().to_ascii_lowercase());
    match essence.as_deref() {
        None | Some("") => Ok(json(body).unwrap_or_else(|_| text_or_binary(body))),
        Some("application/json") => json(body).map_err(Refusal::BodyInvalid),
        Some(json_like) if json_like.ends_with("+json") => json(body).map_err(Refusal::BodyInvalid),
        Some("application/x-www-form-urlencoded") => {
            if matches!(body.trim_ascii_start().first(), Some(b'{' | b'['))
                && let Ok(content) = json(body)
            {
                return Ok(content);
            }
            form(body).map_err(Refusal::BodyInvalid)
        }
        Some(multipart) if multipart.starts_with("multipart/") => {
            Err(Refusal::MediaType(multipart.to_owned()))
        }
        Some(xml) if xml.ends_with("/xml") || xml.ends_with("+xml") => xml::to_json(body)
            .map(|value| Content::Decoded(JsonText::from_value(&value)))
            .map_err(Refusal::BodyInvalid),
        Some(text) if text.starts_with("text/") => Ok(text_or_binary(body)),
        Some(_) => Ok(Content::Binary),
    }
}

fn json(body: &[u8]) -> Result<Content, String> {
    let text = std::str::from_utf8(body).map_err(|error| format!("JSON is UTF-8, but {error}"))?;
    JsonText::check(text).map_err(|error| error.to_string())?;
    Ok(Content::Json)
}

fn text_or_binary(body: &[u8]) -> Content {
    if std::str::from_utf8(body).is_ok() { Content::Text } else { Content::Binary }
}

/// Names are flat and plain; one given several times becomes an array.
fn form(body: &[u8]) -> Result<Content, String> {
    let mut fields = Map::new();
    for (count, (name, value)) in form_urlencoded::parse(body).enumerate() {
        if count >= FORM_FIELDS {
            return Err(format!("a form of more than {FORM_FIELDS} fields"));
        }
        let value = Value::String(value.into_owned());
        match fields.get_mut(name.as_ref()) {
            None => {
                fields.insert(name.into_owned(), value);
            }
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    Ok(Content::Decoded(JsonText::from_value(&Value::Object(fields))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_is_decoded_by_its_type() {
        let form = "application/x-www-form-urlencoded";
        let decoded = |value: Value| Ok(Content::Decoded(JsonText::from_value(&value)));
        let cases: [(Option<&str>, &[u8], Result<Content, ()>); 16] = [
            (Some("application/json"), b"", Ok(Content::Empty)),
            (Some("application/json; charset=utf-8"), b"{\"a\":1}", Ok(Content::Json)),
            (Some("application/vnd.github+json"), b"[1]", Ok(Content::Json)),
            (Some("application/json"), b"{\"a\":1", Err(())),
            (Some("application/json"), b"\xff\xfe", Err(())),
            (Some("APPLICATION/JSON"), b"{'a':1}", Err(())),
            (None, b"{\"a\":1}", Ok(Content::Json)),
            (None, b"hello", Ok(Content::Text)),
            (None, b"\xff", Ok(Content::Binary)),
            (Some(form), b"a=1&b=x+y%21&a=2", decoded(json!({"a": ["1", "2"], "b": "x y!"}))),
            (Some(form), b"__proto__=x&a[b]=1", decoded(json!({"__proto__": "x", "a[b]": "1"}))),
            (Some(form), b"{\"event\":\"test\"}", Ok(Content::Json)),
            (Some(form), b"{not json", decoded(json!({"{not json": ""}))),
            (Some("text/plain"), b"hi", Ok(Content::Text)),
            (Some("application/octet-stream"), b"\x00", Ok(Content::Binary)),
            (Some("multipart/form-data; boundary=x"), b"--x", Err(())),
        ];
        for (content_type, body, expected) in cases {
            assert_eq!(decode(content_type, body).map_err(|_| ()), expected, "{content_type:?} {body:?}");
        }
    }

    #[test]
    fn a_form_bomb_is_refused() {
        let body = "a=1&".repeat(2_000);
        assert!(decode(Some("application/x-www-form-urlencoded"), body.as_bytes()).is_err());
    }

    #[test]
    fn cve_2026_21858_json_is_never_a_file() {
        let body = br#"{"files":{"x":{"filepath":"/etc/passwd","originalFilename":"a"}}}"#;
        assert_eq!(decode(Some("application/json"), body), Ok(Content::Json));
        assert!(decode(Some("multipart/form-data"), body).is_err());
    }
}
