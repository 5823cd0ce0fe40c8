//! What templates read in the tests of the steps.

use serde_json::Value;

use crate::template::{Root, Roots};

/// Roots from one JSON object; a root that it lacks does not exist.
pub(super) struct Fixture(pub(super) Value);

impl Roots for Fixture {
    fn root(&self, root: Root) -> Option<&Value> {
        self.0.get(root.name())
    }
}
