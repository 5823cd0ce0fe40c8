//! Scripts as they are written and checked, and calls of them as they are made.

use std::sync::{Arc, PoisonError};

use serde::Deserialize;

use super::{engine::JsEngine, frame, image::Image, visit::Ended};
use crate::model::{CallRecord, ErrorCode, JsonText, Limits, LogLine, RunError, Span, Usage};

/// What parsing may take: libraries are large.
const CHECK: Limits = Limits {
    fuel: 20_000_000_000,
    timeout: Span::from_millis(30_000),
    memory: Limits::CAP.memory,
    ..Limits::DEFAULT
};

/// How a script is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// The body of an async function.
    Body,
    /// A module with a default export.
    Module,
}

impl Form {
    pub(super) fn name(self) -> &'static [u8] {
        match self {
            Self::Body => b"body",
            Self::Module => b"module",
        }
    }
}

/// A source text whose syntax was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The name that errors show.
    pub file: String,
    /// How it is written.
    pub form: Form,
    /// The text, JavaScript.
    pub source: String,
    /// The modules that it may import, by name with their texts; filled by who compiles it.
    pub modules: Vec<(String, String)>,
    /// What it imports, as the engine found it.
    pub imports: Vec<String>,
}

/// One attempt to run a script.
#[derive(Debug, Clone)]
pub struct Call {
    /// What runs.
    pub script: Arc<Script>,
    /// Its memory after its top level was evaluated, if there is such.
    pub image: Option<Arc<Image>>,
    /// The JSON object `context`, without `rawBody`.
    pub context: Arc<str>,
    /// The bytes of `context.rawBody`.
    pub raw_body: Arc<[u8]>,
    /// The JSON object `steps`.
    pub steps: String,
    /// The JSON object `env`.
    pub env: Arc<str>,
    /// The JSON object `secrets`.
    pub secrets: Hidden,
    /// The JSON object with the ids of run, workflow and step, and the number of the attempt.
    pub meta: String,
    /// What it may use.
    pub limits: Limits,
    /// Its clock, milliseconds since the epoch.
    pub now_ms: u64,
    /// Its randomness.
    pub seed: [u8; 32],
    /// The calls whose results it got before it was put down, in that order.
    pub history: Vec<CallRecord>,
}

impl Call {
    /// A call of a script with nothing to read and the default limits.
    pub fn of(script: impl Into<Arc<Script>>) -> Self {
        Self {
            script: script.into(),
            image: None,
            context: "{}".into(),
            raw_body: Arc::default(),
            steps: "{}".to_owned(),
            env: "{}".into(),
            secrets: Hidden::default(),
            meta: "{}".to_owned(),
            limits: Limits::DEFAULT,
            now_ms: 0,
            seed: [0; 32],
            history: Vec::new(),
        }
    }
}

/// Text that Debug does not show.
#[derive(Clone, Default)]
pub struct Hidden(pub String);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hidden")
    }
}

/// What an attempt came to.
#[derive(Debug, Clone)]
pub enum Conclusion {
    /// Its output.
    Output(JsonText),
    /// Why there is none.
    Failed(RunError),
    /// Nothing happens in it before then, milliseconds since the epoch: it is to be made again with its history.
    Sleeps(u64),
}

/// How an attempt ended, and what it used.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What it came to.
    pub conclusion: Conclusion,
    /// What it logged.
    pub logs: Vec<LogLine>,
    /// Whether more was logged than is kept.
    pub log_truncated: bool,
    /// What it used.
    pub usage: Usage,
}

impl Outcome {
    /// With the calls that others performed for it, beside what it asked the host at once.
    pub(super) fn after(mut self, calls: u32) -> Self {
        self.usage.host_calls += u64::from(calls);
        self
    }

    /// The output, or why there is none.
    ///
    /// # Errors
    /// The script's error; a script that sleeps has no output either.
    pub fn into_result(self) -> Result<JsonText, RunError> {
        match self.conclusion {
            Conclusion::Output(output) => Ok(output),
            Conclusion::Failed(error) => Err(error),
            Conclusion::Sleeps(_) => Err(RunError::new(
                ErrorCode::PromiseNeverSettled,
                "the script sleeps, and nobody wakes it here",
            )),
        }
    }
}

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
