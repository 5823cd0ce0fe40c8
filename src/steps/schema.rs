//! `output_schema`: whether an output is what its step promises, by JSON Schema.
//!
//! The schema comes from the workflow's author and the output from anywhere. A schema never reaches out: only
//! references into itself are followed. The values that the validator reads are ours and pay for it (see
//! `work`), since a few hundred bytes of `$ref` and `anyOf` can ask for 2^128 checks. Called by the engine.

mod metered;
mod references;

use jsonschema::{PatternOptions, ValidationError, Validator};
use regex::RegexBuilder;
use serde_json::Value;

use self::metered::{Metered, Part};
use super::work::{UNITS, bounded, pay};
use crate::model::JsonText;

/// The largest schema, bytes of JSON.
const MAX_SCHEMA: usize = 64 << 10;
/// The largest compiled regular expression.
const MAX_PATTERN: usize = 64 << 10;
/// The most errors that are told.
const MAX_ERRORS: usize = 5;
/// The longest message, bytes.
const MAX_MESSAGE: usize = 2 << 10;
/// What finding the reasons may cost.
const REASON_UNITS: u64 = UNITS / 8;

/// A compiled JSON Schema, of draft 2020-12 unless its `$schema` says an older one.
#[derive(Debug)]
pub struct OutputSchema(Validator<Metered>);

impl OutputSchema {
    /// # Errors
    /// What is wrong with the schema, and where in it.
    pub fn compile(schema: &Value) -> Result<Self, String> {
        let size = schema.to_string().len();
        if size > MAX_SCHEMA {
            return Err(format!("the schema is {size} bytes, {MAX_SCHEMA} are the most"));
        }
        references::check(schema)?;
        let patterns = PatternOptions::regex().size_limit(MAX_PATTERN).dfa_size_limit(1 << 20);
        let options = jsonschema::options_for::<Metered>()
            .offline()
            .with_pattern_options(patterns)
            .should_validate_formats(true)
            // The crate's own compiles what the data says, of any size.
            .with_format("regex", |text: &str| {
                pay(2_000);
                RegexBuilder::new(text).size_limit(MAX_PATTERN).nest_limit(32).build().is_ok()
            });
        bounded(UNITS, || options.build(schema).map(Self).map_err(|error| told(&error)))
            .unwrap_or_else(|stop| Err(format!("the schema cannot be compiled: {stop}")))
    }

    /// Checks an output.
    ///
    /// # Errors
    /// Up to five reasons with the places that they are about, or that the check was too much work.
    pub fn check(&self, output: &JsonText) -> Result<(), String> {
        let output = output.to_value();
        let valid = bounded(UNITS, || self.0.is_valid(Part(&output)));
        if valid.map_err(|stop| format!("the output cannot be checked: {stop}"))? {
            return Ok(());
        }
        // Reasons cost more than the answer, and all of them are found before the first is told.
        let all = bounded(REASON_UNITS, || -> Vec<String> {
            self.0.iter_errors(Part(&output)).take(MAX_ERRORS).map(|error| told(&error)).collect()
        });
        let first = || bounded(REASON_UNITS, || self.0.validate(Part(&output)).map_err(|error| told(&error)));
        let mut message = match all {
            Ok(errors) if !errors.is_empty() => errors.join("; "),
            Ok(_) | Err(_) => match first() {
                Ok(Err(first)) => first,
                Ok(Ok(())) | Err(_) => "value does not satisfy the schema".to_owned(),
            },
        };
        message.truncate(message.floor_char_boundary(MAX_MESSAGE));
        Err(message)
    }
}

/// Without the value, which may be large.
fn told(error: &ValidationError<'_>) -> String {
    let mut reason = error.masked().to_string();
    reason.truncate(reason.floor_char_boundary(MAX_MESSAGE / MAX_ERRORS));
    let path = error.instance_path().as_str();
    if path.is_empty() { reason } else { format!("{path}: {reason}") }
}

#[cfg(test)]
mod tests;
