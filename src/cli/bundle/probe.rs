//! Asks the script engine which built-in modules it has, whether a library loads, and what the library exports.
//!
//! A library runs here as it would in a run: in the sandbox, with its limits.

use std::{collections::BTreeMap, fs, sync::Arc};

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    app::LoadError,
    cli::{fixtures::Kept, local::Local},
    model::{Entry, Event, JsonText},
};

/// Names of Node's modules that scripts and packages commonly ask for (nodejs.org/api).
pub(super) const NODE: [&str; 44] = [
    "assert",
    "assert/strict",
    "async_hooks",
    "buffer",
    "child_process",
    "cluster",
    "console",
    "constants",
    "crypto",
    "dgram",
    "diagnostics_channel",
    "dns",
    "domain",
    "events",
    "fs",
    "fs/promises",
    "http",
    "http2",
    "https",
    "module",
    "net",
    "os",
    "path",
    "path/posix",
    "perf_hooks",
    "process",
    "punycode",
    "querystring",
    "readline",
    "stream",
    "stream/consumers",
    "stream/promises",
    "stream/web",
    "string_decoder",
    "timers",
    "timers/promises",
    "tls",
    "tty",
    "url",
    "util",
    "util/types",
    "vm",
    "worker_threads",
    "zlib",
];

/// The names that each built-in module of the engine exports.
pub(super) type Builtins = BTreeMap<String, Vec<String>>;

/// What the engine found when it loaded a library.
#[derive(Debug, Deserialize)]
pub(super) struct Library {
    pub(super) names: Vec<String>,
    /// Whether the default export is all there is: each other export is itself (big.js) or a property of it (axios).
    pub(super) whole: bool,
}

pub(super) struct Probe(Local);

impl Probe {
    pub(super) fn new() -> anyhow::Result<Self> {
        Ok(Self(Local::new()?))
    }

    /// The built-in modules that the engine has.
    pub(super) async fn builtins(&self) -> anyhow::Result<Builtins> {
        let source = format!(
            "const found = {{}};\nfor (const name of {}) {{\n  try {{ found[name] = Object.keys(require(name)); }} \
             catch {{}}\n}}\nreturn found;",
            json!(NODE.as_slice())
        );
        Ok(serde_json::from_value(self.run(&source).await?)?)
    }

    /// Runs a script that sets `__library`, and looks at that value.
    pub(super) async fn library(&self, script: &str) -> anyhow::Result<Library> {
        let look = "const given = typeof __library === 'object' || typeof __library === 'function' ? __library : null;\n\
                    const names = given === null ? [] : Object.keys(given);\n\
                    const all = given?.default, others = names.filter((name) => name !== 'default');\n\
                    const whole = others.length > 0 && ['object', 'function'].includes(typeof all) && all !== null;\n\
                    return { names, whole: whole && others.every((name) => given[name] === all || all[name] === given[name]) };";
        Ok(serde_json::from_value(self.run(&format!("{script}\n{look}")).await?)?)
    }

    async fn run(&self, source: &str) -> anyhow::Result<Value> {
        let folder = tempfile::tempdir()?;
        let workflow = folder.path().join("library");
        let limits = json!({ "fuel": 100_000_000_000_u64, "timeout": "60s", "memory": "256MiB" });
        let json = json!({
            "key": "library",
            "trigger": { "type": "manual" },
            "steps": [{ "id": "library", "type": "code", "file": "library.js", "limits": limits }],
        });
        fs::create_dir(&workflow)?;
        fs::write(workflow.join("workflow.json"), json.to_string())?;
        fs::write(workflow.join("library.js"), source)?;
        let definition = self.0.load(&workflow).map_err(|error| match error {
            // Without the place, because the file is ours.
            LoadError::Definition { error, .. } => anyhow::anyhow!("{}", error.message),
            LoadError::Folder(error) => error.into(),
        })?;
        let definition = Arc::new(definition);
        let (_, entries) = self.0.run(definition, Event::of_data(&JsonText::null()), &Kept::new()).await?;
        let record = entries.iter().find_map(|entry| match entry {
            Entry::Ended(record) => Some(record),
            Entry::Retrying(..) | Entry::Begun(..) | Entry::Waiting { .. } | Entry::Cookies { .. } => None,
        });
        let record = record.context("the run has no step")?;
        if let Some(error) = &record.error {
            bail!("{}", error.message);
        }
        Ok(record.output.to_value())
    }
}
