//! `delay`, `wait_until` and `wait_for_callback`: until when a run waits. The engine waits, without holding memory.

use jiff::Timestamp;
use serde_json::Value;

use super::{Output, Scope, quoted::quoted, unfilled};
use crate::{
    model::{
        CallbackStep, DelayStep, ErrorCode, FieldError, Question, RunError, Span, WAIT_CAP, Wait as For,
        WaitUntilStep,
    },
    template::{Budget, JsonTemplate, Path, Template},
};

/// The most of a span or moment that is made of several pieces, bytes.
const MAX_SPAN: usize = 8 << 10;

/// A wait whose templates are parsed.
#[derive(Debug)]
pub enum Wait {
    /// The step waits as long as this says.
    Delay(JsonTemplate),
    /// The step waits until the moment that this says.
    Until(JsonTemplate),
    /// For a request, at most so long.
    Callback(Span),
    /// For the answer to a question, at most so long.
    Question(Span, Box<Asked>),
}

/// A question whose templates are parsed.
#[derive(Debug)]
pub struct Asked {
    title: Template,
    text: Template,
    /// What does not change.
    fixed: Question,
}

pub(super) fn delay(spec: &DelayStep, path: &str) -> Result<Wait, FieldError> {
    let field = format!("{path}.for");
    let template = compile(&spec.span, &field)?;
    if template.references().is_empty() {
        span_of(&spec.span).map_err(|message| FieldError::new(field, message))?;
    }
    Ok(Wait::Delay(template))
}

pub(super) fn until(spec: &WaitUntilStep, path: &str) -> Result<Wait, FieldError> {
    let field = format!("{path}.at");
    let template = compile(&spec.at, &field)?;
    if template.references().is_empty() {
        moment_of(&spec.at).map_err(|message| FieldError::new(field, message))?;
    }
    Ok(Wait::Until(template))
}

pub(super) fn callback(spec: &CallbackStep, path: &str) -> Result<Wait, FieldError> {
    let Some(page) = &spec.page else { return Ok(Wait::Callback(spec.timeout)) };
    let parsed = |field: &str, text: &str| {
        Template::parse(text)
            .map_err(|error| FieldError::new(format!("{path}.page.{field}"), error.to_string()))
    };
    let (title, text) = (parsed("title", &page.title)?, parsed("text", &page.text)?);
    Ok(Wait::Question(spec.timeout, Box::new(Asked { title, text, fixed: page.unasked() })))
}

fn compile(value: &Value, field: &str) -> Result<JsonTemplate, FieldError> {
    JsonTemplate::compile(value).map_err(|error| FieldError::new(field, error.to_string()))
}

impl Wait {
    pub(super) fn references(&self) -> Vec<&Path> {
        match self {
            Self::Delay(template) | Self::Until(template) => template.references(),
            Self::Callback(_) => Vec::new(),
            Self::Question(_, asked) => asked.title.references().chain(asked.text.references()).collect(),
        }
    }

    /// `now_ms` is the time at which the wait begins.
    pub(super) fn execute(&self, scope: &Scope<'_>, now_ms: u64) -> Result<Output, RunError> {
        let invalid = |message: String| RunError::new(ErrorCode::WaitInvalid, message);
        let (wait, due_ms) = match self {
            Self::Delay(span) => {
                let span =
                    span.value(scope, &mut Budget::new(MAX_SPAN)).map_err(|error| unfilled("for", error))?;
                let span = span_of(&span).map_err(invalid)?;
                (For::Time, now_ms.saturating_add(span.as_millis()))
            }
            Self::Until(at) => {
                let at =
                    at.value(scope, &mut Budget::new(MAX_SPAN)).map_err(|error| unfilled("at", error))?;
                (For::Time, moment_of(&at).map_err(invalid)?)
            }
            Self::Callback(timeout) => (For::Callback, now_ms.saturating_add(timeout.as_millis())),
            Self::Question(timeout, asked) => {
                (For::Question(Box::new(asked.ask(scope)?)), now_ms.saturating_add(timeout.as_millis()))
            }
        };
        if due_ms.saturating_sub(now_ms) > WAIT_CAP.as_millis() {
            return Err(invalid(format!("the wait would be longer than {WAIT_CAP}")));
        }
        Ok(Output::Wait { wait, due_ms: Some(due_ms) })
    }
}

impl Asked {
    fn ask(&self, scope: &Scope<'_>) -> Result<Question, RunError> {
        let title = self
            .title
            .render_text(scope, &mut Budget::new(Question::MAX_TEXT))
            .map_err(|error| unfilled("page.title", error))?;
        let text = self
            .text
            .render_text(scope, &mut Budget::new(Question::MAX_TEXT))
            .map_err(|error| unfilled("page.text", error))?;
        let text = text.replace("\r\n", "\n").trim_end().to_owned();
        Ok(Question { title: one_line(&title), text, ..self.fixed.clone() })
    }
}

/// A title on one line, cut where it is too long.
fn one_line(title: &str) -> String {
    let line = title.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= Question::MAX_TITLE {
        return line;
    }
    line.chars().take(Question::MAX_TITLE - 1).chain(['…']).collect()
}

fn span_of(value: &Value) -> Result<Span, String> {
    let span = match value {
        Value::String(text) => text.parse::<Span>().map_err(|error| error.to_string())?,
        Value::Number(ms) => {
            let ms = ms.as_u64().or_else(|| ms.as_f64().filter(|ms| *ms >= 0.0).map(|ms| ms as u64));
            Span::from_millis(ms.ok_or_else(|| format!("`{value}` is no number of milliseconds"))?)
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            return Err(format!("`{}` is neither a span such as \"3s\" nor milliseconds", quoted(value)));
        }
    };
    if span > WAIT_CAP {
        Err(format!("{span} is longer than {WAIT_CAP}, the longest wait"))
    } else {
        Ok(span)
    }
}

fn moment_of(value: &Value) -> Result<u64, String> {
    let wrong =
        || format!("`{}` is neither an RFC 3339 time nor milliseconds since the epoch", quoted(value));
    match value {
        Value::String(text) => {
            let at: Timestamp = text.trim().parse().map_err(|_| wrong())?;
            // A moment before 1970 has passed, as 1970 has.
            Ok(u64::try_from(at.as_millisecond()).unwrap_or(0))
        }
        Value::Number(ms) => {
            ms.as_u64().or_else(|| ms.as_f64().map(|ms| ms.max(0.0) as u64)).ok_or_else(wrong)
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn spans_and_moments_are_read_or_refused() {
        assert_eq!(span_of(&json!("3s")), Ok(Span::from_millis(3_000)));
        assert_eq!(span_of(&json!(1500)), Ok(Span::from_millis(1_500)));
        for wrong in [json!("soon"), json!(-1), json!(null), json!("366d"), json!([1])] {
            assert!(span_of(&wrong).is_err(), "{wrong}");
        }
        assert_eq!(moment_of(&json!("2026-01-01T00:00:00Z")), Ok(1_767_225_600_000));
        assert_eq!(moment_of(&json!("2026-01-01T01:00:00+01:00")), Ok(1_767_225_600_000));
        assert_eq!(moment_of(&json!(17)), Ok(17));
        assert_eq!(moment_of(&json!("1960-01-01T00:00:00Z")), Ok(0));
        for wrong in [json!("tomorrow"), json!(true), json!({})] {
            assert!(moment_of(&wrong).is_err(), "{wrong}");
        }
    }
}
