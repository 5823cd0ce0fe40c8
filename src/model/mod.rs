//! The vocabulary of Flowcell: ids, workflows, events, runs and limits.
//!
//! Every floor above speaks in these types. This module does no I/O, reads no
//! clock and draws no randomness; whoever makes an id or a record passes those in.

mod answer;
mod call;
mod capability;
mod envelope;
mod error;
mod event;
mod flow;
mod guards;
mod handshake;
mod hmac;
mod hook_path;
mod http_step;
mod ids;
mod journal;
mod json;
mod limits;
pub mod nocobase;
mod plugin;
mod policy;
mod query_step;
mod request;
mod run;
mod schedule;
mod step;
mod step_parse;
mod units;
mod upload;
mod verify;
mod verify_parse;
mod webhook;
mod webhook_parse;
mod workflow;
mod workflow_parse;

pub use answer::Answer;
pub use call::{CallError, CallNote, CallRecord};
pub use capability::{CAPABILITY_MISSING, Capability, CapabilityError, HostPattern};
pub use envelope::{EnvelopeSpec, FeishuSpec, WechatMpSpec};
pub use error::{ErrorCode, LimitUnit, LimitUse, Position, RunError};
pub use event::{Content, Event, HIDDEN, Note, notes_json};
pub use flow::{
    CallbackStep, DelayStep, IterationError, Join, LoopSource, LoopStep, OnError, ParallelBranch,
    ParallelStep, Retry, SubflowStep, WAIT_CAP, WaitUntilStep,
};
pub use guards::{Cors, IpRules, Network, NetworkError, RateBy, RateLimit, RateLimits, subscriber};
pub use handshake::{Handshake, HandshakeAnswer, HandshakeMac, HandshakeSpec, Preset, PresetSpec};
pub use hmac::{Algorithm, Encoding, HmacSpec, SecretEncoding, TimestampSpec, TimestampUnit};
pub use hook_path::{HookPath, HookPathError, PathSegment};
pub use http_step::{HttpAuth, HttpFile, HttpMethod, HttpPart, HttpResponse, HttpStep, StatusPattern};
pub use ids::{IdError, PluginName, RequestId, RunId, StepId, VersionHash, WorkflowKey};
pub use journal::{Entry, Signal, StepKey, StepRecord, StepStatus, Wait};
pub use json::{Bounds, JsonText};
pub use limits::{CodeLimits, Limits};
pub use plugin::{
    PluginDescription, PluginExample, PluginHash, PluginKind, PluginPin, PluginRef, PluginRefError,
    PluginSettings, PluginStep, PluginVersion, Stdio, VersionPrefix,
};
pub use policy::{Concurrency, Debounce, OnConflict, Policy, Priority, Retention, Singleton, Throttle};
pub use query_step::{QueryLanguage, QueryStep};
pub use request::{KeptRequest, RequestOutcome, RequestRecord};
pub use run::{Cause, Claim, LogLevel, LogLine, Parent, Run, RunHead, RunStatus, Usage};
pub use schedule::{Missed, ScheduleTrigger};
pub use step::{
    Branch, CodeStep, Comparison, ConditionExpr, ConditionStep, EndStatus, EndStep, Operator, ResponseSpec,
    SetStep, Step, StepKind, SwitchCase, SwitchStep, When,
};
pub use units::{ByteSize, Span, UnitError};
pub use upload::Upload;
pub use verify::{
    BasicSpec, BearerSpec, DiscordSpec, ExpiringSecret, GiteeMode, GiteeSpec, GitlabSpec, HeaderSpec,
    JwtAlgorithm, JwtSpec, QuerySpec, SecretEntry, Secrets, Vendor, VendorSpec, Verify,
};
pub use webhook::{BodyFormat, CREDENTIAL_HEADERS, Dedupe, Method, Mode, Webhook, WhenUnknown};
pub use workflow::{Bundle, Trigger, Workflow, WorkflowTrigger};
pub use workflow_parse::FieldError;
