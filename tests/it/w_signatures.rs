//! Ways around a signature (facts W3, W6, and W4 for signatures that do not cover the body), each test named after its id.

use std::{fs, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::{Request, Setup, TestServer, Workflow, flowcell, github_signature, root};

const SECRET: &str = "a secret of the webhook";

fn github() -> TestServer {
    Setup::default()
        .workflows([Workflow::script("gh", "return 1")
            .trigger(json!({ "verify": { "scheme": "github", "secret": SECRET } }))])
        .start()
}

fn sources(folder: &Path, all: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, all);
        } else {
            all.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
}

#[test]
fn w3_what_proves_a_sender_is_compared_in_constant_time_and_nowhere_by_equality() {
    let mut all = Vec::new();
    sources(&root().join("src/verify"), &mut all);
    assert!(all.iter().filter(|(_, text)| text.contains("ct_eq(")).count() >= 4);
    for (file, text) in &all {
        let code = text.split("#[cfg(test)]").next().unwrap();
        for line in code.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
            let compares =
                line.contains("== claimed") || line.contains("claimed ==") || line.contains("!= claimed");
            let secrets = ["tag ==", "== tag", ".bytes() ==", "== secret", "secret ==", "token =="];
            assert!(!compares && !secrets.iter().any(|pair| line.contains(pair)), "{file}: {line}");
        }
    }
    // Short, long and nearly right signatures are refused in the same words.
    let server = github();
    let good = github_signature(b"{}", SECRET);
    let nearly = format!("{}{}", &good[..good.len() - 1], if good.ends_with('0') { '1' } else { '0' });
    let answers: Vec<_> = [nearly.as_str(), &good[..20], "sha256=", "", &good.repeat(2)]
        .iter()
        .map(|signature| {
            let request = Request::post("/api/webhooks/gh").header("x-hub-signature-256", signature);
            let answer = server.send(&request.header("content-type", "application/json").body("{}"));
            (answer.status, answer.json()["detail"].clone())
        })
        .collect();
    assert!(answers.iter().all(|answer| *answer == answers[0] && answer.0 == 401), "{answers:?}");
}

#[test]
fn w4_a_signature_that_covers_no_body_counts_once() {
    let server = Setup::default()
        .workflows([Workflow::script("gitee", "return context.data")
            .trigger(json!({ "verify": { "scheme": "gitee", "secret": SECRET } }))])
        .start();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{now}\n{SECRET}").as_bytes());
    let request = Request::post("/api/webhooks/gitee")
        .header("x-gitee-timestamp", &now.to_string())
        .header("x-gitee-token", &STANDARD.encode(mac.finalize().into_bytes()))
        .json(&json!({ "n": 1 }));
    let first = server.send(&request);
    assert_eq!((first.status, first.json()), (200, json!({ "n": 1 })));
    let again = server.send(&request);
    assert_eq!((again.status, again.header("idempotency-replayed")), (200, Some("true")));
    assert_eq!((again.run_id(), server.runs("gitee").len()), (first.run_id(), 1));
}

#[test]
fn w6_no_setting_and_no_header_makes_a_check_pass_that_should_not() {
    let folder = tempfile::tempdir().unwrap();
    let bad: [(&str, Value); 9] = [
        ("none", json!({ "scheme": "none" })),
        ("empty", json!({ "scheme": "github", "secret": "" })),
        ("empty-list", json!({ "scheme": "github", "secret": [] })),
        ("one-empty", json!({ "scheme": "slack", "secret": ["good", ""] })),
        ("missing", json!({ "scheme": "stripe" })),
        ("jwt-none", json!({ "scheme": "jwt", "algorithm": "none", "secret": "s" })),
        ("jwt-open", json!({ "scheme": "jwt", "secret": "s" })),
        ("jwt-mixed", json!({ "scheme": "jwt", "algorithm": "RS256", "secret": "a public key as a secret" })),
        ("unknown-key", json!({ "scheme": "github", "secret": "s", "secrets": "t" })),
    ];
    for (key, verify) in bad {
        Workflow::script(key, "return 1").trigger(json!({ "verify": verify })).write(folder.path());
        let finished = flowcell(["check", folder.path().join(key).to_str().unwrap()]);
        assert_eq!(finished.code, 1, "{key}: {finished:?}");
        assert!(finished.stdout.contains("trigger.verify"), "{key}: {finished:?}");
    }

    let server = github();
    let good = github_signature(b"{}", SECRET);
    let hex = &good["sha256=".len()..];
    let with = |headers: &[(&str, &str)]| {
        let request = Request::post("/api/webhooks/gh").header("content-type", "application/json");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        server.send(&request.body("{}")).status
    };
    let name = "x-hub-signature-256";
    let nothing = github_signature(b"{}", "");
    let cases: [(&str, &[(&str, &str)], u16); 9] = [
        ("good", &[(name, &good)], 200),
        ("upper-case hex", &[(name, &format!("sha256={}", hex.to_uppercase()))], 200),
        ("no header", &[], 401),
        ("signed with the empty secret", &[(name, &nothing)], 401),
        ("twice", &[(name, &good), (name, &good)], 401),
        ("a list", &[(name, &format!("{good}, {good}"))], 401),
        ("another algorithm", &[(name, &format!("sha1={hex}"))], 401),
        ("no algorithm", &[(name, hex)], 401),
        ("a bad one and a good one", &[(name, "sha256=00"), (name, &good)], 401),
    ];
    for (case, headers, status) in cases {
        assert_eq!(with(headers), status, "{case}");
    }
}
