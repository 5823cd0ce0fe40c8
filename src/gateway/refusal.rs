//! Why a webhook request started nothing, or got no answer. What lower errors become is said by `http`.

use std::net::IpAddr;

use http::StatusCode;

use super::{budget::Full, hosts::Foreign, keyring::KeysError, rate::Exceeded};
use crate::{
    engine::{CallbackError, EngineError},
    http::{self as answers, Parts, Problem, Retry},
    model::{AnswerError, RateBy, RunError, RunId},
    store::StoreError,
    verify::Rejected,
};

/// Why the caller gets no answer of the workflow itself.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("{}", .0.detail())]
    Request(Problem),
    #[error("no workflow has this path")]
    Unknown,
    #[error("the workflow is disabled")]
    Disabled,
    #[error("the workflow cannot verify deliveries: {0}")]
    Unavailable(String),
    #[error("the method is not one of {allowed}")]
    Method { allowed: String },
    #[error("{0} may not call: it is not in `ip.allow`, or in `ip.deny`")]
    Ip(IpAddr),
    #[error("over the rate of {} in {} by {}", .0.rate.limit, .0.rate.per, by(.0.rate.by))]
    Rate(Exceeded),
    #[error("{0}")]
    Foreign(#[from] Foreign),
    #[error("the body is over {limit} bytes")]
    TooLarge { limit: usize },
    #[error("no room for the body: {0}")]
    Bodies(#[from] Full),
    #[error("the body did not arrive within {seconds} s")]
    BodyTimeout { seconds: u64 },
    #[error("the body broke off: {0}")]
    BodyBroken(String),
    #[error("bodies with content-encoding `{0}` are not accepted")]
    ContentEncoding(String),
    #[error("verification failed: {0}")]
    Signature(#[from] Rejected),
    #[error("the sender cannot be verified now: {0}")]
    Keys(#[from] KeysError),
    #[error("the handshake is refused: {0}")]
    Handshake(String),
    #[error("bodies of type `{0}` are not accepted")]
    MediaType(String),
    #[error("the body is not what it should be: {0}")]
    BodyInvalid(String),
    #[error("the trigger's filter could not be answered: {0}")]
    FilterUnanswered(String),
    #[error("the trigger's dedupe key gave nothing for this delivery")]
    DedupeKeyMissing,
    #[error("the query has more than {most} parameters")]
    QueryInvalid { most: usize },
    #[error("the first delivery with this id is still being worked on, as {run}")]
    InFlight { run: RunId },
    #[error("the run had not answered after {seconds} s; it goes on")]
    SyncTimeout { run: RunId, seconds: f64 },
    #[error("the run failed: {}: {}", .error.code.as_str(), .error.message)]
    RunFailed { run: RunId, error: Box<RunError> },
    #[error("the outcome could not be stored: {error}")]
    Lost { run: RunId, error: StoreError },
    #[error("not accepted: {0}")]
    Engine(#[from] EngineError),
    #[error("no callback: {0}")]
    Callback(#[from] CallbackError),
    #[error("no answer to the question: {0}")]
    Answer(#[from] AnswerError),
}

impl Refusal {
    /// Status, stable code, what the caller is told, and whether to send again.
    fn parts(&self) -> Parts {
        use Retry::{Later, Never};
        let own = || self.to_string();
        match self {
            Self::Request(problem) => (problem.status(), problem.code(), own(), Never),
            // Unknown and disabled look alike from outside.
            Self::Unknown | Self::Disabled => {
                (StatusCode::NOT_FOUND, "webhook_unknown", "no webhook has this path".to_owned(), Never)
            }
            Self::Unavailable(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "webhook_unavailable",
                "this webhook is not set up completely; its owner finds the reason in the request log"
                    .to_owned(),
                Later,
            ),
            Self::Method { .. } => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", own(), Never),
            // Strangers need not know which list it is.
            Self::Ip(_) => (
                StatusCode::FORBIDDEN,
                "ip_refused",
                "this address may not call this webhook".to_owned(),
                Never,
            ),
            Self::Rate(_) => (
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limited",
                "too many requests; send again later".to_owned(),
                Later,
            ),
            Self::Foreign(foreign) => {
                let (status, code, detail) = foreign.parts();
                (status, code, detail, Never)
            }
            // Only the log says how much room there is.
            Self::Bodies(Full::Process(_)) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "bodies_full",
                "the server holds as many request bodies as it has room for; send again later".to_owned(),
                Later,
            ),
            Self::Bodies(Full::Address(_)) => (
                StatusCode::TOO_MANY_REQUESTS,
                "address_bodies_full",
                "this address has too many request bodies under way; send again when some are answered"
                    .to_owned(),
                Later,
            ),
            Self::Bodies(Full::Never(most)) => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_too_large",
                format!("the body is over {most} bytes with what is made out of it"),
                Never,
            ),
            Self::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", own(), Never),
            Self::BodyTimeout { .. } => (StatusCode::REQUEST_TIMEOUT, "body_timeout", own(), Later),
            Self::BodyBroken(_) => {
                (StatusCode::BAD_REQUEST, "body_broken", "the body broke off".to_owned(), Later)
            }
            Self::ContentEncoding(_) => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_encoding_unsupported", own(), Never)
            }
            // The delivery may be good.
            Self::Keys(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "keys_unavailable",
                "the sender's keys cannot be fetched now; send again later".to_owned(),
                Later,
            ),
            // Only the log says which check failed.
            Self::Signature(_) | Self::Handshake(_) => (
                StatusCode::UNAUTHORIZED,
                "signature_invalid",
                "the request could not be verified as coming from its sender".to_owned(),
                Never,
            ),
            Self::MediaType(_) => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type_unsupported", own(), Never)
            }
            Self::BodyInvalid(_) => (StatusCode::BAD_REQUEST, "body_invalid", own(), Never),
            Self::FilterUnanswered(_) => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "filter_unanswered",
                "the webhook cannot tell whether it wants this event; its owner finds the reason in the request log"
                    .to_owned(),
                Never,
            ),
            Self::DedupeKeyMissing => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "dedupe_key_missing",
                "the event has no id that this webhook knows it by; its owner finds the reason in the request log"
                    .to_owned(),
                Never,
            ),
            Self::QueryInvalid { .. } => (StatusCode::BAD_REQUEST, "query_invalid", own(), Never),
            Self::InFlight { .. } => (StatusCode::CONFLICT, "delivery_in_progress", own(), Later),
            Self::SyncTimeout { .. } => (StatusCode::REQUEST_TIMEOUT, "sync_timeout", own(), Never),
            // The reason may quote what the script knows. The run shows it to those who may see runs.
            Self::RunFailed { .. } => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "run_failed",
                "the workflow's run failed".to_owned(),
                Later,
            ),
            Self::Lost { .. } => (
                StatusCode::SERVICE_UNAVAILABLE,
                "outcome_not_stored",
                "the run's outcome could not be stored yet".to_owned(),
                Later,
            ),
            Self::Engine(error) => answers::of_engine(error),
            Self::Callback(error) => answers::of_callback(error),
            Self::Answer(error) => answers::of_answer(error),
        }
    }

    /// The stable code.
    pub(super) fn code(&self) -> &'static str {
        self.parts().1
    }

    /// The run whose id the caller may see.
    fn run(&self) -> Option<RunId> {
        match self {
            Self::InFlight { run }
            | Self::SyncTimeout { run, .. }
            | Self::RunFailed { run, .. }
            | Self::Lost { run, .. } => Some(*run),
            Self::Request(_)
            | Self::Unknown
            | Self::Disabled
            | Self::Unavailable(_)
            | Self::Method { .. }
            | Self::Ip(_)
            | Self::Rate(_)
            | Self::Foreign(_)
            | Self::Bodies(_)
            | Self::TooLarge { .. }
            | Self::BodyTimeout { .. }
            | Self::BodyBroken(_)
            | Self::ContentEncoding(_)
            | Self::FilterUnanswered(_)
            | Self::DedupeKeyMissing
            | Self::Signature(_)
            | Self::Keys(_)
            | Self::Handshake(_)
            | Self::MediaType(_)
            | Self::BodyInvalid(_)
            | Self::QueryInvalid { .. }
            | Self::Engine(_)
            | Self::Callback(_)
            | Self::Answer(_) => None,
        }
    }

    /// The answer.
    pub(super) fn problem(&self) -> Problem {
        let mut problem = Problem::of(self.parts());
        problem.run_id = self.run();
        if problem.status() == StatusCode::INTERNAL_SERVER_ERROR {
            // Sending the same at once does not cure an error of the server or of the workflow.
            problem.retry_after = None;
        }
        if let Self::Rate(exceeded) = self {
            problem.retry_after = Some(exceeded.retry_after());
        }
        if let Self::Method { allowed } = self {
            problem.allow = Some(allowed.clone());
        }
        problem
    }
}

