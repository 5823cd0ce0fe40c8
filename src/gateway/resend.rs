//! Sends a request of the log again, for somebody who may. A request that started a run gets a new run of the same event. A refused
//! request is taken as it came.
//!
//! The signature is not checked again, as its time would have passed. Rate limits, filters and dedupe ids do not count either.

use std::sync::Arc;

use http::StatusCode;

use super::{Gateway, event, hooks::PREFIX, route::Params};
use crate::{
    engine::{ControlError, ReplayOn, Submission, Submitted},
    formats,
    http::Problem,
    model::{Cause, Event, KeptRequest, Mode, RequestId, RequestOutcome, RequestRecord, RunId, Verify},
    store::{StoreError, tables},
};

/// Why a request cannot be sent again.
#[derive(Debug, thiserror::Error)]
pub enum ResendError {
    /// There is no such line in the log.
    #[error("there is no request {0} in the log")]
    Unknown(RequestId),
    /// Only its line is left.
    #[error(
        "{0} is not kept: only what was refused after its body was read is, and for as long as the log is"
    )]
    NotKept(RequestId),
    /// Its body is longer than what is kept.
    #[error("the body of {0} was cut when it was kept; ask its sender for it")]
    Cut(RequestId),
    /// Its body is encrypted, and was refused before it was opened.
    #[error("the body of {0} is encrypted; ask its sender for it")]
    Sealed(RequestId),
    /// The workflow has no endpoint any more, or several others.
    #[error("the workflow of {0} has no webhook now that takes its path")]
    NoEndpoint(RequestId),
    /// Its body still is not what its type says.
    #[error("the body of {id} cannot be read: {why}")]
    Body {
        id: RequestId,
        /// What is wrong with the body.
        why: String,
    },
    /// The run that it started cannot be repeated.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The log cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Gateway {
    /// Sends a request of the log again; gives the new run, which nobody waits for.
    ///
    /// # Errors
    /// Why not, see [`ResendError`].
    pub async fn resend(&self, id: RequestId) -> Result<RunId, ResendError> {
        let store = &**self.engine.store();
        let line = tables::requests::get(store, id).await?.ok_or(ResendError::Unknown(id))?;
        match &line.outcome {
            RequestOutcome::Accepted { run }
            | RequestOutcome::Duplicate { run }
            | RequestOutcome::Skipped { run }
            | RequestOutcome::CalledBack { run } => Ok(self.engine.replay(*run, ReplayOn::Newest).await?),
            RequestOutcome::Refused { .. } | RequestOutcome::Handshake { .. } | RequestOutcome::Filtered => {
                let kept = tables::requests::kept(store, id).await?.ok_or(ResendError::NotKept(id))?;
                self.take(line, kept).await
            }
        }
    }

    async fn take(&self, line: RequestRecord, kept: KeptRequest) -> Result<RunId, ResendError> {
        let id = line.id;
        let workflow = line.workflow.as_ref().ok_or(ResendError::NoEndpoint(id))?;
        let routed = line.path.strip_prefix(PREFIX).and_then(|path| self.endpoints.route(path));
        let routed = routed.filter(|(endpoint, _)| endpoint.definition.workflow.key == *workflow);
        // Where the path leads to the workflow no more, the request is taken for its only webhook.
        let only = || self.endpoints.only(workflow).map(|endpoint| (endpoint, Params::new()));
        let (endpoint, params) = routed.or_else(only).ok_or(ResendError::NoEndpoint(id))?;
        if kept.body.is_empty() && line.body_bytes > 0 {
            return Err(ResendError::Cut(id));
        }
        if endpoint.webhook().verify.as_ref().is_some_and(Verify::answers_are_commands) {
            return Err(ResendError::Sealed(id));
        }
        let content_type =
            kept.headers.iter().find(|(name, _)| name == "content-type").map(|(_, value)| value);
        let content = formats::decode(&endpoint.reading, content_type.map(String::as_str), &kept.body)
            .map_err(|error| ResendError::Body { id, why: error.to_string() })?;
        let event = Event {
            method: line.method,
            path: line.path,
            ip: line.ip,
            headers: kept.headers,
            query: endpoint.reading.query(&kept.query).collect(),
            params,
            notes: event::notes_of(&content).into_iter().collect(),
            content,
            body: kept.body,
            origin: Arc::clone(self.engine.public_url()),
            raw_query: kept.query,
            trigger: endpoint.trigger().started(),
        };
        let definition = Arc::clone(&endpoint.definition);
        let submission = Submission {
            definition,
            event,
            mode: Mode::Async,
            cause: Cause::Resend,
            dedupe: None,
            replay: None,
        };
        match self.engine.submit(submission).await.map_err(ControlError::Engine)? {
            Submitted::Started { run, .. } | Submitted::Skipped { run } => Ok(run),
            Submitted::Duplicate { run } => Ok(run.head.id),
        }
    }
}

impl From<ResendError> for Problem {
    fn from(error: ResendError) -> Self {
        let said = error.to_string();
        let (status, code) = match error {
            ResendError::Unknown(_) => (StatusCode::NOT_FOUND, "request_unknown"),
            ResendError::NotKept(_) => (StatusCode::CONFLICT, "request_not_kept"),
            ResendError::Cut(_) => (StatusCode::CONFLICT, "request_cut"),
            ResendError::Sealed(_) => (StatusCode::CONFLICT, "request_sealed"),
            ResendError::NoEndpoint(_) => (StatusCode::CONFLICT, "workflow_unknown"),
            ResendError::Body { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "body_invalid"),
            ResendError::Control(error) => return error.into(),
            ResendError::Store(error) => return error.into(),
        };
        Self::new(status, code, said)
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;

    use super::*;

    #[test]
    fn a_run_that_is_gone_is_told_as_everywhere_else() {
        let run: RunId = "run_00000000000000000000000000000000".parse().unwrap();
        let response = Problem::from(ResendError::from(ControlError::UnknownRun(run))).into_response();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
    }
}
