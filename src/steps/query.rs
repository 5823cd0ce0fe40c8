//! `query`: takes parts of data with JSONPath, JMESPath or jq.
//!
//! Compiled once a version, evaluated once an attempt, both on a thread and with a budget of their own
//! (see `work`): neither an expression nor the data can keep the server busy, fill its memory or end it.

mod jmespath;
mod jq;
mod jsonpath;
mod pattern;

use serde_json::Value;

use super::{
    Output, Scope, unfilled,
    work::{Stop, UNITS, bounded},
};
use crate::{
    model::{ErrorCode, FieldError, JsonText, LimitUnit, Limits, QueryLanguage, QueryStep, RunError},
    template::{Budget, JsonTemplate, Path},
};

/// The longest expression, bytes.
const MAX_LENGTH: usize = 4_096;
/// The deepest nesting of brackets in an expression.
const MAX_NESTING: usize = 64;
/// What an error message shows, bytes.
const MAX_MESSAGE: usize = 1_024;

/// A compiled expression and what it is asked of.
#[derive(Debug)]
pub struct Query {
    expression: Expression,
    from: JsonTemplate,
    first: bool,
}

#[derive(Debug)]
enum Expression {
    JsonPath(jsonpath::Query),
    JmesPath(jmespath::Expression),
    Jq(jq::Program),
}

/// Why an evaluation that came to its end gave nothing.
#[derive(Debug, PartialEq, Eq)]
enum Failure {
    /// The expression does not fit the data; the words of its library.
    Query(String),
    /// The result is over the output limit.
    TooLarge,
}

pub(super) fn compile(spec: &QueryStep, path: &str) -> Result<Query, FieldError> {
    let from = JsonTemplate::compile(&spec.from)
        .map_err(|error| FieldError::new(format!("{path}.from"), error.to_string()))?;
    if spec.first && spec.language == QueryLanguage::JmesPath {
        let message = "JMESPath gives one value; write `| [0]` for the first of a list";
        return Err(FieldError::new(format!("{path}.first"), message));
    }
    let expression = parse(spec).map_err(|message| FieldError::new(format!("{path}.query"), message))?;
    Ok(Query { expression, from, first: spec.first })
}

fn parse(spec: &QueryStep) -> Result<Expression, String> {
    let text = spec.query.as_str();
    if text.len() > MAX_LENGTH {
        return Err(format!("this has {} bytes, {MAX_LENGTH} are the most; use a `code` step", text.len()));
    }
    // Parsing pays nothing and takes time proportional to the text, and stack to its nesting.
    if let Some(place) = too_deep(text) {
        return Err(format!("{}brackets nest deeper than {MAX_NESTING}", at(text, Some(place))));
    }
    bounded(UNITS, || match spec.language {
        QueryLanguage::JsonPath => jsonpath::Query::compile(text).map(Expression::JsonPath),
        QueryLanguage::JmesPath => jmespath::Expression::compile(text).map(Expression::JmesPath),
        QueryLanguage::Jq => jq::Program::compile(text).map(Expression::Jq),
    })
    .unwrap_or_else(|stop| Err(stop.to_string()))
}

/// Where brackets nest too deep; those in strings count too.
fn too_deep(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    text.char_indices().find_map(|(place, character)| {
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        (depth > MAX_NESTING).then_some(place)
    })
}

/// The beginning of a message about a place in an expression, a byte of it.
fn at(text: &str, place: Option<usize>) -> String {
    match place.and_then(|place| text.get(..place)) {
        Some(before) if before.len() == text.len() => "at the end: ".to_owned(),
        Some(before) => format!("at character {}: ", before.chars().count() + 1),
        None => String::new(),
    }
}

impl Query {
    pub(super) fn references(&self) -> Vec<&Path> {
        self.from.references()
    }

    pub(super) fn execute(&self, scope: &Scope<'_>) -> Result<Output, RunError> {
        let from = self.from.value(scope, &mut Budget::new(Limits::CAP.output.as_usize()));
        self.ask(&*from.map_err(|error| unfilled("from", error))?).map(Output::Value)
    }

    fn ask(&self, data: &Value) -> Result<JsonText, RunError> {
        let most = Limits::DEFAULT.output;
        let result = bounded(UNITS, || match &self.expression {
            Expression::JsonPath(query) => query.run(data, self.first, most.as_usize()),
            Expression::JmesPath(expression) => expression.run(data, most.as_usize()),
            Expression::Jq(program) => program.run(data, self.first, most.as_usize()),
        });
        let text = match result {
            Ok(Ok(text)) => text,
            Ok(Err(Failure::Query(message))) => return Err(failed(message)),
            Ok(Err(Failure::TooLarge)) => {
                let message = format!("the result is over {most} of JSON; take less of the data");
                let error = RunError::new(ErrorCode::OutputTooLarge, message);
                return Err(error.over(most.as_bytes(), most.as_bytes() + 1, LimitUnit::Bytes));
            }
            Err(stop @ (Stop::Work | Stop::Depth | Stop::Panic | Stop::NoThread)) => {
                return Err(failed(stop.to_string()));
            }
        };
        JsonText::parse(text).map_err(|error| {
            RunError::new(ErrorCode::OutputInvalid, format!("the result cannot be kept as JSON: {error}"))
        })
    }
}

fn failed(mut message: String) -> RunError {
    if message.len() > MAX_MESSAGE {
        message.truncate(message.floor_char_boundary(MAX_MESSAGE));
        // Who masks must see that the end may be half of a secret.
        message.push('…');
    }
    RunError::new(ErrorCode::QueryError, message)
}

#[cfg(test)]
mod tests;
