//! `flowcell schema`: the JSON Schema of workflow.json, for editors.

use super::Verdict;
use crate::model::Workflow;

pub(super) fn execute() -> anyhow::Result<Verdict> {
    println!("{}", serde_json::to_string_pretty(&schemars::schema_for!(Workflow))?);
    Ok(Verdict::Yes)
}
