//! Checks a source text: whether it parses, how it is written and what it imports. None of it runs.

use std::sync::PoisonError;

use serde::Deserialize;

use super::{
    engine::JsEngine,
    frame,
    script::{Form, Script},
    visit::Ended,
};
use crate::model::{ErrorCode, Limits, RunError, Span};

/// What parsing may take: libraries are large.
const CHECK: Limits = Limits {
    fuel: 20_000_000_000,
    timeout: Span::from_millis(30_000),
    memory: Limits::CAP.memory,
    ..Limits::DEFAULT
};

#[derive(Deserialize)]
struct Checked {
    form: Form,
    #[serde(default)]
    imports: Vec<String>,
}

impl JsEngine {
    /// Parses a source text and tells its form; runs none of it.
    ///
    /// # Errors
    /// The syntax error with its place in the file. A sandbox that cannot serve is an `engine_crash`.
    pub fn check(&self, file: &str, source: &str) -> Result<Script, RunError> {
        let input = frame::encode(&[file.as_bytes(), source.as_bytes()]);
        let crash = |message: String| RunError::new(ErrorCode::EngineCrash, message);
        let _one = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        let mut visit = self.visit(&CHECK, 0, [0; 32]).map_err(|error| crash(error.to_string()))?;
        let answer = match visit.ask("check", &input) {
            Ok(answer) => answer,
            Err(Ended::Pending(_)) => return Err(crash("`check` waits for something".to_owned())),
            Err(ended) => return Err(visit.explain(ended)),
        };
        let checked: Checked = serde_json::from_slice(&answer)
            .map_err(|error| crash(format!("`check` answered nonsense: {error}")))?;
        Ok(Script {
            file: file.to_owned(),
            form: checked.form,
            source: source.to_owned(),
            modules: Vec::new(),
            imports: checked.imports,
        })
    }
}
