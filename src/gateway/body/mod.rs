//! Reads a body under a byte cap and a deadline, and decodes it by its type.
//!
//! One file a type. Each parser sees the whole body, which is bounded by the trigger's `max_body`, and has bounds of its own
//! on how many values, fields, parts and levels it makes out of it. No parser touches a file, whatever names a
//! body holds.

mod cbor;
mod encoding;
mod form;
mod json;
mod media;
mod msgpack;
mod multipart;
mod octets;
mod writer;

pub(super) use encoding::{Coding, coding, decompressed};
pub(super) use form::add_value;

use std::time::Duration;

use axum::body::Body;
use http::{HeaderMap, Version, header};
use http_body_util::BodyExt;

use super::{budget::Claim, refusal::Refusal, xml};
use crate::model::{Content, JsonText};

/// How long a body may take to arrive.
const DEADLINE: Duration = Duration::from_secs(30);
/// What is read of a body that nobody wants, and for how long, so that its sender finds the answer.
const LET_GO_MOST: usize = 256 << 10;
const LET_GO_FOR: Duration = Duration::from_secs(2);

/// The length that a head announces, unless it is over `limit`.
pub(super) fn announced(headers: &HeaderMap, limit: usize) -> Result<Option<usize>, Refusal> {
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    match announced.is_some_and(|length| length > limit) {
        true => Err(Refusal::TooLarge { limit }),
        false => Ok(announced),
    }
}

/// The whole body, at most `limit` bytes of it, as long as `claim` gets room for what comes.
pub(super) async fn read(
    body: &mut Body,
    announced: Option<usize>,
    limit: usize,
    claim: &Claim,
) -> Result<Vec<u8>, Refusal> {
    tokio::time::timeout(DEADLINE, collect(body, announced, limit, claim))
        .await
        .unwrap_or(Err(Refusal::BodyTimeout { seconds: DEADLINE.as_secs() }))
}

async fn collect(
    body: &mut Body,
    announced: Option<usize>,
    limit: usize,
    claim: &Claim,
) -> Result<Vec<u8>, Refusal> {
    let most = announced.unwrap_or(limit);
    let (mut whole, mut room) = (Vec::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Refusal::BodyBroken(error.to_string()))?;
        // Trailers say nothing that we know.
        let Ok(data) = frame.into_data() else { continue };
        let needed = whole.len() + data.len();
        if needed > limit {
            return Err(Refusal::TooLarge { limit });
        }
        if needed > room {
            // Not what is announced at once: that costs a sender nothing.
            let next = room.saturating_mul(2).clamp(needed, most.max(needed));
            claim.grow(next - room)?;
            whole.reserve_exact(next - whole.len());
            room = next;
        }
        whole.extend_from_slice(&data);
    }
    whole.shrink_to_fit();
    claim.shrink(room - whole.len());
    Ok(whole)
}

/// Reads what is left of a refused body and keeps nothing of it, beside the answer. Of HTTP/1.1, where a connection
/// that closes on unread bytes may take the answer with it; HTTP/2 stops the one stream.
pub(super) fn let_go(mut body: Body, version: Version) {
    if version >= Version::HTTP_2 {
        return;
    }
    tokio::spawn(tokio::time::timeout(LET_GO_FOR, async move {
        let mut left = LET_GO_MOST;
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, bytes::Bytes::len));
            if left == 0 {
                break;
            }
        }
    }));
}

