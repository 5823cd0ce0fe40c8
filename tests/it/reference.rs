//! `docs/steps.md`: every example in it is a step that the server takes, and no step type is left out.

use std::{collections::BTreeSet, fs};

use serde_json::{Value, json};

use crate::support::{flowcell, root};

/// The code blocks of a page that are JSON.
fn examples(page: &str) -> Vec<Value> {
    let blocks = page.split("```json\n").skip(1).map(|block| block.split("```").next().unwrap());
    blocks
        .map(|block| serde_json::from_str(block).unwrap_or_else(|error| panic!("{error}: {block}")))
        .collect()
}

fn types(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if members.contains_key("id") {
                found.extend(members.get("type").and_then(Value::as_str).map(str::to_owned));
            }
            members.values().for_each(|member| types(member, found));
        }
        Value::Array(elements) => elements.iter().for_each(|element| types(element, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_example_of_the_step_reference_is_valid() {
    let page = fs::read_to_string(root().join("docs/steps.md")).unwrap();
    let examples = examples(&page);
    // Names that examples refer to, and that other parts of a workflow would have.
    let before = ["parse", "sum", "rates"].map(|id| json!({"id": id, "type": "set", "values": {}}));
    let waits = json!({"id": "approval", "type": "wait_for_callback"});
    let folder = tempfile::tempdir().unwrap();
    let mut arguments = vec!["check".into()];
    for (number, example) in examples.iter().enumerate() {
        let mut steps: Vec<Value> =
            before.iter().filter(|step| step["id"] != example["id"]).cloned().collect();
        steps.push(example.clone());
        if example["id"] != "approval" {
            steps.push(waits.clone());
        }
        let key = format!("example{number}");
        let workflow = folder.path().join(&key);
        fs::create_dir(&workflow).unwrap();
        arguments.push(workflow.clone().into_os_string());
        let content = json!({"key": key, "trigger": {"type": "webhook"}, "steps": steps});
        fs::write(workflow.join("workflow.json"), content.to_string()).unwrap();
        for file in ["parse.js", "charge.js"] {
            fs::write(workflow.join(file), "return {}").unwrap();
        }
    }
    let checked = flowcell(arguments);
    assert_eq!(checked.code, 0, "{}{}", checked.stdout, checked.stderr);

    let outputs = flowcell(["schema", "--outputs"]);
    let described: Value = serde_json::from_str(&outputs.stdout).unwrap();
    let described: BTreeSet<String> = described.as_object().unwrap().keys().cloned().collect();
    let mut shown = BTreeSet::new();
    examples.iter().for_each(|example| types(example, &mut shown));
    assert_eq!(shown, described);
}
