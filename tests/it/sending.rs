//! `flowcell send` plays every sender: a server set up for it accepts, one with another secret refuses.

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PKCS_RSA_SHA256};
use serde_json::{Value, json};

use crate::support::{Finished, Receiver, Setup, TestServer, Workflow, flowcell};

/// One way of sending.
struct Case {
    key: String,
    /// The receiver's setting.
    verify: Value,
    scheme: String,
    secret: String,
    other: String,
    arguments: Vec<String>,
}

const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
const AES_KEY: &str = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C";
const WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn case(key: &str, verify: Value, secret: &str, other: &str, arguments: &[&str]) -> Case {
    Case {
        key: key.to_owned(),
        scheme: verify["scheme"].as_str().unwrap().to_owned(),
        verify,
        secret: secret.to_owned(),
        other: other.to_owned(),
        arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
    }
}

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        "github",
        "gitea",
        "forgejo",
        "gitlab",
        "slack",
        "stripe",
        "shopify",
        "twilio",
        "linear",
        "gitee",
        "dingtalk_robot",
        "zoom",
        "pagerduty",
        "paddle",
        "twitch",
        "square",
        "woocommerce",
        "xero",
        "mailgun",
        "bearer",
    ]
    .iter()
    .map(|scheme| case(scheme, json!({ "scheme": scheme, "secret": "s3cr3t" }), "s3cr3t", "other", &[]))
    .collect();
    for scheme in ["standard", "svix", "gitlab"] {
        let verify = json!({ "scheme": scheme, "secret": WHSEC });
        cases.push(case(
            &format!("{scheme}-whsec"),
            verify,
            WHSEC,
            "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            &[],
        ));
    }
    let whpk = json!({ "scheme": "standard", "secret": "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=" });
    let whsk = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
    cases.push(case(
        "standard-ed25519",
        whpk,
        whsk,
        "whsk_TM0Imyj/ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U+4pvs=",
        &[],
    ));
    let discord = json!({ "scheme": "discord", "public_key": PUBLIC });
    let other = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
    cases.push(case("discord", discord, SEED, other, &["--event", "ping"]));
    let (command, event) = (["--event", "command"], ["--event", "event"]);
    cases.push(case("slack-form", json!({ "scheme": "slack", "secret": "s" }), "s", "other", &command));
    cases.push(case("twilio-json", json!({ "scheme": "twilio", "secret": "s" }), "s", "other", &event));
    let password = json!({ "scheme": "gitee", "secret": "s", "mode": "password" });
    cases.push(case("gitee-password", password, "s", "other", &["--settings", r#"{"mode":"password"}"#]));
    let basic = json!({ "scheme": "basic", "username": "user", "password": "s" });
    cases.push(case("basic", basic, "user:s", "user:other", &[]));
    let header = json!({ "scheme": "header", "header": "X-Api-Key", "secret": "s" });
    cases.push(case("header", header, "s", "other", &[]));
    let query = json!({ "scheme": "query", "parameter": "token", "secret": "s" });
    cases.push(case("query", query, "s", "other", &[]));
    let jwt = json!({ "scheme": "jwt", "algorithm": "HS256", "secret": "s" });
    cases.push(case("jwt", jwt, "s", "other", &[]));
    for (name, algorithm) in
        [("ES256", &PKCS_ECDSA_P256_SHA256), ("EdDSA", &PKCS_ED25519), ("RS256", &PKCS_RSA_SHA256)]
    {
        let (pair, other) =
            (KeyPair::generate_for(algorithm).unwrap(), KeyPair::generate_for(algorithm).unwrap());
        let verify = json!({ "scheme": "jwt", "algorithm": name, "public_key": pair.public_key_pem(), "issuer": "me" });
        let settings = json!({ "algorithm": name, "issuer": "me" }).to_string();
        let key = format!("jwt-{name}");
        cases.push(case(
            &key,
            verify,
            &pair.serialize_pem(),
            &other.serialize_pem(),
            &["--settings", &settings],
        ));
    }
    let own = json!({
        "header": "X-Sig", "signature_key": "s", "separator": ";", "algorithm": "sha512", "encoding": "base64",
        "signed": "{url} {timestamp} {id} {body}", "id_path": "id", "timestamp": { "key": "at", "unit": "milliseconds" },
    });
    let mut verify = own.clone();
    verify["scheme"] = "hmac".into();
    verify["secret"] = "s".into();
    cases.push(case("hmac", verify, "s", "other", &["--settings", &own.to_string()]));
    for scheme in ["wecom", "dingtalk_event", "wechat_mp"] {
        let verify = json!({ "scheme": scheme, "token": "s", "aes_key": AES_KEY, "receive_id": "corp" });
        cases.push(case(scheme, verify, "s", "other", &["--aes-key", AES_KEY, "--receive-id", "corp"]));
    }
    let card = json!({ "scheme": "feishu_card", "token": "s" });
    cases.push(case("feishu_card", card, "s", "other", &[]));
    let fields = json!({ "scheme": "fields", "algorithm": "hmac_sha256", "secret": "s" });
    cases.push(case("fields", fields, "s", "other", &[]));
    let md5 = json!({ "algorithm": "md5", "signed": "{fields}&key={secret}", "timestamp": { "path": "t" } });
    let mut verify = md5.clone();
    verify["scheme"] = "fields".into();
    verify["secret"] = "s".into();
    cases.push(case("fields-md5", verify, "s", "other", &["--settings", &md5.to_string()]));
    for (scheme, algorithm, field) in [
        ("sendgrid", &PKCS_ECDSA_P256_SHA256, "public_key"),
        ("wechat_pay", &PKCS_RSA_SHA256, "public_key"),
        ("alipay", &PKCS_RSA_SHA256, "public_key"),
        ("sns", &PKCS_RSA_SHA256, "certificate"),
        ("paypal", &PKCS_RSA_SHA256, "certificate"),
        ("signature", &PKCS_ED25519, "public_key"),
    ] {
        let (pair, other) =
            (KeyPair::generate_for(algorithm).unwrap(), KeyPair::generate_for(algorithm).unwrap());
        let mut settings = json!({});
        match scheme {
            "sns" => settings["topic"] = "arn:aws:sns:us-east-1:1:t".into(),
            "paypal" => settings["webhook_id"] = "0WEBHOOK".into(),
            "signature" => settings = json!({ "header": "X-Sig", "algorithm": "ed25519" }),
            _ => {}
        }
        let arguments = settings.to_string();
        settings["scheme"] = scheme.into();
        settings[field] = pair.public_key_pem().into();
        let arguments = ["--settings", arguments.as_str(), "--key-id", "PUB_KEY_ID_1"];
        let arguments = if scheme == "wechat_pay" { &arguments[..] } else { &arguments[..2] };
        cases.push(case(scheme, settings, &pair.serialize_pem(), &other.serialize_pem(), arguments));
    }
    for scheme in ["feishu", "lark"] {
        cases.push(case(scheme, json!({ "scheme": scheme, "encrypt_key": "s" }), "s", "other", &[]));
    }
    cases
}

fn send(case: &Case, url: &str, secret: &str) -> Finished {
    let mut arguments: Vec<&str> = vec!["send", &case.scheme, url, "--secret", secret, "--delivery", "id-1"];
    arguments.extend(case.arguments.iter().map(String::as_str));
    flowcell(arguments)
}

#[test]
fn every_sender_that_can_be_played_is_accepted_with_its_secret_alone() {
    let cases = cases();
    let help = flowcell(["send", "--help"]).stdout;
    let (_, values) = help.split_once("[possible values: ").expect("the schemes are listed");
    for scheme in values.split_once(']').unwrap().0.split(',').map(str::trim) {
        assert!(cases.iter().any(|case| case.scheme == scheme), "{scheme} is not tried");
    }
    let script = "return [Object.values(context.headers), Object.values(context.query)].flat()";
    let workflows = cases.iter().map(|case| {
        Workflow::script(&case.key, script).trigger(json!({ "verify": case.verify, "keep_headers": [] }))
    });
    let server: TestServer = Setup::default().workflows(workflows).start();
    for case in &cases {
        let url = format!("{}/api/webhooks/{}", server.url(), case.key);
        let sent = send(case, &url, &case.secret);
        assert_eq!(
            sent.code,
            0,
            "{}: {} {} {:?}",
            case.key,
            sent.stdout,
            sent.stderr,
            server.requests().first()
        );
        // What a script sees holds no secret.
        let shown = ["bearer", "gitlab", "gitee-password", "basic", "header", "query"];
        if shown.contains(&case.key.as_str()) {
            assert!(sent.stdout.contains("[hidden]"), "{}: {}", case.key, sent.stdout);
            assert!(!sent.stdout.contains("\"s\""), "{}: {}", case.key, sent.stdout);
        }
        let refused = send(case, &url, &case.other);
        assert_eq!(refused.code, 1, "{}: {}", case.key, refused.stdout);
        assert!(refused.stdout.contains("401"), "{}: {}", case.key, refused.stdout);
    }
    let logged = server.newest_request(2 * cases.len()).to_string();
    assert!(!logged.contains("other"), "no line holds a token of a query: {logged}");
}

#[test]
fn what_is_sent_twice_to_gitee_and_dingtalk_tells_the_same_time_only_once() {
    let receiver = Receiver::start();
    for (scheme, header) in [("gitee", "x-gitee-timestamp"), ("dingtalk_robot", "timestamp")] {
        let sent = flowcell(["send", scheme, &receiver.url("/"), "--secret", "s"]);
        assert_eq!(sent.code, 0, "{}", sent.stderr);
        let requests = receiver.requests();
        let time: u64 = requests.last().unwrap().header(header).unwrap().parse().unwrap();
        assert!(time > 1_700_000_000_000, "milliseconds: {time}");
    }
}

#[test]
fn what_cannot_be_sent_is_told_in_one_line() {
    let cases: [(&[&str], &str); 6] = [
        (&["slack", "http://127.0.0.1:9/", "--secret", ""], "let anyone in"),
        (&["discord", "http://127.0.0.1:9/", "--secret", "ab"], "32 bytes"),
        (&["basic", "http://127.0.0.1:9/", "--secret", "name"], "name:password"),
        (&["header", "http://127.0.0.1:9/", "--secret", "s", "--settings", "[]"], "not a JSON object"),
        (&["header", "http://127.0.0.1:9/", "--secret", "s", "--settings", r#"{"x":1}"#], "known are"),
        (&["github", "http://127.0.0.1:9/", "--secret", "s", "--event", "star"], "known are push, ping"),
    ];
    for (arguments, told) in cases {
        let ended = flowcell([&["send"], arguments].concat());
        assert!(ended.code == 2 && ended.stderr.contains(told), "{arguments:?}: {}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    }
}
