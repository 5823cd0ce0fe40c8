//! The `webhook` trigger as its author writes it: an HTTP endpoint, and which deliveries it takes.
//!
//! `webhook_parse` builds it from JSON; the derives make the published JSON Schema.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    guards::{Cors, IpRules, RateLimit, RateLimits},
    handshake::Handshake,
    hook_path::HookPath,
    method::Method,
    verify::Verify,
};
use crate::model::value::{ByteSize, ConditionExpr, Mode, ResponseSpec, Span, WorkflowKey};

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
    /// The path below `/api/webhooks` in place of the workflow's key, as in `/orders/:id`.
    pub path: Option<HookPath>,
    /// A question over `context`: a delivery for which it is false starts no run and gets 204.
    pub filter: Option<ConditionExpr>,
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
}

impl Dedupe {
    /// What `true` means.
    pub(super) fn by_sender() -> Self {
        Self { key: None, ttl: Self::default_ttl() }
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
