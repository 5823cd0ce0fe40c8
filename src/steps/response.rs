//! `response`: makes the answer for the caller. The trigger's own `response` is one too.

use http::{HeaderName, header};
use serde_json::Value;

use super::{Scope, answer_headers, quoted::quoted, unfilled};
use crate::{
    model::{Answer, ErrorCode, FieldError, JsonText, Limits, ResponseSpec, RunError},
    template::{Budget, JsonTemplate, Path, Template},
};

/// The most of all headers of an answer together, bytes.
const MAX_HEADERS: usize = 256 << 10;

#[derive(Debug)]
enum Body {
    None,
    Json(JsonTemplate),
    Text(Template),
}

/// An answer whose templates are parsed.
#[derive(Debug)]
pub struct CompiledResponse {
    status: JsonTemplate,
    headers: Vec<(HeaderName, Template)>,
    body: Body,
}

impl CompiledResponse {
    /// Compiles an answer; `path` is its place in the workflow, for errors.
    ///
    /// # Errors
    /// The field that is no template or no HTTP header.
    pub fn compile(spec: &ResponseSpec, path: &str) -> Result<Self, FieldError> {
        let at = |field: &str, error: &dyn std::fmt::Display| {
            FieldError::new(format!("{path}.{field}"), error.to_string())
        };
        let status = spec.status.clone().unwrap_or_else(|| 200.into());
        let status = JsonTemplate::compile(&status).map_err(|error| at("status", &error))?;
        let mut headers = Vec::with_capacity(spec.headers.len());
        for (name, value) in &spec.headers {
            let field = format!("headers.{name}");
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| at(&field, &"this is no HTTP header name"))?;
            if answer_headers::is_reserved(&name) {
                return Err(at(&field, &"the server sets this header itself; remove it"));
            }
            headers.push((name, Template::parse(value).map_err(|error| at(&field, &error))?));
        }
        let body = match (&spec.json, &spec.text) {
            (Some(json), _) => Body::Json(JsonTemplate::compile(json).map_err(|error| at("json", &error))?),
            (None, Some(text)) => Body::Text(Template::parse(text).map_err(|error| at("text", &error))?),
            (None, None) => Body::None,
        };
        Ok(Self { status, headers, body })
    }

    /// The paths that the templates of the response read.
    pub fn references(&self) -> Vec<&Path> {
        let mut paths = self.status.references();
        paths.extend(self.headers.iter().flat_map(|(_, value)| value.references()));
        match &self.body {
            Body::None => {}
            Body::Json(json) => paths.extend(json.references()),
            Body::Text(text) => paths.extend(text.references()),
        }
        paths
    }

    /// Fills the templates.
    ///
    /// # Errors
    /// `response_invalid` when the result is no HTTP answer; `output_too_large` over the output limit.
    pub fn execute(&self, scope: &Scope<'_>) -> Result<Answer, RunError> {
        let mut budget = Budget::new(MAX_HEADERS);
        let number = self.status.value(scope, &mut budget).map_err(|error| unfilled("status", error))?;
        let status = status(&number)?;
        let mut headers = Vec::with_capacity(self.headers.len() + 1);
        for (name, template) in &self.headers {
            let value = answer_headers::filled(name, template, scope, &mut budget)?;
            headers.push((name.as_str().to_owned(), value));
        }
        let mut whole = Budget::new(Limits::DEFAULT.output.as_usize());
        let (kind, body) = match &self.body {
            Body::None => (None, Vec::new()),
            Body::Json(json) => {
                let body = json.render(scope, &mut whole).map_err(|error| unfilled("json", error))?;
                (Some("application/json"), body.into_bytes())
            }
            Body::Text(template) => {
                let body =
                    template.render_text(scope, &mut whole).map_err(|error| unfilled("text", error))?;
                (Some("text/plain; charset=utf-8"), body.into_bytes())
            }
        };
        if let Some(kind) = kind
            && !headers.iter().any(|(name, _)| name == header::CONTENT_TYPE.as_str())
        {
            headers.push((header::CONTENT_TYPE.as_str().to_owned(), kind.to_owned()));
        }
        Ok(Answer { status, headers, body })
    }
}

/// The answer of a workflow that says nothing: 200 with the last output.
pub fn json_answer(output: &JsonText) -> Answer {
    let kind = (header::CONTENT_TYPE.as_str().to_owned(), "application/json".to_owned());
    Answer { status: 200, headers: vec![kind], body: output.as_str().as_bytes().to_vec() }
}

