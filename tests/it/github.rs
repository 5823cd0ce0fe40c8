//! GitHub deliveries: real bodies run, each delivery runs once, and what is not signed right gets nowhere.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use crate::support::{
    GITHUB_SECRET, Request, Response, TestServer, Workflow, github_signature, root, signed_github,
};

/// The bodies by event, as `fixtures/payloads/github/README.md` tells.
fn payloads() -> Vec<(String, Vec<u8>)> {
    let folder: PathBuf = root().join("tests/it/fixtures/payloads/github");
    let mut payloads: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()))
        .collect();
    payloads.sort();
    assert_eq!(payloads.len(), 13);
    payloads
}

fn push() -> Vec<u8> {
    payloads().into_iter().find(|(event, _)| event == "push").unwrap().1
}

/// A delivery that must be refused, telling nothing; gives its reason in the request log.
#[track_caller]
fn refused(server: &TestServer, request: &Request, logged: usize) -> String {
    let response = server.send(request);
    assert_eq!((response.status, response.problem().as_str()), (401, "signature_invalid"));
    let told = response.text();
    for word in ["mismatch", "header", "missing", "length", "hex", "sha256", "secret", "twice"] {
        assert!(!told.to_lowercase().contains(word), "the answer tells the sender `{word}`: {told}");
    }
    let line = server.newest_request(logged);
    assert_eq!(line["status"], 401);
    assert_eq!(line["outcome"]["refused"]["code"], "signature_invalid");
    line["outcome"]["refused"]["reason"].as_str().unwrap().to_owned()
}

#[test]
fn every_real_body_is_answered_with_200() {
    let server = TestServer::examples();
    for (number, (event, body)) in payloads().into_iter().enumerate() {
        let event = if event == "push-2k" { "push".to_owned() } else { event };
        let response = server.send(&signed_github(&event, &format!("d-{number}"), &body, GITHUB_SECRET));
        assert_eq!(response.status, 200, "{event}: {}", response.text());
        let body: Value = serde_json::from_slice(&body).unwrap();
        let branch = body["ref"].as_str().and_then(|reference| reference.strip_prefix("refs/heads/"));
        assert_eq!(response.json()["branch"], json!(branch), "{event}");
    }
    let runs = server.runs("github-push");
    assert_eq!(runs.len(), 13);
    assert!(runs.iter().all(|run| run["status"] == "succeeded"), "{runs:?}");
}

#[test]
fn a_form_delivery_is_verified_over_the_form_as_it_was_sent() {
    let server = TestServer::examples();
    let form = format!("payload={}", form_urlencoded::byte_serialize(&push()).collect::<String>());
    let request = |signed: &str| {
        Request::post("/api/webhooks/github-push")
            .header("x-github-event", "push")
            .header("x-github-delivery", "form-1")
            .header("x-hub-signature-256", &github_signature(signed.as_bytes(), GITHUB_SECRET))
            .form(&form)
    };
    let response = server.send(&request(&form));
    assert_eq!((response.status, &response.json()["event"]), (200, &json!("push")), "{}", response.text());
    refused(&server, &request(&String::from_utf8(push()).unwrap()), 2);
}

#[test]
fn the_same_delivery_gets_the_first_answer_again_and_starts_no_second_run() {
    let server = TestServer::examples();
    let request = signed_github("push", "the-same", &push(), GITHUB_SECRET);
    let first = server.send(&request);
    assert_eq!((first.status, first.header("idempotency-replayed")), (200, None), "{}", first.text());
    for _ in 0..3 {
        let again = server.send(&request);
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        assert_eq!((again.status, &again.body), (first.status, &first.body));
        assert_eq!(again.header("content-type"), first.header("content-type"));
        assert_eq!(again.run_id(), first.run_id());
    }
    assert_eq!(server.runs("github-push").len(), 1);
    let line = server.newest_request(4);
    assert_eq!(line["outcome"]["duplicate"]["run"], first.run_id());

    let other = server.send(&signed_github("push", "another", &push(), GITHUB_SECRET));
    assert_eq!(other.header("idempotency-replayed"), None);
    assert_ne!(other.run_id(), first.run_id());
}

#[test]
fn a_forged_copy_of_a_known_delivery_is_refused_and_not_replayed() {
    let server = TestServer::examples();
    assert_eq!(server.send(&signed_github("push", "known", &push(), GITHUB_SECRET)).status, 200);
    let reason = refused(&server, &signed_github("push", "known", &push(), "guessed"), 2);
    assert!(reason.contains("no signature matches"), "{reason}");
}

