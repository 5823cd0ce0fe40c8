//! Packages of npm that others use for 企业微信 and 钉钉: what they encrypt is accepted, and they read what we answer.
//!
//! Installed once below `target/libraries`; a second run needs no network.

use std::{
    fs,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::support::{Request, Setup, Workflow, root};

const TOKEN: &str = "QDG6eK";
const KEY: &str = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C";
const ID: &str = "wx5823bf96d3bd56c7";
const PACKAGES: [&str; 2] = ["@wecom/crypto@1.0.1", "dingtalk-encrypt@1.2.3"];

/// Reads one task on stdin: `seal` and `open` by @wecom/crypto, `dingtalk` by dingtalk-encrypt.
const SCRIPT: &str = "
const { getSignature, encrypt, decrypt } = require('@wecom/crypto');
const DingTalk = require('dingtalk-encrypt');
const { task, token, key, id, time, nonce, text, signature } = JSON.parse(require('fs').readFileSync(0, 'utf8'));
if (task === 'seal') {
  const sealed = encrypt(key, text, id);
  console.log(JSON.stringify({ encrypt: sealed, signature: getSignature(token, time, nonce, sealed) }));
} else if (task === 'open') {
  if (getSignature(token, time, nonce, text) !== signature) throw new Error('signature');
  console.log(JSON.stringify(decrypt(key, text)));
} else {
  console.log(JSON.stringify({ message: new DingTalk(token, key, id).getDecryptMsg(signature, time, nonce, text) }));
}
";

/// The folder with the packages.
fn packages() -> PathBuf {
    let folder = root().join("target/libraries/vendor-crypto");
    let script = folder.join("task.cjs");
    if !script.exists() {
        fs::create_dir_all(&folder).unwrap();
        let installed = Command::new("npm")
            .args(["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"])
            .arg(&folder)
            .args(PACKAGES)
            .stdin(Stdio::null())
            .output()
            .expect("npm is there");
        assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
        fs::write(&script, SCRIPT).unwrap();
    }
    script
}

fn node(task: &str, mut input: Value) -> Value {
    for (name, value) in [("task", task), ("token", TOKEN), ("key", KEY), ("id", ID)] {
        input[name] = json!(value);
    }
    let mut child = Command::new("node")
        .arg(packages())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("node is there");
    child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn packages_of_npm_and_flowcell_read_each_other() {
    let script = "respond({ body: 'got ' + context.data.text.content })";
    let verify = |scheme: &str| json!({ "scheme": scheme, "token": "{{$env.TOKEN}}", "aes_key": "{{$env.KEY}}", "receive_id": ID });
    let workflow = |key: &str| Workflow::script(key, script).trigger(json!({ "verify": verify(key) }));
    let workflows = [workflow("wecom"), workflow("dingtalk_event")];
    let server = Setup::default().workflows(workflows).variable("TOKEN", TOKEN).variable("KEY", KEY).start();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    // dingtalk-encrypt reads bytes as characters, so it is told ASCII alone.
    let senders = [
        ("wecom", now.as_secs().to_string(), "你好, 世界"),
        ("dingtalk_event", now.as_millis().to_string(), "hello, world"),
    ];
    for (key, time, content) in senders {
        let text = json!({ "text": { "content": content } }).to_string();
        let sealed = node("seal", json!({ "text": text, "time": time, "nonce": "n+1" }));
        let signature = sealed["signature"].as_str().unwrap();
        let target = format!("/api/webhooks/{key}?msg_signature={signature}&timestamp={time}&nonce=n%2B1");
        let response = server.send(&Request::post(&target).json(&json!({ "encrypt": sealed["encrypt"] })));
        assert_eq!(response.status, 200, "{key}: {}", response.text());
        let answer = response.json();
        let (task, signature) = match key {
            "wecom" => ("open", &answer["msgsignature"]),
            _ => ("dingtalk", &answer["msg_signature"]),
        };
        let opened = json!({ "text": answer["encrypt"], "time": time, "nonce": answer["nonce"], "signature": signature });
        assert_eq!(node(task, opened)["message"], format!("got {content}"), "{key}");
    }
}
