//! Bodies as senders really write them are read, and what cannot be read is said, never silently null.

use serde_json::{Value, json};

use crate::support::{Request, Response, TestServer, Workflow, github_signature};

const SHOW: &str = "return { data: context.data, files: context.files.map((file) => file.filename), \
                    rawQuery: context.rawQuery, url: context.url, query: context.query };";

fn show(key: &str, trigger: Value) -> Workflow {
    Workflow::script(key, SHOW).trigger(trigger)
}

fn post(server: &TestServer, key: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
    let mut request = Request::post(&format!("/api/webhooks/{key}"));
    for (name, value) in headers {
        request = request.header(name, value);
    }
    server.send(&request.body(body))
}

/// A delivery that must be accepted: what the script saw of it.
fn seen(server: &TestServer, key: &str, headers: &[(&str, &str)], body: &[u8]) -> Value {
    let response = post(server, key, headers, body);
    assert_eq!(response.status, 200, "{headers:?}: {}", response.text());
    response.json()
}

const TYPE: &str = "content-type";
const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn a_byte_order_mark_changes_nothing() {
    let server = TestServer::start([show("show", json!({}))]);
    let json = b"\xef\xbb\xbf{\"value\":[1]}";
    for kind in ["application/json", FORM, "text/plain", "application/x-unknown"] {
        assert_eq!(seen(&server, "show", &[(TYPE, kind)], json)["data"], json!({"value": [1]}), "{kind}");
    }
    assert_eq!(seen(&server, "show", &[], json)["data"], json!({"value": [1]}), "no type");
    assert_eq!(seen(&server, "show", &[(TYPE, FORM)], b"\xef\xbb\xbfa=1")["data"], json!({"a": "1"}));
    assert_eq!(seen(&server, "show", &[(TYPE, "text/xml")], b"\xef\xbb\xbf<a>1</a>")["data"], json!("1"));
    assert_eq!(
        seen(&server, "show", &[(TYPE, "application/json")], b" \r\n")["data"],
        Value::Null,
        "white space alone"
    );
}

#[test]
fn harmless_headers_are_forgiven() {
    let server = TestServer::start([show("show", json!({})), show("packed", json!({"decompress": true}))]);
    let body = b"{\"a\":1}";
    let data = json!({"a": 1});
    for coding in ["UTF-8", "utf8", "identity", "none", "8bit", "", "identity, identity"] {
        let headers = [(TYPE, "application/json"), ("content-encoding", coding)];
        for key in ["show", "packed"] {
            assert_eq!(seen(&server, key, &headers, body)["data"], data, "{coding} {key}");
        }
    }
    for kind in [
        "application/json,application/json",
        "text/json",
        "application/x-json",
        "application/csp-report",
        "application/x-amz-json-1.1",
        "json",
        "text/plain; charset=UTF-8",
    ] {
        assert_eq!(seen(&server, "show", &[(TYPE, kind)], body)["data"], data, "{kind}");
    }
    let twice = [(TYPE, "application/json"), (TYPE, "application/json; charset=utf-8")];
    assert_eq!(seen(&server, "show", &twice, body)["data"], data, "twice");
    let other = [(TYPE, "application/json"), (TYPE, FORM)];
    assert_eq!(post(&server, "show", &other, body).status, 415, "types that contradict each other");
    for coding in ["aws-chunked", "gzip", "compress"] {
        assert_eq!(post(&server, "show", &[("content-encoding", coding)], body).status, 415, "{coding}");
    }
}

#[test]
fn a_trigger_says_how_its_bodies_are_read() {
    let server = TestServer::start([
        show("text", json!({"body": "text"})),
        show("json", json!({"body": "json"})),
        show("form", json!({"body": "form"})),
        show("raw", json!({"body": "raw"})),
        show("auto", json!({})),
    ]);
    let typed = [(TYPE, "application/json")];
    for body in ["key=value", "{\"a\": NaN}", "{\"a\":1}\n{\"a\":2}"] {
        assert_eq!(seen(&server, "text", &typed, body.as_bytes())["data"], json!(body));
        assert_eq!(post(&server, "auto", &typed, body.as_bytes()).status, 400, "{body}");
    }
    assert_eq!(seen(&server, "json", &[(TYPE, "text/html")], b"{\"a\":1}")["data"], json!({"a": 1}));
    assert_eq!(post(&server, "json", &[(TYPE, "text/html")], b"a=1").status, 400);
    assert_eq!(seen(&server, "form", &typed, b"a=1")["data"], json!({"a": "1"}));
    let torn = [(TYPE, "application/json"), (TYPE, "multipart/form-data; boundary=x")];
    assert_eq!(seen(&server, "json", &torn, b"{\"a\":1}")["data"], json!({"a": 1}));
    assert_eq!(seen(&server, "raw", &torn, b"{\"a\":1}")["data"], Value::Null);
    assert_eq!(post(&server, "auto", &torn, b"{\"a\":1}").status, 415);
    for coding in ["text", "null", "base64", "aws-chunked", "gzip", "gzip, br"] {
        assert_eq!(post(&server, "raw", &[("content-encoding", coding)], b"x").status, 200, "{coding}");
        assert_eq!(post(&server, "json", &[("content-encoding", coding)], b"1").status, 415, "{coding}");
    }
    let raw = post(&server, "raw", &typed, b"{\"a\":1}");
    assert_eq!(raw.json()["data"], Value::Null);
    assert_eq!(server.run(&raw.run_id())["notes"], json!([]), "it was the trigger's wish");
}

