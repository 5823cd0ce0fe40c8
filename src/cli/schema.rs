//! `flowcell schema`: the JSON Schema of workflow.json, for editors; with `--outputs`, those of the outputs of steps.

use clap::Args;

use super::{Verdict, print};
use crate::{model::Workflow, steps::output_schemas};

#[derive(Args)]
pub(super) struct Arguments {
    /// Print the JSON Schemas of the outputs of all step types instead, as one object by type.
    #[arg(long)]
    outputs: bool,
    /// Print JSON, as without it.
    #[arg(long)]
    json: bool,
}

pub(super) fn execute(arguments: &Arguments) -> anyhow::Result<Verdict> {
    let Arguments { outputs: _, json: _ } = arguments;
    let schema = if arguments.outputs { serde_json::to_value(output_schemas())? } else { workflow() };
    print::json(&schema)?;
    Ok(Verdict::Yes)
}

fn workflow() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Workflow).to_value();
    // The server does this at the root, and no attribute can say it: `$schema` is allowed, unknown fields are not.
    schema["properties"]["$schema"] = serde_json::json!({ "type": "string" });
    schema["additionalProperties"] = false.into();
    schema["oneOf"] = serde_json::json!([{ "required": ["trigger"] }, { "required": ["triggers"] }]);
    schema
}
