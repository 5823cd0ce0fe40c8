//! Runs a plugin to its end: the guest on threads of its own, its calls performed where the attempt is, one after the other.
//!
//! As with scripts, a call's whole course follows from its input and the results in their order: they are recorded before the
//! guest sees them, and after a crash it comes to the same place again without repeating an effect. A guest that waits holds its
//! memory and its slot, and no thread.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    task::{JoinError, JoinHandle},
    time::Instant,
};

use super::{
    PluginError,
    bindings::exports::flowcell::plugin::handler,
    call::PluginCall,
    command,
    component::{Answered, Ask},
    engine::PluginEngine,
    enter, explain,
    meter::{Meter, Spent},
    ready::{Plugin, Ready},
};
use crate::{
    model::{
        CallRecord, Capability, ErrorCode, JsonText, LimitUnit, Limits, PluginDescription, PluginExample,
        RunError, Span, Stdio, Usage,
    },
    sandbox::{
        HostCall, HostServices, Outcome, SandboxError, Share,
        admission::Kind,
        answer::{output_json, too_large},
        journal::{Journal, mismatch},
        log::LogBook,
        outcome::{Conclusion, timeout},
    },
};

/// All waits of one call together; a step's `timeout` ends it earlier.
const WAIT_MOST: Duration = Duration::from_secs(300);
/// What describing itself may take.
const DESCRIBE: Limits = Limits {
    timeout: Span::from_millis(20_000),
    memory: Limits::CAP.memory,
    fuel: 2_000_000_000,
    ..Limits::DEFAULT
};
/// The most that a description may hold of each.
const LIST_MOST: usize = 50;
const TITLE_MOST: usize = 200;
const JSON_MOST: usize = 64 << 10;

/// How a plugin's attempt ended.
#[derive(Debug)]
pub struct PluginOutcome {
    /// What the attempt came to, as with a script.
    pub outcome: Outcome,
    /// It failed, and says itself that another attempt would fail alike.
    pub hopeless: bool,
}

/// A task that ends when nobody waits for it any more.
struct Guest<T>(JoinHandle<T>);

impl<T> Drop for Guest<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn lost(error: JoinError) -> SandboxError {
    SandboxError::Start(error.to_string())
}

impl PluginEngine {
    /// Makes one attempt, once one of the slots, and of those that `share` may take, is free.
    ///
    /// # Errors
    /// Only when the sandbox itself cannot serve, or results cannot be kept; what the plugin does is in the outcome.
    pub async fn run(
        &self,
        call: PluginCall,
        share: &Share,
        host: &dyn HostServices,
    ) -> Result<PluginOutcome, SandboxError> {
        let place = self.inner.admission.turn(share, Kind::Plugin, call.limits.memory.as_bytes()).await?;
        let call = Arc::new(call);
        let (asks, mut asked) = mpsc::unbounded_channel();
        let mut journal = Journal::new(Kind::Plugin, &call.limits, call.history.clone(), host);
        journal.rewind();
        let began_ms = call.now_ms;
        let mut guest = Guest(self.threads().spawn({
            let ended = execute(self.clone(), Arc::clone(&call), share.clone(), Some(asks));
            // The place is free when the instance is gone, not when nobody waits for it any more.
            async move {
                let ended = ended.await;
                drop(place);
                ended
            }
        }));
        let mut refused = None;
        let ended = tokio::time::timeout(WAIT_MOST, async {
            loop {
                tokio::select! {
                    biased;
                    done = &mut guest.0 => return done.map_err(lost)?,
                    Some(ask) = asked.recv() => {
                        // Whoever gets no reply ends there, with what it logged and used.
                        if let Err(error) = perform(&mut journal, host, began_ms, ask).await? {
                            refused.get_or_insert(error);
                        }
                    }
                }
            }
        });
        let mut outcome = match ended.await {
            Ok(outcome) => outcome?,
            Err(_) => waited_too_long(),
        };
        outcome.outcome.usage.host_calls = outcome.outcome.usage.host_calls.max(journal.made().into());
        if let Some(error) = refused {
            outcome.outcome.conclusion = Conclusion::Failed(error);
        }
        Ok(outcome)
    }

