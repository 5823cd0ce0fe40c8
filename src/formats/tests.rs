//! What bodies of every type become.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn auto(content_type: Option<&str>, body: &[u8]) -> Result<Content, FormatError> {
    decode(&Reading::default(), content_type, body)
}

fn decoded(value: Value) -> Content {
    Content::Decoded(JsonText::from_value(&value))
}

fn undecoded_as(media_type: &str) -> Content {
    Content::Undecoded { media_type: media_type.to_owned() }
}

#[test]
fn a_body_is_decoded_by_its_type() {
    let form = "application/x-www-form-urlencoded";
    let cases: [(Option<&str>, &[u8], Result<Content, ()>); 24] = [
        (Some("application/json"), b"", Ok(Content::Empty)),
        (Some("application/json; charset=utf-8"), b"{\"a\":1}", Ok(Content::Json)),
        (Some("application/vnd.github+json"), b"[1]", Ok(Content::Json)),
        (Some("application/json"), b"{\"a\":1", Err(())),
        (Some("application/json"), b"\xff\xfe\xff", Err(())),
        (Some("APPLICATION/JSON"), b"{'a':1}", Err(())),
        (None, b"{\"a\":1}", Ok(Content::Json)),
        (None, b"12", Ok(Content::Json)),
        (None, b"hello", Ok(Content::Text)),
        (None, b"\xff", Ok(undecoded_as(""))),
        (Some(form), b"a=1&b=x+y%21&a=2", Ok(decoded(json!({"a": ["1", "2"], "b": "x y!"})))),
        (Some(form), b"__proto__=x&a[b]=1", Ok(decoded(json!({"__proto__": "x", "a[b]": "1"})))),
        (Some(form), b"{\"event\":\"test\"}", Ok(Content::Json)),
        (Some(form), b"{not json", Ok(decoded(json!({"{not json": ""})))),
        (Some("text/plain"), b"hi", Ok(Content::Text)),
        (Some("text/csv; header=present"), b"a,b\r\n1,2\r\n", Ok(Content::Text)),
        (Some("application/octet-stream"), b"\x00", Ok(undecoded_as("application/octet-stream"))),
        (Some("multipart/form-data; boundary=x"), b"--x", Err(())),
        (Some("multipart/mixed; boundary=x"), b"--x--", Err(())),
        (Some("application/cbor"), b"\xa1\x61a\x01", Ok(decoded(json!({"a": 1})))),
        (Some("application/senml+cbor"), b"\xf6", Ok(decoded(json!(null)))),
        (Some("application/x-msgpack"), b"\x81\xa1a\x01", Ok(decoded(json!({"a": 1})))),
        (Some("application/vnd.x+msgpack"), b"\xc1", Err(())),
        (Some("text/xml"), b"<a", Err(())),
    ];
    for (content_type, body, expected) in cases {
        assert_eq!(auto(content_type, body).map_err(|_| ()), expected, "{content_type:?} {body:?}");
    }
}

#[test]
fn what_senders_do_is_forgiven() {
    let marked = b"\xef\xbb\xbf{\"a\":1}";
    let cases: [(Option<&str>, &[u8], Content); 31] = [
        (Some("application/json"), marked, decoded(json!({"a": 1}))),
        (Some("application/x-www-form-urlencoded"), marked, decoded(json!({"a": 1}))),
        (Some("application/x-www-form-urlencoded"), b"\xef\xbb\xbfa=1", decoded(json!({"a": "1"}))),
        (None, marked, decoded(json!({"a": 1}))),
        (Some("text/plain"), marked, decoded(json!({"a": 1}))),
        (Some("application/xml"), b"\xef\xbb\xbf<a>1</a>", decoded(json!("1"))),
        (Some("text/plain"), b"\xef\xbb\xbfhi", decoded(json!("hi"))),
        (Some("application/json"), b" \r\n\t", Content::Empty),
        (Some("application/json"), b"\xef\xbb\xbf", Content::Empty),
        (Some("application/x-www-form-urlencoded"), b"\n", Content::Empty),
        (Some("application/xml"), b"\n", Content::Empty),
        (None, b" ", Content::Empty),
        (Some("text/plain"), b" ", Content::Text),
        (Some("text/plain; charset=UTF-8"), b"{\"Type\":\"Notification\"}", Content::Json),
        (Some("text/plain"), b"[1, 2]", Content::Json),
        (Some("text/plain"), b"[info] started", Content::Text),
        (Some("text/plain"), b"12", Content::Text),
        (Some("text/json"), b"{}", Content::Json),
        (Some("application/x-json"), b"{}", Content::Json),
        (Some("json"), b"{}", Content::Json),
        (Some("application/csp-report"), b"{\"csp-report\":{}}", Content::Json),
        (Some("application/reports+json"), b"[]", Content::Json),
        (Some("application/x-amz-json-1.1"), b"{}", Content::Json),
        (Some("application/javascript"), b"{}", Content::Json),
        (Some("application/octet-stream"), b"{\"a\":1}", Content::Json),
        (Some("application/x-ndjson"), b"{\"a\":1}\n{\"a\":2}\n", decoded(json!([{"a": 1}, {"a": 2}]))),
        (
            Some("application/json; charset=gbk"),
            b"{\"n\":\"\xb1\xa8\xb8\xe6\"}",
            decoded(json!({"n": "报告"})),
        ),
        (Some("text/plain; charset=gbk"), b"\xb1\xa8\xb8\xe6", decoded(json!("报告"))),
        (Some("text/csv; charset=iso-8859-1"), b"Jos\xe9", decoded(json!("José"))),
        (Some("text/plain; charset=gbk"), b"{\"n\":\"\xb1\xa8\"}", decoded(json!({"n": "报"}))),
        (Some("application/x-www-form-urlencoded; charset=big5"), b"n=%B3%F8", decoded(json!({"n": "報"}))),
    ];
    for (content_type, body, expected) in cases {
        assert_eq!(
            auto(content_type, body),
            Ok(expected),
            "{content_type:?} {:?}",
            String::from_utf8_lossy(body)
        );
    }
}