/// The one `Content-Type`.
pub(super) fn content_type(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let first = values.next().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    match values.next() {
        // Whoever looked at the request before us may have gone by the other one.
        Some(_) => Err(Refusal::MediaType("several at once".to_owned())),
        None => Ok(first),
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

/// What a body of this `Content-Encoding` holds, at most `limit` bytes.
///
/// # Errors
/// Why it is refused.
pub fn decompress(coding: &str, body: &[u8], limit: usize) -> Result<Vec<u8>, String> {
    let coding = Coding::of(coding).ok_or("it is no coding that is known")?;
    decompressed(coding, body, limit, &|_| Ok(())).map_err(|refusal| refusal.to_string())
}

pub(super) fn decode_body(content_type: Option<&str>, body: &[u8]) -> Result<Content, Refusal> {
    if body.is_empty() {
        return Ok(Content::Empty);
    }
    let content_type = content_type.unwrap_or("");
    let essence = media::essence(content_type);
    let decoded = match essence.as_str() {
        "" => Ok(json::content(body).unwrap_or_else(|_| text_or_binary(body))),
        "application/json" => json::content(body),
        "application/x-www-form-urlencoded" => {
            let looks_like_json = matches!(body.trim_ascii_start().first(), Some(b'{' | b'['));
            match looks_like_json.then(|| json::content(body)) {
                Some(Ok(content)) => Ok(content),
                Some(Err(_)) | None => form::content(body),
            }
        }
        "multipart/form-data" => multipart::content(content_type, body),
        multipart if multipart.starts_with("multipart/") => return Err(Refusal::MediaType(essence)),
        "application/cbor" => cbor::to_json(body).map(Content::Decoded),
        "application/msgpack" | "application/x-msgpack" | "application/vnd.msgpack" => {
            msgpack::to_json(body).map(Content::Decoded)
        }
        "application/xml" | "text/xml" => xml(body),
        other => match other.rsplit_once('+').map(|(_, suffix)| suffix) {
            Some("json") => json::content(body),
            Some("xml") => xml(body),
            Some("cbor") => cbor::to_json(body).map(Content::Decoded),
            Some("msgpack") => msgpack::to_json(body).map(Content::Decoded),
            Some(_) | None if other.starts_with("text/") => Ok(text_or_binary(body)),
            Some(_) | None => Ok(Content::Binary),
        },
    };
    decoded.map_err(Refusal::BodyInvalid)
}

fn xml(body: &[u8]) -> Result<Content, String> {
    xml::to_json(body).map(|value| Content::Decoded(JsonText::from_value(&value)))
}

fn text_or_binary(body: &[u8]) -> Content {
    if std::str::from_utf8(body).is_ok() { Content::Text } else { Content::Binary }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_body_is_decoded_by_its_type() {
        let form = "application/x-www-form-urlencoded";
        let decoded = |value: Value| Ok(Content::Decoded(JsonText::from_value(&value)));
        let cases: [(Option<&str>, &[u8], Result<Content, ()>); 23] = [
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
            (Some("text/csv; header=present"), b"a,b\r\n1,2\r\n", Ok(Content::Text)),
            (Some("application/octet-stream"), b"\x00", Ok(Content::Binary)),
            (Some("multipart/form-data; boundary=x"), b"--x", Err(())),
            (Some("multipart/mixed; boundary=x"), b"--x--", Err(())),
            (Some("application/cbor"), b"\xa1\x61a\x01", decoded(json!({"a": 1}))),
            (Some("application/senml+cbor"), b"\xf6", decoded(json!(null))),
            (Some("application/x-msgpack"), b"\x81\xa1a\x01", decoded(json!({"a": 1}))),
            (Some("application/vnd.x+msgpack"), b"\xc1", Err(())),
            (Some("text/xml"), b"<a", Err(())),
        ];
        for (content_type, body, expected) in cases {
            assert_eq!(decode(content_type, body).map_err(|_| ()), expected, "{content_type:?} {body:?}");
        }
    }

    #[test]
    fn cve_2026_21858_json_is_never_a_file() {
        let body = br#"{"files":{"x":{"filepath":"/etc/passwd","originalFilename":"a"}}}"#;
        assert_eq!(decode(Some("application/json"), body), Ok(Content::Json));
        assert!(decode(Some("multipart/form-data"), body).is_err());
        assert!(decode(Some("multipart/form-data; boundary=x"), body).is_err());
    }

    #[test]
    fn two_content_types_are_refused() {
        let mut headers = HeaderMap::new();
        headers.append(header::CONTENT_TYPE, "application/json".parse().unwrap());
        assert_eq!(content_type(&headers).unwrap().as_deref(), Some("application/json"));
        headers.append(header::CONTENT_TYPE, "multipart/form-data; boundary=x".parse().unwrap());
        assert!(matches!(content_type(&headers), Err(Refusal::MediaType(_))));
    }

    proptest! {
        #[test]
        fn any_bytes_of_any_type_are_refused_or_make_json(
            kind in prop::sample::select(vec![
                "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b",
                "application/xml", "application/cbor", "application/msgpack", "text/csv", "",
            ]),
            body in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            if let Ok(Content::Decoded(json) | Content::Multipart { fields: json, .. }) = decode(Some(kind), &body) {
                prop_assert!(JsonText::check(json.as_str()).is_ok(), "{}", json.as_str());
            }
        }

        #[test]
        fn any_content_type_is_read(kind: String, body in prop::collection::vec(any::<u8>(), 0..20)) {
            let _ = decode(Some(&kind), &body);
            let _ = decode(Some(&format!("multipart/form-data;{kind}")), &body);
        }
    }
}
