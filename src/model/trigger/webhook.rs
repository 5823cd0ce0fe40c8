//! The `webhook` trigger as its author writes it: an HTTP endpoint, and which deliveries it takes.
//!
//! `webhook_parse` builds it from JSON; the derives make the published JSON Schema.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    guards::{Cors, IpRules, RateLimit, RateLimits},
    handshake::Handshake,
    hook_path::HookPath,
    verify::Verify,
};
use crate::model::value::{ByteSize, ConditionExpr, Method, Mode, ResponseSpec, Span, WorkflowKey};

/// An HTTP endpoint.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Webhook {
    /// Methods that run the workflow; others answer 405. HEAD and OPTIONS, with which senders and load balancers probe, are answered
    /// without a run unless they are listed here.
    #[schemars(default = "Webhook::default_methods")]
    pub methods: Vec<Method>,
    /// Whether the caller waits for the answer.
    #[schemars(default)]
    pub mode: Mode,
    /// How the sender proves itself; nothing means that anyone may send.
    pub verify: Option<Verify>,
    /// The path below `/api/webhooks` in place of the workflow's key, as in `/orders/:id`.
    pub path: Option<HookPath>,
    /// How a body is read: by its `Content-Type`, forgivingly, or in this format whatever the type says.
    #[schemars(default)]
    pub body: BodyFormat,
    /// Fields of a form whose text is JSON: `context.data` has their values in place of the text. Deliveries of GitHub,
    /// Gitea, Forgejo and Slack have one, `payload`, without being told.
    #[schemars(with = "Vec<String>", default)]
    pub json_fields: Option<Vec<String>>,
    /// The charset of bodies and queries whose sender names none, such as `gbk`; default UTF-8.
    pub charset: Option<String>,
    /// A question over `context`: a delivery for which it is false starts no run and gets 204.
    pub filter: Option<ConditionExpr>,
    /// What becomes of a delivery for which the filter cannot be answered, as when a field is not there.
    #[schemars(default)]
    pub filter_on_error: WhenUnknown,
    /// Which deliveries are the same event; `true` takes the id that the sender of the `verify` scheme gives.
    #[schemars(with = "Option<DedupeForm>")]
    pub dedupe: Option<Dedupe>,
    /// The answer when no `response` step ran; strings may hold templates.
    pub response: Option<ResponseSpec>,
    /// The largest body; default 1MiB, at most 32MiB.
    pub max_body: Option<ByteSize>,
    /// Whether bodies may be compressed (gzip, deflate, br, zstd). Signatures are checked over the bytes as received.
    #[schemars(default)]
    pub decompress: bool,
    /// How long a synchronous caller waits before 408; default 10s, at most 120s.
    pub sync_wait: Option<Span>,
    /// Headers whose values the workflow needs although they commonly hold credentials, such as `authorization`. The
    /// values of such headers are not kept else: `context.headers` has `[hidden]` in their place.
    #[schemars(default)]
    pub keep_headers: Vec<String>,
    /// Which addresses may call; others answer 403.
    pub ip: Option<IpRules>,
    /// How often it may be called, one rate or several; more answer 429.
    #[schemars(with = "Option<RateLimits>")]
    pub rate_limit: Vec<RateLimit>,
    /// Which web pages may call it from a browser; none unless given.
    pub cors: Option<Cors>,
    /// How the sender asks whether this is the right address; default: as senders of the scheme of `verify` do.
    pub handshake: Option<Handshake>,
}

/// Headers that commonly hold credentials.
pub const CREDENTIAL_HEADERS: [&str; 5] =
    ["authorization", "cookie", "proxy-authorization", "x-api-key", "x-gitlab-token"];

impl Webhook {
    pub(super) fn default_methods() -> Vec<Method> {
        vec![Method::Post]
    }

    /// The fields of a form whose text is JSON: those of the trigger, or those that its sender always has.
    pub fn json_fields(&self) -> Vec<&str> {
        match &self.json_fields {
            Some(own) => own.iter().map(String::as_str).collect(),
            None => self.verify.as_ref().map_or(&[][..], Verify::json_fields).to_vec(),
        }
    }

    /// Whether a form that holds nothing but a field of its sender's JSON is the event itself, so that a sender's two types of
    /// content give the same `context.data`. A trigger that names its fields gets them where it expects them.
    pub fn form_is_event(&self) -> bool {
        self.json_fields.is_none()
    }

    /// The path of its requests, with the parameters by name.
    pub fn address(&self, key: &WorkflowKey) -> String {
        match &self.path {
            Some(path) => format!("/api/webhooks{path}"),
            None => format!("/api/webhooks/{key}"),
        }
    }

    /// Whether the value of a header (its name in lower case) is not for the workflow: it is a credential, and not
    /// listed in `keep_headers`.
    pub fn hides(&self, header: &str) -> bool {
        let secret = self.verify.as_ref().and_then(Verify::secret_header);
        let credential = CREDENTIAL_HEADERS.contains(&header)
            || secret.is_some_and(|secret| secret.eq_ignore_ascii_case(header));
        credential && !self.keep_headers.iter().any(|kept| kept.eq_ignore_ascii_case(header))
    }

    /// Whether the value of a query parameter is not for the workflow: the sender's secret is what it is.
    pub fn hides_parameter(&self, name: &str) -> bool {
        self.verify.as_ref().and_then(Verify::secret_parameter) == Some(name)
    }
}

/// How a body is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BodyFormat {
    /// By its `Content-Type`, and by what senders commonly mean with it.
    #[default]
    Auto,
    /// As JSON; anything else answers 400.
    Json,
    /// As the fields of a form, or of a multipart form when the type says that.
    Form,
    /// As text, also what is JSON.
    Text,
    /// As XML; anything else answers 400.
    Xml,
    /// Not at all: `context.data` is null, and the script has the bytes.
    Raw,
}

/// What becomes of a delivery of which something is not known that the trigger asks about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenUnknown {
    /// It starts a run, which says so in its `notes`: no event is lost by a mistake in the trigger.
    #[default]
    Run,
    /// It is refused with 422 and stands in the request log, from where it can be sent again.
    Refuse,
}

/// Which deliveries are the same event.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dedupe {
    /// A template over `$context`; when it gives nothing, the delivery is not deduplicated. Left out, it is the id that
    /// the sender of the `verify` scheme gives.
    pub key: Option<String>,
    /// How long a key is remembered; default 1d, at most 30d.
    #[serde(default = "Dedupe::default_ttl")]
    pub ttl: Span,
    /// What becomes of a delivery for which the key gives nothing.
    #[serde(default)]
    pub on_missing: WhenUnknown,
}

impl Dedupe {
    /// What `true` means.
    pub(super) fn by_sender() -> Self {
        Self { key: None, ttl: Self::default_ttl(), on_missing: WhenUnknown::default() }
    }

    fn default_ttl() -> Span {
        Span::from_millis(86_400_000)
    }
}

/// How `dedupe` may be written.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "for the JSON Schema alone")]
enum DedupeForm {
    /// `true`: by the id that the sender gives.
    Flag(bool),
    /// By a key of one's own, or for another time.
    Own(Dedupe),
}
