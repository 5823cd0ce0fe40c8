//! A workflow as its author writes it: the typed form of `workflow.json`.
//!
//! `workflow_parse` builds these from JSON so that every error names its field;
//! the derives here make the published JSON Schema.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    ids::{StepId, WorkflowKey},
    policy::Policy,
    run::RunStatus,
    schedule::ScheduleTrigger,
    step::{ResponseSpec, Step, When},
    units::{ByteSize, Span},
};

/// The files of one workflow version, as they were saved. A run is pinned to these bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// The text of `workflow.json`.
    pub workflow: String,
    /// Code files in its folder, and the libraries that they import as `libraries/<name>.js`, by name with `/`.
    pub files: BTreeMap<String, String>,
}

/// One workflow: a trigger and a tree of steps.
#[derive(Debug, Clone, JsonSchema)]
pub struct Workflow {
    /// Its name in URLs; the folder has the same name.
    pub key: WorkflowKey,
    /// For people.
    #[schemars(default)]
    pub title: String,
    /// For people, longer.
    #[schemars(default)]
    pub description: String,
    /// A disabled workflow's endpoint answers as an unknown one.
    #[schemars(default = "enabled")]
    pub enabled: bool,
    /// Environment variables that scripts see in `env`, beside those that templates name.
    #[schemars(default)]
    pub env: Vec<String>,
    /// Secrets that scripts see in `secrets`. Templates may name any.
    #[schemars(default)]
    pub secrets: Vec<String>,
    /// What starts a run.
    pub trigger: Trigger,
    /// What holds for its runs as a whole.
    #[schemars(flatten)]
    pub policy: Policy,
    /// Executed in order.
    pub steps: Vec<Step>,
}

/// A workflow that says nothing is enabled.
pub(super) fn enabled() -> bool {
    true
}

/// What starts a run.
#[derive(Debug, Clone, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "a workflow has one")]
pub enum Trigger {
    /// A request to `/api/webhooks/<key>`.
    Webhook(Webhook),
    /// Nothing but a person or program through the API, or a `subflow` step.
    Manual,
    /// The end of a run of another workflow.
    Workflow(WorkflowTrigger),
    /// Times.
    Schedule(ScheduleTrigger),
}

/// The end of runs of other workflows. `context.data` tells which run it was and how it ended.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkflowTrigger {
    /// The workflows.
    pub workflows: Vec<WorkflowKey>,
    /// How their runs ended; default: well.
    #[serde(default = "WorkflowTrigger::default_on")]
    pub on: Vec<RunEnd>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunEnd {
    /// Well.
    Succeeded,
    /// By a failed step or a limit.
    Failed,
    /// By somebody's wish.
    Cancelled,
}

impl WorkflowTrigger {
    fn default_on() -> Vec<RunEnd> {
        vec![RunEnd::Succeeded]
    }

    /// Whether the end of such a run starts this workflow.
    pub fn matches(&self, workflow: &WorkflowKey, status: RunStatus) -> bool {
        let end = match status {
            RunStatus::Succeeded => RunEnd::Succeeded,
            RunStatus::Failed => RunEnd::Failed,
            RunStatus::Cancelled => RunEnd::Cancelled,
            RunStatus::Queued | RunStatus::Waiting => return false,
        };
        self.on.contains(&end) && self.workflows.contains(workflow)
    }
}

/// An HTTP endpoint.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Webhook {
    /// Methods that run the workflow; others answer 405.
    #[schemars(default = "Webhook::default_methods")]
    pub methods: Vec<Method>,
    /// Whether the caller waits for the answer.
    #[schemars(default)]
    pub mode: Mode,
    /// How the sender proves itself; nothing means that anyone may send.
    pub verify: Option<Verify>,
    /// Which deliveries are the same event.
    pub dedupe: Option<Dedupe>,
    /// The answer when no `response` step ran; strings may hold templates.
    pub response: Option<ResponseSpec>,
    /// The largest body; default 1MiB, at most 32MiB.
    pub max_body: Option<ByteSize>,
    /// How long a synchronous caller waits before 408; default 10s, at most 120s.
    pub sync_wait: Option<Span>,
    /// Headers whose values the workflow needs although they commonly hold credentials, such as `authorization`. The
    /// values of such headers are not kept else: `context.headers` has `[hidden]` in their place.
    #[schemars(default)]
    pub keep_headers: Vec<String>,
}

/// Headers that commonly hold credentials.
pub const CREDENTIAL_HEADERS: [&str; 5] =
    ["authorization", "cookie", "proxy-authorization", "x-api-key", "x-gitlab-token"];

impl Webhook {
    pub(super) fn default_methods() -> Vec<Method> {
        vec![Method::Post]
    }

    /// Whether the value of a header (its name in lower case) is not for the workflow: it is a credential, and not
    /// listed in `keep_headers`.
    pub fn hides(&self, header: &str) -> bool {
        let secret = self.verify.as_ref().and_then(Verify::secret_header);
        let credential = CREDENTIAL_HEADERS.contains(&header)
            || secret.is_some_and(|secret| secret.eq_ignore_ascii_case(header));
        credential && !self.keep_headers.iter().any(|kept| kept.eq_ignore_ascii_case(header))
    }
}

/// An HTTP method that can run a workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// GET
    Get,
    /// POST
    Post,
    /// PUT
    Put,
    /// PATCH
    Patch,
    /// DELETE
    Delete,
}

impl Method {
    /// The method's name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// Whether the caller waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The answer is what the workflow says.
    #[default]
    Sync,
    /// 202 once the run is durable.
    Async,
}

/// One secret or several: during a rotation each of them is accepted. Strings may hold templates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Secrets {
    /// The one secret.
    One(String),
    /// Any of these.
    Several(Vec<String>),
}

