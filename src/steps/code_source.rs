//! Where code comes from when a version is compiled; the engine implements it.

use crate::{
    model::RunError,
    sandbox::{Image, Metering, Script, Share},
};

/// Where code files come from when a version is compiled.
pub trait CodeSource {
    /// The text of a code file in the workflow's folder, or of a library.
    fn read(&self, file: &str) -> Option<&str>;

    /// Checks a text's syntax.
    ///
    /// # Errors
    /// The syntax error with its place.
    fn check(&self, file: &str, source: &str) -> Result<Script, RunError>;

    /// What all code of this workflow, and all plugins that it calls, may take of the sandbox together.
    fn share(&self) -> Share;

    /// How the sandbox counts what a script computes.
    fn metering(&self) -> Metering;

    /// The image of a script, if it has one.
    fn image(&self, script: &Script) -> Option<Image>;
}
