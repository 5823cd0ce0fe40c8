//! 企业微信, 微信公众号, 钉钉 and 飞书 over HTTP: encrypted in, encrypted out, and nothing of the keys anywhere.

use serde_json::{Value, json};

use crate::support::{
    Letters, Request, Response, Setup, TestServer, Workflow, feishu_seal, feishu_signature, flowcell,
};

const WECOM: Letters = Letters {
    token: "QDG6eK",
    aes_key: "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C",
    receive_id: "wx5823bf96d3bd56c7",
};
const DINGTALK: Letters = Letters {
    token: "123456",
    aes_key: "4g5j64qlyl3zvetqxz5jiocdr586fn2zvjpa8zls3ij",
    receive_id: "suite4xxxxxxxxxxxxxxx",
};

fn now_ms() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64
}

fn seconds() -> String {
    (now_ms() / 1_000).to_string()
}

fn setting(scheme: &str, letters: Letters) -> Value {
    json!({
        "scheme": scheme, "token": "{{$env.TOKEN}}", "aes_key": letters.aes_key, "receive_id": letters.receive_id,
    })
}

/// A workflow that answers with what it read.
fn talks(key: &str, verify: Value) -> Workflow {
    let script = "respond({ status: 200, headers: { 'content-type': 'text/plain' }, body: 'got ' + JSON.stringify(context.data) });";
    Workflow::script(key, script).trigger(json!({ "methods": ["POST"], "verify": verify }))
}

/// A workflow that says nothing.
fn silent(key: &str, verify: Value) -> Workflow {
    Workflow::script(key, "return { secretly: context.data, raw: context.rawBody }")
        .trigger(json!({ "methods": ["POST"], "verify": verify }))
}

fn escaped(value: &str) -> String {
    form_urlencoded::byte_serialize(value.as_bytes()).collect()
}

/// A message in an envelope, with the body `{}` in place of what is encrypted.
fn message(letters: Letters, path: &str, timestamp: &str, body: &str, text: &str) -> Request {
    let encrypt = letters.seal(text);
    let signature = letters.sign(timestamp, "n0nce", &encrypt);
    let target = format!("/api/webhooks/{path}?msg_signature={signature}&timestamp={timestamp}&nonce=n0nce");
    let kind = if body.starts_with('<') { "text/xml" } else { "application/json" };
    Request::post(&target).header("content-type", kind).body(body.replace("@", &encrypt))
}

const XML: &str = "<xml><ToUserName><![CDATA[c]]></ToUserName><Encrypt><![CDATA[@]]></Encrypt></xml>";
const JSON: &str = "{\"encrypt\":\"@\"}";

/// What stands in an element of an answer.
fn element(response: &Response, name: &str) -> String {
    let text = response.text();
    let (_, rest) = text.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name}: {text}"));
    let (inside, _) = rest.split_once(&format!("</{name}>")).unwrap();
    inside.trim_start_matches("<![CDATA[").trim_end_matches("]]>").to_owned()
}

fn wecom_server() -> TestServer {
    let verify = setting("wecom", WECOM);
    Setup::default()
        .workflows([
            talks("talks", verify.clone()),
            silent("silent", verify.clone()),
            silent("later", verify).asynchronous(),
        ])
        .variable("TOKEN", WECOM.token)
        .start()
}

