//! One attempt of a step: what it sees, its execution under its timeout, and what came of it.

use std::{
    borrow::Cow,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::{
    Inner,
    definition::Definition,
    patience::{self, Patience},
    script::{self, Asked, ScriptHost, bytes_of},
    transition::State,
};
use crate::{
    model::{
        Answer, ErrorCode, JsonText, LimitUnit, LogLine, Run, RunError, RunId, Span, StepKey, StepRecord,
        StepStatus, Wait, WorkflowKey,
    },
    sandbox::SandboxError,
    secrets::Redactor,
    steps::{self, Again, Calls, Executed, Output, Outputs, Place, RunFacts, Scope, SecretValues},
    store::tables,
};

/// A finished attempt.
pub(super) struct Attempted {
    pub(super) key: StepKey,
    pub(super) performed: Performed,
    /// It acted on the world outside the run.
    pub(super) effect: bool,
    /// What its script left to be made durable with its end.
    pub(super) script: Option<Arc<ScriptHost>>,
}

/// What came of it.
pub(super) enum Performed {
    Ended {
        record: StepRecord,
        again: Again,
    },
    Answered {
        record: StepRecord,
        answer: Answer,
    },
    RunEnded {
        record: StepRecord,
        output: Option<JsonText>,
    },
    Begun(JsonText),
    Waits {
        wait: Wait,
        due_ms: Option<u64>,
    },
    Starts {
        record: Box<StepRecord>,
        workflow: WorkflowKey,
        input: JsonText,
        wait: bool,
        due_ms: Option<u64>,
    },
}

/// What the steps of a run see of it, and what is masked for it.
pub(super) struct Seen {
    pub(super) facts: RunFacts,
    /// As it was when it was last asked for: to look through a large event takes long.
    given: Mutex<Given>,
}

impl Seen {
    pub(super) fn of(run: &Run, definition: &Definition) -> Self {
        let facts = RunFacts::of(
            &run.event,
            Arc::clone(&definition.env),
            run.head.created_ms,
            run.head.seed,
            run.head.id.to_string(),
            run.head.workflow.clone(),
        );
        let facts = RunFacts {
            listed: definition.workflow.secrets.clone().into(),
            plugins: run.head.plugins.clone().into(),
            ..facts
        };
        Self { facts, given: Mutex::default() }
    }

    /// The secrets that the run was given, as they are now.
    pub(super) fn given(&self, inner: &Inner, definition: &Definition) -> Given {
        let of_plugin = |plugin| inner.services.plugins.granted_secrets(plugin);
        let granted: Vec<_> = definition.plugins.iter().flat_map(of_plugin).collect();
        let all = inner.vault.redactor_of(&match granted.is_empty() {
            true => Cow::Borrowed(&definition.maskable),
            false => {
                let mut names: Vec<_> = definition.maskable.iter().cloned().chain(granted).collect();
                names.sort_unstable();
                names.dedup();
                Cow::Owned(names)
            }
        });
        let mut given = self.given.lock().expect("no code panics under this lock");
        if !given.all.knows_the_same_as(&all) {
            let masks = all.without_those_in(&[self.facts.context.as_bytes(), &self.facts.raw_body]);
            *given = Given { all, masks };
        }
        given.clone()
    }
}

/// The secrets that a run was given, listed, named in templates or granted to its plugins, and variables that look like credentials.
/// Never those of others: what is masked, and whether a text holds one, can be seen from outside, and must tell nobody about them.
#[derive(Clone, Default)]
pub(super) struct Given {
    /// Finds all of them: no redirect takes one to another origin, whoever sent it.
    pub(super) all: Redactor,
    /// Masks in all that the run hands on or answers. Those that the sender himself sent are left out: else an answer would tell
    /// whether a guess is right.
    pub(super) masks: Redactor,
}

/// Where a step stands.
pub(super) fn place(
    inner: &Inner,
    run: &Run,
    definition: &Definition,
    state: &State,
    key: &StepKey,
) -> Place {
    let workflow = &definition.workflow;
    let url = |step: &crate::model::StepId| {
        // A callback step in a loop has a URL for each iteration, its own in each.
        let depth = workflow.loops_around(step).len().min(key.at.len());
        let waiting = StepKey { step: step.clone(), at: key.at[..depth].to_vec() };
        callback_url(&inner.options.public_url, run.head.id, &run.head.seed, &waiting)
    };
    Place {
        instance: key.to_string(),
        loops: if key.at.is_empty() { Vec::new() } else { state.scopes(workflow, key) },
        callbacks: definition.callbacks.iter().map(|step| (step.clone(), url(step))).collect(),
    }
}

/// The one-time URL of a step instance.
fn callback_url(base: &str, run: RunId, seed: &[u8; 32], key: &StepKey) -> String {
    let at: String = key.at.iter().map(|index| format!(".{index}")).collect();
    format!("{base}/api/callbacks/{run}/{}{at}/{}", key.step, callback_token(run, seed, key))
}

/// What proves that a request was given the URL by the run itself.
pub(super) fn callback_token(run: RunId, seed: &[u8; 32], key: &StepKey) -> String {
    // A run that repeats another has its seed too, and must not be called back with the other's URLs.
    secret_of(seed, &format!("callback\0{run}"), key)
}

/// The same for each attempt of a step instance, also of a run that repeats it from its failed step.
pub(super) fn idempotency_key(seed: &[u8; 32], key: &StepKey) -> String {
    secret_of(seed, "effect", key)
}

fn secret_of(seed: &[u8; 32], purpose: &str, key: &StepKey) -> String {
    let hash = Sha256::new().chain_update(seed).chain_update(purpose).chain_update([0]);
    hex::encode(&hash.chain_update(key.to_string()).finalize()[..16])
}

/// One attempt of a step instance.
pub(super) struct Attempt {
    pub(super) inner: Arc<Inner>,
    pub(super) run: RunId,
    pub(super) definition: Arc<Definition>,
    pub(super) seen: Arc<Seen>,
    /// Of the steps before.
    pub(super) outputs: Outputs,
    pub(super) place: Place,
    pub(super) key: StepKey,
    /// From 1.
    pub(super) number: u32,
    /// What its script needs of the run goes here.
    pub(super) asks: mpsc::UnboundedSender<Asked>,
}

/// Executes an attempt, or goes on with one that was put down.
pub(super) async fn perform(attempt: Attempt) -> Attempted {
    let Attempt { inner, run, definition, seen, outputs, place, key, number, asks } = attempt;
    let started = Instant::now();
    let timeout = definition.timeout(&key.step);
    let compiled = definition.step(&key.step);
    let is_code = compiled.is_some_and(steps::Compiled::calls_the_host);
    let mut patience = Patience::of(run);
    let history = loop {
        let read = match is_code {
            true => tables::calls::list(&*inner.store, run, &key, number).await,
            false => Ok(Vec::new()),
        };
        match read {
            Err(error) if patience.again(&inner, &error).await => {}
            Err(error) if patience::abandons(&error) => {
                script::abandon(&asks, &error).await;
                break Err(error);
            }
            read => break read,
        }
    };
    let (history, unread) = match history {
        Ok(history) => (history, None),
        Err(error) => (Vec::new(), Some(SandboxError::Record(error.to_string()))),
    };
    // It began when it first began.
    let started_ms = history.first().map_or_else(|| inner.ports.now_ms(), |first| first.at_ms);
    let resumed = !history.is_empty();
    let given = seen.given(&inner, &definition);
    let facts = &seen.facts;
    let host = Arc::new(ScriptHost::new(
        &inner,
        given.clone(),
        run,
        definition.workflow.key.clone(),
        (key.clone(), number, idempotency_key(&facts.seed, &key)),
        asks,
        (history.len() as u32, bytes_of(&history)),
    ));
    let executed = match compiled {
        Some(_) if unread.is_some() => unread.map_or_else(|| Executed::failed(gone()), sandbox_failed),
        Some(compiled) => {
            let facts = RunFacts { secrets: secrets(&inner, &definition), ..facts.clone() };
            let scope = Scope::new(&facts, &outputs, &place);
            let attempt = steps::Attempt {
                last: definition.is_last(&key.step, number),
                number,
                now_ms: started_ms,
                idempotency_key: idempotency_key(&facts.seed, &key),
            };
            let calls = Calls { host: &*host, history };
            let executed = steps::execute(compiled, &scope, &inner.services, &attempt, calls);
            let passed_ms = inner.ports.now_ms().saturating_sub(started_ms);
            match timeout {
                None => executed.await,
                Some(span) => tokio::time::timeout(left(span, passed_ms), executed)
                    .await
                    .unwrap_or_else(|_| Ok(timed_out(span))),
            }
            .unwrap_or_else(sandbox_failed)
        }
        None => Executed::failed(gone()),
    };
    let Executed { mut result, logs, log_truncated, usage, again, mut calls } =
        masked(executed, &given.masks, &inner.vault.redactor());
    let record = StepRecord {
        step: key.step.clone(),
        at: key.at.clone(),
        attempt: number,
        status: StepStatus::Succeeded,
        output: JsonText::null(),
        error: None,
        logs,
        log_truncated,
        usage,
        calls: Vec::new(),
        started_ms,
        took_us: match resumed {
            true => inner.ports.now_ms().saturating_sub(started_ms).saturating_mul(1_000),
            false => started.elapsed().as_micros() as u64,
        },
    };
    if let Ok(Output::Wait { wait: Wait::Script, due_ms }) = &mut result {
        // It wakes at its timeout at the latest, to fail then.
        let most = timeout.map(|span| started_ms.saturating_add(span.as_millis()));
        *due_ms = (*due_ms).min(most.or(*due_ms));
        if let Err(error) = host.flush(|_| {}).await {
            result = Err(RunError::new(ErrorCode::EngineCrash, error.to_string()));
        }
    }
    calls.extend(host.take_notes());
    let record = StepRecord { calls, ..record };
    let performed = match result {
        Ok(Output::Value(output)) => match definition.check_output(&key.step, &output) {
            Ok(()) => Performed::Ended { record: StepRecord { output, ..record }, again },
            Err(error) => Performed::Ended { record: failed(record, error), again: Again::Helps },
        },
        Ok(Output::Answer(answer)) => Performed::Answered { record, answer },
        Ok(Output::End(output)) => Performed::RunEnded { record, output },
        Ok(Output::Begin(output)) => Performed::Begun(output),
        Ok(Output::Wait { wait, due_ms }) => Performed::Waits { wait, due_ms },
        Ok(Output::Start { workflow, input, wait }) => {
            let due_ms = timeout.map(|span| started_ms.saturating_add(span.as_millis()));
            Performed::Starts { record: Box::new(record), workflow, input, wait, due_ms }
        }
        Err(error) => Performed::Ended { record: failed(record, error), again },
    };
    let effect = compiled.is_some_and(|step| step.has_effect()) || (is_code && host.has_acted());
    Attempted { key, performed, effect, script: is_code.then_some(host) }
}

/// What is left of a timeout.
fn left(span: Span, passed_ms: u64) -> Duration {
    Duration::from_millis(span.as_millis().saturating_sub(passed_ms))
}

fn gone() -> RunError {
    RunError::new(ErrorCode::VersionMissing, "the version has no such step")
}

/// The secrets that the workflow names, as they are now.
fn secrets(inner: &Inner, definition: &Definition) -> SecretValues {
    let value = |name: &String| Some((name.clone(), inner.vault.get(name)?));
    definition.secrets.iter().filter_map(value).collect()
}

/// Masks the secrets in all that leaves an attempt. Later steps, the store and the caller see the same, without the secrets that
/// the run was given; logs are for operators alone, and show none of any.
fn masked(executed: Executed, redactor: &Redactor, all: &Redactor) -> Executed {
    if all.is_empty() {
        return executed;
    }
    let text = |text: &str| masked_text(text, redactor);
    let result = match executed.result {
        Ok(Output::Value(output)) => Ok(Output::Value(redactor.redact_json(&output))),
        Ok(Output::Answer(answer)) => Ok(Output::Answer(masked_answer(answer, redactor))),
        Ok(Output::End(output)) => Ok(Output::End(output.map(|output| redactor.redact_json(&output)))),
        Ok(Output::Begin(output)) => Ok(Output::Begin(redactor.redact_json(&output))),
        Ok(Output::Start { workflow, input, wait }) => {
            Ok(Output::Start { workflow, input: redactor.redact_json(&input), wait })
        }
        Ok(wait @ Output::Wait { .. }) => Ok(wait),
        Err(error) => {
            Err(RunError { message: text(&error.message), stack: error.stack.as_deref().map(text), ..error })
        }
    };
    let count = executed.logs.len();
    let logs = executed.logs.into_iter().enumerate().map(|(index, line)| {
        let ends_log = executed.log_truncated && index + 1 == count;
        LogLine { text: masked_line(&line.text, ends_log, all), ..line }
    });
    Executed { result, logs: logs.collect(), ..executed }
}

/// Stands where the sandbox cut a text.
const CUT: char = '…';

/// A log line without secrets. Where it was cut, what stands before the mark may be the beginning of one.
fn masked_line(text: &str, ends_log: bool, all: &Redactor) -> String {
    let is_count = |after: &str| {
        let count = after.strip_prefix(" (").and_then(|after| after.strip_suffix(" bytes more)"));
        count.is_some_and(|count| !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit()))
    };
    match text.rsplit_once(CUT) {
        Some((before, after)) if is_count(after) || (ends_log && after.is_empty()) => {
            all.redact_cut(before).into_owned() + after
        }
        Some(_) | None => all.redact(text).into_owned(),
    }
}

