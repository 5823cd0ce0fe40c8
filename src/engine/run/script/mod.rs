//! What a script asks of the host, performed for one attempt of one step: fetch, kv, `respond`, `step.run`.
//!
//! Results are kept before the script sees them (`tables::calls`): those of effects are durable at once, those that
//! only read or stage wait for the next effect, as all of them must be durable before it begins. Staged kv writes go
//! with them, or with the entry that ends the step. What reaches the store is without secrets, and so is what the
//! script gets: a replay sees the same.

mod fetch;
mod kv;
mod memo;
mod note;
mod respond;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use futures::future::{BoxFuture, FutureExt};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::{Tools, seen::Given};
use crate::{
    engine::{
        durable::{self, Durable},
        kv::{KvError, KvSession},
    },
    model::{Answer, CallError, CallNote, CallRecord, JsonText, RunId, StepKey, WorkflowKey},
    sandbox::{HostCall, HostServices, SandboxError},
    secrets::Redactor,
    store::{Batch, StoreError, tables},
};

/// Requests of one attempt that are on their way at once; further ones wait.
const FETCHES: usize = 8;

/// What a script needs of the run that it belongs to. The sender resolves once it is done.
pub(super) enum ScriptRequest {
    /// That all before an effect is durable.
    Effect(oneshot::Sender<()>),
    /// That this answers the caller.
    Answer(Box<Answer>, oneshot::Sender<()>),
    /// That it is left as it is stored, because of this.
    Abandon(StoreError),
}

/// Has a run abandoned. The attempt that asks for it goes with the run, so this returns only when the run is gone already.
pub(super) async fn abandon(requests: &mpsc::UnboundedSender<ScriptRequest>, error: &StoreError) {
    if requests.send(ScriptRequest::Abandon(error.clone())).is_ok() {
        std::future::pending::<()>().await;
    }
}

/// The attempt that a script belongs to.
pub(super) struct Caller {
    pub(super) run: RunId,
    pub(super) workflow: WorkflowKey,
    pub(super) step: StepKey,
    pub(super) attempt: u32,
    /// The same for each attempt of the step instance.
    pub(super) idempotency_key: String,
    /// The secrets that the run was given: masked in what the script gets and hands on, and nothing that another origin may get.
    pub(super) given: Given,
}

/// The services for one attempt.
pub(super) struct ScriptHost {
    durable: Arc<Durable>,
    tools: Arc<Tools>,
    caller: Caller,
    /// Masks all secrets, in notes for operators.
    redactor: Arc<Redactor>,
    requests: mpsc::UnboundedSender<ScriptRequest>,
    kv: KvSession,
    fetches: Semaphore,
    kept: Mutex<Kept>,
    /// One batch at a time, so that numbers follow each other.
    committing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Kept {
    unsaved: Vec<CallRecord>,
    saved: u32,
    /// What the results hold, about.
    bytes: u64,
    notes: Vec<CallNote>,
}

impl ScriptHost {
    /// The services of an attempt whose results in `history` are stored already.
    pub(super) fn new(
        durable: Arc<Durable>,
        tools: Arc<Tools>,
        caller: Caller,
        requests: mpsc::UnboundedSender<ScriptRequest>,
        history: &[CallRecord],
    ) -> Self {
        let kept = Kept { saved: history.len() as u32, bytes: bytes_of(history), ..Kept::default() };
        Self {
            redactor: tools.vault.redactor(),
            kv: tools.kv.session(caller.workflow.clone()),
            durable,
            tools,
            caller,
            requests,
            fetches: Semaphore::new(FETCHES),
            kept: Mutex::new(kept),
            committing: tokio::sync::Mutex::default(),
        }
    }

    /// Its kv, with what is staged.
    pub(super) fn kv(&self) -> &KvSession {
        &self.kv
    }

    /// What its results hold in the store, about.
    pub(super) fn kept_bytes(&self) -> u64 {
        self.kept().bytes
    }

    /// Takes the notes on its calls.
    pub(super) fn take_notes(&self) -> Vec<CallNote> {
        std::mem::take(&mut self.kept().notes)
    }

    /// Removes its stored results: the attempt has ended.
    pub(super) fn forget(&self, batch: &mut Batch) {
        let Caller { run, step, attempt, .. } = &self.caller;
        tables::calls::remove(batch, *run, step, *attempt, self.kept().saved);
    }

    /// Whether it has acted on anything outside the step, or is about to.
    pub(super) fn has_acted(&self) -> bool {
        self.kept().saved > 0 || self.kv.is_staged()
    }