    /// Makes one attempt on this thread, without anybody who performs calls: for measurements.
    ///
    /// # Errors
    /// When the sandbox itself cannot serve.
    pub fn run_blocking(&self, call: &Arc<PluginCall>) -> Result<Outcome, SandboxError> {
        let _threads = self.threads().enter();
        let ended = futures::executor::block_on(execute(self.clone(), Arc::clone(call), Share::of(""), None));
        ended.map(|ended| ended.outcome)
    }

    /// Asks a component what it is. It may do nothing meanwhile but compute and log.
    ///
    /// # Errors
    /// `Describe` and `DescribeFailed`; a command cannot be asked.
    pub async fn describe(&self, plugin: &Arc<Plugin>) -> Result<PluginDescription, PluginError> {
        let call = PluginCall { limits: DESCRIBE, ..PluginCall::of(Arc::clone(plugin), JsonText::null()) };
        let _one = self.inner.describing.lock().await;
        let engine = self.clone();
        let described = Guest(self.threads().spawn(async move {
            let Ready::Component(pre) = &call.plugin.ready else {
                return Err(PluginError::Describe {
                    why: "it is a command; give its name and version".to_owned(),
                });
            };
            let compiler = |error: wasmtime::Error| PluginError::Compiler { why: format!("{error:#}") };
            let mut store = enter::component(&engine.inner.engine, &call, None).map_err(compiler)?;
            let (clock, log) = (store.data().clock.clone(), store.data().log.clone());
            let asked = enter::describe(pre, &mut store);
            let (most, turns) = (DESCRIBE.timeout.as_duration(), &engine.inner.admission.turns);
            // No workflow has an empty name.
            let (described, spent) = Meter::new(asked, clock, most, turns, &Share::of("")).await;
            let took_ms = spent.inside.as_millis() as u64;
            let (logs, _) = log.take().finish();
            let failed = |error: RunError| Err(PluginError::DescribeFailed(Box::new(error)));
            match described {
                Some(Ok(description)) => Ok(description),
                Some(Err(error)) => failed(explain::stopped(&error, &DESCRIBE, took_ms, &logs)),
                None => failed(timeout(&DESCRIBE, took_ms)),
            }
        }));
        let mut described = described;
        let compiler = |error: JoinError| PluginError::Compiler { why: error.to_string() };
        checked((&mut described.0).await.map_err(compiler)??)
    }
}

/// A description that can be shown and used.
fn checked(given: handler::Description) -> Result<PluginDescription, PluginError> {
    let wrong = |why: String| PluginError::Describe { why };
    let name = given.name.parse().map_err(|error| wrong(format!("its name: {error}")))?;
    let version = semver::Version::parse(&given.version).map_err(|error| {
        wrong(format!("its version `{}` is none by SemVer: {error}", given.version.escape_debug()))
    })?;
    if given.title.chars().count() > TITLE_MOST || given.title.chars().any(char::is_control) {
        return Err(wrong(format!("its title must be one line of at most {TITLE_MOST} characters")));
    }
    if given.capabilities.len() > LIST_MOST || given.examples.len() > LIST_MOST {
        return Err(wrong(format!("at most {LIST_MOST} capabilities and examples are allowed")));
    }
    let json = |what: &str, text: String| {
        if text.len() > JSON_MOST {
            return Err(wrong(format!("{what} is {} bytes, {JSON_MOST} are the most", text.len())));
        }
        JsonText::parse(text).map_err(|error| wrong(format!("{what} is not JSON: {error}")))
    };
    let capability = |text: String| text.parse::<Capability>().map_err(|error| wrong(error.to_string()));
    let mut capabilities = given.capabilities.into_iter().map(capability).collect::<Result<Vec<_>, _>>()?;
    capabilities.sort();
    capabilities.dedup();
    let example = |example: handler::Example| {
        Ok(PluginExample {
            input: json(&format!("the input of its example `{}`", example.title), example.input)?,
            output: example.output.map(|output| json("the output of an example", output)).transpose()?,
            title: example.title.chars().take(TITLE_MOST).collect(),
        })
    };
    Ok(PluginDescription {
        name,
        version,
        title: given.title,
        input_schema: given.input_schema.map(|schema| json("its input schema", schema)).transpose()?,
        output_schema: given.output_schema.map(|schema| json("its output schema", schema)).transpose()?,
        capabilities,
        examples: given.examples.into_iter().map(example).collect::<Result<_, PluginError>>()?,
    })
}

