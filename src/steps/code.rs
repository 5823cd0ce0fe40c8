//! `code`: a JavaScript file in the sandbox.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use serde_json::json;

use super::{Attempt, Calls, Executed, Output, Scope, modules};
use crate::{
    model::{CodeStep, FieldError, Limits, RunError, Wait},
    sandbox::{Call, Conclusion, Hidden, Image, JsEngine, SandboxError, Script, Share},
};

/// Where code files come from when a version is compiled.
pub trait CodeSource {
    /// The text of a code file in the workflow's folder, or of a library.
    fn read(&self, file: &str) -> Option<&str>;

    /// Checks a text's syntax.
    ///
    /// # Errors
    /// The syntax error with its place.
    fn check(&self, file: &str, source: &str) -> Result<Script, RunError>;

    /// What all code of this workflow, and all plugins that it calls, may take of the sandbox together.
    fn share(&self) -> Share;

    /// The image of a script, if it has one.
    fn image(&self, script: &Script) -> Option<Image>;
}

/// A checked script and its limits.
#[derive(Debug)]
pub struct Code {
    script: Arc<Script>,
    image: Option<Arc<Image>>,
    limits: Limits,
    share: Share,
}

pub(super) fn compile(spec: &CodeStep, path: &str, code: &dyn CodeSource) -> Result<Code, FieldError> {
    let script = modules::load(&spec.file, &format!("{path}.file"), code)?;
    let image = code.image(&script).map(Arc::new);
    Ok(Code { script: Arc::new(script), image, limits: spec.limits.resolve(), share: code.share() })
}

pub(super) async fn execute(
    code: &Code,
    scope: &Scope<'_>,
    sandbox: &JsEngine,
    attempt: &Attempt,
    calls: Calls<'_>,
) -> Result<Executed, SandboxError> {
    let facts = scope.facts();
    let meta = json!({
        "run": facts.run_id,
        "workflow": facts.workflow,
        "step": scope.instance(),
        "attempt": attempt.number,
        "secrets_listed": *facts.listed,
    });
    let call = Call {
        script: Arc::clone(&code.script),
        image: code.image.clone(),
        context: Arc::clone(&facts.context),
        raw_body: Arc::clone(&facts.raw_body),
        steps: scope.steps_json(),
        env: Arc::clone(&facts.env),
        secrets: Hidden(facts.listed_secrets()),
        meta: meta.to_string(),
        limits: code.limits,
        now_ms: attempt.now_ms,
        seed: step_seed(&facts.seed, scope.instance()),
        history: calls.history,
    };
    let outcome = sandbox.run(call, &code.share, calls.host).await?;
    let result = match outcome.conclusion {
        Conclusion::Output(output) => Ok(Output::Value(output)),
        Conclusion::Failed(error) => Err(error),
        Conclusion::Sleeps(until_ms) => Ok(Output::Wait { wait: Wait::Script, due_ms: Some(until_ms) }),
    };
    Ok(Executed {
        logs: outcome.logs,
        log_truncated: outcome.log_truncated,
        usage: Some(outcome.usage),
        ..Executed::plain(result)
    })
}

/// Two steps of one run draw different numbers, a repeated step the same ones.
pub(super) fn step_seed(run: &[u8; 32], step: &str) -> [u8; 32] {
    Sha256::new().chain_update(run).chain_update(step.as_bytes()).finalize().into()
}