    fn keep(&self, records: &[CallRecord]) {
        let mut kept = self.kept();
        kept.bytes += bytes_of(records);
        kept.unsaved.extend_from_slice(records);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes all results so far durable, with the kv writes that are staged; and what `more` adds. Waits while the store has no room
    /// or cannot be reached; once this process may write no more, the run is abandoned and this does not return.
    pub(super) async fn flush(&self, more: impl FnOnce(&mut Batch)) -> Result<(), StoreError> {
        let _one = self.committing.lock().await;
        let Caller { run, step, attempt, .. } = &self.caller;
        let mut batch = Batch::new();
        let taken = {
            let kept = self.kept();
            for (number, call) in (kept.saved..).zip(&kept.unsaved) {
                tables::calls::insert(&mut batch, *run, step, *attempt, number, call);
            }
            kept.unsaved.len()
        };
        more(&mut batch);
        let staged = self.kv.stage(&mut batch);
        if batch.is_empty() {
            return Ok(());
        }
        if let Err(error) = self.durable.commit(*run, batch).await {
            if durable::abandons(&error) {
                abandon(&self.requests, &error).await;
            }
            return Err(error);
        }
        if let Some(staged) = staged {
            self.kv.committed(staged);
        }
        let mut kept = self.kept();
        kept.unsaved.drain(..taken);
        kept.saved += taken as u32;
        Ok(())
    }

    /// All that an effect rests on is durable when this returns.
    async fn before_effect(&self) -> Result<(), CallError> {
        let (done, durable) = oneshot::channel();
        let gone = || unkept("the run is executed no further");
        self.requests.send(ScriptRequest::Effect(done)).map_err(|_| gone())?;
        durable.await.map_err(|_| gone())?;
        self.flush(|_| {}).await.map_err(|error| unkept(&error.to_string()))
    }

    async fn dispatch(&self, call: HostCall) -> Result<JsonText, CallError> {
        match Op::of(&call.op) {
            Op::Fetch => fetch::perform(self, &call).await,
            Op::Respond => respond::perform(self, &call.args).await,
            Op::MemoGet => memo::get(self, &call.args).await,
            Op::MemoPut => memo::put(self, &call.args).await,
            Op::Kv(op) => match kv::perform(self, op, &call.args).await {
                Ok(Some(value)) => Ok(JsonText::from_value(&value)),
                Ok(None) => Err(CallError::new("TypeError", format!("there is no `{op}` here"))),
                Err(error) => Err(kv_error(&error)),
            },
        }
    }
}

/// What a script can ask for by a call that is recorded.
enum Op<'a> {
    Fetch,
    Respond,
    MemoGet,
    MemoPut,
    /// An operation on `kv`, which tells itself whether it knows this one.
    Kv(&'a str),
}

impl<'a> Op<'a> {
    fn of(name: &'a str) -> Self {
        match name {
            "fetch" => Self::Fetch,
            "respond" => Self::Respond,
            "memo.get" => Self::MemoGet,
            "memo.put" => Self::MemoPut,
            other => Self::Kv(other),
        }
    }

    /// Whether repeating it would be seen outside of the attempt: then its result is durable before the script sees it.
    fn is_effect(&self) -> bool {
        match self {
            Self::Fetch | Self::Respond | Self::MemoPut => true,
            // What a script writes is kept with the end of its attempt.
            Self::MemoGet | Self::Kv(_) => false,
        }
    }
}

impl HostServices for ScriptHost {
    fn now_ms(&self) -> u64 {
        self.durable.now_ms()
    }

    fn digest(&self, call: &HostCall) -> [u8; 16] {
        let args = call.args.to_string();
        let hash = Sha256::new().chain_update(&call.op).chain_update([0]);
        let hash = hash.chain_update(self.redactor.redact(&args).as_bytes()).finalize();
        *hash.first_chunk().expect("SHA-256 has 32 bytes")
    }

    fn perform(&self, call: HostCall) -> BoxFuture<'_, Result<JsonText, CallError>> {
        async move {
            let note = note::of(&call, &self.redactor);
            let began = Instant::now();
            let result = match self.dispatch(call).await {
                Ok(value) => Ok(self.caller.given.masks.redact_json(&value)),
                Err(error) => {
                    let message = self.caller.given.masks.redact(&error.message).into_owned();
                    Err(CallError { message, ..error })
                }
            };
            let mut kept = self.kept();
            if kept.notes.len() < note::MAX_NOTES {
                kept.notes.push(CallNote {
                    error: result
                        .as_ref()
                        .err()
                        .map(|error| self.redactor.redact(&error.message).into_owned()),
                    at_ms: self.durable.now_ms(),
                    took_us: began.elapsed().as_micros() as u64,
                    ..note
                });
            }
            drop(kept);
            result
        }
        .boxed()
    }

    fn record<'a>(&'a self, records: &'a [CallRecord]) -> BoxFuture<'a, Result<(), SandboxError>> {
        async move {
            let acted = records.iter().any(|record| Op::of(&record.op).is_effect());
            self.keep(records);
            if !acted {
                return Ok(());
            }
            self.flush(|_| {}).await.map_err(|error| SandboxError::Record(error.to_string()))
        }
        .boxed()
    }
}

/// What results hold in the store, about.
fn bytes_of(records: &[CallRecord]) -> u64 {
    let bytes = |record: &CallRecord| match &record.result {
        Ok(value) => value.as_str().len(),
        Err(error) => error.message.len(),
    };
    records.iter().map(|record| 96 + bytes(record) as u64).sum()
}

fn unkept(why: &str) -> CallError {
    CallError::new("Error", format!("nothing can be kept of this call, so it was not made: {why}"))
        .with_code("STORE_UNAVAILABLE")
}

fn kv_error(error: &KvError) -> CallError {
    CallError::new("KvError", error.to_string()).with_code(error.code())
}

/// A field that the guest must give; it checks what scripts write, so this is for those that get around it.
fn text<'a>(args: &'a Value, field: &str) -> Result<&'a str, CallError> {
    args.get(field)
        .and_then(Value::as_str)
        .ok_or_else(|| CallError::new("TypeError", format!("`{field}` must be a text")))
}
