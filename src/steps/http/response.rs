//! What an `http` step makes of a response: its output, or why it failed and whether trying again can help.

use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, header};
use serde::Serialize;
use serde_json::{Map, Value, value::RawValue};

use super::{Http, RetryHint};
use crate::{
    formats::{answer_text, answer_text_lossy},
    model::{ErrorCode, HttpResponse, JsonText, LimitUnit, Limits, RunError},
    net::{NetError, Response},
    template::{Condition, Root, Roots},
};

/// Headers that hand out rights; no run keeps them.
const HIDDEN: [&str; 13] = [
    "set-cookie",
    "set-cookie2",
    "authorization",
    "proxy-authorization",
    "authentication-info",
    "proxy-authentication-info",
    "x-auth-token",
    "x-subject-token",
    "x-access-token",
    "x-refresh-token",
    "x-api-key",
    "x-amz-security-token",
    "x-vault-token",
];
/// Characters of a failed response's body in the message.
const EXCERPT: usize = 500;
/// The longest wait that a service can ask for.
const MAX_AFTER: Duration = Duration::from_secs(86_400);

/// The output, as JSON.
#[derive(Serialize)]
struct Output<'a> {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Value>,
    status: Option<u16>,
    headers: Map<String, Value>,
    data: &'a RawValue,
    url: Option<&'a str>,
    took_ms: u64,
}

/// Why a step failed, and what came back all the same.
pub(super) struct Failure {
    pub(super) error: RunError,
    pub(super) retry: RetryHint,
    pub(super) response: Option<Response>,
}

impl Failure {
    /// One that trying again does not mend.
    pub(super) fn new(error: RunError) -> Self {
        Self { error, retry: RetryHint::Never, response: None }
    }

    pub(super) fn of(error: &NetError) -> Self {
        let code = match error {
            NetError::Denied { .. } | NetError::NotGranted { .. } | NetError::Withheld { .. } => {
                ErrorCode::HttpDenied
            }
            NetError::Url { .. }
            | NetError::Method(_)
            | NetError::Header { .. }
            | NetError::Credentials { .. }
            | NetError::Dns { .. }
            | NetError::Unanswered { .. }
            | NetError::Connect { .. }
            | NetError::Tls { .. }
            | NetError::Timeout { .. }
            | NetError::TooLarge { .. }
            | NetError::Cookies { .. }
            | NetError::TooManyRedirects { .. }
            | NetError::Protocol { .. } => ErrorCode::HttpFailed,
        };
        let retry = if error.retry_helps() { RetryHint::MayHelp } else { RetryHint::Never };
        Self { retry, ..Self::new(RunError::new(code, error.to_string())) }
    }
}

/// Whether a response is a success.
///
/// # Errors
/// With the status and the beginning of the body.
pub(super) fn judge(http: &Http, response: Response, now: SystemTime) -> Result<Response, Box<Failure>> {
    let status = response.status;
    if http.ok.iter().any(|(first, last)| (*first..=*last).contains(&status)) {
        return Ok(response);
    }
    let message = told(http, &response, &format!("answered {status}"));
    let retry = match status {
        429 | 503 => retry_after(&response.headers, now)
            .map_or(RetryHint::MayHelp, |wait| RetryHint::After(wait.as_millis() as u64)),
        408 | 425 | 500..=599 => RetryHint::MayHelp,
        _ => RetryHint::Never,
    };
    let failure = Failure::new(RunError::new(ErrorCode::HttpStatus, message));
    Err(Box::new(Failure { retry, response: Some(response), ..failure }))
}

/// What was asked and what came back, with the beginning of the body.
fn told(http: &Http, response: &Response, what: &str) -> String {
    let mut message = format!("{} {} {what}", http.request.method(), origin(&response.url));
    let body = answer_text_lossy(content_type(response), &response.body);
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    let mut excerpt: String = body.trim().chars().take(EXCERPT).map(shown).collect();
    if body.trim().chars().nth(EXCERPT).is_some() {
        excerpt.push('…');
    }
    if !excerpt.is_empty() {
        message.push_str(": ");
        message.push_str(&excerpt);
    }
    message
}

/// The usual roots, and the answer.
struct Judged<'a> {
    roots: &'a dyn Roots,
    response: Value,
}

impl Roots for Judged<'_> {
    fn root(&self, root: Root) -> Option<&Value> {
        if root == Root::Response { Some(&self.response) } else { self.roots.root(root) }
    }
}

