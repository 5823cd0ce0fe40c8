//! One script call: a fresh instance, the script and its input in, the output or the reason out.

use std::{sync::Arc, time::Instant};

use serde::Deserialize;
use tokio::sync::Semaphore;
use wasmtime::{Instance, Store, TypedFunc};

use super::{
    SandboxError,
    engine::{JsEngine, TICK},
    frame,
    guest::{Guest, explain},
    hot_pages::HotPages,
};
use crate::model::{ErrorCode, JsonText, LimitUnit, Limits, LogLine, Position, RunError, Usage};

/// The most that is read of an error answer, bytes.
const ERROR_MOST: usize = 256 << 10;
/// The most of a message or stack that is kept, bytes.
const TEXT_MOST: usize = 8 << 10;

/// What scripts commonly do; run once at load time to learn which pages that touches.
const TYPICAL: &str = "const { data, headers } = context; console.log('typical', data.list.length);\n\
const names = data.list.map(item => item.author.name).filter(Boolean);\n\
return { type: headers['content-type'], branch: data.ref.replace('refs/heads/', ''), names, n: `${names.length}` };";
const TYPICAL_CONTEXT: &str = r#"{"data":{"ref":"refs/heads/main","list":[{"author":{"name":"a"}},{"author":{"name":"b"}}]},
"headers":{"content-type":"application/json"},"query":{},"params":{},"method":"POST","path":"/","ip":"::1"}"#;

/// How a script is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// The body of an async function.
    Body,
    /// A module with a default export.
    Module,
}

/// A source text whose syntax was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The name that errors show.
    pub file: String,
    /// How it is written.
    pub form: Form,
    /// The text.
    pub source: String,
}

/// One attempt to run a script.
#[derive(Debug, Clone)]
pub struct Call {
    /// What runs.
    pub script: Arc<Script>,
    /// The JSON object `context`, without `rawBody`.
    pub context: Arc<str>,
    /// The bytes of `context.rawBody`.
    pub raw_body: Arc<[u8]>,
    /// The JSON object `steps`.
    pub steps: String,
    /// The JSON object `env`.
    pub env: Arc<str>,
    /// What it may use.
    pub limits: Limits,
    /// Its clock, milliseconds since the epoch.
    pub now_ms: u64,
    /// Its randomness.
    pub seed: [u8; 32],
}

/// How an attempt ended, and what it used.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The output, or why there is none.
    pub result: Result<JsonText, RunError>,
    /// What it logged.
    pub logs: Vec<LogLine>,
    /// Whether more was logged than is kept.
    pub log_truncated: bool,
    /// What it used.
    pub usage: Usage,
}

#[derive(Deserialize)]
struct GuestError {
    code: String,
    name: Option<String>,
    #[serde(default)]
    message: String,
    stack: Option<String>,
    file: Option<String>,
    line: Option<u32>,
    column: Option<u32>,
}

#[derive(Deserialize)]
struct Checked {
    form: Form,
}

/// What one workflow may take of the slots at once: half of them, so that its endless scripts leave room for others.
#[derive(Debug, Clone)]
pub struct Share(Arc<Semaphore>);

impl JsEngine {
    /// A share for one workflow.
    pub fn share(&self) -> Share {
        Share(Arc::new(Semaphore::new(self.slot_count.div_ceil(2))))
    }

    /// Runs a call on a thread of its own, once one of the slots, and of those that `share` may take, is free.
    ///
    /// # Errors
    /// Only when the sandbox itself cannot serve; what the script does is in the outcome.
    pub async fn run(&self, call: Call, share: &Share) -> Result<Outcome, SandboxError> {
        let shut = |_| SandboxError::Start("the engine is shut".to_owned());
        // The share first: who waits for it takes no place in the line for slots.
        let of_share = Arc::clone(&share.0).acquire_owned().await.map_err(shut)?;
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(shut)?;
        let engine = self.clone();
        tokio::task::spawn_blocking(move || {
            let outcome = engine.run_blocking(&call);
            drop((of_share, slot));
            outcome
        })
        .await
        .map_err(|error| SandboxError::Start(error.to_string()))?
    }

    /// Runs a call on the caller's thread.
    ///
    /// # Errors
    /// As [`JsEngine::run`].
    pub fn run_blocking(&self, call: &Call) -> Result<Outcome, SandboxError> {
        self.enter(&call.limits, call.now_ms, call.seed, |visit| visit.run(call))
    }

    /// Makes an instance and drops it: what a call costs before it does anything.
    ///
    /// # Errors
    /// When the host cannot make one.
    pub fn instantiate(&self) -> Result<(), SandboxError> {
        self.enter(&Limits::DEFAULT, 0, [0; 32], |_| Ok(Vec::new())).map(|_| ())
    }

