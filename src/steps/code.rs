//! `code`: a JavaScript file in the sandbox.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{Executed, Output, Scope};
use crate::{
    model::{CodeStep, FieldError, Limits, RunError},
    sandbox::{Call, JsEngine, SandboxError, Script, Share},
};

/// Where code files come from when a version is compiled.
pub trait CodeSource {
    /// The text of a file beside `workflow.json`.
    fn read(&self, file: &str) -> Option<&str>;

    /// Checks a text's syntax.
    ///
    /// # Errors
    /// The syntax error with its place.
    fn check(&self, file: &str, source: &str) -> Result<Script, RunError>;

    /// What all code of this workflow together may take of the sandbox.
    fn share(&self) -> Share;
}

/// A checked script and its limits.
#[derive(Debug)]
pub struct Code {
    script: Arc<Script>,
    limits: Limits,
    share: Share,
}

pub(super) fn compile(spec: &CodeStep, path: &str, code: &dyn CodeSource) -> Result<Code, FieldError> {
    let field = format!("{path}.file");
    let source = code.read(&spec.file).ok_or_else(|| {
        FieldError::new(&field, format!("there is no file `{}` in the workflow's folder", spec.file))
    })?;
    if source.len() > Limits::SOURCE.as_usize() {
        return Err(FieldError::new(field, format!("`{}` is over {}", spec.file, Limits::SOURCE)));
    }
    let script = code.check(&spec.file, source).map_err(|error| {
        let place =
            error.position.map_or(spec.file.clone(), |at| format!("{}:{}:{}", at.file, at.line, at.column));
        FieldError::new(field, format!("{place}: {}", error.message))
    })?;
    Ok(Code { script: Arc::new(script), limits: spec.limits.resolve(), share: code.share() })
}

pub(super) async fn execute(
    code: &Code,
    scope: &Scope<'_>,
    sandbox: &JsEngine,
) -> Result<Executed, SandboxError> {
    let facts = scope.facts();
    let call = Call {
        script: Arc::clone(&code.script),
        context: Arc::clone(&facts.context),
        raw_body: Arc::clone(&facts.raw_body),
        steps: scope.steps_json(),
        env: Arc::clone(&facts.env),
        limits: code.limits,
        now_ms: facts.now_ms,
        seed: step_seed(&facts.seed, scope.instance()),
    };
    let outcome = sandbox.run(call, &code.share).await?;
    Ok(Executed {
        logs: outcome.logs,
        log_truncated: outcome.log_truncated,
        usage: Some(outcome.usage),
        ..Executed::plain(outcome.result.map(Output::Value))
    })
}

/// Two steps of one run draw different numbers, a repeated step the same ones.
fn step_seed(run: &[u8; 32], step: &str) -> [u8; 32] {
    Sha256::new().chain_update(run).chain_update(step.as_bytes()).finalize().into()
}