fn waited_too_long() -> PluginOutcome {
    let error = RunError::new(
        ErrorCode::Timeout,
        format!(
            "the plugin waited for more than {}s; let it do less at once, or give the step a `timeout`",
            WAIT_MOST.as_secs()
        ),
    );
    let most = WAIT_MOST.as_millis() as u64;
    let outcome = Outcome {
        conclusion: Conclusion::Failed(error.over(most, most, LimitUnit::Ms)),
        logs: Vec::new(),
        log_truncated: false,
        usage: Usage::default(),
    };
    PluginOutcome { outcome, hopeless: false }
}

/// The guest's side of an attempt.
async fn execute(
    engine: PluginEngine,
    call: Arc<PluginCall>,
    share: Share,
    asks: Option<mpsc::UnboundedSender<Ask>>,
) -> Result<PluginOutcome, SandboxError> {
    let start = |error: wasmtime::Error| SandboxError::Start(format!("{error:#}"));
    let turns = &engine.inner.admission.turns;
    let most = call.limits.timeout.as_duration();
    match &call.plugin.ready {
        Ready::Component(pre) => {
            let mut store = enter::component(&engine.inner.engine, &call, asks).map_err(start)?;
            let clock = store.data().clock.clone();
            let (given, spent) =
                Meter::new(enter::run(pre, &mut store, &call), clock, most, turns, &share).await;
            let fuel = call.limits.fuel - store.get_fuel().unwrap_or(0);
            let state = store.into_data();
            state.output.iter().for_each(|sink| drop(sink.finish()));
            let figures = Figures {
                spent,
                fuel,
                peak: state.limiter.peak(),
                host_calls: state.host_calls,
                bytes_in: state.bytes_in + call.input.as_str().len() as u64,
                bytes_out: state.bytes_out,
            };
            Ok(figures.outcome(
                &call.limits,
                state.log.take(),
                hopeless_of(&given),
                |limits, took_ms, logs| match given {
                    None => Err(timeout(limits, took_ms)),
                    Some(Err(error)) => Err(explain::stopped(&error, limits, took_ms, logs)),
                    Some(Ok(Err(error))) => Err(explain::failed(error, state.denied)),
                    Some(Ok(Ok(json))) if json.len() > limits.output.as_usize() => {
                        Err(too_large(limits, json.len()))
                    }
                    Some(Ok(Ok(json))) => output_json(json.into_bytes()),
                },
            ))
        }
        Ready::Command(pre) => {
            let mut store = enter::command(&engine.inner.engine, &call).map_err(start)?;
            let clock = store.data().clock.clone();
            let (exit, spent) = Meter::new(command::run(pre, &mut store), clock, most, turns, &share).await;
            let fuel = call.limits.fuel - store.get_fuel().unwrap_or(0);
            let state = store.into_data();
            state.stderr.finish();
            let figures = Figures {
                spent,
                fuel,
                peak: state.limiter.peak(),
                host_calls: 0,
                bytes_in: state.bytes_in,
                bytes_out: 0,
            };
            Ok(figures.outcome(&call.limits, state.log.take(), false, |limits, took_ms, logs| match exit {
                None => Err(timeout(limits, took_ms)),
                Some(Err(error)) => Err(explain::stopped(&error, limits, took_ms, logs)),
                Some(Ok(0)) => printed(state.stdout.finish(), call.stdout, limits),
                Some(Ok(code)) => Err(explain::exited(code, logs)),
            }))
        }
    }
}