/// An answer that a script wrote.
///
/// # Errors
/// `response_invalid` when it is no HTTP answer; `output_too_large` over the output limit.
pub fn written_answer(
    status_value: &Value,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
) -> Result<Answer, RunError> {
    let invalid = |message: String| RunError::new(ErrorCode::ResponseInvalid, message);
    let status = status(status_value)?;
    let mut written = Vec::with_capacity(headers.len());
    for (name, value) in headers {
        let known = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| invalid(format!("`{name}` is no HTTP header name")))?;
        if answer_headers::is_reserved(&known) {
            return Err(invalid(format!("the server sets the header `{known}` itself; remove it")));
        }
        let value = answer_headers::written(&known, value)?;
        written.push((known.as_str().to_owned(), value));
    }
    let most = Limits::DEFAULT.output;
    if body.len() > most.as_usize() {
        let message = format!("the answer is {} bytes, {most} are allowed", body.len());
        return Err(RunError::new(ErrorCode::OutputTooLarge, message));
    }
    Ok(Answer { status, headers: written, body })
}

fn status(value: &Value) -> Result<u16, RunError> {
    let number = match value {
        Value::Number(number) => number.as_u64().or_else(|| number.as_f64().map(|number| number as u64)),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    number
        .and_then(|number| u16::try_from(number).ok())
        .filter(|number| (200..600).contains(number))
        .ok_or_else(|| {
            let message = format!("{} is no status; give a number from 200 to 599", quoted(value));
            RunError::new(ErrorCode::ResponseInvalid, message)
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        model::{Content, Event, Started},
        steps::{Outputs, RunFacts},
    };

    fn answer(spec: Value, output: Value) -> Result<Answer, String> {
        let spec: ResponseSpec = serde_json::from_value(spec).map_err(|error| error.to_string())?;
        let event = Event {
            method: "POST".into(),
            path: "/".into(),
            ip: "::1".into(),
            headers: vec![],
            query: vec![],
            params: vec![],
            content: Content::Empty,
            body: vec![],
            origin: "".into(),
            raw_query: String::new(),
            notes: vec![],
            trigger: Started::default(),
        };
        let facts = RunFacts::of(&event, "{}".into(), 0, [0; 32], "run".into(), "w".parse().unwrap());
        let mut outputs = Outputs::default();
        outputs.set("a", JsonText::from_value(&output));
        let compiled = CompiledResponse::compile(&spec, "steps[0]").map_err(|error| error.to_string())?;
        compiled
            .execute(&Scope::new(&facts, &outputs, &crate::steps::Place::default()))
            .map_err(|error| error.code.as_str().to_owned())
    }

    #[test]
    fn an_answer_is_filled_from_outputs() {
        let spec = json!({"status": "{{$steps.a.s}}", "headers": {"X-B": "b-{{$steps.a.b}}"}, "json": {"b": "{{$steps.a.b}}"}});
        let answer = answer(spec, json!({"s": 422, "b": 7})).unwrap();
        assert_eq!(answer.status, 422);
        assert_eq!(answer.body, b"{\"b\":7}");
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(answer.headers, [header("x-b", "b-7"), header("content-type", "application/json")]);
    }

    #[test]
    fn a_value_is_escaped_for_its_place() {
        let headers = json!({
            "Location": "https://example.com/done?name={{$steps.a.name}}",
            "Content-Location": "{{$steps.a.url}}",
            "Content-Disposition": "attachment; filename=\"{{$steps.a.name}}.csv\"",
            "X-Plain": "{{$steps.a.name}}",
        });
        let output = json!({"name": "张 \"&/", "url": "https://example.com/名?a=b#c%20"});
        let answer = answer(json!({"headers": headers}), output).unwrap();
        let header = |name: &str| &*answer.headers.iter().find(|(found, _)| found == name).unwrap().1;
        assert_eq!(header("location"), "https://example.com/done?name=%E5%BC%A0%20%22%26%2F");
        assert_eq!(header("content-location"), "https://example.com/%E5%90%8D?a=b#c%20");
        assert_eq!(
            header("content-disposition"),
            "attachment; filename=\"_ \\\"&/.csv\"; filename*=UTF-8''%E5%BC%A0%20%22%26%2F.csv"
        );
        assert_eq!(header("x-plain"), "张 \"&/");
        let broken = json!({"headers": {"Location": "/{{$steps.a}}"}});
        assert_eq!(super::tests::answer(broken, json!("a\r\nb")).unwrap().headers[0].1, "/a%0D%0Ab");
    }

    #[test]
    fn what_is_no_http_answer_is_refused() {
        let cases = [
            (json!({"status": "{{$steps.a}}"}), json!("soon"), "response_invalid"),
            (json!({"status": "{{$steps.a}}"}), json!(99), "response_invalid"),
            (json!({"status": "{{$steps.a}}"}), json!(100000), "response_invalid"),
            (json!({"headers": {"x": "{{$steps.a}}"}}), json!("a\r\nset-cookie: b"), "response_invalid"),
            (json!({"text": "{{$steps.a}}"}), json!("x".repeat(2 << 20)), "output_too_large"),
        ];
        for (spec, output, code) in cases {
            assert_eq!(answer(spec, output), Err(code.to_owned()));
        }
        assert!(
            answer(json!({"headers": {"content-length": "1"}}), json!(1)).unwrap_err().contains("itself")
        );
        assert!(answer(json!({"headers": {"a b": "1"}}), json!(1)).unwrap_err().contains("headers.a b"));
    }
}