#[test]
fn a_flipped_byte_anywhere_is_refused() {
    let server = TestServer::examples();
    let body = push();
    let signature = github_signature(&body, GITHUB_SECRET);
    for (logged, at) in [0, 1, body.len() / 2, body.len() - 1].into_iter().enumerate() {
        let mut flipped = body.clone();
        flipped[at] ^= 1;
        let request = Request::post("/api/webhooks/github-push")
            .header("x-hub-signature-256", &signature)
            .body(flipped);
        let reason = refused(&server, &request, logged + 1);
        assert!(reason.contains("no signature matches"), "{reason}");
    }
    assert_eq!(server.runs("github-push"), Vec::<Value>::new());
}

#[test]
fn every_wrong_signature_is_refused_for_its_own_reason() {
    let server = TestServer::examples();
    let body = br#"{"ref":"refs/heads/main"}"#.as_slice();
    let good = github_signature(body, GITHUB_SECRET);
    let (other, short, long) =
        (github_signature(body, "another secret"), &good[..good.len() - 2], format!("{good}00"));
    let empty_key = github_signature(body, "");
    let zero = format!("sha256={}", "0".repeat(64));
    let list = format!("{good},{good}");
    let header = "x-hub-signature-256";
    type Case<'a> = (&'a str, Vec<(&'a str, &'a str)>, &'a str);
    let cases: [Case<'_>; 12] = [
        ("missing", vec![], "is missing"),
        ("empty", vec![(header, "")], "empty"),
        ("twice, both good", vec![(header, &good), (header, &good)], "more than once"),
        ("twice, one good", vec![(header, &zero), (header, &good)], "more than once"),
        ("a list in one header", vec![(header, &list)], "cannot be a signature"),
        ("too short", vec![(header, short)], "length"),
        ("too long", vec![(header, &long)], "length"),
        ("without its prefix", vec![(header, &good[7..])], "has the prefix"),
        ("zeros", vec![(header, &zero)], "no signature matches"),
        ("with the secret of another workflow", vec![(header, &other)], "no signature matches"),
        ("with an empty secret", vec![(header, &empty_key)], "no signature matches"),
        (
            "only SHA-1",
            vec![("x-hub-signature", "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59")],
            "outdated",
        ),
    ];
    for (number, (case, headers, reason)) in cases.into_iter().enumerate() {
        let request = Request::post("/api/webhooks/github-push").headers(headers).body(body);
        let found = refused(&server, &request, number + 1);
        assert!(found.contains(reason), "{case}: {found}");
    }
    assert_eq!(server.runs("github-push"), Vec::<Value>::new());
    let accepted = server.send(&Request::post("/api/webhooks/github-push").header(header, &good).body(body));
    assert_eq!(accepted.status, 200, "the good signature is good");
}

#[test]
fn a_signature_of_one_workflow_opens_no_other() {
    let guarded = |key: &str| {
        let verify =
            json!({ "verify": { "scheme": "github", "secret": format!("{{{{$env.SECRET_{key}}}}}") } });
        Workflow::script(key, "return 'in'").trigger(verify)
    };
    let server = crate::support::Setup::default()
        .workflows([guarded("A"), guarded("B")])
        .variable("SECRET_A", "first secret")
        .variable("SECRET_B", "second secret")
        .start();
    let send = |key: &str, secret: &str| -> Response {
        let request = Request::post(&format!("/api/webhooks/{key}"));
        server.send(&request.header("x-hub-signature-256", &github_signature(b"{}", secret)).body("{}"))
    };
    assert_eq!(send("A", "first secret").status, 200);
    assert_eq!(send("B", "second secret").status, 200);
    assert_eq!(send("A", "second secret").status, 401);
    assert_eq!(send("B", "first secret").status, 401);
}

#[test]
fn during_a_rotation_both_secrets_are_accepted() {
    let verify = json!({ "verify": { "scheme": "github", "secret": ["{{$env.NEW}}", "{{$env.OLD}}"] } });
    let workflow = Workflow::script("rotating", "return 'in'").trigger(verify);
    let server = crate::support::Setup::default()
        .workflows([workflow])
        .variable("NEW", "n3w")
        .variable("OLD", "0ld")
        .start();
    for (secret, status) in [("n3w", 200), ("0ld", 200), ("older", 401)] {
        let request = Request::post("/api/webhooks/rotating");
        let request = request.header("x-hub-signature-256", &github_signature(b"{}", secret)).body("{}");
        assert_eq!(server.send(&request).status, status, "{secret}");
    }
}

