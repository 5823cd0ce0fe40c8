//! Errors as RFC 9457 `application/problem+json` with a stable `code`.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::model::RunId;

/// Seconds that a caller should wait before it sends again.
const RETRY_AFTER: u32 = 1;

/// Whether the same request may be sent again with hope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    /// The same request gets the same answer.
    Never,
    /// It may be taken later.
    Later,
}

/// What an error becomes: the status, the stable code, words that the caller may read, and whether to send again.
pub(crate) type Parts = (StatusCode, &'static str, String, Retry);

/// Marks a request that no route may work on, with the answer. Only the routes that keep a log of their requests get such
/// requests, to write them down.
#[derive(Debug, Clone)]
pub struct Refused(pub Problem);

/// The stable code of an answer that is a problem, for those who write down what was answered.
#[derive(Debug, Clone, Copy)]
pub struct ProblemCode(pub &'static str);

/// An error as the caller gets it.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    /// Boxed, as errors are kept small.
    detail: Box<str>,
    /// The run that it is about.
    pub run_id: Option<RunId>,
    /// Seconds after which the same request has hope.
    pub retry_after: Option<u32>,
    /// The methods that are allowed.
    pub allow: Option<String>,
    /// What the words are about, for programs: an object.
    pub params: Option<Box<Value>>,
}

impl Problem {
    /// A problem with a stable code and words for people.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: Into::<String>::into(detail).into_boxed_str(),
            run_id: None,
            retry_after: None,
            allow: None,
            params: None,
        }
    }

    /// The problem that an error becomes.
    pub(crate) fn of((status, code, detail, retry): Parts) -> Self {
        let mut problem = Self::new(status, code, detail);
        problem.retry_after = (retry == Retry::Later).then_some(RETRY_AFTER);
        problem
    }

    /// A request that cannot be read.
    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", detail)
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The words for people.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": format!("https://flowcell.dev/problems/{}", self.code),
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        });
        if let Some(run) = self.run_id {
            body["run_id"] = run.to_string().into();
        }
        if let Some(params) = self.params {
            body["params"] = *params;
        }
        let mut response = (self.status, body.to_string()).into_response();
        response.extensions_mut().insert(ProblemCode(self.code));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some(allow) = self.allow.and_then(|allow| HeaderValue::from_str(&allow).ok()) {
            headers.insert(header::ALLOW, allow);
        }
        response
    }
}
