//! The labels of metrics. Their values are bounded: workflows that were installed, outcomes and codes of ours; never what a
//! sender chose.

use prometheus_client::encoding::EncodeLabelSet;

/// A workflow alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Workflow {
    pub(super) workflow: String,
}

/// A workflow and what became of something.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Outcome {
    pub(super) workflow: String,
    pub(super) outcome: &'static str,
}

/// A workflow and why it refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Code {
    pub(super) workflow: String,
    pub(super) code: String,
}

/// Which build this is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Build {
    pub(super) version: &'static str,
}
