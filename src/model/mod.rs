//! The vocabulary of Flowcell: ids, workflows, events, runs and limits.
//!
//! Every floor above speaks in these types. This module does no I/O, reads no
//! clock and draws no randomness; whoever makes an id or a record passes those in.
//!
//! Four rooms, each of which knows only those after it: `workflow` (what runs), `trigger` (what starts it), `run` (what
//! happened), `value` (what all of them are made of).

mod run;
mod trigger;
mod value;
mod workflow;

pub use run::*;
pub use trigger::*;
pub use value::*;
pub use workflow::*;
