//! What all words are made of: ids, units, limits, errors, JSON, and how fields of JSON are read.
//!
//! Knows no other room of the model.

mod access;
mod actor;
mod capability;
pub(super) mod condition;
mod error;
pub(super) mod fields;
mod ids;
mod json;
mod limits;
mod method;
mod mode;
mod plugin;
mod question;
pub(super) mod response;
mod units;
mod way;

pub use access::{Right, RightError, Rights, Role, RoleError};
pub use actor::Actor;
pub use capability::{CAPABILITY_MISSING, Capability, CapabilityError, HostPattern};
pub use condition::{Comparison, ConditionExpr, Operator};
pub use error::{ErrorCode, LimitUnit, LimitUse, Position, RunError};
pub use fields::FieldError;
pub use ids::{
    IdError, PersonName, PluginName, RequestId, RunId, StepId, TokenId, TriggerName, VersionHash, WorkflowKey,
};
pub use json::{Bounds, JsonText};
pub use limits::{CodeLimits, Limits, WAIT_CAP};
pub use method::Method;
pub use mode::Mode;
pub use plugin::{
    PluginDescription, PluginExample, PluginHash, PluginKind, PluginPin, PluginRef, PluginRefError,
    PluginSettings, PluginStep, PluginVersion, Stdio, VersionPrefix,
};
pub use question::{AnswerError, Answered, Choice, Comment, Question};
pub use response::ResponseSpec;
pub use units::{ByteSize, Span, UnitError};
pub use way::{is_safe_way, leads_here};