    /// Parses a source text and tells its form; runs none of it.
    ///
    /// # Errors
    /// The syntax error with its place in the file. A sandbox that cannot serve is an `engine_crash`.
    pub fn check(&self, file: &str, source: &str) -> Result<Script, RunError> {
        let input = frame::encode(&[file.as_bytes(), source.as_bytes()]);
        let outcome = self
            .enter(&Limits::DEFAULT, 0, [0; 32], |visit| visit.ask("check", &input))
            .map_err(|error| RunError::new(ErrorCode::EngineCrash, error.to_string()))?;
        let answer = outcome.result?;
        let checked: Checked = serde_json::from_str(answer.as_str()).map_err(|error| {
            RunError::new(ErrorCode::EngineCrash, format!("`check` answered nonsense: {error}"))
        })?;
        Ok(Script { file: file.to_owned(), form: checked.form, source: source.to_owned() })
    }

    /// Runs a typical script and sees which pages it wrote to.
    pub(super) fn learn_hot_pages(&self) -> Result<HotPages, SandboxError> {
        let mut fresh = Vec::new();
        self.enter(&Limits::DEFAULT, 0, [0; 32], |visit| {
            fresh = visit.memory()?.to_vec();
            Ok(Vec::new())
        })?;
        let call = typical_call();
        let mut hot = HotPages::default();
        let outcome = self.enter(&call.limits, call.now_ms, call.seed, |visit| {
            let output = visit.run(&call)?;
            hot = HotPages::learn(&fresh, visit.memory()?);
            Ok(output)
        })?;
        outcome.result.map(|_| hot).map_err(|error| SandboxError::Engine(error.message))
    }

    fn enter(
        &self,
        limits: &Limits,
        now_ms: u64,
        seed: [u8; 32],
        work: impl FnOnce(&mut Visit<'_>) -> Result<Vec<u8>, Ended>,
    ) -> Result<Outcome, SandboxError> {
        let started = Instant::now();
        let mut store = Store::new(&self.engine, Guest::new(limits, now_ms, seed));
        store.limiter(|guest| &mut guest.limiter);
        store.set_fuel(limits.fuel).map_err(start_error)?;
        // One tick more: the current one has already begun.
        let ticks = limits.timeout.as_millis().div_ceil(TICK.as_millis() as u64) + 1;
        store.set_epoch_deadline(ticks);

        let ended = match self.instance.instantiate(&mut store) {
            Ok(instance) => {
                let memory = instance.get_memory(&mut store, "memory");
                store.data_mut().memory = memory;
                if let Some(memory) = memory {
                    self.hot.populate(memory.data_mut(&mut store));
                }
                work(&mut Visit { store: &mut store, instance, limits })
            }
            Err(error) => Err(Ended::Trap(error)),
        };

        let took = started.elapsed();
        let fuel = limits.fuel - store.get_fuel().unwrap_or(0);
        let guest = store.into_data();
        let result = match ended {
            Ok(output) => output_json(output),
            Err(Ended::Script(error)) => Err(*error),
            Err(Ended::Trap(error)) => {
                Err(explain(&error, guest.panic.as_deref(), limits, took.as_millis() as u64))
            }
        };
        let usage = Usage {
            fuel,
            peak_memory: guest.limiter.peak() as u64,
            wall_us: took.as_micros() as u64,
            host_calls: guest.host_calls,
        };
        let (logs, log_truncated) = guest.log.finish();
        Ok(Outcome { result, logs, log_truncated, usage })
    }
}

/// See [`TYPICAL`].
fn typical_call() -> Call {
    let script = Script { file: "typical.js".to_owned(), form: Form::Body, source: TYPICAL.to_owned() };
    Call {
        script: Arc::new(script),
        context: TYPICAL_CONTEXT.into(),
        raw_body: b"{}".as_slice().into(),
        steps: "{}".to_owned(),
        env: "{}".into(),
        limits: Limits::DEFAULT,
        now_ms: 0,
        seed: [0; 32],
    }
}

fn start_error(error: wasmtime::Error) -> SandboxError {
    SandboxError::Start(format!("{error:#}"))
}

fn form_name(form: Form) -> &'static [u8] {
    match form {
        Form::Body => b"body",
        Form::Module => b"module",
    }
}

/// The guest's word is not trusted: its output must be one JSON value.
fn output_json(output: Vec<u8>) -> Result<JsonText, RunError> {
    let invalid =
        |why: String| RunError::new(ErrorCode::OutputInvalid, format!("the output is not JSON: {why}"));
    let text = String::from_utf8(output).map_err(|error| invalid(error.to_string()))?;
    if text.is_empty() {
        return Ok(JsonText::null());
    }
    JsonText::parse(text).map_err(|error| invalid(error.to_string()))
}