#[test]
fn wecom_messages_are_opened_and_answered_in_their_own_form() {
    let server = wecom_server();
    let text = "<xml><MsgType><![CDATA[text]]></MsgType><Content>a &lt; b</Content></xml>";
    let time = seconds();
    let response = server.send(&message(WECOM, "talks", &time, XML, text));
    assert_eq!(
        (response.status, response.header("content-type")),
        (200, Some("application/xml")),
        "{}",
        response.text()
    );
    let encrypt = element(&response, "Encrypt");
    assert_eq!(WECOM.open(&encrypt), "got {\"MsgType\":\"text\",\"Content\":\"a < b\"}");
    assert_eq!(element(&response, "TimeStamp"), time);
    assert_eq!(element(&response, "MsgSignature"), WECOM.sign(&time, &element(&response, "Nonce"), &encrypt));

    let response = server.send(&message(WECOM, "talks", &time, JSON, "{\"msgtype\":\"text\"}"));
    let answer = response.json();
    assert_eq!(WECOM.open(answer["encrypt"].as_str().unwrap()), "got {\"msgtype\":\"text\"}");
    assert_eq!(answer["timestamp"].to_string(), time, "bots want a number");

    for key in ["silent", "later"] {
        let response = server.send(&message(WECOM, key, &time, XML, text));
        assert_eq!((response.status, response.text()), (200, String::new()), "{key}");
        let run = server.ended_run(&response.run_id());
        assert_eq!(run["status"], "succeeded");
        let output = &run["steps"][0]["output"];
        assert_eq!((&output["secretly"]["MsgType"], &output["raw"]), (&json!("text"), &json!(text)));
    }
}

#[test]
fn forged_wecom_messages_are_refused_alike_and_start_nothing() {
    let server = wecom_server();
    let text = "<xml><a/></xml>";
    let time = seconds();
    let other = |change: fn(&mut Letters)| {
        let mut letters = WECOM;
        change(&mut letters);
        message(letters, "silent", &seconds(), XML, text)
    };
    let stale = |by: i64| (time.parse::<i64>().unwrap() + by).to_string();
    let good = message(WECOM, "silent", &time, XML, text);
    let cases = [
        (other(|it| it.token = "other"), "no signature matches"),
        (other(|it| it.aes_key = DINGTALK.aes_key), "the envelope"),
        (other(|it| it.receive_id = "wx0"), "another receiver"),
        (message(WECOM, "silent", &stale(-3_700), XML, text), "earlier than the tolerance"),
        (message(WECOM, "silent", &stale(3_700), XML, text), "in the future"),
        (good.clone().body("<xml><Encrypt>AAAA</Encrypt></xml>"), "no signature matches"),
        (good.clone().body("<xml/>"), "no `Encrypt`"),
        (
            good.clone().body(
                "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><xml><Encrypt>&e;</Encrypt></xml>",
            ),
            "document type",
        ),
        (Request::post("/api/webhooks/silent").body(text), "`msg_signature` is missing"),
        (Request::post("/api/webhooks/silent").body("{\"encrypt\":\"a\"}"), "`msg_signature` is missing"),
    ];
    let mut told = Vec::new();
    for (number, (request, reason)) in cases.into_iter().enumerate() {
        let response = server.send(&request);
        assert_eq!(response.status, 401, "{reason}");
        told.push(response.text());
        let line = server.newest_request(number + 1);
        let logged = line["outcome"]["refused"]["reason"].as_str().unwrap_or("");
        assert!(logged.contains(reason), "{reason}: {logged}");
    }
    assert!(told.iter().all(|text| *text == told[0]), "the caller learns nothing: {told:?}");
    assert_eq!(server.runs("silent").len(), 0);
}

#[test]
fn the_echo_of_wecom_is_decrypted_and_its_plus_signs_survive() {
    let server = wecom_server();
    // Letters until the encrypted text has a `+`.
    let (text, echo) = (0..200)
        .map(|n| (n.to_string(), WECOM.seal(&n.to_string())))
        .find(|(_, it)| it.contains('+'))
        .unwrap();
    let time = seconds();
    let signature = WECOM.sign(&time, "n", &echo);
    let query = format!("msg_signature={signature}&timestamp={time}&nonce=n&echostr=");
    for echo in [escaped(&echo), echo.replace('=', "%3D")] {
        let response = server.send(&Request::get(&format!("/api/webhooks/silent?{query}{echo}")));
        assert_eq!((response.status, response.text()), (200, text.clone()));
        assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(response.header("content-security-policy"), Some("sandbox"));
    }
    let line = server.newest_request(2);
    assert_eq!(line["outcome"], json!({ "handshake": { "kind": "wecom" } }));
    let flipped = query.replace(&signature, &WECOM.sign(&time, "m", &echo));
    assert_eq!(
        server.send(&Request::get(&format!("/api/webhooks/silent?{flipped}{}", escaped(&echo)))).status,
        401
    );
    assert_eq!(server.send(&Request::get("/api/webhooks/silent")).status, 401);
    assert_eq!(server.send(&Request::new("DELETE", "/api/webhooks/silent")).status, 405);
    assert_eq!(server.runs("silent").len(), 0, "a handshake makes no run");
}