#[test]
fn json_in_a_field_of_a_form_is_data() {
    let server = TestServer::start([
        show("own", json!({"json_fields": ["event"], "filter": "context.data.event.kind == 'play'"})),
        show("plain", json!({})),
        show(
            "github",
            json!({"verify": {"scheme": "github", "secret": "s3cret"}, "filter": "context.data.ref == 'refs/heads/main'"}),
        ),
    ]);
    let encoded = |json: &str| {
        format!("event={}", form_urlencoded::byte_serialize(json.as_bytes()).collect::<String>())
    };
    let play = encoded("{\"kind\":\"play\",\"id\":9007199254740993}");
    assert_eq!(seen(&server, "own", &[(TYPE, FORM)], play.as_bytes())["data"]["event"]["kind"], "play");
    let stop = encoded("{\"kind\":\"stop\"}");
    assert_eq!(post(&server, "own", &[(TYPE, FORM)], stop.as_bytes()).status, 204, "the filter reads it");
    assert_eq!(post(&server, "own", &[(TYPE, FORM)], b"event=nonsense").status, 400);
    assert!(seen(&server, "plain", &[(TYPE, FORM)], play.as_bytes())["data"]["event"].is_string());
    let part = "--x\r\nContent-Disposition: form-data; name=\"payload\"\r\nContent-Type: application/json\r\n\r\n{\"a\":[1]}\r\n--x--";
    let multipart = [(TYPE, "multipart/form-data; boundary=x")];
    assert_eq!(seen(&server, "plain", &multipart, part.as_bytes())["data"], json!({"payload": {"a": [1]}}));

    let delivery = |name: &str| {
        let payload = format!("{{\"ref\":\"refs/heads/{name}\"}}");
        let body =
            format!("payload={}", form_urlencoded::byte_serialize(payload.as_bytes()).collect::<String>());
        let signature = github_signature(body.as_bytes(), "s3cret");
        post(&server, "github", &[(TYPE, FORM), ("x-hub-signature-256", &signature)], body.as_bytes())
    };
    let main = delivery("main");
    assert_eq!((main.status, &main.json()["data"]["ref"]), (200, &json!("refs/heads/main")));
    assert_eq!(delivery("other").status, 204, "GitHub's forms need no setting");
}

#[test]
fn charsets_are_read_as_they_are_declared() {
    let server = TestServer::start([show("show", json!({})), show("gbk", json!({"charset": "gbk"}))]);
    let gbk = b"\xb1\xa8\xb8\xe6";
    let data = |headers: &[(&str, &str)], body: &[u8]| seen(&server, "show", headers, body)["data"].clone();
    let form = [(TYPE, "application/x-www-form-urlencoded; charset=GBK")];
    assert_eq!(data(&form, b"name=%B1%A8%B8%E6"), json!({"name": "报告"}));
    assert_eq!(data(&form, &[b"name=", &gbk[..]].concat()), json!({"name": "报告"}));
    assert_eq!(data(&[(TYPE, "text/csv; charset=gb18030")], gbk), json!("报告"));
    assert_eq!(
        data(&[(TYPE, "application/json; charset=gbk")], &[b"[\"", &gbk[..], b"\"]"].concat()),
        json!(["报告"])
    );
    let xml = [b"<?xml version=\"1.0\" encoding=\"GBK\"?><a>", &gbk[..], b"</a>"].concat();
    assert_eq!(data(&[(TYPE, "text/xml")], &xml), json!("报告"));
    assert_eq!(data(&[(TYPE, "text/plain; charset=iso-8859-1")], b"Jos\xe9"), json!("José"));
    assert_eq!(data(&[(TYPE, "text/plain; charset=shift_jis")], b"\x83e\x83X\x83g"), json!("テスト"));
    assert_eq!(data(&[(TYPE, "text/plain; charset=Big5")], b"\xb3\xf8\xa7i"), json!("報告"));
    assert_eq!(seen(&server, "gbk", &[(TYPE, "text/plain")], gbk)["data"], json!("报告"), "by the trigger");
    let silent = post(&server, "show", &[(TYPE, FORM)], b"name=%B1%A8%B8%E6");
    assert_eq!(silent.status, 400);
    assert!(silent.text().contains("charset"), "{}", silent.text());

    let asked = server.send(&Request::post("/api/webhooks/gbk?name=%B1%A8%B8%E6&a=1")).json();
    assert_eq!(
        (&asked["query"], &asked["rawQuery"]),
        (&json!({"name": "报告", "a": "1"}), &json!("name=%B1%A8%B8%E6&a=1"))
    );
    assert!(
        asked["url"].as_str().unwrap().ends_with("/api/webhooks/gbk?name=%B1%A8%B8%E6&a=1"),
        "{}",
        asked["url"]
    );
}

