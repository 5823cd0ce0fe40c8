//! Workflow versions: compiled, checked, and the current one of each key; with the groups and the times that they ask for.

mod catalog;
mod definition;
mod groups;
mod locate;
mod schedule;
mod zones;

pub use catalog::Catalog;
pub(crate) use catalog::PinnedError;
pub(crate) use definition::in_workflow_json;
pub use definition::{Definition, DefinitionError, Environment, frame_of, read_workflow};
pub use groups::EventRoots;
pub(crate) use groups::{Group, Groups, Hashed, Pace};
pub use schedule::{Schedule, ScheduleError};
