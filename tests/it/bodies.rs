//! What arrives is what a script sees: `context.data` by the content type, `context.rawBody` as its text and
//! `context.rawBodyBase64` byte for byte.

use std::io::Write as _;

use proptest::{
    collection::{hash_map, vec},
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

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
    let cases: [(Option<&str>, &[u8], Value); 23] = [
        (Some("application/json"), b"{\"a\": 1}", json!({ "a": 1 })),
        (Some("application/json; charset=utf-8"), b"[1, null, \"\xc3\xa9\"]", json!([1, null, "é"])),
        (Some("application/vnd.github.v3+json"), b"\"text\"", json!("text")),
        (Some("application/json"), b"null", Value::Null),
        (Some("application/json"), b"", Value::Null),
        (None, b"{\"a\": 1}", json!({ "a": 1 })),
        (None, b"hello", json!("hello")),
        (Some("text/plain"), b"{\"a\": 1}", json!({ "a": 1 })),
        (Some("text/plain; charset=utf-8"), "héllo\r\n".as_bytes(), json!("héllo\r\n")),
        (Some("text/csv"), b"a,b\r\n1,2\r\n", json!("a,b\r\n1,2\r\n")),
        (Some("application/xml"), b"<r><a>1</a><b>2</b><b>3</b></r>", json!({ "a": "1", "b": ["2", "3"] })),
        (Some("text/xml; charset=utf-8"), b"<xml><To><![CDATA[x]]></To></xml>", json!({ "To": "x" })),
        (Some("application/atom+xml"), b"<r a='1'/>", json!({ "@a": "1" })),
        (
            Some("application/cbor"),
            b"\xa2\x61a\x82\x01\xf9\x7e\x00\x02\x42\x01\x02",
            json!({ "a": [1, null], "2": "AQI=" }),
        ),
        (
            Some("application/msgpack"),
            b"\x82\xa1a\x92\x01\xc3\x02\xc4\x02\x01\x02",
            json!({ "a": [1, true], "2": "AQI=" }),
        ),
        (Some("application/x-msgpack"), b"\xc0", Value::Null),
        (Some("multipart/form-data; boundary=x"), b"--x--", json!({})),
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

/// A form of these fields and files, as a browser sends it.
fn form(fields: &[(&str, &str)], files: &[(&str, &str, &[u8])]) -> Request {
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend_from_slice(
            format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").as_bytes(),
        );
    }
    for (name, filename, content) in files {
        let head = format!("Content-Disposition: form-data; name=\"{name}\"; filename=\"{filename}\"");
        body.extend_from_slice(format!("--B\r\n{head}\r\nContent-Type: image/png\r\n\r\n").as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--B--\r\n");
    Request::post("/api/webhooks/show").header("content-type", "multipart/form-data; boundary=B").body(body)
}

#[test]
fn a_form_with_files_reaches_scripts_and_templates_and_survives_a_restart() {
    let source = "
        const [file] = context.files;
        const bytes = Buffer.from(file.content, 'base64');
        const same = Buffer.from(context.rawBodyBase64, 'base64').subarray(file.offset, file.offset + file.size).equals(bytes);
        return { data: context.data, file, bytes: [...bytes], same };
    ";
    let mut server = TestServer::start([Workflow::script("show", source)]);
    let request = form(&[("a", "1"), ("a", "2"), ("b", "é")], &[("pic", "a.png", b"\x89PNG\r\n\x00--B")]);
    let response = server.send(&request);
    let seen = response.json();
    assert_eq!(seen["data"], json!({ "a": ["1", "2"], "b": "é" }));
    assert_eq!((&seen["bytes"], &seen["same"]), (&json!(b"\x89PNG\r\n\x00--B"), &json!(true)));
    let file = json!({
        "field": "pic", "filename": "a.png", "contentType": "image/png", "size": 10, "offset": seen["file"]["offset"],
        "sha256": hex::encode(Sha256::digest(b"\x89PNG\r\n\x00--B")), "content": "iVBORw0KAC0tQg==",
    });
    assert_eq!(seen["file"], file);
    server.kill();
    server.restart();
    let shown = server.run(&response.run_id())["context"]["files"][0].clone();
    let mut listed = file;
    listed.as_object_mut().unwrap().remove("content");
    assert_eq!(shown, listed, "a look at a run shows no bytes");

    let steps = json!([{ "id": "set", "type": "set", "values": ["{{$context.files[0].filename}}", "{{$context.data.b}}"] }]);
    let server = TestServer::start([Workflow::steps("show", steps).trigger(json!({ "mode": "sync" }))]);
    assert_eq!(server.send(&request).json(), json!(["a.png", "é"]));
}

#[test]
fn a_large_file_is_kept_with_the_run_and_read_from_the_raw_body() {
    let source = "
        const [file] = context.files;
        const body = Buffer.from(context.rawBodyBase64, 'base64');
        const bytes = body.subarray(file.offset, file.offset + file.size);
        return { content: file.content, size: bytes.length, sha256: require('crypto').createHash('sha256').update(bytes).digest('hex') === file.sha256 };
    ";
    let limits = json!({ "memory": "128MiB", "fuel": 100_000_000_000_u64, "timeout": "60s" });
    let workflow = Workflow::script("show", source).limits(limits).trigger(json!({ "max_body": "8MiB" }));
    let mut server = TestServer::start([workflow.asynchronous()]);
    let bytes: Vec<u8> = (0..2_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let accepted = server.send(&form(&[], &[("big", "big.bin", &bytes)]));
    assert_eq!(accepted.status, 202, "{}", accepted.text());
    server.kill();
    server.restart();
    let run = server.ended_run(&accepted.run_id());
    assert_eq!(
        run["steps"][0]["output"],
        json!({ "content": null, "size": 2_000_000, "sha256": true }),
        "{run}"
    );
}

#[test]
fn compressed_bodies_are_read_where_the_trigger_allows_them() {
    let server = TestServer::start([Workflow::script("show", SHOW).trigger(json!({ "decompress": true }))]);
    let text = "{\"a\": \"hello hello hello hello\"}";
    let best = flate2::Compression::best();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), best);
    gzip.write_all(text.as_bytes()).unwrap();
    let mut deflate = flate2::write::ZlibEncoder::new(Vec::new(), best);
    deflate.write_all(text.as_bytes()).unwrap();
    let mut brotli = Vec::new();
    brotli::BrotliCompress(&mut text.as_bytes(), &mut brotli, &Default::default()).unwrap();
    let zstd =
        ruzstd::encoding::compress_to_vec(text.as_bytes(), ruzstd::encoding::CompressionLevel::Fastest);
    let cases = [
        ("gzip", gzip.finish().unwrap()),
        ("deflate", deflate.finish().unwrap()),
        ("br", brotli),
        ("zstd", zstd),
        ("identity", text.as_bytes().to_vec()),
    ];
    for (coding, body) in cases {
        let request = Request::post("/api/webhooks/show")
            .header("content-type", "application/json")
            .header("content-encoding", coding)
            .body(body);
        let seen = server.send(&request).json();
        assert_eq!(seen["data"], json!({ "a": "hello hello hello hello" }), "{coding}");
        assert_eq!(seen["text"], text, "{coding}: the raw body is what was compressed");
    }
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
    let kinds = [
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=b",
        "text/plain",
        "application/xml",
        "application/cbor",
        "application/msgpack",
        "a/b",
        "",
    ];
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