#[test]
fn names_of_files_are_read_as_browsers_python_and_dotnet_write_them() {
    let server = TestServer::start([show("show", json!({}))]);
    let names: [(&[u8], &str); 5] = [
        ("filename=\"报告.csv\"".as_bytes(), "报告.csv"),
        (b"filename*=utf-8''%E6%8A%A5%E5%91%8A.csv", "报告.csv"),
        (b"filename=\"=?utf-8?B?5oql5ZGKLmNzdg==?=\"; filename*=utf-8''%E6%8A%A5%E5%91%8A.csv", "报告.csv"),
        (b"filename=\"=?utf-8?B?5oql5ZGKLmNzdg==?=\"", "报告.csv"),
        (b"filename=\"\xb1\xa8\xb8\xe6.csv\"", "报告.csv"),
    ];
    for (written, expected) in names {
        let body =
            [b"--x\r\nContent-Disposition: form-data; name=\"f\"; ", written, b"\r\n\r\nid,n\r\n--x--"]
                .concat();
        let shown = seen(&server, "show", &[(TYPE, "multipart/form-data; boundary=x")], &body);
        assert_eq!(
            (&shown["files"], &shown["data"]),
            (&json!([expected]), &json!({})),
            "{}",
            String::from_utf8_lossy(written)
        );
    }
}

#[test]
fn what_was_not_decoded_is_said_by_the_run_and_the_request_log() {
    let server = TestServer::start([
        show("show", json!({})),
        show(
            "asks",
            json!({"filter": "context.data.kind == 'a'", "dedupe": {"key": "{{$context.data.id}}"}}),
        ),
        show("filter", json!({"filter": "context.data.kind == 'a'", "filter_on_error": "refuse"})),
        show("dedupe", json!({"dedupe": {"key": "{{$context.data.id}}", "on_missing": "refuse"}})),
    ]);
    let codes = |notes: &Value| -> Vec<String> {
        notes.as_array().unwrap().iter().map(|note| note["code"].as_str().unwrap().to_owned()).collect()
    };
    let image = [(TYPE, "image/png")];
    let response = post(&server, "show", &image, b"\x89PNG");
    assert_eq!((response.status, &response.json()["data"]), (200, &Value::Null));
    let run = server.run(&response.run_id());
    assert_eq!(codes(&run["notes"]), ["body_not_decoded"]);
    assert!(run["notes"][0]["message"].as_str().unwrap().contains("image/png"), "{}", run["notes"]);
    assert_eq!(codes(&server.newest_request(1)["notes"]), ["body_not_decoded"]);

    let response = post(&server, "asks", &image, b"\x89PNG");
    assert_eq!(response.status, 200, "nothing is lost: {}", response.text());
    let expected = ["body_not_decoded", "filter_unanswered", "dedupe_key_missing"];
    assert_eq!(codes(&server.run(&response.run_id())["notes"]), expected);
    assert_eq!(codes(&server.newest_request(2)["notes"]), expected);
    let known = post(&server, "asks", &[(TYPE, "application/json")], b"{\"kind\":\"a\",\"id\":7}");
    assert_eq!(codes(&server.run(&known.run_id())["notes"]), Vec::<String>::new());

    for (count, key, code) in [(4, "filter", "filter_unanswered"), (5, "dedupe", "dedupe_key_missing")] {
        let response = post(&server, key, &image, b"\x89PNG");
        assert_eq!((response.status, &response.json()["code"]), (422, &json!(code)), "{key}");
        assert_eq!(server.newest_request(count)["outcome"]["refused"]["code"], code, "{key}");
    }
}
