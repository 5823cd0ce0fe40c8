//! Three hundred scripts as people paste them give here what they give in Node: `tests/it/differential/pasted/*.js`.
//!
//! Each is a workflow of its own, as its author would install it, and gets the same event. Node runs beside it, so that nothing is
//! expected that a person wrote down.

use std::process::Command;

use serde_json::{Value, from_slice, from_str, json};

use crate::support::{TestServer, Workflow, root};

/// Scripts at least: the corpus does not shrink unseen.
const LEAST: usize = 300;

/// Scripts that differ, with the reason. One that does so no more has to go from here.
const KNOWN: &[(&str, &str)] = &[(
    "dates: twelve hours",
    "Node 20 takes `hour12: true` for 0 to 11 where a language counts so; the language of today says 12, 1 to 11",
)];

/// The first version of Node that has all that the scripts use, and whose dates and numbers are written as today.
const NODE: u32 = 20;

/// Whether Node is new enough to compare with.
fn is_new_enough() -> bool {
    let output =
        Command::new("node").arg("--version").output().expect("node is needed (apt-get install nodejs)");
    let version = String::from_utf8(output.stdout).unwrap();
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    major.expect("node tells its version") >= NODE
}

#[test]
fn pasted_scripts_give_what_they_give_in_node() {
    if !is_new_enough() {
        eprintln!("pasted_corpus: not compared, because the Node of this machine is older than {NODE}");
        return;
    }
    let node = Command::new("node")
        .arg(root().join("tests/it/differential/pasted.mjs"))
        .env("TZ", "UTC")
        .output()
        .expect("node is needed (apt-get install nodejs)");
    assert!(node.status.success(), "{}", String::from_utf8_lossy(&node.stderr));
    let scripts: Vec<Value> =
        String::from_utf8(node.stdout).unwrap().lines().map(|line| from_str(line).unwrap()).collect();
    assert!(scripts.len() >= LEAST, "{} scripts", scripts.len());
    let event = std::fs::read(root().join("tests/it/differential/pasted/event.json")).unwrap();
    let event: Value = from_slice(&event).unwrap();
    let text = |script: &Value, name: &str| script[name].as_str().expect("a text").to_owned();
    let server = TestServer::start(scripts.iter().enumerate().map(|(index, script)| {
        let workflow = Workflow::script(&format!("s{index}"), &text(script, "source"));
        workflow.limits(json!({ "timeout": "60s" }))
    }));
    let mut wrong = Vec::new();
    for (index, script) in scripts.iter().enumerate() {
        let name = text(script, "name");
        let answer = server.post(&format!("s{index}"), &event);
        let got = match answer.status {
            200 => answer.json(),
            _ => server.run(&answer.run_id())["error"]["message"].clone(),
        };
        let expected: Value =
            from_str(&text(script, "expected")).unwrap_or_else(|_| script["expected"].clone());
        let is_known = KNOWN.iter().any(|(known, _)| *known == name);
        match (got == expected, is_known) {
            (true, false) | (false, true) => {}
            (false, false) => wrong.push(format!("{name}\n  node {expected}\n  here {got}")),
            (true, true) => wrong.push(format!("{name} gives the same now: it goes from KNOWN")),
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), scripts.len(), wrong.join("\n"));
}
