//! Signatures that senders published or that were computed by other code (`fixtures/vectors.json`), through the real
//! endpoint at the time at which they were made.

use std::{collections::BTreeMap, fs};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};

use crate::support::{Request, Setup, TestServer, Workflow, root};

/// Encrypted envelopes have tests of their own.
const ENVELOPES: [&str; 3] = ["wecom", "dingtalk_event", "feishu"];

/// The vectors of signatures, by the second at which they are valid.
fn vectors() -> BTreeMap<u64, Vec<Value>> {
    let text = fs::read_to_string(root().join("tests/it/fixtures/vectors.json")).unwrap();
    let all: Vec<Value> = serde_json::from_str(&text).unwrap();
    let mut by_time: BTreeMap<u64, Vec<Value>> = BTreeMap::new();
    for vector in all {
        if !ENVELOPES.contains(&vector["scheme"].as_str().unwrap()) {
            by_time.entry(vector["now"].as_u64().unwrap_or(1_700_000_000)).or_default().push(vector);
        }
    }
    assert_eq!(by_time.values().map(Vec::len).sum::<usize>(), 14);
    by_time
}

fn text<'a>(vector: &'a Value, field: &str) -> &'a str {
    vector[field].as_str().unwrap_or_default()
}

fn setting(vector: &Value, spoil: bool) -> Value {
    let mut setting = json!({ "scheme": vector["scheme"] });
    let mut secret = vector["secret"].clone();
    match text(vector, "scheme") {
        "jwt" => {
            secret = STANDARD.encode(URL_SAFE_NO_PAD.decode(text(vector, "key_b64url")).unwrap()).into();
            setting["algorithm"] = vector["alg"].clone();
            setting["secret_encoding"] = "base64".into();
        }
        "twilio" => setting["url"] = vector["url"].clone(),
        _ => {}
    }
    if spoil {
        // Another one of the same kind.
        let other = match text(vector, "scheme") {
            "discord" => "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "standard" => "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            _ => "QUFB",
        };
        secret = other.into();
    }
    setting["secret"] = secret;
    setting
}

fn request(vector: &Value, key: &str) -> Request {
    let mut request = Request::post(&format!("/api/webhooks/{key}"));
    for (name, value) in vector["headers"].as_object().into_iter().flatten() {
        request = request.header(name, value.as_str().unwrap());
    }
    if let Some(token) = vector["token"].as_str() {
        request = request.header("authorization", &format!("Bearer {token}"));
    }
    if let Some(form) = vector["form"].as_object() {
        let pairs = form.iter().map(|(name, value)| (name, value.as_str().unwrap()));
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        return request.form(&body);
    }
    request.header("content-type", "text/plain").body(text(vector, "body"))
}

fn server(now: u64, vectors: &[Value]) -> TestServer {
    let workflow = |key: String, verify: Value| {
        Workflow::script(&key, "return 'in'").trigger(json!({ "verify": verify }))
    };
    let workflows = vectors.iter().flat_map(|vector| {
        let name = text(vector, "name");
        [
            workflow(name.to_owned(), setting(vector, false)),
            workflow(format!("{name}-other"), setting(vector, true)),
        ]
    });
    Setup::default()
        .workflows(workflows)
        .variable("FLOWCELL_TEST_CLOCK_MS", &(now * 1_000).to_string())
        .start()
}

#[test]
fn every_vector_is_accepted_at_its_time_and_refused_with_another_secret() {
    for (now, vectors) in vectors() {
        let server = server(now, &vectors);
        assert!(server.stderr().contains("FLOWCELL_TEST_CLOCK_MS IS SET"), "a wrong clock is told loudly");
        for vector in &vectors {
            let name = text(vector, "name");
            let response = server.send(&request(vector, name));
            assert_eq!(response.status, 200, "{name}: {} {:?}", response.text(), server.requests().first());
            assert_eq!(server.send(&request(vector, &format!("{name}-other"))).status, 401, "{name}");
        }
        server.newest_request(2 * vectors.len());
    }
}

