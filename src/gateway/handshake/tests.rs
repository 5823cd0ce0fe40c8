//! The presets and written-out handshakes, without a server.

use http::HeaderMap;
use http_body_util::BodyExt;
use serde_json::json;

use super::*;
use crate::model::Workflow;

fn compiled(trigger: Value, scheme: Option<&str>) -> Result<Option<Handshake>, FieldError> {
    let mut trigger = trigger;
    trigger["type"] = json!("webhook");
    let workflow = Workflow::from_value(json!({ "key": "k", "trigger": trigger, "steps": [] }))?;
    Handshake::compile(workflow.webhooks().next().unwrap().1, scheme, &|text| Ok(text.to_owned()))
}

fn handshake(setting: Value) -> Handshake {
    compiled(json!({ "handshake": setting }), None).unwrap().unwrap()
}

/// Status, type and body of the answer; the reason of a refusal; nothing when it is no question.
fn ask(
    handshake: &Handshake,
    signed: bool,
    method: &str,
    query: &str,
    body: &str,
) -> Option<Result<String, String>> {
    let headers = HeaderMap::new();
    match handshake.answer(&Subject::new(method, query, &headers, body.as_bytes()), signed) {
        Answer::None => None,
        Answer::Refused(why) => Some(Err(why)),
        Answer::Given(response) => {
            let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
            assert_eq!(response.headers()["x-content-type-options"], "nosniff");
            assert_eq!(response.headers()["content-security-policy"], "sandbox");
            let status = response.status().as_u16();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let body = runtime.block_on(response.into_body().collect()).unwrap().to_bytes();
            Some(Ok(format!("{status} {kind} {}", String::from_utf8(body.to_vec()).unwrap())))
        }
    }
}

