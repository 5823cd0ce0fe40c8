//! `flowcell schema`: the JSON Schema of workflow.json, for editors; with `--outputs` those of what steps give.

use clap::Args;

use super::Verdict;
use crate::{model::Workflow, steps::output_schemas};

#[derive(Args)]
pub(super) struct Arguments {
    /// The JSON Schemas of the outputs of all step types instead, as one object by type.
    #[arg(long)]
    outputs: bool,
}

pub(super) fn execute(arguments: &Arguments) -> anyhow::Result<Verdict> {
    let schema = if arguments.outputs { serde_json::to_value(output_schemas())? } else { workflow() };
    println!("{}", serde_json::to_string_pretty(&schema)?);
    Ok(Verdict::Yes)
}

fn workflow() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Workflow).to_value();
    // What the server does at the root, which no attribute says: `$schema` is welcome, the unknown is not.
    schema["properties"]["$schema"] = serde_json::json!({ "type": "string" });
    schema["additionalProperties"] = false.into();
    schema
}
