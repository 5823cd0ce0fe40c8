//! Steps as their author writes them: what all have, and the small types. Control of the flow is in `flow`.

use std::{borrow::Cow, collections::BTreeMap};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    flow::{CallbackStep, DelayStep, LoopStep, OnError, ParallelStep, Retry, SubflowStep, WaitUntilStep},
    http_step::HttpStep,
    ids::StepId,
    limits::CodeLimits,
    plugin::PluginStep,
    query_step::QueryStep,
    units::Span,
};

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

    /// Whether its output is made of what happens inside it, so that one attempt is no thing of its own.
    pub fn is_composite(&self) -> bool {
        matches!(self.kind, StepKind::Loop(_) | StepKind::Parallel(_))
    }
}

/// A `set` step.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetStep {
    /// Any JSON whose strings may hold templates.
    pub values: Value,
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

/// An `end` step.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndStep {
    /// How the run ends.
    pub status: EndStatus,
    /// Why, for people; may hold templates.
    #[serde(default)]
    pub message: String,
    /// The output of the run, for a workflow that called it; may hold templates. Default: the last output.
    #[serde(default, deserialize_with = "present")]
    pub output: Option<Value>,
}

/// How an `end` step ends its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndStatus {
    /// As if all steps had been executed.
    Succeeded,
    /// With the error `ended_as_failed`.
    Failed,
}

/// A `code` step.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeStep {
    /// A `.js`, `.mjs`, `.ts` or `.mts` file in the workflow's folder, such as `parse.ts` or `lib/parse.js`.
    pub file: String,
    /// Its limits.
    #[serde(default)]
    pub limits: CodeLimits,
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

/// A question with the answer true or false.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ConditionExpr {
    /// CEL over `context`, `steps`, `env`, `system` and `run`.
    Cel(String),
    /// True when all are.
    All {
        /// The parts; an empty list is true.
        all: Vec<ConditionExpr>,
    },
    /// True when one is.
    Any {
        /// The parts; an empty list is false.
        any: Vec<ConditionExpr>,
    },
    /// True when it is not.
    Not {
        /// The part.
        not: Box<ConditionExpr>,
    },
    /// A comparison.
    Compare(Comparison),
}

/// `left op right`; both sides may hold templates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// The left side.
    pub left: Value,
    /// How they are compared.
    pub op: Operator,
    /// The right side; `exists` and `not_exists` need none.
    #[serde(default)]
    pub right: Value,
}

/// Comparisons of the structured form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Operator {
    /// Equal JSON; 1 equals 1.0.
    #[serde(rename = "==")]
    Equal,
    /// Not equal.
    #[serde(rename = "!=")]
    NotEqual,
    /// Greater: two numbers or two strings.
    #[serde(rename = ">")]
    Greater,
    /// Greater or equal.
    #[serde(rename = ">=")]
    GreaterOrEqual,
    /// Less.
    #[serde(rename = "<")]
    Less,
    /// Less or equal.
    #[serde(rename = "<=")]
    LessOrEqual,
    /// A string has a part, an array an element, an object a key.
    #[serde(rename = "includes")]
    Includes,
    /// Not `includes`.
    #[serde(rename = "not_includes")]
    NotIncludes,
    /// A string starts with another.
    #[serde(rename = "starts_with")]
    StartsWith,
    /// A string ends with another.
    #[serde(rename = "ends_with")]
    EndsWith,
    /// The left side is not null.
    #[serde(rename = "exists")]
    Exists,
    /// The left side is null.
    #[serde(rename = "not_exists")]
    NotExists,
}

/// An HTTP answer. At most one of `json` and `text`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResponseSpec {
    /// A number from 200 to 599, or a template that gives one; default 200.
    pub status: Option<Value>,
    /// Header values may hold templates.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// A JSON body whose strings may hold templates.
    #[serde(default, deserialize_with = "present")]
    pub json: Option<Value>,
    /// A text body that may hold templates.
    pub text: Option<String>,
}

/// Tells `"json": null`, an answer of `null`, from no `json`.
pub(super) fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}