#[test]
fn a_vector_with_a_time_is_refused_today() {
    let timed: Vec<Value> =
        vectors().into_values().flatten().filter(|vector| vector["now"].is_u64()).collect();
    assert_eq!(timed.len(), 8);
    let workflows = timed.iter().map(|vector| {
        Workflow::script(text(vector, "name"), "return 'in'")
            .trigger(json!({ "verify": setting(vector, false) }))
    });
    let server = TestServer::start(workflows);
    for vector in &timed {
        let name = text(vector, "name");
        assert_eq!(server.send(&request(vector, name)).status, 401, "{name}");
    }
}

#[test]
fn a_clock_that_is_no_number_is_told_in_one_line() {
    let refused = crate::support::flowcell_with(["serve"], &[("FLOWCELL_TEST_CLOCK_MS", "yesterday")]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("FLOWCELL_TEST_CLOCK_MS: milliseconds"), "{}", refused.stderr);
}

fn vector(name: &str) -> Value {
    let text = fs::read_to_string(root().join("tests/it/fixtures/vectors.json")).unwrap();
    let all: Vec<Value> = serde_json::from_str(&text).unwrap();
    all.into_iter().find(|vector| vector["name"] == name).unwrap()
}

/// A server that takes what this vector encrypted, at its time.
fn receiver(vector: &Value, now_ms: &str) -> TestServer {
    let verify = json!({
        "scheme": vector["scheme"], "token": vector["token"], "aes_key": vector["aes_key"], "receive_id": vector["receive_id"],
    });
    let workflow = Workflow::script("sealed", "return context.data").trigger(json!({ "verify": verify }));
    Setup::default().workflows([workflow]).variable("FLOWCELL_TEST_CLOCK_MS", now_ms).start()
}

fn target(signature: &str, vector: &Value) -> String {
    let mut query = form_urlencoded::Serializer::new("/api/webhooks/sealed?".to_owned());
    query.append_pair(signature, text(vector, "signature"));
    query.append_pair("timestamp", text(vector, "timestamp")).append_pair("nonce", text(vector, "nonce"));
    query.finish().replacen("?&", "?", 1)
}

#[test]
fn the_question_of_wecom_s_sample_is_answered_with_its_plain_text() {
    let vector = vector("wecom-echo");
    let server = receiver(&vector, "1409659589000");
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in vector["query"].as_object().unwrap() {
        query.append_pair(name, value.as_str().unwrap());
    }
    let query = query.finish();
    let answer = server.send(&Request::get(&format!("/api/webhooks/sealed?{query}")));
    assert_eq!((answer.status, answer.text().as_str()), (200, text(&vector, "reply")));
    let changed = query.replacen("5c45", "5c44", 1);
    assert_eq!(server.send(&Request::get(&format!("/api/webhooks/sealed?{changed}"))).status, 401);
    assert!(server.runs("sealed").is_empty());
}

#[test]
fn what_the_samples_encrypted_is_opened_when_it_comes_in() {
    let wecom = vector("wecom-reply");
    let server = receiver(&wecom, "1409659813000");
    let body = format!("<xml><Encrypt><![CDATA[{}]]></Encrypt></xml>", text(&wecom, "encrypt"));
    let request = |body: &str| {
        Request::post(&target("msg_signature", &wecom))
            .header("content-type", "text/xml")
            .body(body.to_owned())
    };
    assert_eq!(server.send(&request(&body.replacen("sKqR", "sKqS", 1))).status, 401);
    let answer = server.send(&request(&body));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let run = server.run(server.runs("sealed")[0]["id"].as_str().unwrap());
    assert_eq!(run["steps"][0]["output"], json!({ "Content": "hi" }), "{run}");

    // Its plain text is `success`, which is no event: it is refused only once it was verified and opened.
    let dingtalk = vector("dingtalk-reply");
    let server = receiver(&dingtalk, text(&dingtalk, "timestamp"));
    let body = json!({ "encrypt": dingtalk["encrypt"] });
    let answer = server.send(&Request::post(&target("signature", &dingtalk)).json(&body));
    assert_eq!((answer.status, answer.problem().as_str()), (400, "body_invalid"), "{}", answer.text());
}
