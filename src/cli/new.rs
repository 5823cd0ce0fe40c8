//! `flowcell new`: makes a small workflow that answers a webhook, with a fixture, so that nobody begins with an empty file.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::{Args, ValueEnum};
use serde_json::json;

use super::{Verdict, print::Json};
use crate::model::WorkflowKey;

#[derive(Args)]
pub(super) struct Arguments {
    /// The workflow's key: small letters, digits and hyphens. It is the folder's name and the end of the URL.
    key: WorkflowKey,
    /// The folder of the workflows.
    #[arg(long, default_value = "workflows")]
    into: PathBuf,
    /// The language of its script.
    #[arg(long, value_enum, default_value_t = Language::Js)]
    lang: Language,
    #[command(flatten)]
    out: Json,
}

#[derive(Clone, Copy, ValueEnum)]
enum Language {
    /// JavaScript
    Js,
    /// TypeScript
    Ts,
}

impl Language {
    fn file(self) -> &'static str {
        match self {
            Self::Js => "main.js",
            Self::Ts => "main.ts",
        }
    }

    fn script(self) -> &'static str {
        match self {
            Self::Js => {
                "// `context.data` is the decoded body. What you return is the answer.\n\
                 const name = context.data?.name ?? 'world';\n\
                 return { hello: name };\n"
            }
            Self::Ts => {
                "// `context.data` is the decoded body. What you return is the answer.\n\
                 const name: string = context.data?.name ?? 'world';\n\
                 return { hello: name };\n"
            }
        }
    }
}

pub(super) fn execute(new: &Arguments) -> anyhow::Result<Verdict> {
    let folder = new.into.join(new.key.as_str());
    write(&folder, new)
        .with_context(|| format!("cannot make {}; an existing folder is never changed", folder.display()))?;
    let (shown, into, key) = (folder.display(), new.into.display(), &new.key);
    let files = ["workflow.json", new.lang.file(), "fixtures/hello.json"].map(|file| folder.join(file));
    new.out.show(&json!({ "folder": folder, "files": files }), || {
        format!(
            "{shown}: workflow.json, {} and fixtures/hello.json. Try it:\n  flowcell test {shown}\n  \
             flowcell serve --workflows {into}\n  curl -d '{{\"name\": \"Ada\"}}' -H 'Content-Type: application/json' \
             http://127.0.0.1:8080/api/webhooks/{key}",
            new.lang.file()
        )
    })?;
    Ok(Verdict::Yes)
}

fn write(folder: &Path, new: &Arguments) -> io::Result<()> {
    fs::create_dir_all(&new.into)?;
    fs::create_dir(folder)?;
    fs::create_dir(folder.join("fixtures"))?;
    let workflow = json!({
        "$schema": "https://flowcell.dev/schema/workflow.json",
        "key": new.key,
        "trigger": { "type": "webhook", "mode": "sync" },
        "steps": [{ "id": "main", "type": "code", "file": new.lang.file() }],
    });
    let fixture = json!({
        "event": { "data": { "name": "Ada" } },
        "expect": { "status": 200, "json": { "hello": "Ada" } },
    });
    fs::write(folder.join(new.lang.file()), new.lang.script())?;
    for (name, value) in [("fixtures/hello.json", fixture), ("workflow.json", workflow)] {
        fs::write(folder.join(name), format!("{value:#}\n"))?;
    }
    Ok(())
}
