//! `code`: a JavaScript file in the sandbox.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use serde_json::json;

use super::{Attempt, Calls, Executed, Output, RunFacts, Scope, code_source::CodeSource, modules};
use crate::{
    model::{CodeStep, FieldError, Limits, Wait},
    sandbox::{Call, Conclusion, Hidden, Image, JsEngine, Metering, SandboxError, Script, Share},
};

/// Why a limit of fuel is refused where none is counted.
const NOT_COUNTED: &str = "this server counts no fuel for scripts (`sandbox.metering` is `time`), so the limit would hold nothing: \
                           use `limits.timeout`, or set `sandbox.metering` to `fuel`";

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
    match (code.metering(), spec.limits.fuel) {
        (Metering::Time, Some(_)) => return Err(FieldError::new(format!("{path}.limits.fuel"), NOT_COUNTED)),
        (Metering::Time, None) | (Metering::Fuel, _) => {}
    }
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
        scopes: scope.scopes_json(),
        secrets: Hidden(facts.listed_secrets()),
        meta: meta.to_string(),
        limits: code.limits,
        now_ms: attempt.now_ms,
        seed: attempt_seed(facts, scope.instance(), attempt.number),
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

/// Where the randomness of one attempt comes from: another for each step instance, for each of its attempts and for each
/// run that repeats it, since a nonce that two of them draw gives away what both encrypt. An attempt that goes on after a
/// crash is the same attempt, and draws the same.
pub(super) fn attempt_seed(facts: &RunFacts, instance: &str, attempt: u32) -> [u8; 32] {
    let mut hash = Sha256::new().chain_update(facts.seed);
    // A run that repeats another has its seed too, so that both send the same idempotency keys.
    for part in [facts.run_id.as_str(), instance] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.chain_update(attempt.to_be_bytes()).finalize().into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::{Event, JsonText};

    #[test]
    fn each_attempt_of_each_instance_in_each_run_has_a_seed_of_its_own() {
        let facts = |seed: u8, run: &str| {
            let event = Event::of_data(&JsonText::null());
            RunFacts::of(&event, "{}".into(), 0, [seed; 32], run.to_owned(), "w".parse().unwrap())
        };
        let mut seeds = BTreeSet::new();
        for (seed, run) in [(1, "run_1"), (1, "run_2"), (2, "run_1"), (1, "run_")] {
            for instance in ["a", "a[0]", "a[1]", "a[0][1]", "1a", "2"] {
                for attempt in 1..=3 {
                    seeds.insert(attempt_seed(&facts(seed, run), instance, attempt));
                }
            }
        }
        assert_eq!(seeds.len(), 4 * 6 * 3);
        assert_eq!(attempt_seed(&facts(1, "run_1"), "a", 1), attempt_seed(&facts(1, "run_1"), "a", 1));
    }
}
