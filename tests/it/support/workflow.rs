//! Workflows written inside a test.

use std::{fs, path::Path};

use serde_json::{Value, json};

/// A key, its `workflow.json` and the files beside it.
#[derive(Clone, Debug)]
pub struct Workflow {
    pub key: String,
    pub json: Value,
    pub files: Vec<(String, String)>,
}

impl Workflow {
    /// A webhook that answers GET and POST with what the one code step `main` (in `main.js`) returns. Its callers
    /// wait longer than by default, because the machine of a test may be slow.
    pub fn script(key: &str, source: &str) -> Self {
        let json = json!({
            "key": key,
            "trigger": { "type": "webhook", "methods": ["GET", "POST"], "sync_wait": "60s" },
            "steps": [{ "id": "main", "type": "code", "file": "main.js" }],
        });
        Self { key: key.to_owned(), json, files: vec![("main.js".to_owned(), source.to_owned())] }
    }

    /// A webhook of these steps that answers 202.
    pub fn steps(key: &str, steps: Value) -> Self {
        let json = json!({ "key": key, "trigger": { "type": "webhook", "mode": "async" }, "steps": steps });
        Self { key: key.to_owned(), json, files: vec![] }
    }

    /// Adds a file beside `workflow.json`.
    pub fn file(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.to_owned(), text.to_owned()));
        self
    }

    /// Sets members of the trigger.
    pub fn trigger(mut self, members: Value) -> Self {
        merge(&mut self.json["trigger"], members);
        self
    }

    /// These triggers in place of the one.
    pub fn triggers(mut self, triggers: Value) -> Self {
        let members = self.json.as_object_mut().expect("it is an object");
        members.remove("trigger");
        members.insert("triggers".to_owned(), triggers);
        self
    }

    /// Sets members of the limits of the step `main`.
    pub fn limits(mut self, members: Value) -> Self {
        merge(&mut self.json["steps"][0]["limits"], members);
        self
    }

    /// Sets members of the workflow itself.
    pub fn set(mut self, members: Value) -> Self {
        merge(&mut self.json, members);
        self
    }

    pub fn asynchronous(self) -> Self {
        self.trigger(json!({ "mode": "async" }))
    }

    /// Deliveries with the same `x-delivery` are the same event.
    pub fn deduped(self) -> Self {
        self.trigger(json!({ "dedupe": { "key": "{{$context.headers.x-delivery}}" } }))
    }

    /// Writes the folder `root/<key>`, each file by a rename so that a server never reads half of it.
    pub fn write(&self, root: &Path) {
        let folder = root.join(&self.key);
        fs::create_dir_all(&folder).unwrap();
        for (name, text) in &self.files {
            replace(&folder.join(name), text);
        }
        replace(&folder.join("workflow.json"), &serde_json::to_string_pretty(&self.json).unwrap());
    }
}

/// A trigger of several that is a webhook, and whose callers wait as long as a slow machine needs.
pub fn webhook(members: Value) -> Value {
    let mut webhook = json!({ "type": "webhook", "sync_wait": "60s" });
    merge(&mut webhook, members);
    webhook
}

fn merge(target: &mut Value, members: Value) {
    let Value::Object(members) = members else { panic!("members come as an object") };
    for (name, value) in members {
        target[name] = value;
    }
}

/// Replaces a file's text in one step, in a folder that may not be there yet.
fn replace(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("files are in folders")).unwrap();
    let draft = path.with_extension("draft");
    fs::write(&draft, text).unwrap();
    fs::rename(draft, path).unwrap();
}