/// A message or a stack without secrets; a long one that ends in the mark was cut.
fn masked_text(text: &str, given: &Redactor) -> String {
    match text.strip_suffix(CUT) {
        Some(before) if text.len() >= CUT_LEAST && !given.is_empty() => given.redact_cut(before).into_owned(),
        Some(_) | None => given.redact(text).into_owned(),
    }
}

/// No message below this many bytes is cut.
const CUT_LEAST: usize = 1 << 10;

/// An answer without secrets.
pub(super) fn masked_answer(answer: Answer, redactor: &Redactor) -> Answer {
    let header = |(name, value): (String, String)| (name, redactor.redact(&value).into_owned());
    Answer {
        status: answer.status,
        headers: answer.headers.into_iter().map(header).collect(),
        body: redactor.redact_bytes(&answer.body).into_owned(),
    }
}

/// The record of an attempt that failed.
pub(super) fn failed(record: StepRecord, error: RunError) -> StepRecord {
    let error = RunError { step: Some(record.step.clone()), ..error };
    StepRecord { status: StepStatus::Failed, output: JsonText::null(), error: Some(error), ..record }
}

fn timed_out(span: Span) -> Executed {
    let most = span.as_millis();
    let error = RunError::new(
        ErrorCode::Timeout,
        format!("the attempt took longer than the step's timeout of {span}"),
    );
    Executed::failed(error.over(most, most, LimitUnit::Ms))
}

fn sandbox_failed(error: SandboxError) -> Executed {
    Executed::failed(RunError::new(ErrorCode::EngineCrash, error.to_string()))
}