#[test]
fn dingtalk_always_gets_an_encrypted_answer() {
    let verify = setting("dingtalk_event", DINGTALK);
    let deduped = json!({ "dedupe": { "key": "{{$context.data.id}}" } });
    let server = Setup::default()
        .workflows([
            silent("sync", verify.clone()).trigger(deduped.clone()),
            silent("later", verify.clone()).asynchronous().trigger(deduped),
            talks("talks", verify),
        ])
        .variable("TOKEN", DINGTALK.token)
        .start();
    let time = now_ms().to_string();
    let answer = |key: &str, event: &str| {
        let response = server.send(&message(DINGTALK, key, &time, JSON, event));
        assert_eq!(response.status, 200, "{}", response.text());
        let body = response.json();
        let encrypt = body["encrypt"].as_str().unwrap().to_owned();
        assert_eq!(body["timeStamp"], json!(time));
        assert_eq!(
            body["msg_signature"],
            json!(DINGTALK.sign(&time, body["nonce"].as_str().unwrap(), &encrypt))
        );
        (DINGTALK.open(&encrypt), response.header("idempotency-replayed").is_some())
    };
    let plain = |text: &str| (text.to_owned(), false);
    assert_eq!(answer("sync", "{\"EventType\":\"check_url\"}"), plain("success"));
    assert_eq!(
        answer("sync", "{\"EventType\":\"check_create_suite_url\",\"Random\":\"r4nd\"}"),
        plain("r4nd")
    );
    assert_eq!(
        answer("sync", "{\"EventType\":\"check_update_suite_url\",\"Random\":\"r4nd\"}"),
        plain("r4nd")
    );
    assert!(server.runs("sync").is_empty(), "a handshake makes no run");
    let event = "{\"EventType\":\"user_add_org\",\"id\":\"1\"}";
    assert_eq!(answer("sync", event), plain("success"));
    assert_eq!(answer("sync", event), ("success".to_owned(), true), "a copy is answered in the same way");
    assert_eq!(answer("later", event).0, "success");
    assert_eq!(answer("later", event).0, "success");
    assert_eq!(answer("talks", "{\"a\":1}"), plain("got {\"a\":1}"));
    assert_eq!((server.runs("sync").len(), server.runs("later").len()), (1, 1));
    assert_eq!(server.send(&message(WECOM, "sync", &time, JSON, event)).status, 401);
}

#[test]
fn wechat_accounts_are_verified_in_both_modes() {
    let server = Setup::default()
        .workflows([
            silent("plain", json!({ "scheme": "wechat_mp", "token": "{{$env.TOKEN}}" })),
            talks("sealed", setting("wechat_mp", WECOM)),
        ])
        .variable("TOKEN", WECOM.token)
        .start();
    let time = seconds();
    let query = format!("signature={}&timestamp={time}&nonce=n", WECOM.sign(&time, "n", ""));
    for key in ["plain", "sealed"] {
        let response = server.send(&Request::get(&format!("/api/webhooks/{key}?{query}&echostr=42%3Cb%3E")));
        assert_eq!((response.status, response.text().as_str()), (200, "42<b>"));
        assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"));
    }
    let text = "<xml><Content>hi</Content></xml>";
    let plain = |key: &str| {
        Request::post(&format!("/api/webhooks/{key}?{query}")).header("content-type", "text/xml").body(text)
    };
    let response = server.send(&plain("plain"));
    assert_eq!((response.status, response.text()), (200, String::new()));
    assert_eq!(server.send(&plain("sealed")).status, 401, "no way back to the plain mode");
    let response = server.send(&message(WECOM, "sealed", &time, XML, text));
    assert_eq!(WECOM.open(&element(&response, "Encrypt")), "got {\"Content\":\"hi\"}");
}