impl Secrets {
    /// The templates in order.
    pub fn templates(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(several) => several,
        }
    }
}

/// How a sender proves itself; always over the bytes as they were received.
#[derive(Debug, Clone, JsonSchema)]
#[serde(tag = "scheme", rename_all = "snake_case")]
pub enum Verify {
    /// `X-Hub-Signature-256` as GitHub sends it.
    Github {
        /// The webhook's secret.
        secret: Secrets,
    },
    /// Any HMAC in a header.
    Hmac(HmacSpec),
}

impl Verify {
    /// The header in which the sender gives the shared secret itself; nothing when it only proves to know it.
    pub fn secret_header(&self) -> Option<&str> {
        match self {
            Self::Github { .. } | Self::Hmac(_) => None,
        }
    }
}

/// A hash of the SHA family.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// Only for senders that know nothing better.
    Sha1,
    /// SHA-256.
    #[default]
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// How the bytes of a MAC are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Hex digits of either case.
    #[default]
    Hex,
    /// RFC 4648 section 4, with padding.
    Base64,
    /// RFC 4648 section 5, without padding.
    Base64url,
}

/// How the bytes of a secret are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretEncoding {
    /// The text's own bytes.
    #[default]
    Utf8,
    /// Base64 of the key.
    Base64,
    /// Hex of the key.
    Hex,
}

/// A generic HMAC verification.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HmacSpec {
    /// The header that carries the MAC.
    pub header: String,
    /// The key.
    pub secret: Secrets,
    /// The hash; default sha256.
    #[serde(default)]
    pub algorithm: Algorithm,
    /// How the header writes the MAC; default hex.
    #[serde(default)]
    pub encoding: Encoding,
    /// Text before the MAC in the header, such as `sha256=`.
    #[serde(default)]
    pub prefix: String,
    /// How `secret` writes the key; default utf8.
    #[serde(default)]
    pub secret_encoding: SecretEncoding,
    /// Text that is removed from the secret before it is decoded, such as `whsec_`.
    #[serde(default)]
    pub secret_prefix: String,
    /// What is signed: literals and `{body}`, `{timestamp}`, `{id}`, `{method}`; default `{body}`.
    #[serde(default = "HmacSpec::default_signed")]
    pub signed: String,
    /// Several MACs in one header are separated by this, such as `,` or a space; any one may match.
    pub separator: Option<String>,
    /// Where the time of sending stands.
    pub timestamp: Option<TimestampSpec>,
    /// The header of the delivery's id, for `{id}`.
    pub id_header: Option<String>,
}

impl HmacSpec {
    fn default_signed() -> String {
        "{body}".to_owned()
    }
}

/// Where and how a sender gives the time; checked in both directions against the time of receipt.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimestampSpec {
    /// The header.
    pub header: String,
    /// How it is written; default seconds.
    #[serde(default)]
    pub unit: TimestampUnit,
    /// The largest difference accepted; default 5m, at most 1d.
    #[serde(default = "TimestampSpec::default_tolerance")]
    pub tolerance: Span,
}

impl TimestampSpec {
    fn default_tolerance() -> Span {
        Span::from_millis(300_000)
    }
}

/// How a timestamp is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TimestampUnit {
    /// Whole seconds since the epoch.
    #[default]
    Seconds,
    /// Whole milliseconds since the epoch.
    Milliseconds,
    /// A date as RFC 3339 writes it.
    Rfc3339,
}

/// Which deliveries are the same event.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dedupe {
    /// A template over `$context`; when it gives nothing, the delivery is not deduplicated.
    pub key: String,
    /// How long a key is remembered; default 1d, at most 30d.
    #[serde(default = "Dedupe::default_ttl")]
    pub ttl: Span,
}

impl Dedupe {
    fn default_ttl() -> Span {
        Span::from_millis(86_400_000)
    }
}

impl Workflow {
    /// Every step of the tree, parents before children.
    pub fn walk(&self) -> Vec<&Step> {
        fn collect<'a>(steps: &'a [Step], all: &mut Vec<&'a Step>) {
            for step in steps {
                all.push(step);
                step.branches().iter().for_each(|branch| collect(branch.steps, all));
            }
        }
        let mut all = Vec::new();
        collect(&self.steps, &mut all);
        all
    }

    /// The step of this id.
    pub fn find(&self, id: &StepId) -> Option<&Step> {
        fn search<'a>(steps: &'a [Step], id: &StepId) -> Option<&'a Step> {
            steps.iter().find_map(|step| match step.id == *id {
                true => Some(step),
                false => step.branches().into_iter().find_map(|branch| search(branch.steps, id)),
            })
        }
        search(&self.steps, id)
    }

    /// The ids of the loops around a step, from the outermost.
    pub fn loops_around(&self, id: &StepId) -> Vec<&StepId> {
        fn search<'a>(steps: &'a [Step], id: &StepId, around: &mut Vec<&'a StepId>) -> bool {
            steps.iter().any(|step| {
                step.id == *id
                    || step.branches().iter().any(|branch| {
                        let depth = around.len();
                        if branch.when == When::Iteration {
                            around.push(&step.id);
                        }
                        let found = search(branch.steps, id, around);
                        if !found {
                            around.truncate(depth);
                        }
                        found
                    })
            })
        }
        let mut around = Vec::new();
        search(&self.steps, id, &mut around);
        around
    }

    /// The webhook trigger.
    pub fn webhook(&self) -> Option<&Webhook> {
        match &self.trigger {
            Trigger::Webhook(webhook) => Some(webhook),
            Trigger::Manual | Trigger::Workflow(_) | Trigger::Schedule(_) => None,
        }
    }
}