#[test]
fn every_preset_answers_its_question_and_nothing_else() {
    let text = |body: &str| Some(Ok(format!("200 text/plain; charset=utf-8 {body}")));
    let json = |body: &str| Some(Ok(format!("200 application/json {body}")));
    let refused = || Some(Err("a required field has another value".to_owned()));
    let meta = json!({ "preset": "meta", "verify_token": "v" });
    let mac = |preset: &str| json!({ "preset": preset, "secret": "s" });
    let subscribe = "hub.mode=subscribe&hub.challenge=42&hub.verify_token";
    let zoom = r#"{"event":"endpoint.url_validation","payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"}}"#;
    let cases = [
        (
            json!("slack"),
            true,
            "POST",
            "",
            r#"{"type":"url_verification","challenge":"c"}"#,
            json(r#"{"challenge":"c"}"#),
        ),
        (json!("slack"), true, "POST", "", r#"{"type":"event_callback","challenge":"c"}"#, None),
        (json!("slack"), true, "POST", "", r#"{"type":"url_verification"}"#, None),
        (json!("slack"), true, "POST", "", r#"{"type":"url_verification","challenge":["c"]}"#, None),
        (json!("slack"), false, "POST", "", r#"{"type":"url_verification","challenge":"c"}"#, None),
        (json!("discord"), true, "POST", "", r#"{"type":1,"id":"9"}"#, json(r#"{"type":1}"#)),
        (json!("discord"), true, "POST", "", r#"{"type":2,"id":"9"}"#, None),
        (json!("discord"), true, "POST", "", r#"{"type":1,"event":{"type":"ENTITLEMENT_CREATE"}}"#, None),
        (
            json!("discord"),
            true,
            "POST",
            "",
            r#"{"type":0}"#,
            Some(Ok("204 text/plain; charset=utf-8 ".to_owned())),
        ),
        (
            json!("feishu"),
            true,
            "POST",
            "",
            r#"{"type":"url_verification","challenge":"c","token":"[hidden]"}"#,
            json(r#"{"challenge":"c"}"#),
        ),
        (json!("wecom"), true, "GET", "echostr=sealed", "1616140317555161061", text("1616140317555161061")),
        (json!("wecom"), false, "GET", "echostr=sealed", "1616140317555161061", None),
        (json!("wechat_mp"), true, "GET", "echostr=42", "", text("42")),
        (json!("dingtalk_event"), true, "POST", "", r#"{"EventType":"check_url"}"#, text("success")),
        (
            json!("dingtalk_event"),
            true,
            "POST",
            "",
            r#"{"EventType":"check_create_suite_url","Random":"r"}"#,
            text("r"),
        ),
        (
            json!("dingtalk_event"),
            true,
            "POST",
            "",
            r#"{"EventType":"check_update_suite_url","Random":"r"}"#,
            text("r"),
        ),
        (json!("dingtalk_event"), true, "POST", "", r#"{"EventType":"user_add_org"}"#, None),
        (meta.clone(), false, "GET", &format!("{subscribe}=v"), "", text("42")),
        (meta.clone(), false, "GET", &format!("{subscribe}=w"), "", refused()),
        (meta.clone(), false, "GET", &format!("{subscribe}="), "", refused()),
        (meta.clone(), false, "GET", &format!("{subscribe}=v&hub.verify_token=v"), "", refused()),
        (meta.clone(), false, "GET", "hub.mode=unsubscribe&hub.challenge=42&hub.verify_token=v", "", None),
        (meta, false, "POST", &format!("{subscribe}=v"), "", None),
        (
            json!("microsoft_graph"),
            false,
            "POST",
            "validationToken=Validation%3a+x%3Cb%3E",
            "",
            text("Validation: x<b>"),
        ),
        (json!("microsoft_graph"), false, "POST", "", r#"{"value":[]}"#, None),
        (json!("microsoft_graph"), false, "POST", "validationToken=1&validationToken=2", "", None),
        (
            mac("zoom"),
            true,
            "POST",
            "",
            zoom,
            json(r#"{"plainToken":"qgg8vlvZRS6UYooatFL8Aw","encryptedToken":"d91b4e3a"}"#),
        ),
        (mac("x"), false, "GET", "crc_token=foo", "", json(r#"{"response_token":"sha256=x"}"#)),
        (mac("x"), false, "GET", "crc_token=%7B%22for_user_id%22%3A1%7D", "", None),
        (mac("x"), false, "GET", "crc_token=", "", None),
    ];
    for (setting, signed, method, query, body, expected) in cases {
        let name = format!("{setting} {method} {query} {body}");
        let mut came = ask(&handshake(setting), signed, method, query, body);
        // The MACs are checked below, against another implementation's.
        if let (Some(Ok(came)), Some(Ok(expected))) = (&mut came, &expected) {
            if expected.contains("encryptedToken") {
                assert_eq!(
                    *came,
                    format!(
                        "200 application/json {{\"plainToken\":\"qgg8vlvZRS6UYooatFL8Aw\",\"encryptedToken\":\"{ZOOM}\"}}"
                    )
                );
                continue;
            }
            if expected.contains("response_token") {
                assert_eq!(*came, format!("200 application/json {{\"response_token\":\"sha256={X}\"}}"));
                continue;
            }
        }
        assert_eq!(came, expected, "{name}");
    }
}

/// `printf qgg8vlvZRS6UYooatFL8Aw | openssl dgst -sha256 -hmac s`
const ZOOM: &str = "93aa52bcb22637104b103fa602ee132a2459036070fc4ef715f04d8ce8a99166";
/// `printf foo | openssl dgst -sha256 -hmac s -binary | base64`
const X: &str = "6eEcLPgd7DiF2brf51py/JG7QQL9xHPJxbz8piJ6OH4=";

#[test]
fn only_tokens_are_signed_for_strangers() {
    for token in ["abc", "9Az+/_.-", "YWI=", "YQ==", &"a".repeat(MAX_TOKEN)] {
        assert!(is_token(token), "{token}");
    }
    for text in
        ["", "=", "==", "a=b", "a===", "{\"a\":1}", "v0:1:a", "a b", "é", "a\n", &"a".repeat(MAX_TOKEN + 1)]
    {
        assert!(!is_token(text), "{text}");
    }
}

/// Everything that may be signed by asking, against everything that a delivery may be.
#[test]
fn no_mac_of_a_handshake_is_the_signature_of_a_delivery() {
    let custom = |algorithm: &str, encoding: &str| {
        json!({
            "method": "GET",
            "answer": { "text": "{mac}", "mac": { "of": "query.t", "algorithm": algorithm, "encoding": encoding } },
        })
    };
    let recipe = |signed: &str, algorithm: &str, encoding: &str| {
        let mut verify = json!({
            "scheme": "hmac", "header": "x-s", "secret": "s", "signed": signed, "algorithm": algorithm,
            "encoding": encoding,
        });
        if signed.contains("{timestamp}") {
            verify["timestamp"] = json!({ "header": "x-t" });
        }
        if signed.contains("{id}") {
            verify["id_header"] = json!("x-id");
        }
        verify
    };
    let x = || json!({ "preset": "x", "secret": "s" });
    let stolen =
        |name: &str, asked: &str| format!("{name}={}", asked.replace('+', "%2B").replace('=', "%3D"));
    // The handshake, its parameter, the recipe of its deliveries, what is asked for, and the body that it would sign.
    let cases = [
        (x(), "crc_token", recipe("{body}", "sha256", "base64"), "delete-everything", "delete-everything"),
        (x(), "crc_token", recipe("{body}", "sha256", "base64"), "12345", "12345"),
        (x(), "crc_token", recipe("{body}", "sha256", "base64"), "true", "true"),
        (x(), "crc_token", recipe("{body}", "sha256", "base64"), "null", "null"),
        (x(), "crc_token", recipe("{body}", "sha256", "base64"), "admin=", "admin="),
        (x(), "crc_token", recipe("{timestamp}.{body}", "sha256", "base64"), "1700000000.drop", "drop"),
        (x(), "crc_token", recipe("{timestamp}.{body}", "sha256", "base64"), "1700000000.", ""),
        (x(), "crc_token", recipe("{id}.{timestamp}.{body}", "sha256", "hex"), "a.1700000000.drop", "drop"),
        (custom("sha256", "hex"), "t", recipe("{body}", "sha256", "hex"), "drop", "drop"),
        (custom("sha1", "hex"), "t", recipe("{timestamp}{body}", "sha1", "hex"), "1700000000drop", "drop"),
        (
            custom("sha512", "base64url"),
            "t",
            recipe("{body}-{method}", "sha512", "base64url"),
            "drop-POST",
            "drop",
        ),
    ];
    for (handshake, parameter, verify, asked, body) in cases {
        let case = format!("{handshake} {verify} {asked}");
        let handshake = compiled(json!({ "handshake": handshake, "verify": verify }), None).unwrap().unwrap();
        assert!(
            matches!(ask(&handshake, false, "GET", &stolen(parameter, asked), ""), Some(Ok(_))),
            "{case}: it is signed for whoever asks"
        );
        assert!(handshake.could_have_signed(body.as_bytes()), "{case}: so it must not be a delivery");
    }
    // What no token can be is taken as before.
    let x = handshake(x());
    for body in [r#"{"for_user_id":"1"}"#, " {}\n"] {
        assert!(!x.could_have_signed(body.as_bytes()), "{body}");
    }
    for body in ["", "[]", "\"a\"", "{", "a=1&b=2", "<a/>", "{}{}"] {
        assert!(x.could_have_signed(body.as_bytes()), "{body}: X sends objects alone");
    }
    let custom = compiled(
        json!({ "handshake": custom("sha256", "hex"), "verify": recipe("{body}", "sha256", "hex") }),
        None,
    );
    let custom = custom.unwrap().unwrap();
    for body in ["{}", "[1]", "<a/>", "a=1&b=2", "a: 1", "\"a\""] {
        assert!(!custom.could_have_signed(body.as_bytes()), "{body}");
    }
    // A handshake without a MAC signs nothing.
    assert!(!handshake(json!("microsoft_graph")).could_have_signed(b"drop"));
}

#[test]
fn a_mac_of_a_token_must_not_be_a_json_web_token() {
    let handshake = json!({ "preset": "x", "secret": "s" });
    let hs = json!({ "scheme": "jwt", "algorithm": "HS256", "secret": "s" });
    let error = compiled(json!({ "handshake": handshake, "verify": hs }), None).unwrap_err();
    assert!(error.to_string().contains("JSON Web Token"), "{error}");
    let es = json!({ "scheme": "jwt", "algorithm": "ES256", "public_key": "k" });
    assert!(compiled(json!({ "handshake": handshake, "verify": es }), None).is_ok());
    let graph = json!({ "handshake": "microsoft_graph", "verify": hs });
    assert!(compiled(graph, None).is_ok());
}

#[test]
fn schemes_with_a_question_have_it_unless_it_is_switched_off() {
    let github = json!({ "verify": { "scheme": "github", "secret": "s" } });
    for scheme in ["slack", "discord", "feishu", "wecom", "wechat_mp", "dingtalk_event", "zoom"] {
        let natural = compiled(github.clone(), Some(scheme)).unwrap().unwrap();
        assert_eq!(natural.kind(), scheme);
        let off = json!({ "handshake": false });
        assert!(compiled(off, Some(scheme)).unwrap().is_none());
    }
    assert!(compiled(github, Some("github")).unwrap().is_none());
    assert!(compiled(json!({}), None).unwrap().is_none());
}

#[test]
fn a_handshake_can_be_written_out() {
    let setting = json!({
        "method": "GET", "match": { "query.hub.mode": "subscribe" }, "require": { "query.verify_token": "t" },
        "answer": { "text": "{query.challenge}" },
    });
    let handshake = handshake(setting);
    assert!(
        handshake.takes("GET", false) && !handshake.takes("GET", true) && !handshake.takes("POST", false)
    );
    let came = ask(&handshake, false, "GET", "hub.mode=subscribe&verify_token=t&challenge=7", "");
    assert_eq!(came, Some(Ok("200 text/plain; charset=utf-8 7".to_owned())));
}

#[test]
fn what_cannot_work_is_an_error() {
    let cases = [
        (json!("unknown"), "unknown variant"),
        (json!(true), "not known to ask"),
        (json!(7), "expected a preset's name"),
        (json!("meta"), "needs `verify_token`"),
        (json!("x"), "needs `secret`"),
        (json!({ "preset": "meta", "verify_token": " " }), "empty"),
        (json!({ "preset": "meta", "token": "x" }), "unknown field"),
        (json!({ "method": "GET" }), "what tells the question"),
        (json!({ "method": "GET", "answer": { "text": "hello" } }), "what tells the question"),
        (json!({ "method": "GET", "answer": { "text": "{env.X}" } }), "names no field"),
        (json!({ "method": "GET", "match": { "cookie": "x" }, "answer": { "text": "x" } }), "names no field"),
        (
            json!({ "method": "GET", "match": { "query.a": "x" }, "answer": { "text": "{mac}" } }),
            "does not say of what",
        ),
        (json!({ "method": "GET", "match": { "query.a": "x" }, "answer": { "status": 302 } }), "200 to 299"),
        (
            json!({ "method": "GET", "match": { "query.a": "x" }, "require": { "query.b": "" } }),
            "empty secret",
        ),
    ];
    for (setting, why) in cases {
        let error = compiled(json!({ "handshake": setting.clone() }), None).unwrap_err();
        assert!(error.to_string().contains(why), "{setting}: {error}");
    }
}