#[test]
fn feishu_is_challenged_verified_and_its_token_is_stored_nowhere() {
    let mut server = Setup::default()
        .workflows([
            silent(
                "sealed",
                json!({ "scheme": "feishu", "token": "{{$env.TOKEN}}", "encrypt_key": "{{$env.KEY}}" }),
            ),
            silent("open", json!({ "scheme": "lark", "token": "{{$env.TOKEN}}" })).asynchronous(),
        ])
        .variable("TOKEN", "veritok3n-veritok3n")
        .variable("KEY", "encrypt-key-of-the-app")
        .start();
    let deliver = |message: &str, signed: bool| {
        let body = json!({ "encrypt": feishu_seal("encrypt-key-of-the-app", message) }).to_string();
        let request = Request::post("/api/webhooks/sealed").header("content-type", "application/json");
        let time = seconds();
        let signature = feishu_signature(&time, "n", "encrypt-key-of-the-app", &body);
        let headers = [
            ("x-lark-request-timestamp", time.as_str()),
            ("x-lark-request-nonce", "n"),
            ("x-lark-signature", signature.as_str()),
        ];
        server.send(&if signed { request.headers(headers) } else { request }.body(body))
    };
    let question = "{\"challenge\":\"c-1\",\"token\":\"veritok3n-veritok3n\",\"type\":\"url_verification\"}";
    for signed in [true, false] {
        let response = deliver(question, signed);
        assert_eq!((response.status, response.json()), (200, json!({ "challenge": "c-1" })));
    }
    let event =
        "{\"schema\":\"2.0\",\"header\":{\"event_id\":\"e\",\"token\":\"veritok3n-veritok3n\"},\"event\":{}}";
    let response = deliver(event, true);
    assert_eq!((response.status, response.json()), (200, json!({})), "{}", response.text());
    assert_eq!(deliver(event, false).status, 401);
    assert_eq!(deliver(&event.replace("veritok3n-", "x"), true).status, 401);

    let open = |body: &str| {
        server
            .send(&Request::post("/api/webhooks/open").header("content-type", "application/json").body(body))
    };
    assert_eq!(open(question).json(), json!({ "challenge": "c-1" }));
    let response = open(event);
    assert_eq!((response.status, response.json()), (200, json!({})));
    assert_eq!(open("{\"event\":{}}").status, 401);

    let run = server.ended_run(&response.run_id());
    assert_eq!(run["steps"][0]["output"]["secretly"]["header"]["token"], "[hidden]");
    assert_eq!((server.runs("sealed").len(), server.runs("open").len()), (1, 1));
    assert!(server.stop().success());
    let stored = crate::signatures::bytes_below(&server.data());
    for secret in ["veritok3n-veritok3n", "encrypt-key-of-the-app"] {
        assert!(
            !stored.windows(secret.len()).any(|window| window == secret.as_bytes()),
            "{secret} is stored"
        );
    }
}

#[test]
fn flowcell_send_plays_each_of_these_senders() {
    let server = Setup::default()
        .workflows([
            silent("wecom", setting("wecom", WECOM)),
            silent("wechat_mp", setting("wechat_mp", WECOM)),
            silent("dingtalk_event", setting("dingtalk_event", WECOM)),
            silent("feishu", json!({ "scheme": "feishu", "encrypt_key": "{{$env.TOKEN}}" })),
        ])
        .variable("TOKEN", WECOM.token)
        .start();
    for sender in ["wecom", "wechat_mp", "dingtalk_event", "feishu"] {
        let url = format!("http://{}/api/webhooks/{sender}", server.address());
        let keys = ["--secret", WECOM.token, "--aes-key", WECOM.aes_key, "--receive-id", WECOM.receive_id];
        let sent = flowcell(["send", sender, &url].into_iter().chain(keys));
        assert!(
            sent.code == 0 && sent.stdout.starts_with("HTTP 200"),
            "{sender}: {}{}",
            sent.stdout,
            sent.stderr
        );
        assert_eq!(server.runs(sender).len(), 1, "{sender}");
    }
}
