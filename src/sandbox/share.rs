//! Whose part of the sandbox a call takes.

use std::sync::Arc;

/// What one workflow may take of the sandbox.
#[derive(Debug, Clone)]
pub struct Share {
    pub(super) tenant: Arc<str>,
}

impl Share {
    /// The share of the workflow of this name. All shares of one name are one.
    pub fn of(workflow: &str) -> Self {
        Self { tenant: workflow.into() }
    }
}
