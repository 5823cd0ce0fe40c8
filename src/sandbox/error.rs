//! Why the sandbox itself could not serve.

use crate::model::ByteSize;

/// Why the sandbox itself could not serve. What a script does wrong is a `RunError` in the outcome, not this.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The engine module does not compile or link: a defect of this build.
    #[error("the JavaScript engine cannot be loaded: {0}")]
    Engine(String),
    /// The compiled form can neither be read nor written.
    #[error("the cache folder {folder} cannot be used: {source}; make it writable or set sandbox.cache")]
    Cache {
        /// The folder that cannot be used.
        folder: String,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// The host could not make an instance, or its thread ended.
    #[error("the sandbox could not start a call: {0}")]
    Start(String),
    /// A call that could never begin.
    #[error(
        "the step may use {asked} of memory and the sandbox has {budget} for all calls together: lower `limits.memory` of the \
         step, or raise sandbox.memory"
    )]
    Memory {
        /// The memory that the step's limit asks for.
        asked: ByteSize,
        /// The memory that all guests share.
        budget: ByteSize,
    },
    /// The results of a script's calls could not be kept.
    #[error("the results of the script's calls cannot be kept: {0}")]
    Record(String),
}
