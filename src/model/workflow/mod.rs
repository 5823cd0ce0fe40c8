//! A workflow as its author writes it: the whole, its policy, its tree of steps. Parsers stand beside their types.

mod definition;
mod definition_parse;
mod flow;
mod http_step;
mod page;
mod plain_step;
mod policy;
mod query_step;
mod step;
mod step_parse;

pub use definition::{Bundle, ChoiceError, KvSharing, Workflow};
pub use flow::{IterationError, Join, Retry};
pub use http_step::{HttpAuth, HttpFile, HttpPart, HttpResponse, HttpStep, HttpTls, StatusPattern};
pub use page::Page;
pub use plain_step::{
    CallbackStep, CodeStep, DelayStep, EndStatus, EndStep, SetStep, SubflowStep, WaitUntilStep,
};
pub use policy::{Concurrency, Debounce, OnConflict, Policy, Priority, Retention, Singleton, Throttle};
pub use query_step::{QueryLanguage, QueryStep};
pub use step::{
    Branch, ConditionStep, Jump, LoopSource, LoopStep, OnError, ParallelBranch, ParallelStep, Shape, Step,
    StepKind, SwitchCase, SwitchStep, When,
};
