//! Code files before they run: removes TypeScript's types, compiles what of it is more than types, finds and resolves imports, and makes frames around errors.
//!
//! Pure, and on the host. `steps::code` compiles scripts with it, `folder` finds the libraries that are needed,
//! `run_view` and the commands show frames. It never runs code. Only the engine in the sandbox decides whether a text
//! is JavaScript.

mod blank;
mod compile;
mod erase;
mod erase_class;
mod eraser;
mod frame;
mod imports;
mod layout;
mod mistake;
mod nesting;
mod parse;
mod resolve;
#[cfg(test)]
mod tests;
mod text;

pub use self::{
    frame::frame,
    imports::{Import, ImportKind, mentioned},
    mistake::Mistake,
    parse::{Parsed, parse},
    resolve::{LIBRARIES, NoModule, resolve},
};

/// The language of a code file, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// `.js`, `.mjs`, `.cjs`
    JavaScript,
    /// `.ts`, `.mts`, `.cts`
    TypeScript,
    /// `.json`: a value that code imports
    Json,
}

impl Language {
    /// The language of a file; `None` when it is not code, as for `*.d.ts`.
    pub fn of(file: &str) -> Option<Self> {
        let name = file.rsplit('/').next().unwrap_or(file);
        let (stem, extension) = name.rsplit_once('.')?;
        match extension {
            _ if stem.is_empty() => None,
            "js" | "mjs" | "cjs" => Some(Self::JavaScript),
            "json" => Some(Self::Json),
            "ts" | "mts" | "cts" if !stem.ends_with(".d") => Some(Self::TypeScript),
            _ => None,
        }
    }
}
