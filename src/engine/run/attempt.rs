//! One attempt of a step, under its timeout, and its result.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use super::{
    Tools,
    mask::masked,
    script::{self, Caller, ScriptHost, ScriptRequest},
    seen::{Seen, secrets},
    urls::idempotency_key,
};
use crate::{
    engine::{
        durable::{self, Durable},
        workflow::Definition,
    },
    model::{
        Answer, CallRecord, ErrorCode, JsonText, LimitUnit, RunError, RunId, Span, StepKey, StepRecord,
        StepStatus, Wait, WorkflowKey,
    },
    net::{CookieChange, CookieJar},
    sandbox::SandboxError,
    steps::{self, Calls, Executed, Output, Outputs, Place, RetryHint, RunFacts, Scope},
    store::{StoreError, tables},
};

/// A finished attempt.
pub(super) struct Attempted {
    pub(super) key: StepKey,
    pub(super) performed: Performed,
    /// Whether it acted on the world outside the run.
    pub(super) effect: bool,
    /// Its script, whose kv writes become durable with the end of the attempt.
    pub(super) script: Option<Arc<ScriptHost>>,
    /// The cookies that it changed in its session.
    pub(super) cookies: Vec<CookieChange>,
}

/// The result of an attempt.
pub(super) enum Performed {
    Ended {
        record: StepRecord,
        again: RetryHint,
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

/// One attempt of a step instance.
pub(super) struct Attempt {
    pub(super) durable: Arc<Durable>,
    pub(super) tools: Arc<Tools>,
    pub(super) run: RunId,
    pub(super) definition: Arc<Definition>,
    pub(super) seen: Arc<Seen>,
    /// The outputs of the steps before.
    pub(super) outputs: Outputs,
    pub(super) place: Place,
    pub(super) key: StepKey,
    /// The number of the attempt, from 1.
    pub(super) number: u32,
    /// The cookies of its session, for a step that has one.
    pub(super) cookies: Option<CookieJar>,
    /// Where its script sends what it needs of the run.
    pub(super) requests: mpsc::UnboundedSender<ScriptRequest>,
}

impl Attempt {
    /// The results that an earlier part of this attempt stored. While the store cannot be read it waits; once this process may use
    /// the store no more, the run is abandoned.
    async fn history(&self) -> Result<Vec<CallRecord>, StoreError> {
        let store = &*self.durable.store;
        let read = || tables::calls::list(store, self.run, &self.key, self.number);
        let read = self.durable.patiently(self.run, read).await;
        if let Err(error) = &read
            && durable::abandons(error)
        {
            script::abandon(&self.requests, error).await;
        }
        read
    }
}

/// Executes an attempt, or goes on with one that was put down.
pub(super) async fn perform(attempt: Attempt) -> Attempted {
    let started = Instant::now();
    let step = attempt.definition.step(&attempt.key.step);
    let is_code = step.is_some_and(steps::Compiled::calls_the_host);
    let history = if is_code { attempt.history().await } else { Ok(Vec::new()) };
    let (history, unread) = match history {
        Ok(history) => (history, None),
        Err(error) => (Vec::new(), Some(SandboxError::Record(error.to_string()))),
    };
    let Attempt { durable, tools, run, definition, seen, outputs, place, key, number, cookies, requests } =
        attempt;
    let timeout = definition.timeout(&key.step);
    let compiled = definition.step(&key.step);
    // An attempt that was put down began when its first part began.
    let started_ms = history.first().map_or_else(|| durable.now_ms(), |first| first.at_ms);
    let resumed = !history.is_empty();
    let given = seen.given(&tools, &definition);
    let facts = &seen.facts;
    let caller = Caller {
        run,
        workflow: definition.workflow.key.clone(),
        step: key.clone(),
        attempt: number,
        idempotency_key: idempotency_key(&facts.seed, &key),
        given: given.clone(),
    };
    let host =
        Arc::new(ScriptHost::new(Arc::clone(&durable), Arc::clone(&tools), caller, requests, &history));
    let executed = match compiled {
        Some(_) if unread.is_some() => unread.map_or_else(|| Executed::failed(gone()), sandbox_failed),
        Some(compiled) => {
            let facts = RunFacts { secrets: secrets(&tools.vault, &definition), ..facts.clone() };
            let scope = Scope::new(&facts, &outputs, &place);
            let attempt = steps::Attempt {
                last: definition.is_last(&key.step, number),
                number,
                now_ms: started_ms,
                idempotency_key: idempotency_key(&facts.seed, &key),
                cookies: cookies.clone(),
            };
            let calls = Calls { host: &*host, history };
            let executed = steps::execute(compiled, &scope, &tools.services, &attempt, calls);
            let passed_ms = durable.now_ms().saturating_sub(started_ms);
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
        masked(executed, &given.masks, &tools.vault.redactor());
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
        took_us: if resumed {
            durable.now_ms().saturating_sub(started_ms).saturating_mul(1_000)
        } else {
            started.elapsed().as_micros() as u64
        },
    };
    if let Ok(Output::Wait { wait: Wait::Script, due_ms }) = &mut result {
        // The run wakes at the timeout at the latest, to fail then.
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
            Err(error) => Performed::Ended { record: failed(record, error), again: RetryHint::MayHelp },
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
    let cookies = cookies.map(|jar| jar.changes()).unwrap_or_default();
    Attempted { key, performed, effect, script: is_code.then_some(host), cookies }
}

/// What is left of a timeout.
fn left(span: Span, passed_ms: u64) -> Duration {
    Duration::from_millis(span.as_millis().saturating_sub(passed_ms))
}

fn gone() -> RunError {
    RunError::new(ErrorCode::VersionMissing, "the version has no such step")
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