/// Whether the answer of a success meets the step's own condition.
///
/// # Errors
/// `http_status` when not, which a retry may help: a group robot that is asked too often answers 200 too. `condition_error` when
/// it cannot be said.
pub(super) fn accept(
    http: &Http,
    condition: &Condition,
    response: Response,
    data: Option<&JsonText>,
    roots: &dyn Roots,
) -> Result<Response, Box<Failure>> {
    let seen = serde_json::json!({
        "status": response.status,
        "headers": headers(&response.headers),
        "data": data.map(JsonText::to_value),
    });
    let (failure, retry) = match condition.eval(&Judged { roots, response: seen }) {
        Ok(true) => return Ok(response),
        Ok(false) => {
            let what = format!("answered {}, and `ok` says that this is no success", response.status);
            let message = told(http, &response, &what);
            (Failure::new(RunError::new(ErrorCode::HttpStatus, message)), RetryHint::MayHelp)
        }
        Err(error) => {
            let message = told(
                http,
                &response,
                &format!("answered {}, and `ok` cannot be answered ({error})", response.status),
            );
            (Failure::new(RunError::new(ErrorCode::ConditionError, message)), RetryHint::Never)
        }
    };
    Err(Box::new(Failure { retry, response: Some(response), ..failure }))
}

/// Scheme, host and port of a response's URL.
fn origin(url: &str) -> &str {
    url.match_indices('/').nth(2).map_or(url, |(at, _)| &url[..at])
}

/// `Retry-After` as seconds or a date (RFC 9110 10.2.3).
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let after = match value.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default(),
    };
    Some(after.min(MAX_AFTER))
}

/// The output of a success.
///
/// # Errors
/// When the body is not what the step says it is, or the output would be too large to keep.
pub(super) fn output(
    http: &Http,
    response: Response,
    data: Result<JsonText, serde_json::Error>,
    took: Duration,
) -> Result<JsonText, Box<Failure>> {
    let error = match data {
        Ok(data) => match write(http, None, Some(&response), &data, took) {
            Ok(output) => return Ok(output),
            Err(error) => error,
        },
        Err(why) => RunError::new(ErrorCode::HttpFailed, format!("the response is no JSON ({why})")),
    };
    Err(Box::new(Failure { response: Some(response), ..Failure::new(error) }))
}

/// The output of a failure that the step ignores.
///
/// # Errors
/// When even the output without the body would be too large to keep.
pub(super) fn ignored(http: &Http, failure: &Failure, took: Duration) -> Result<JsonText, RunError> {
    let response = failure.response.as_ref();
    let data = response.map(|response| data(HttpResponse::Auto, response)).transpose();
    let data = data.ok().flatten().unwrap_or_else(JsonText::null);
    let write = |data: &JsonText| write(http, Some(&failure.error), response, data, took);
    // A body that is too large to keep must not undo that its failure is ignored.
    write(&data).or_else(|_| write(&JsonText::null()))
}

fn write(
    http: &Http,
    error: Option<&RunError>,
    response: Option<&Response>,
    data: &JsonText,
    took: Duration,
) -> Result<JsonText, RunError> {
    let url = response.map(|response| {
        if http.request.has_secret_url() {
            // A path that was filled from a secret is one.
            origin(&response.url)
        } else {
            response.url.as_str()
        }
    });
    let output = Output {
        ok: error.is_none(),
        error: error.map(|error| serde_json::json!({"code": error.code.as_str(), "message": error.message})),
        status: response.map(|response| response.status),
        headers: response.map(|response| headers(&response.headers)).unwrap_or_default(),
        data: serde_json::from_str(data.as_str()).expect("a JsonText holds valid JSON"),
        url,
        took_ms: took.as_millis() as u64,
    };
    let text = serde_json::to_string(&output).expect("names are strings and values JSON");
    let (used, most) = (text.len() as u64, Limits::CAP.output);
    if used > most.as_bytes() {
        let message = format!("the response is {used} bytes as JSON, {most} are the most; ask for less");
        let error = RunError::new(ErrorCode::OutputTooLarge, message);
        return Err(error.over(most.as_bytes(), used, LimitUnit::Bytes));
    }
    JsonText::parse(text).map_err(|error| {
        RunError::new(ErrorCode::HttpFailed, format!("the response is nested too deep ({error})"))
    })
}

/// Headers by lower-case name; those of one name in one text (RFC 9110 5.3).
fn headers(headers: &HeaderMap) -> Map<String, Value> {
    let mut kept = Map::new();
    for name in headers.keys().filter(|name| !HIDDEN.contains(&name.as_str())) {
        let values: Vec<_> =
            headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        kept.insert(name.as_str().to_owned(), values.join(", ").into());
    }
    kept
}