#[test]
fn what_cannot_be_decoded_says_its_type() {
    let cases: [(Option<&str>, &[u8], &str); 6] = [
        (Some("image/png"), b"\x89PNG", "image/png"),
        (Some("Application/Vnd.Own; v=1"), b"a=b", "application/vnd.own"),
        (Some("application/octet-stream"), b"{not json", "application/octet-stream"),
        (Some("text/plain"), b"\xb1\xa8\xb8\xe6", "text/plain"),
        (Some("text/csv; charset=gbk"), b"\xff\xff", "text/csv"),
        (Some("application/x-unknown"), b"12", "application/x-unknown"),
    ];
    for (content_type, body, media_type) in cases {
        assert_eq!(auto(content_type, body), Ok(undecoded_as(media_type)), "{content_type:?}");
    }
}

#[test]
fn a_trigger_may_say_how_its_bodies_are_read() {
    use BodyFormat::{Form, Json, Raw, Text, Xml};
    let cases: [(BodyFormat, &str, &[u8], Result<Content, ()>); 18] = [
        (Json, "text/html", b"{\"a\":1}", Ok(Content::Json)),
        (Json, "application/x-unknown", b"12", Ok(Content::Json)),
        (Json, "multipart/form-data", b"null", Ok(Content::Json)),
        (Json, "application/json", b"a=1", Err(())),
        (Json, "", b" ", Ok(Content::Empty)),
        (Form, "application/json", b"a=1&b=2", Ok(decoded(json!({"a": "1", "b": "2"})))),
        (Form, "", b"{\"a\":1}", Ok(decoded(json!({"{\"a\":1}": ""})))),
        (Form, "multipart/form-data; boundary=x", b"--x", Err(())),
        (Text, "application/json", b"key=value", Ok(Content::Text)),
        (Text, "application/json", b"{\"a\":1}", Ok(Content::Text)),
        (Text, "application/x-unknown", b"{\"a\":\n1}{", Ok(Content::Text)),
        (Text, "text/plain; charset=gbk", b"\xb1\xa8", Ok(decoded(json!("报")))),
        (Text, "image/png", b"\x89PNG", Ok(undecoded_as("image/png"))),
        (Xml, "text/plain", b"<a>1</a>", Ok(decoded(json!("1")))),
        (Xml, "application/xml", b"{}", Err(())),
        (Raw, "application/json", b"{\"a\":1}", Ok(Content::Binary)),
        (Raw, "application/json", b"{broken", Ok(Content::Binary)),
        (Raw, "application/json", b"", Ok(Content::Empty)),
    ];
    for (format, content_type, body, expected) in cases {
        let reading = Reading { format, ..Reading::default() };
        let found = decode(&reading, Some(content_type), body).map_err(|_| ());
        assert_eq!(found, expected, "{format:?} {content_type} {:?}", String::from_utf8_lossy(body));
    }
    let gbk = Reading { charset: Charset::of("gbk"), ..Reading::default() };
    let form = Some("application/x-www-form-urlencoded");
    assert_eq!(
        decode(&gbk, form, b"n=%B1%A8"),
        Ok(decoded(json!({"n": "报"}))),
        "where the sender says nothing"
    );
    let both = Some("application/x-www-form-urlencoded; charset=utf-8");
    assert_eq!(
        decode(&gbk, both, b"n=%E6%8A%A5"),
        Ok(decoded(json!({"n": "报"}))),
        "its own word counts before"
    );
    assert_eq!(gbk.query("n=%B1%A8").collect::<Vec<_>>(), [("n".to_owned(), "报".to_owned())]);
}

#[test]
fn cve_2026_21858_json_is_never_a_file() {
    let body = br#"{"files":{"x":{"filepath":"/etc/passwd","originalFilename":"a"}}}"#;
    assert_eq!(auto(Some("application/json"), body), Ok(Content::Json));
    assert!(auto(Some("multipart/form-data"), body).is_err());
    assert!(auto(Some("multipart/form-data; boundary=x"), body).is_err());
}

proptest! {
    #[test]
    fn any_bytes_of_any_type_are_refused_or_make_json(
        kind in prop::sample::select(vec![
            "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b",
            "application/xml", "application/cbor", "application/msgpack", "text/csv", "", "application/x-ndjson",
            "text/plain; charset=gbk", "application/json; charset=utf-16le", "text/xml; charset=big5",
        ]),
        format in prop::sample::select(vec![
            BodyFormat::Auto, BodyFormat::Json, BodyFormat::Form, BodyFormat::Text, BodyFormat::Xml, BodyFormat::Raw,
        ]),
        body in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let reading = Reading { format, json_fields: vec!["a".to_owned()], form_is_event: false, charset: None };
        if let Ok(Content::Decoded(json) | Content::Multipart { fields: json, .. }) = decode(&reading, Some(kind), &body) {
            prop_assert!(JsonText::check(json.as_str()).is_ok(), "{}", json.as_str());
        }
    }

    #[test]
    fn any_content_type_is_read(kind: String, body in prop::collection::vec(any::<u8>(), 0..20)) {
        let _ = auto(Some(&kind), &body);
        let _ = auto(Some(&format!("multipart/form-data;{kind}")), &body);
        let _ = auto(Some(&format!("text/plain;charset={kind}")), &body);
    }
}
