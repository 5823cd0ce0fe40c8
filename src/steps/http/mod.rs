//! `http`: one request to another service.
//!
//! Compiled once a version, executed once an attempt. What leaves goes through [`Outbound`] and its guard;
//! what comes back becomes an output that later steps read. Whether to try again is the engine's to decide:
//! this step only says whether it can help.

mod body;
mod multipart;
mod rendered;
mod request;
mod response;
mod secret;
#[cfg(test)]
mod tests;
mod tls;
mod url;
mod xml;

use std::time::{Instant, SystemTime};

use self::{request::Request, response::Failure};
use super::{Attempt, RetryHint, Scope};
use crate::{
    model::{
        ByteSize, ErrorCode, FieldError, HttpResponse, HttpStep, JsonText, Limits, RunError, StatusPattern,
    },
    net::{Outbound, OutboundRequest},
    template::{Condition, FillError, Path, Root, Roots},
};

/// The most of a URL with its query, bytes.
const MAX_URL: usize = 256 << 10;
/// The most of all headers of a request together, bytes.
const MAX_HEADERS: usize = 256 << 10;
/// The most of a request's body.
const MAX_BODY: ByteSize = Limits::CAP.output;

/// Why a part of a request cannot be filled in.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Unfilled {
    /// A value does not fit where it stands.
    #[error("{0}")]
    Value(String),
    /// The body or the answer is larger than the step may take.
    #[error(transparent)]
    Fill(#[from] FillError),
}

impl From<String> for Unfilled {
    fn from(message: String) -> Self {
        Self::Value(message)
    }
}

impl From<&str> for Unfilled {
    fn from(message: &str) -> Self {
        Self::Value(message.to_owned())
    }
}

impl Unfilled {
    /// The error of the part `field`.
    fn of(self, field: &str) -> RunError {
        match self {
            Self::Value(message) => RunError::new(ErrorCode::TemplateError, message),
            Self::Fill(error) => super::unfilled(field, error),
        }
    }
}

/// An `http` step whose templates are parsed.
#[derive(Debug)]
pub struct Http {
    request: Request,
    /// Statuses that are a success, first and last.
    ok: Vec<(u16, u16)>,
    /// What the answer must meet beside its status.
    accepts: Option<Condition>,
    ignore_failure: bool,
    response: HttpResponse,
    session: Option<String>,
}

pub(super) fn compile(spec: &HttpStep, path: &str) -> Result<Http, FieldError> {
    let patterns = spec.ok_statuses.as_deref().unwrap_or_default();
    let ok: Vec<_> = patterns.iter().filter_map(StatusPattern::range).collect();
    let accepts = spec.ok.as_ref().map(Condition::compile).transpose();
    let accepts = accepts.map_err(|error| FieldError::new(format!("{path}.ok"), error.to_string()))?;
    Ok(Http {
        request: Request::compile(spec, path)?,
        accepts,
        ok: if ok.is_empty() { vec![(200, 299)] } else { ok },
        ignore_failure: spec.ignore_failure,
        response: spec.response,
        session: spec.session.clone(),
    })
}

impl Http {
    /// The session whose cookies it sends and keeps.
    pub(super) fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// What its templates and its condition read before there is an answer.
    pub(super) fn references(&self) -> Vec<&Path> {
        let mut paths = self.request.references();
        let judged = self.accepts.iter().flat_map(Condition::references);
        paths.extend(judged.filter(|path| path.root() != Root::Response));
        paths
    }
}

/// Makes one attempt. With `ignore_failure` the failure of the last one is an output.
pub(super) async fn execute(
    http: &Http,
    scope: &Scope<'_>,
    net: &Outbound,
    attempt: &Attempt,
) -> (Result<JsonText, RunError>, RetryHint) {
    let request = http.request.render(scope, attempt);
    let caller = Some(scope.facts().workflow.clone());
    let cookies = attempt.cookies.clone();
    let request = request.map(|request| OutboundRequest { caller, cookies, ..request });
    exchange(http, request, net, attempt.last, scope).await
}

async fn exchange<R: Roots + Sync>(
    http: &Http,
    request: Result<OutboundRequest, RunError>,
    net: &Outbound,
    last: bool,
    roots: &R,
) -> (Result<JsonText, RunError>, RetryHint) {
    let began = Instant::now();
    let failure = match attempt(http, request, net, began, roots).await {
        Ok(output) => return (Ok(output), RetryHint::Never),
        Err(failure) => failure,
    };
    if !http.ignore_failure || (failure.retry != RetryHint::Never && !last) {
        return (Err(failure.error), failure.retry);
    }
    let output = response::ignored(http, &failure, began.elapsed());
    (output, failure.retry)
}

async fn attempt<R: Roots + Sync>(
    http: &Http,
    request: Result<OutboundRequest, RunError>,
    net: &Outbound,
    began: Instant,
    roots: &R,
) -> Result<JsonText, Box<Failure>> {
    let request = request.map_err(Failure::new)?;
    let response = net.send(request).await.map_err(|error| Failure::of(&error))?;
    let response = response::judge(http, response, SystemTime::now())?;
    let data = response::data(http.response, &response);
    let response = match &http.accepts {
        Some(condition) => response::accept(http, condition, response, data.as_ref().ok(), roots)?,
        None => response,
    };
    response::output(http, response, data, began.elapsed())
}
