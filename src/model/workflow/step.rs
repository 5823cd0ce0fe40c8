//! The tree of steps as their author writes it: a step, and every type of step that has steps inside.
//!
//! The types without steps inside are in `plain_step`, `http_step` and `query_step`; `step_parse` reads all of them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::{
    flow::{IterationError, Join, Retry},
    http_step::HttpStep,
    page::Page,
    plain_step::{CallbackStep, CodeStep, DelayStep, EndStep, SetStep, SubflowStep, WaitUntilStep},
    query_step::QueryStep,
};
use crate::model::value::{ConditionExpr, PluginStep, ResponseSpec, Span, StepId};

/// One step of the tree.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Step {
    /// Unique in the workflow.
    pub id: StepId,
    /// For people.
    #[schemars(default)]
    pub title: String,
    /// Further attempts after a failure that another attempt can help.
    pub retry: Option<Retry>,
    /// How long one attempt may take, from its start; at most 1h. Steps that wait have a time of their own.
    pub timeout: Option<Span>,
    /// What happens when the last attempt has failed.
    #[schemars(default, with = "Option<OnError>")]
    pub on_error: OnError,
    /// A JSON Schema that the output must satisfy, else the attempt has failed.
    pub output_schema: Option<Value>,
    /// What it does.
    #[schemars(flatten)]
    pub kind: StepKind,
}

/// What a step does.
#[derive(Debug, Clone, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum StepKind {
    /// Runs a JavaScript file in the sandbox; its output is what the script returns.
    Code(CodeStep),
    /// Takes one of two branches; its output is true or false.
    Condition(ConditionStep),
    /// Answers the caller; the run goes on.
    Response(ResponseSpec),
    /// Makes a value out of templates; its output is that value.
    Set(SetStep),
    /// Takes the first case that is true; its output is the case's number from 0, or null for `else`.
    Switch(SwitchStep),
    /// Ends the run here, well or as failed.
    End(EndStep),
    /// Executes its steps once for each element, or while something is true.
    Loop(LoopStep),
    /// Ends the innermost loop.
    Break,
    /// Goes on with the next iteration of the innermost loop.
    Continue,
    /// Executes several lists of steps at once.
    Parallel(ParallelStep),
    /// Waits for a time; nothing is held in memory meanwhile.
    Delay(DelayStep),
    /// Waits until a moment.
    WaitUntil(WaitUntilStep),
    /// Waits for a request to the run's own one-time URL.
    WaitForCallback(CallbackStep),
    /// Starts a run of another workflow.
    Subflow(SubflowStep),
    /// Makes one request to another service.
    Http(Box<HttpStep>),
    /// Takes parts of data, without code.
    Query(QueryStep),
    /// Runs an uploaded Wasm module in the sandbox; its output is what the module gives.
    Plugin(PluginStep),
}

/// What a type of step means for the way through the steps.
#[derive(Debug, Clone, Copy)]
pub enum Shape<'a> {
    /// It is executed, and its output may lead into one of its branches.
    Leaf,
    /// Its steps are executed again and again.
    Loop(&'a LoopStep),
    /// Its branches are executed at once.
    Parallel(&'a ParallelStep),
    /// It leads elsewhere in the loop around it.
    Jump(Jump),
}

/// Where a step leads that is never executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jump {
    /// Behind the loop.
    Break,
    /// To the loop's next iteration.
    Continue,
}

impl StepKind {
    /// The question that it asks a person.
    pub fn page(&self) -> Option<&Page> {
        match self {
            Self::WaitForCallback(step) => step.page.as_ref(),
            Self::Code(_)
            | Self::Condition(_)
            | Self::Response(_)
            | Self::Set(_)
            | Self::Switch(_)
            | Self::End(_)
            | Self::Loop(_)
            | Self::Break
            | Self::Continue
            | Self::Parallel(_)
            | Self::Delay(_)
            | Self::WaitUntil(_)
            | Self::Subflow(_)
            | Self::Http(_)
            | Self::Query(_)
            | Self::Plugin(_) => None,
        }
    }

    /// What it means for the way through the steps.
    pub fn shape(&self) -> Shape<'_> {
        match self {
            Self::Loop(each) => Shape::Loop(each),
            Self::Parallel(parallel) => Shape::Parallel(parallel),
            Self::Break => Shape::Jump(Jump::Break),
            Self::Continue => Shape::Jump(Jump::Continue),
            Self::Code(_)
            | Self::Condition(_)
            | Self::Response(_)
            | Self::Set(_)
            | Self::Switch(_)
            | Self::End(_)
            | Self::Delay(_)
            | Self::WaitUntil(_)
            | Self::WaitForCallback(_)
            | Self::Subflow(_)
            | Self::Http(_)
            | Self::Query(_)
            | Self::Plugin(_) => Shape::Leaf,
        }
    }
}

/// One of the lists of steps inside a step.
#[derive(Debug, Clone)]
pub struct Branch<'a> {
    /// Its place in the step, as in `then` or `cases[1].then`.
    pub field: Cow<'static, str>,
    /// When it is executed.
    pub when: When,
    /// What is executed.
    pub steps: &'a [Step],
}

/// What leads into a branch.
#[derive(Debug, Clone, PartialEq)]
pub enum When {
    /// The step's output is this value.
    Output(Value),
    /// The step is a loop: once an iteration.
    Iteration,
    /// The step is parallel: at once with its other branches.
    AtOnce,
    /// The step has failed.
    Error,
}

