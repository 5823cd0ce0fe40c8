//! Runs one run: attempts of its steps, what follows from each, and what is durable before what.
//!
//! The `runner` makes a [`Job`] and calls [`execute`]. `transition` decides, `execution` does what it says, `progress`
//! makes it durable, `attempt` executes one step once, `script` serves its code.

mod attempt;
mod execution;
mod failures;
mod job;
mod mask;
mod new_run;
mod progress;
mod script;
mod seen;
mod sessions;
mod spawned;
mod transition;
mod urls;

use std::sync::Arc;

pub(crate) use execution::{Stop, execute, tell_line};
pub(crate) use failures::Failures;
pub(crate) use job::Job;
pub(crate) use new_run::NewRun;
pub(crate) use urls::callback_token;
#[cfg(test)]
pub(crate) use urls::idempotency_key;

use super::{EngineOptions, Kv, Vault, durable::Durable, line::Line, replies::Replies, workflow::Catalog};
use crate::steps::Services;

/// What steps work with.
pub(crate) struct Tools {
    pub(crate) services: Services,
    pub(crate) vault: Vault,
    pub(crate) kv: Arc<Kv>,
    /// Which workflows let others read their kv.
    pub(crate) catalog: Arc<Catalog>,
}

/// The handles that runs are executed with. Functions take those of them that they use.
pub(crate) struct Runs {
    pub(crate) durable: Arc<Durable>,
    pub(crate) line: Arc<Line>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) replies: Replies,
    pub(crate) tools: Arc<Tools>,
    pub(crate) options: EngineOptions,
    pub(crate) failures: Failures,
}

impl Drop for Runs {
    /// Wakes the runner, which then finds that there is nothing left to do.
    fn drop(&mut self) {
        self.line.changed();
    }
}
