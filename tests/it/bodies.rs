//! What arrives is what a script sees: `context.data` by the content type, `context.rawBody` as its text and
//! `context.rawBodyBase64` byte for byte.

use proptest::{
    collection::{hash_map, vec},
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};

use crate::support::{Request, TestServer, Workflow};

const SHOW: &str = "
const bytes = [...Buffer.from(context.rawBodyBase64, 'base64')];
return { data: context.data, bytes, text: String(context.rawBody) };
";

fn server() -> TestServer {
    TestServer::start([Workflow::script("show", SHOW)])
}

fn post(server: &TestServer, content_type: Option<&str>, body: &[u8]) -> Value {
    let request = Request::post("/api/webhooks/show");
    let request = content_type.map_or(request.clone(), |kind| request.header("content-type", kind));
    let response = server.send(&request.body(body));
    assert_eq!(response.status, 200, "{content_type:?}: {}", server.run(&response.run_id())["error"]);
    response.json()
}

#[test]
fn data_follows_the_content_type() {
    let server = server();
    let cases: [(Option<&str>, &[u8], Value); 16] = [
        (Some("application/json"), b"{\"a\": 1}", json!({ "a": 1 })),
        (Some("application/json; charset=utf-8"), b"[1, null, \"\xc3\xa9\"]", json!([1, null, "é"])),
        (Some("application/vnd.github.v3+json"), b"\"text\"", json!("text")),
        (Some("application/json"), b"null", Value::Null),
        (Some("application/json"), b"", Value::Null),
        (None, b"{\"a\": 1}", json!({ "a": 1 })),
        (None, b"hello", json!("hello")),
        (Some("text/plain"), b"{\"a\": 1}", json!("{\"a\": 1}")),
        (Some("text/plain; charset=utf-8"), "héllo\r\n".as_bytes(), json!("héllo\r\n")),
        (Some("application/xml"), b"<a>1</a>", json!("1")),
        (
            Some("application/x-www-form-urlencoded"),
            b"a=1&b=x+y%21&a=2&empty=&flag",
            json!({ "a": ["1", "2"], "b": "x y!", "empty": "", "flag": "" }),
        ),
        (Some("application/x-www-form-urlencoded"), b"{\"a\": 1}", json!({ "a": 1 })),
        (
            Some("application/x-www-form-urlencoded"),
            b"payload=%7B%22a%22%3A1%7D",
            json!({ "payload": "{\"a\":1}" }),
        ),
        (Some("application/octet-stream"), b"\x00\x01", Value::Null),
        (Some("image/png"), b"\x89PNG\r\n", Value::Null),
        (None, b"\xff\xfe", Value::Null),
    ];
    for (content_type, body, data) in cases {
        let seen = post(&server, content_type, body);
        assert_eq!(seen["data"], data, "{content_type:?} {body:?}");
        assert_eq!(seen["bytes"], json!(body), "{content_type:?}: the raw bytes");
    }
}

#[test]
fn the_raw_body_keeps_every_byte_and_every_space() {
    let server = server();
    let every: Vec<u8> = (0..=255).collect();
    assert_eq!(post(&server, Some("application/octet-stream"), &every)["bytes"], json!(every));
    let spaced = b"  {\"b\" : 1,\n\t\"a\":2, \"e\": \"\\u00e9\", \"dup\": 1, \"dup\": 2, \"big\": 12345678901234567890}\r\n ";
    let seen = post(&server, Some("application/json"), spaced);
    assert_eq!(seen["text"], String::from_utf8_lossy(spaced).as_ref());
    assert_eq!(
        (&seen["data"]["e"], &seen["data"]["dup"]),
        (&json!("é"), &json!(2)),
        "the last of two keys counts"
    );
}

