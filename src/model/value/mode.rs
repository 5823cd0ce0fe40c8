//! Whether the caller of a webhook waits: said by its trigger, kept with each run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether the caller waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The answer is what the workflow says.
    #[default]
    Sync,
    /// 202 once the run is durable.
    Async,
}