impl Step {
    /// The lists of steps inside.
    pub fn branches(&self) -> Vec<Branch<'_>> {
        fn branch(field: impl Into<Cow<'static, str>>, when: When, steps: &[Step]) -> Branch<'_> {
            Branch { field: field.into(), when, steps }
        }
        let mut branches = match &self.kind {
            StepKind::Condition(condition) => vec![
                branch("then", When::Output(true.into()), &condition.then),
                branch("else", When::Output(false.into()), &condition.otherwise),
            ],
            StepKind::Switch(switch) => {
                let cases = switch.cases.iter().enumerate();
                let mut branches: Vec<_> = cases
                    .map(|(index, case)| {
                        branch(format!("cases[{index}].then"), When::Output(index.into()), &case.then)
                    })
                    .collect();
                branches.push(branch("else", When::Output(Value::Null), &switch.otherwise));
                branches
            }
            StepKind::Loop(each) => vec![branch("steps", When::Iteration, &each.steps)],
            StepKind::Parallel(parallel) => {
                let branches = parallel.branches.iter().enumerate();
                branches
                    .map(|(index, inner)| {
                        branch(format!("branches[{index}].steps"), When::AtOnce, &inner.steps)
                    })
                    .collect()
            }
            StepKind::Code(_)
            | StepKind::Response(_)
            | StepKind::Set(_)
            | StepKind::End(_)
            | StepKind::Break
            | StepKind::Continue
            | StepKind::Delay(_)
            | StepKind::WaitUntil(_)
            | StepKind::WaitForCallback(_)
            | StepKind::Subflow(_)
            | StepKind::Http(_)
            | StepKind::Query(_)
            | StepKind::Plugin(_) => Vec::new(),
        };
        if let OnError::Steps(steps) = &self.on_error {
            branches.push(branch("on_error", When::Error, steps));
        }
        branches
    }
}

/// A `switch` step.
#[derive(Debug, Clone, JsonSchema)]
pub struct SwitchStep {
    /// Asked in order; the first that is true is taken.
    pub cases: Vec<SwitchCase>,
    /// Executed when none is.
    #[schemars(default, rename = "else")]
    pub otherwise: Vec<Step>,
}

/// One case of a `switch` step.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SwitchCase {
    /// What is asked.
    #[schemars(rename = "if")]
    pub test: ConditionExpr,
    /// Executed when it is true and no case before it was.
    #[schemars(default)]
    pub then: Vec<Step>,
}

/// A `condition` step.
#[derive(Debug, Clone, JsonSchema)]
pub struct ConditionStep {
    /// What is asked.
    #[schemars(rename = "if")]
    pub test: ConditionExpr,
    /// Executed when it is true.
    #[schemars(default)]
    pub then: Vec<Step>,
    /// Executed when it is false.
    #[schemars(default, rename = "else")]
    pub otherwise: Vec<Step>,
}

/// A `loop` step: give `over` or `while`.
#[derive(Debug, Clone, JsonSchema)]
pub struct LoopStep {
    /// What it goes over.
    #[schemars(flatten)]
    pub source: LoopSource,
    /// Iterations at most, 1 to 10000; default 1000. Reaching it ends the loop with `ended: "limit"`.
    #[schemars(default = "LoopStep::default_limit")]
    pub limit: u32,
    /// What a failed iteration does.
    #[schemars(default)]
    pub iteration_error: IterationError,
    /// Executed in each iteration.
    pub steps: Vec<Step>,
}

impl LoopStep {
    /// Iterations of a loop that says nothing.
    pub fn default_limit() -> u32 {
        1_000
    }

    /// The most iterations of any loop.
    pub const LIMIT_CAP: u32 = 10_000;
}

/// What a loop goes over.
#[derive(Debug, Clone, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoopSource {
    /// An array, or a number of iterations, or a template that gives one of them.
    Over(Value),
    /// A condition that is asked before each iteration.
    While(ConditionExpr),
}

/// A `parallel` step.
#[derive(Debug, Clone, JsonSchema)]
pub struct ParallelStep {
    /// When it is done.
    #[schemars(default)]
    pub mode: Join,
    /// Executed at once; 1 to 50.
    pub branches: Vec<ParallelBranch>,
}

/// One branch of a `parallel` step.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ParallelBranch {
    /// Executed in order.
    pub steps: Vec<Step>,
}

/// What happens when a step has failed for good.
#[derive(Debug, Clone, Default)]
pub enum OnError {
    /// `"fail"`: what is around the step fails, in the end the run.
    #[default]
    Fail,
    /// `"continue"`: the output is `{"error": {"code", "message"}}`, and the run goes on.
    Continue,
    /// As `continue`, and these steps are executed first.
    Steps(Vec<Step>),
}

impl JsonSchema for OnError {
    fn schema_name() -> Cow<'static, str> {
        "OnError".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let steps = generator.subschema_for::<Vec<Step>>();
        json_schema!({
            "description": "What happens when a step has failed for good: `fail` lets what is around it fail; `continue` \
                goes on with the output `{\"error\": {\"code\", \"message\"}}`; steps are executed first.",
            "anyOf": [{ "enum": ["fail", "continue"] }, steps],
            "default": "fail",
        })
    }
}