#[test]
fn headers_and_query_arrive_decoded() {
    let server = TestServer::start([Workflow::script(
        "show",
        "return { h: context.headers, q: context.query, m: context.method, p: context.params }",
    )]);
    let request = Request::get("/api/webhooks/show?a=1&b=%E4%BC%81&a=2&c&d=a%20b+c&__proto__=x&=e")
        .header("X-Mixed-CASE", "Value")
        .header("x-twice", "1")
        .header("X-Twice", "2")
        .header("__proto__", "header");
    let seen = server.send(&request).json();
    assert_eq!(
        seen["q"],
        json!({ "a": ["1", "2"], "b": "企", "c": "", "d": "a b c", "__proto__": "x", "": "e" })
    );
    let header = |name: &str| &seen["h"][name];
    assert_eq!(
        (header("x-mixed-case"), header("x-twice"), header("__proto__")),
        (&json!("Value"), &json!("1, 2"), &json!("header"))
    );
    assert_eq!((&seen["m"], &seen["p"]), (&json!("GET"), &json!({})));
}

#[test]
fn a_large_body_within_its_limit_reaches_the_script_whole() {
    let limits = json!({ "memory": "128MiB", "fuel": 50_000_000_000_u64, "timeout": "30s" });
    let workflow = Workflow::script(
        "large",
        "return { length: context.data.length, last: context.data[context.data.length - 1] }",
    );
    let server = TestServer::start([workflow.limits(limits).trigger(json!({ "max_body": "8MiB" }))]);
    let items: Vec<_> = (0..200_000).map(|n| json!(format!("item {n:08}"))).collect();
    let body = Value::Array(items).to_string();
    assert!(body.len() > 3 << 20);
    let response = server
        .send(&Request::post("/api/webhooks/large").header("content-type", "application/json").body(body));
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.json(), json!({ "length": 200_000, "last": "item 00199999" }));
    let run = server.run(&response.run_id());
    assert_eq!(run["context"]["data"].as_array().unwrap().len(), 200_000, "and is kept whole");
}

/// Any JSON that JavaScript can hold: numbers up to 2^53, every string, keys that objects of JavaScript have themselves.
fn any_json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![any::<String>(), "[a-z]{0,8}", Just("\u{2028}\u{0}\"\\\\/".to_owned())];
    let name = prop_oneof![
        3 => any::<String>(),
        1 => prop::sample::select(vec!["__proto__", "constructor", "toString", "then", "toJSON", "length", "0", "-1", ""])
            .prop_map(str::to_owned),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-(1_i64 << 53)..=1 << 53).prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no others", |number| number.is_finite()).prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..8).prop_map(Value::from),
            hash_map(name.clone(), inner, 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Numbers as JavaScript has them: 1 is 1.0, and there is one zero.
fn as_javascript(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64().unwrap() + 0.0),
        Value::Array(items) => items.iter().map(as_javascript).collect(),
        Value::Object(members) => Value::Object(
            members.iter().map(|(name, member)| (name.clone(), as_javascript(member))).collect(),
        ),
        other => other.clone(),
    }
}

#[test]
fn any_json_goes_through_a_script_unchanged() {
    let server = TestServer::start([Workflow::script("echo", "return context.data")]);
    let config = Config { cases: 200, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&any_json(), |value| {
            let response = server.post("echo", &value);
            prop_assert_eq!(response.status, 200, "{}", response.text());
            prop_assert_eq!(as_javascript(&response.json()), as_javascript(&value));
            Ok(())
        })
        .unwrap();
}

#[test]
fn any_bytes_are_answered_and_crash_nothing() {
    let mut server = server();
    let config = Config { cases: 200, failure_persistence: None, ..Config::default() };
    let kinds =
        ["application/json", "application/x-www-form-urlencoded", "text/plain", "application/xml", "a/b", ""];
    TestRunner::new(config)
        .run(&(vec(any::<u8>(), 0..512), prop::sample::select(kinds.to_vec())), |(body, kind)| {
            let request = Request::post("/api/webhooks/show").header("content-type", kind).body(body.clone());
            let response = server.send(&request);
            prop_assert!([200, 400].contains(&response.status), "{}", response.text());
            if response.status == 200 {
                prop_assert_eq!(&response.json()["bytes"], &json!(body));
            }
            Ok(())
        })
        .unwrap();
    assert!(server.is_alive());
}