fn by(by: RateBy) -> &'static str {
    match by {
        RateBy::Workflow => "workflow",
        RateBy::Ip => "address",
    }
}

#[cfg(test)]
mod tests {
    use std::{io, sync::Arc};

    use axum::response::IntoResponse;
    use http::header;

    use super::*;
    use crate::{engine::ControlError, gateway::ResendError, store::Key};

    fn all() -> [(StoreError, &'static str); 11] {
        let (text, place) = (String::new, std::path::PathBuf::new);
        [
            (StoreError::Busy, "store_busy"),
            (StoreError::Full { place: place() }, "store_full"),
            (StoreError::Unavailable { reason: text() }, "store_unavailable"),
            (StoreError::Fenced { reason: text() }, "store_unavailable"),
            (StoreError::Conflict { key: Key::from(b"k"), found: None }, "store_unavailable"),
            (StoreError::Corrupt { what: text(), place: text() }, "store_damaged"),
            (StoreError::Closed, "store_unavailable"),
            (StoreError::Failed { reason: text() }, "store_unavailable"),
            (StoreError::NewerVersion { what: text(), found: 2, known: 1 }, "store_unavailable"),
            (StoreError::Locked { place: place() }, "store_unavailable"),
            (StoreError::Io { doing: text(), source: Arc::new(io::Error::other("no")) }, "store_unavailable"),
        ]
    }

    #[test]
    fn an_error_of_the_store_has_one_status_wherever_it_comes_up_and_says_when_to_come_again() {
        for (error, code) in all() {
            let engine = || EngineError::Store(error.clone());
            let problems = [
                Problem::from(error.clone()),
                Problem::from(engine()),
                Refusal::Engine(engine()).problem(),
                Refusal::Callback(CallbackError::Store(error.clone())).problem(),
                Problem::from(ResendError::Store(error.clone())),
                Problem::from(ResendError::Control(ControlError::Engine(engine()))),
            ];
            for problem in problems {
                // What is damaged is told: it is not cured by waiting.
                let damaged = code == "store_damaged";
                let status =
                    if damaged { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::SERVICE_UNAVAILABLE };
                assert_eq!((problem.status(), problem.code()), (status, code));
                let response = problem.into_response();
                let again =
                    response.headers().get(header::RETRY_AFTER).map(|seconds| seconds.to_str().unwrap());
                assert_eq!(again, (!damaged).then_some("1"));
            }
        }
    }
}