/// The script of many guides, with the body as it was received.
const GUIDE: &str = r"
const crypto = require('crypto');
const payload = context.rawBody;
const signature = context.headers['x-hub-signature-256'] || '';
const digest = 'sha256=' + crypto.createHmac('sha256', env.HOOK_SECRET).update(payload).digest('hex');
const valid = signature.length === digest.length
  && crypto.timingSafeEqual(Buffer.from(digest), Buffer.from(signature));
if (!valid) throw new Error('Invalid signature');
return { event: context.data.event };
";

/// The same over JSON that was parsed and written again: not what the sender signed.
const TRAP: &str = r"
const crypto = require('crypto');
const payload = JSON.stringify(context.data);
const digest = 'sha256=' + crypto.createHmac('sha256', env.HOOK_SECRET).update(payload).digest('hex');
return { valid: digest === context.headers['x-hub-signature-256'], digest };
";

fn scripts() -> TestServer {
    let names_secret = |workflow: Workflow| workflow.set(json!({ "env": ["HOOK_SECRET"] }));
    let host = json!({ "verify": { "scheme": "github", "secret": "{{$env.HOOK_SECRET}}" } });
    crate::support::Setup::default()
        .workflows([
            names_secret(Workflow::script("guide", GUIDE)),
            names_secret(Workflow::script("trap", TRAP)),
            Workflow::script("host", "return { event: context.data.event }").trigger(host),
        ])
        .variable("HOOK_SECRET", "s3cr3t")
        .start()
}

#[test]
fn the_script_of_the_guides_verifies_over_the_raw_body_and_rejects_a_flipped_byte() {
    let server = scripts();
    let body = br#"{"event": "test", "data": {"message": "caf\u00e9"}}"#;
    let signature = github_signature(body, "s3cr3t");
    let send = |body: &[u8]| {
        let request = Request::post("/api/webhooks/guide").header("content-type", "application/json");
        server.send(&request.header("x-hub-signature-256", &signature).body(body))
    };
    let good = send(body);
    assert_eq!(
        (good.status, good.text().as_str()),
        (200, r#"{"event":"test"}"#),
        "{:?}",
        server.run(&good.run_id())["error"]
    );

    let mut flipped = body.to_vec();
    flipped[12] = b'T';
    let bad = send(&flipped);
    assert_eq!((bad.status, bad.problem().as_str()), (500, "run_failed"));
    assert!(!bad.text().contains("Invalid signature"), "what a script throws is for those who may see runs");
    let error = &server.run(&bad.run_id())["error"];
    assert_eq!(
        (&error["code"], &error["message"]),
        (&json!("script_error"), &json!("Error: Invalid signature"))
    );
    assert_eq!(error["position"]["line"], 8, "{error}");
}

#[test]
fn a_mac_over_json_written_again_is_not_the_senders() {
    let server = scripts();
    let body = br#"{"event": "test", "data": {"message": "caf\u00e9"}}"#;
    let over_raw = "sha256=543f3c57bda686691c3470c04145c8f7b734d34d23b49c5418aacd70eee722e7";
    let over_again = "sha256=c55440af7bac99ab2c7c3e1f5b45fe05aa7270f32fd098702e55141d009b5b7f";
    assert_eq!(github_signature(body, "s3cr3t"), over_raw);
    let send = |key: &str, signature: &str| {
        let request =
            Request::post(&format!("/api/webhooks/{key}")).header("content-type", "application/json");
        server.send(&request.header("x-hub-signature-256", signature).body(body.as_slice()))
    };
    assert_eq!(send("host", over_raw).status, 200, "the host verifies what was received");
    assert_eq!(send("host", over_again).status, 401);
    assert_eq!(send("guide", over_raw).status, 200, "so does a script over rawBody");
    assert_eq!(send("guide", over_again).status, 500);
    assert_eq!(
        send("trap", over_raw).json(),
        json!({ "valid": false, "digest": over_again }),
        "JSON.stringify does not"
    );
}