fn hopeless_of<E>(given: &Option<Result<enter::Given, E>>) -> bool {
    matches!(given, Some(Ok(Err(error))) if !error.retry)
}

/// What a command printed, as an output.
fn printed(mut bytes: Vec<u8>, form: Stdio, limits: &Limits) -> Result<JsonText, RunError> {
    if bytes.ends_with(b"\n") {
        bytes.pop();
    }
    if bytes.len() > limits.output.as_usize() {
        return Err(too_large(limits, bytes.len()));
    }
    match form {
        Stdio::Json => output_json(bytes).map_err(|error| {
            let message = format!(
                "{}; write one JSON value to stdout, or set `stdout` of the step to `text`",
                error.message
            );
            RunError { message, ..error }
        }),
        Stdio::Text => match String::from_utf8(bytes) {
            Ok(text) => Ok(JsonText::from_value(&text.into())),
            Err(error) => {
                let message = format!("what the program wrote to stdout is not text: {error}; write UTF-8");
                Err(RunError::new(ErrorCode::OutputInvalid, message))
            }
        },
    }
}

/// What an attempt used of the sandbox.
struct Figures {
    spent: Spent,
    fuel: u64,
    peak: usize,
    host_calls: u64,
    bytes_in: u64,
    bytes_out: u64,
}

impl Figures {
    fn outcome(
        self,
        limits: &Limits,
        log: LogBook,
        hopeless: bool,
        conclude: impl FnOnce(&Limits, u64, &[crate::model::LogLine]) -> Result<JsonText, RunError>,
    ) -> PluginOutcome {
        let (logs, log_truncated) = log.finish();
        let concluded = conclude(limits, self.spent.inside.as_millis() as u64, &logs);
        let output = concluded.as_ref().map_or(0, |output| output.as_str().len());
        let logged: usize = logs.iter().map(|line| line.text.len()).sum();
        let usage = Usage {
            fuel: self.fuel,
            peak_memory: self.peak as u64,
            wall_us: self.spent.inside.as_micros() as u64,
            cpu_us: self.spent.cpu.as_micros() as u64,
            host_calls: self.host_calls,
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out + (output + logged) as u64,
        };
        let conclusion = concluded.map_or_else(Conclusion::Failed, Conclusion::Output);
        PluginOutcome { outcome: Outcome { conclusion, logs, log_truncated, usage }, hopeless }
    }
}

/// Performs a call, or finds its result in the history, and replies.
async fn perform(
    journal: &mut Journal<'_>,
    host: &dyn HostServices,
    began_ms: u64,
    ask: Ask,
) -> Result<Result<(), RunError>, SandboxError> {
    let Ask { op, args, hosts, reply } = ask;
    let id = journal.made() + 1;
    if let Err(error) = journal.count(id) {
        return Ok(Err(error));
    }
    let call = HostCall { id, op: op.to_owned(), args, hosts };
    let digest = host.digest(&call);
    journal.begin(began_ms).await?;
    let record = match journal.next() {
        Some(record) if (record.digest, &record.op) == (digest, &call.op) => record.clone(),
        Some(record) => return Ok(Err(mismatch(&record.op, &call))),
        None => {
            let began = Instant::now();
            let result = host.perform(call).await;
            let (at_ms, took_us) = (journal.now_ms(), began.elapsed().as_micros() as u64);
            let record = CallRecord { id, op: op.to_owned(), digest, result, at_ms, took_us };
            if let Err(error) = journal.keep(vec![record.clone()]).await? {
                return Ok(Err(error));
            }
            record
        }
    };
    journal.pass();
    // A guest that was stopped meanwhile does not hear it.
    let _ = reply.send(Answered { result: record.result, at_ms: record.at_ms });
    Ok(Ok(()))
}
