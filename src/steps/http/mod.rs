//! `http`: one request to another service.
//!
//! Compiled once a version, executed once an attempt. What leaves goes through [`Outbound`] and its guard;
//! what comes back becomes an output that later steps read. Whether to try again is the engine's to decide:
//! this step only says whether it can help.

mod body;
mod multipart;
mod request;
mod response;
#[cfg(test)]
mod tests;
mod url;
mod xml;

use std::time::{Instant, SystemTime};

use self::{request::Request, response::Failure};
use super::{Again, Attempt, Scope};
use crate::{
    model::{ErrorCode, FieldError, HttpResponse, HttpStep, JsonText, RunError, StatusPattern},
    net::{Outbound, OutboundRequest},
    template::Path,
};

/// An `http` step whose templates are parsed.
#[derive(Debug)]
pub struct Http {
    request: Request,
    /// Statuses that are a success, first and last.
    ok: Vec<(u16, u16)>,
    ignore_failure: bool,
    response: HttpResponse,
}

pub(super) fn compile(spec: &HttpStep, path: &str) -> Result<Http, FieldError> {
    let patterns = spec.ok_statuses.as_deref().unwrap_or_default();
    let ok: Vec<_> = patterns.iter().filter_map(StatusPattern::range).collect();
    Ok(Http {
        request: Request::compile(spec, path)?,
        ok: if ok.is_empty() { vec![(200, 299)] } else { ok },
        ignore_failure: spec.ignore_failure,
        response: spec.response,
    })
}

impl Http {
    /// What its templates read.
    pub(super) fn references(&self) -> Vec<&Path> {
        self.request.references()
    }
}

/// Makes one attempt. With `ignore_failure` the failure of the last one is an output.
pub(super) async fn execute(
    http: &Http,
    scope: &Scope<'_>,
    net: &Outbound,
    attempt: &Attempt,
) -> (Result<JsonText, RunError>, Again) {
    let request = http.request.render(scope, attempt);
    let caller = Some(scope.facts().workflow.clone());
    let request = request.map(|request| OutboundRequest { caller, ..request });
    exchange(http, request, net, attempt.last).await
}

async fn exchange(
    http: &Http,
    request: Result<OutboundRequest, String>,
    net: &Outbound,
    last: bool,
) -> (Result<JsonText, RunError>, Again) {
    let began = Instant::now();
    let failure = match attempt(http, request, net, began).await {
        Ok(output) => return (Ok(output), Again::Never),
        Err(failure) => failure,
    };
    if !http.ignore_failure || (failure.retry != Again::Never && !last) {
        return (Err(failure.error), failure.retry);
    }
    let output = response::ignored(http, &failure, began.elapsed());
    (output, failure.retry)
}

async fn attempt(
    http: &Http,
    request: Result<OutboundRequest, String>,
    net: &Outbound,
    began: Instant,
) -> Result<JsonText, Box<Failure>> {
    let unfilled = |message: String| Failure::new(RunError::new(ErrorCode::TemplateError, message));
    let request = request.map_err(unfilled)?;
    let response = net.send(request).await.map_err(|error| Failure::of(&error))?;
    let response = response::judge(http, response, SystemTime::now())?;
    response::output(http, response, began.elapsed())
}
