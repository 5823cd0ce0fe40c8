//! A setting that takes one text, or several where a sender uses several.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One text, or several of which each is accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Texts {
    /// The one text.
    One(String),
    /// Any of these.
    Several(Vec<String>),
}

impl Texts {
    /// All of them, in order.
    pub fn list(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(several) => several,
        }
    }

    /// Whether one of them is this text.
    pub fn holds(&self, text: &str) -> bool {
        self.list().iter().any(|one| one == text)
    }
}
