//! Scripts as they are written and checked.

use serde::Deserialize;

/// How a script is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// The body of an async function.
    Body,
    /// A module with a default export.
    Module,
}

impl Form {
    pub(super) fn name(self) -> &'static [u8] {
        match self {
            Self::Body => b"body",
            Self::Module => b"module",
        }
    }
}

/// A source text whose syntax was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The name that errors show.
    pub file: String,
    /// Whether the source is a function's body or a module.
    pub form: Form,
    /// The source, as JavaScript: TypeScript is compiled before.
    pub source: String,
    /// The modules that it may import, by name with their texts; filled by who compiles it.
    pub modules: Vec<(String, String)>,
    /// What it imports, as the engine found it.
    pub imports: Vec<String>,
}
