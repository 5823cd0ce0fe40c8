//! Runs: accepted once, executed in order, finished once, whatever happens in between.
//!
//! The gateway calls [`Engine::submit`]; it returns only when the run, its queue item and its dedupe claim are durable
//! together (`intake`). The run stands in the `line` until its turn comes; the `runner` then executes it in a task
//! (`run`). What waits is put down, and woken by `timers` or a signal (`callbacks`, `control`); `recovery` takes up what a crash
//! left.
//!
//! From the top: `callbacks`, `control` and `handle`, which are [`Engine`]; `intake`, `recovery`, `recount`, `timers`, `housekeeping`; `fire`,
//! `runner`; `run`; `line`; `workflow`; `kv`, `plugins`. Every other file is below all of these.
//!
//! Invariants: nothing accepted is held in memory alone; a run has exactly one terminal
//! state; the engine knows no HTTP.

mod callbacks;
mod changes;
mod control;
mod durable;
mod error;
mod fire;
mod handle;
mod homes;
mod housekeeping;
mod intake;
mod kv;
mod line;
mod numbers;
mod options;
mod plugins;
mod ports;
mod recount;
mod recovery;
mod replies;
mod request_log;
mod run;
mod runner;
#[cfg(test)]
mod simulation;
mod stopping;
mod surroundings;
mod timers;
mod vault;
mod workflow;

pub use callbacks::{Asked, CallbackError, Look, QuestionError, Stands};
pub use changes::{Changed, Changes, WorkflowChange};
pub use control::{ControlError, ReplayOn};
pub use error::EngineError;
pub use handle::Engine;
pub use homes::{FixtureDifference, HomeError, HomeProblem, Homes, Outlook, Publication, Published};
pub use intake::{DedupeKey, ReplayKey, Submission, Submitted};
pub use kv::{Kv, KvEntry, KvError, KvOp, KvUsage};
pub use numbers::{Day, Figures, Hour, Numbers, Tally};
pub use options::EngineOptions;
pub use plugins::{Installed, Plugins, PluginsError, Uploaded};
pub use ports::{Ports, SystemPorts};
pub use replies::{Awaited, Reply};
pub use surroundings::{ClockJump, Surroundings};
pub use vault::{SecretInfo, Vault, VaultError};
pub(crate) use workflow::in_workflow_json;
pub use workflow::{
    Catalog, Definition, DefinitionError, Environment, EventRoots, Schedule, ScheduleError, frame_of,
    read_workflow,
};