fn content_type(response: &Response) -> &str {
    let content_type = response.headers.get(header::CONTENT_TYPE);
    content_type.and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The body as JSON; the error is that of a text that should be JSON and is not.
pub(super) fn data(kind: HttpResponse, response: &Response) -> Result<JsonText, serde_json::Error> {
    let body = &response.body;
    if body.is_empty() && kind != HttpResponse::Json {
        return Ok(JsonText::null());
    }
    let content_type = content_type(response);
    let json = || JsonText::parse(answer_text_lossy(content_type, body).into_owned());
    let base64 = || JsonText::from_value(&STANDARD.encode(body).into());
    let text = |text: &str| JsonText::from_value(&text.into());
    match kind {
        HttpResponse::Json => json(),
        HttpResponse::Text => Ok(text(&answer_text_lossy(content_type, body))),
        HttpResponse::Base64 => Ok(base64()),
        HttpResponse::Auto => {
            let Ok(as_text) = answer_text(content_type, body) else { return Ok(base64()) };
            let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            let is_json = essence.is_empty() || essence.ends_with("/json") || essence.ends_with("+json");
            match is_json.then(json) {
                Some(Ok(json)) => Ok(json),
                Some(Err(_)) | None if as_text.contains('\0') => Ok(base64()),
                // What calls itself JSON and is none is still worth reading.
                Some(Err(_)) | None => Ok(text(&as_text)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn response(content_type: &'static str, body: &[u8]) -> Response {
        let mut headers = HeaderMap::new();
        if !content_type.is_empty() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        Response { status: 200, headers, body: body.to_vec(), url: String::new() }
    }

    #[test]
    fn a_body_becomes_data_by_its_type() {
        use HttpResponse::{Auto, Base64, Json, Text};
        for (kind, content_type, body, expected) in [
            (
                Auto,
                "application/json; charset=utf-8",
                &b"{\"a\": 18446744073709551615}"[..],
                "{\"a\": 18446744073709551615}",
            ),
            (Auto, "application/problem+json", b"[1]", "[1]"),
            (Auto, "application/json", b"\xef\xbb\xbf1", "1"),
            (Auto, "application/json", b"<html>", "\"<html>\""),
            (Auto, "", b"true", "true"),
            (Auto, "", b"plain", "\"plain\""),
            (Auto, "text/html", b"1", "\"1\""),
            (Auto, "application/xml", b"<a/>", "\"<a/>\""),
            (Auto, "image/png", b"\x89PNG", "\"iVBORw==\""),
            (Auto, "application/octet-stream", b"a\0b", "\"YQBi\""),
            (Auto, "application/json", b"", "null"),
            (Json, "text/plain", b"1", "1"),
            (Text, "application/json", b"1\xff", "\"1\u{fffd}\""),
            (Auto, "text/plain; charset=gbk", b"\xb1\xa8", "\"\u{62a5}\""),
            (Auto, "application/json; charset=GBK", b"{\"a\":\"\xb1\xa8\"}", "{\"a\":\"\u{62a5}\"}"),
            (Auto, "text/plain; charset=gbk", b"\xff\xff", "\"//8=\""),
            (
                Auto,
                "text/xml",
                b"<?xml version=\"1.0\" encoding=\"big5\"?>\xb3\xf8",
                "\"<?xml version=\\\"1.0\\\" encoding=\\\"big5\\\"?>\u{5831}\"",
            ),
            (Json, "text/plain; charset=shift_jis", b"\"\x83e\"", "\"\u{30c6}\""),
            (Text, "text/html", b"<meta charset=gbk>\xb1\xa8\xff", "\"<meta charset=gbk>\u{62a5}\u{fffd}\""),
            (Base64, "application/json", b"1", "\"MQ==\""),
            (Text, "", b"", "null"),
        ] {
            let data = data(kind, &response(content_type, body)).unwrap();
            assert_eq!(data.as_str(), expected, "{kind:?} {content_type}");
        }
        for body in [&b""[..], b"{", b"<html>"] {
            assert!(data(Json, &response("application/json", body)).is_err());
        }
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(data(Auto, &response("", deep.as_bytes())).unwrap().as_str().starts_with('"'));
    }

    #[test]
    fn a_service_says_when_to_try_again() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (value, seconds) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
            ("Sun, 06 Nov 1994 08:49:07 GMT", Some(0)),
            ("99999999999", Some(86_400)),
            ("soon", None),
            ("-1", None),
            ("1.5", None),
        ] {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, value.parse().unwrap())]);
            assert_eq!(retry_after(&headers, now).map(|after| after.as_secs()), seconds, "{value}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn headers_that_hand_out_rights_are_not_kept() {
        let mut all = HeaderMap::new();
        for name in HIDDEN {
            all.append(name, HeaderValue::from_static("secret"));
        }
        all.append("x-a", HeaderValue::from_static("1"));
        all.append("X-A", HeaderValue::from_bytes(b"\xff2").unwrap());
        assert_eq!(Value::Object(headers(&all)), serde_json::json!({"x-a": "1, \u{fffd}2"}));
    }
}
