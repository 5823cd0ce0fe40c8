//! `flowcell schema`: the JSON Schema of workflow.json, for editors.

use super::Verdict;
use crate::model::Workflow;

pub(super) fn execute() -> anyhow::Result<Verdict> {
    let mut schema = schemars::schema_for!(Workflow).to_value();
    // What the server does at the root, which no attribute says: `$schema` is welcome, the unknown is not.
    schema["properties"]["$schema"] = serde_json::json!({ "type": "string" });
    schema["additionalProperties"] = false.into();
    println!("{}", serde_json::to_string_pretty(&schema)?);
    Ok(Verdict::Yes)
}
