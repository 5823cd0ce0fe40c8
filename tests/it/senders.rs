//! The senders' own libraries, both ways: what they sign is accepted, and what `flowcell send` signs they accept.
//!
//! They come from npm, once for one list of versions, and are kept below `target/senders`. Without npm there is a message
//! in place of the test.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{Receiver, Request, TestServer, Workflow, flowcell, root};

const PACKAGES: [&str; 5] = [
    "standardwebhooks@1.1.1",
    "stripe@20.4.1",
    "@octokit/webhooks-methods@6.0.0",
    "svix@1.99.1",
    "twilio@5.13.1",
];

const SCRIPT: &str = include_str!("fixtures/senders.mjs");
const WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What is signed with; the libraries of Slack, Shopify and others are bound to their servers.
const SECRETS: [(&str, &str); 5] = [
    ("github", "It's a Secret to Everybody"),
    ("standard", WHSEC),
    ("svix", WHSEC),
    ("stripe", "whsec_test_secret"),
    ("twilio", "12345"),
];

/// The folder of the installed packages with the script beside them, or why there is none. It is installed once, and under its
/// name only when it is whole.
fn packages() -> Result<PathBuf, String> {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let digest = Sha256::digest(PACKAGES.join(" ") + SCRIPT);
    let whole = root().join("target/senders").join(format!("{}-whole", hex::encode(&digest[..8])));
    if whole.exists() {
        return Ok(whole);
    }
    for program in ["npm", "node"] {
        let there =
            Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !there.is_ok_and(|status| status.success()) {
            return Err(format!("{program} is not installed"));
        }
    }
    let folder = whole.with_extension(std::process::id().to_string());
    fs::create_dir_all(&folder).unwrap();
    let output = Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"])
        .arg(&folder)
        .args(PACKAGES)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    if !output.status.success() {
        return Err(format!("npm cannot install: {}", String::from_utf8_lossy(&output.stderr)));
    }
    fs::write(folder.join("senders.mjs"), SCRIPT).unwrap();
    // Another process may have been quicker.
    if fs::rename(&folder, &whole).is_err() {
        fs::remove_dir_all(&folder).unwrap();
    }
    Ok(whole)
}

/// Gives the script a list of tasks; its answers in order.
fn ask(folder: &Path, tasks: &Value) -> Vec<Value> {
    let mut child = Command::new("node")
        .arg(folder.join("senders.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(tasks.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The packages, unless the test is to be left out.
fn packages_or_message() -> Option<PathBuf> {
    match packages() {
        Ok(folder) => Some(folder),
        Err(why) => {
            eprintln!("SKIPPED: the senders' libraries are not tried, as {why}");
            None
        }
    }
}

#[test]
fn what_the_senders_libraries_sign_is_accepted() {
    let Some(folder) = packages_or_message() else { return };
    let workflow = |scheme: &str, secret: &str, key: &str| {
        Workflow::script(key, "return context.data")
            .trigger(json!({ "verify": { "scheme": scheme, "secret": secret } }))
    };
    let workflows = SECRETS.iter().flat_map(|(scheme, secret)| {
        let other = if *secret == WHSEC { "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" } else { "other" };
        [workflow(scheme, secret, scheme), workflow(scheme, other, &format!("{scheme}-other"))]
    });
    let server = TestServer::start(workflows);
    let json = r#"{"id": "evt_1", "text": "caf\u00e9 ☕", "n": 1.0}"#;
    let form = "Body=hello+%26+goodbye&From=%2B14158675309&MediaUrl=b&MediaUrl=a&Empty=";
    let tasks: Vec<Value> = SECRETS
        .iter()
        .flat_map(|(scheme, secret)| {
            let bodies = if *scheme == "twilio" { vec![json, form] } else { vec![json] };
            bodies.into_iter().map(move |body| (scheme, secret, body))
        })
        .map(|(scheme, secret, body)| {
            json!({ "do": "sign", "scheme": scheme, "secret": secret, "body": body, "form": body == form,
                    "url": format!("{}/api/webhooks/{scheme}", server.url()) })
        })
        .collect();
    let answers = ask(&folder, &tasks.clone().into());
    assert_eq!(answers.len(), 6);
    for (task, answer) in tasks.iter().zip(&answers) {
        let (scheme, body) = (task["scheme"].as_str().unwrap(), task["body"].as_str().unwrap());
        let send = |key: &str, body: &str| {
            let target = format!("/api/webhooks/{key}{}", answer["query"].as_str().unwrap_or_default());
            let mut request = Request::post(&target);
            for (name, value) in answer["headers"].as_object().unwrap() {
                request = request.header(name, value.as_str().unwrap());
            }
            let kind =
                if task["form"] == true { "application/x-www-form-urlencoded" } else { "application/json" };
            server.send(&request.header("content-type", kind).body(body)).status
        };
        assert_eq!(send(scheme, body), 200, "{task}: {answer} {:?}", server.requests().first());
        assert_eq!(send(&format!("{scheme}-other"), body), 401, "{task}");
        assert_eq!(send(scheme, &body.replace('1', "2")), 401, "{task}");
    }
}

#[test]
fn what_flowcell_sends_is_accepted_by_the_senders_libraries() {
    let Some(folder) = packages_or_message() else { return };
    let receiver = Receiver::start();
    let mut tasks = Vec::new();
    for (scheme, secret) in SECRETS {
        let events: &[&[&str]] = if scheme == "twilio" { &[&[], &["--event", "event"]] } else { &[&[]] };
        for event in events {
            let url = receiver.url("/in?a=1");
            let sent = flowcell([&["send", scheme, &url, "--secret", secret], *event].concat());
            assert_eq!(sent.code, 0, "{scheme}: {}", sent.stderr);
            let request = receiver.requests().pop().unwrap();
            let headers: serde_json::Map<String, Value> =
                request.headers.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
            let body = String::from_utf8(request.body.clone()).unwrap();
            let form = request.header("content-type") == Some("application/x-www-form-urlencoded");
            let mut task = json!({ "do": "verify", "scheme": scheme, "secret": secret, "body": body, "form": form,
                                   "headers": headers, "url": receiver.url(&request.path) });
            tasks.push((task.clone(), true));
            task["body"] = format!("{body} ").into();
            tasks.push((task, false));
        }
    }
    let asked: Vec<_> = tasks.iter().map(|(task, _)| task.clone()).collect();
    let answers = ask(&folder, &asked.into());
    assert_eq!(answers.len(), 12);
    for ((task, expected), answer) in tasks.iter().zip(answers) {
        assert_eq!(answer, json!(expected), "{task}");
    }
}
