//! Why a file is no plugin: each names what is wrong with it and what to do.

use serde::{Deserialize, Serialize};

use crate::model::{ByteSize, RunError};

/// Why a module was not taken. Nothing of it is kept.
#[derive(Debug, Serialize, Deserialize, thiserror::Error)]
pub enum PluginError {
    /// The file is no WebAssembly.
    #[error("this is no WebAssembly: it begins with {found}; upload the .wasm file that your build made")]
    NotWasm {
        /// The first bytes of the file, readable.
        found: String,
    },
    /// The file is WebAssembly's text form.
    #[error(
        "this is WebAssembly as text; make it binary first, with `wasm-tools parse x.wat -o x.wasm` or `wat2wasm`"
    )]
    Text,
    /// Machine code of somebody else's making is never loaded.
    #[error(
        "this is machine code, as in a .cwasm of wasmtime; only WebAssembly is taken: upload the .wasm it was made from"
    )]
    Precompiled,
    /// The file is larger than a plugin may be.
    #[error(
        "the module has {size} bytes, {most} are allowed; build it with optimisation for size and without debug information"
    )]
    TooLarge {
        /// The size of the file, bytes.
        size: u64,
        /// The limit.
        most: ByteSize,
    },
    /// Not well formed, or of a proposal that is not allowed here.
    #[error("the module is not valid: {why}; build it again, and check that all of the file arrived here")]
    Invalid {
        /// What the validator says.
        why: String,
    },
    /// More of something than one module may have.
    #[error("the module has {found} {what}, {most} are allowed; split it, or leave out what it does not use")]
    TooMany {
        /// What the module has too many of.
        what: String,
        /// How many of them the module has.
        found: u64,
        /// The limit.
        most: u64,
    },
    /// Something that nobody here provides.
    #[error("the module imports `{import}`, which is not provided: {fix}")]
    ForbiddenImport {
        /// Module and name, or the interface.
        import: String,
        /// What the author of the plugin does about it.
        fix: String,
    },
    /// It can do nothing for us.
    #[error("the module does not export {export}: {fix}")]
    MissingExport {
        /// The export that the module lacks.
        export: String,
        /// What the author of the plugin does about it.
        fix: String,
    },
    /// A world that is not ours, or another version of it.
    #[error("the module is built for {found}; this server runs plugins of `flowcell:plugin/plugin@1`: {fix}")]
    WrongWorld {
        /// What the module exports instead.
        found: String,
        /// What the author of the plugin does about it.
        fix: String,
    },
    /// The compiler ran into its own limits.
    #[error("compiling the module {what}; build it smaller, or split it")]
    CompileLimit {
        /// Which, as in `took more than 60s`.
        what: String,
    },
    /// It does not say what it is, or says something impossible.
    #[error("the plugin does not describe itself: {why}")]
    Describe {
        /// What is wrong with the plugin's description of itself.
        why: String,
    },
    /// `describe` itself failed.
    #[error("the plugin's `describe` failed: {}", .0.message)]
    DescribeFailed(Box<RunError>),
    /// The compiler failed, through no fault of the module's.
    #[error(
        "the module could not be compiled: {why}; try again, and look at the server's log if that does not help"
    )]
    Compiler {
        /// What the compiler said.
        why: String,
    },
}

impl PluginError {
    /// A stable code, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotWasm { .. } | Self::Text => "plugin_not_wasm",
            Self::Precompiled => "plugin_precompiled",
            Self::TooLarge { .. } => "plugin_too_large",
            Self::Invalid { .. } => "plugin_invalid",
            Self::TooMany { .. } => "plugin_too_complex",
            Self::ForbiddenImport { .. } => "plugin_import_forbidden",
            Self::MissingExport { .. } => "plugin_export_missing",
            Self::WrongWorld { .. } => "plugin_wrong_world",
            Self::CompileLimit { .. } => "plugin_compile_limit",
            Self::Describe { .. } | Self::DescribeFailed(_) => "plugin_describe_failed",
            Self::Compiler { .. } => "plugin_compiler_failed",
        }
    }
}