/// Why a visit gave no output.
enum Ended {
    /// The guest said so.
    Script(Box<RunError>),
    /// The guest was stopped.
    Trap(wasmtime::Error),
}

/// One instance while it is used.
struct Visit<'a> {
    store: &'a mut Store<Guest>,
    instance: Instance,
    limits: &'a Limits,
}

impl Visit<'_> {
    /// Prepares the script and calls it once.
    fn run(&mut self, call: &Call) -> Result<Vec<u8>, Ended> {
        let Call { script, context, raw_body, steps, env, .. } = call;
        let form = form_name(script.form);
        self.ask("prepare", &frame::encode(&[script.file.as_bytes(), form, script.source.as_bytes()]))?;
        self.ask("call", &frame::encode(&[context.as_bytes(), raw_body, steps.as_bytes(), env.as_bytes()]))
    }

    /// Hands a frame to an export and reads its answer.
    fn ask(&mut self, export: &str, input: &[u8]) -> Result<Vec<u8>, Ended> {
        let length =
            u32::try_from(input.len()).map_err(|_| Ended::Trap(wasmtime::Error::msg("input over 4 GiB")))?;
        let alloc: TypedFunc<u32, u32> = self.export("alloc")?;
        let run: TypedFunc<(u32, u32), u64> = self.export(export)?;
        let pointer = alloc.call(&mut *self.store, length).map_err(Ended::Trap)?;
        let memory = self.store.data().memory.ok_or_else(|| broken("it has no memory"))?;
        memory
            .write(&mut *self.store, pointer as usize, input)
            .map_err(|_| broken("it allocated outside its memory"))?;
        let packed = run.call(&mut *self.store, (pointer, length)).map_err(Ended::Trap)?;
        let (pointer, length) = frame::unpack(packed);
        let answer = frame::slice(memory.data(&*self.store), pointer, length)
            .ok_or_else(|| broken("its answer lies outside its memory"))?;
        match answer.split_first() {
            Some((0, output)) if output.len() > self.limits.output.as_usize() => {
                Err(too_large(self.limits, output.len()))
            }
            Some((0, output)) => Ok(output.to_vec()),
            Some((1, error)) => {
                Err(Ended::Script(Box::new(script_error(&error[..error.len().min(ERROR_MOST)]))))
            }
            Some(_) | None => Err(broken("its answer has an unknown tag")),
        }
    }

    /// The whole memory.
    fn memory(&self) -> Result<&[u8], Ended> {
        let memory = self.store.data().memory.ok_or_else(|| broken("it has no memory"))?;
        Ok(memory.data(&*self.store))
    }

    fn export<P: wasmtime::WasmParams, R: wasmtime::WasmResults>(
        &mut self,
        name: &str,
    ) -> Result<TypedFunc<P, R>, Ended> {
        self.instance.get_typed_func(&mut *self.store, name).map_err(Ended::Trap)
    }
}

fn broken(what: &str) -> Ended {
    Ended::Trap(wasmtime::Error::msg(format!("the guest broke its contract: {what}")))
}

fn too_large(limits: &Limits, used: usize) -> Ended {
    let message = format!(
        "the output is {used} bytes of JSON, {} are allowed; return less, or raise `limits.output` of the step",
        limits.output
    );
    let error = RunError::new(ErrorCode::OutputTooLarge, message);
    Ended::Script(Box::new(error.over(limits.output.as_bytes(), used as u64, LimitUnit::Bytes)))
}

fn script_error(json: &[u8]) -> RunError {
    let error: GuestError = match serde_json::from_slice(json) {
        Ok(error) => error,
        Err(error) => {
            return RunError::new(
                ErrorCode::EngineCrash,
                format!("the engine's error is unreadable: {error}"),
            );
        }
    };
    let code = match error.code.as_str() {
        "syntax_error" | "no_default_export" => ErrorCode::SyntaxError,
        "promise_never_settled" => ErrorCode::PromiseNeverSettled,
        "output_invalid" => ErrorCode::OutputInvalid,
        "recursion_limit" => ErrorCode::StackOverflow,
        _ => ErrorCode::ScriptError,
    };
    let message = match error.name.filter(|name| !name.is_empty()) {
        Some(name) if code == ErrorCode::ScriptError || code == ErrorCode::SyntaxError => {
            format!("{name}: {}", error.message)
        }
        Some(_) | None => error.message,
    };
    let position = match (error.file, error.line, error.column) {
        (Some(file), Some(line), Some(column)) => Some(Position { file: cut(file), line, column }),
        _ => None,
    };
    RunError { position, stack: error.stack.map(cut), ..RunError::new(code, cut(message)) }
}

/// Text from the guest, cut to what is kept.
fn cut(mut text: String) -> String {
    if text.len() > TEXT_MOST {
        text.truncate(text.floor_char_boundary(TEXT_MOST));
        text.push('…');
    }
    text
}
