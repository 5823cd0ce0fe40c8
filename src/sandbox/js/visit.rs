//! One instance while it is used: what goes in, what comes out, what it uses.
//!
//! A guest's pointers and lengths are checked before they are used. After any end but an answer that waits, the
//! instance is never entered again.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::mm::{Advice, madvise};
use serde::Deserialize;
use wasmtime::{Instance, PoolConcurrencyLimitError, Store, TypedFunc};

use super::{
    call::Call,
    crew::Crew,
    engine::JsEngine,
    frame,
    guest::{Guest, explain, goes_on},
    hot_pages::HotPages,
    image::Image,
    script::Script,
    spent::{Left, Spent},
};
use crate::{
    model::{CallError, ErrorCode, JsonText, LimitUnit, Limits, RunError},
    sandbox::{
        SandboxError,
        admission::Place,
        answer::{output_json, script_error, too_large},
        log::LogBook,
        outcome::{Conclusion, Outcome},
        thread_time::thread_time,
        turns::Stop,
    },
};

/// The most that is read of an error answer, bytes.
const ERROR_MOST: usize = 256 << 10;

/// An instance with more memory than this gives it back piece by piece, bytes.
const MUCH: u64 = 32 << 20;
/// The bytes of memory that one system call gives back.
const PIECE: usize = 4 << 20;

/// A call that the guest asks for.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Asked {
    pub(super) id: u32,
    pub(super) op: String,
    pub(super) args: serde_json::Value,
}

/// What a guest that waits asks for, and what it gave up.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Pending {
    pub(super) calls: Vec<Asked>,
    #[serde(default)]
    pub(super) cancel: Vec<u32>,
}

/// Why an entry gave no output.
pub(super) enum Ended {
    /// The guest answered with an error of the script.
    Script(Box<RunError>),
    /// Wasmtime stopped the guest.
    Trap(wasmtime::Error),
    /// The guest waits for the answers of host calls.
    Pending(Pending),
}

/// How an instance is made.
pub(super) struct Start<'a> {
    pub(super) image: Option<&'a Image>,
    pub(super) limits: &'a Limits,
    pub(super) now_ms: u64,
    pub(super) seed: [u8; 32],
    /// What earlier instances of the attempt used.
    pub(super) spent: Spent,
    /// Ends it at the next epoch, once it is set.
    pub(super) stop: Arc<Stop>,
    /// Its room, for as long as it is there.
    pub(super) place: Option<Place>,
}

impl<'a> Start<'a> {
    pub(super) fn new(limits: &'a Limits, now_ms: u64, seed: [u8; 32]) -> Self {
        Self { image: None, limits, now_ms, seed, spent: Spent::default(), stop: Arc::default(), place: None }
    }
}

/// One instance of the engine, from its start to its end.
pub(super) struct Visit {
    store: Store<Guest>,
    /// Or why there is none, until somebody was told.
    instance: Result<Instance, Option<wasmtime::Error>>,
    limits: Limits,
    spent: Spent,
    /// Fuel that earlier instances used.
    fuel_before: u64,
    /// After the store: room is given back when the instance is gone.
    place: Option<Place>,
    crew: Arc<Crew>,
}

impl JsEngine {
    /// A fresh instance. That it cannot be made within the limits shows at its first use.
    pub(super) fn visit(&self, limits: &Limits, now_ms: u64, seed: [u8; 32]) -> Result<Visit, SandboxError> {
        self.start(Start::new(limits, now_ms, seed))
    }

    /// A fresh instance, with the pages made ready that a script with this image writes to.
    ///
    /// # Errors
    /// When the host cannot make one. That it cannot be made within the limits shows at its first use.
    pub(super) fn start(&self, start: Start<'_>) -> Result<Visit, SandboxError> {
        let Start { image, limits, now_ms, seed, spent, stop, place } = start;
        let hot: &HotPages = image.map_or(&self.hot, |image| &image.hot);
        let mut store = Store::new(&self.engine, Guest::new(limits, now_ms, seed, stop));
        store.limiter(|guest| &mut guest.limiter);
        store.epoch_deadline_callback(goes_on);
        let start_error = |error: wasmtime::Error| SandboxError::Start(format!("{error:#}"));
        store.set_fuel(limits.fuel.saturating_sub(spent.fuel)).map_err(start_error)?;
        let crew = Arc::clone(&self.crew);
        let mut visit = Visit {
            store,
            instance: Err(None),
            limits: *limits,
            spent,
            fuel_before: spent.fuel,
            place,
            crew,
        };
        let began = (Instant::now(), thread_time());
        visit.arm();
        match self.instance.instantiate(&mut visit.store) {
            Ok(instance) => {
                let memory = instance.get_memory(&mut visit.store, "memory");
                visit.store.data_mut().memory = memory;
                if let Some(memory) = memory {
                    hot.populate(memory.data_mut(&mut visit.store));
                }
                visit.instance = Ok(instance);
            }
            // No fault of the script: there is one place in the pool for each that was let in.
            Err(error) if error.is::<PoolConcurrencyLimitError>() => return Err(start_error(error)),
            Err(error) => visit.instance = Err(Some(error)),
        }
        visit.spend(began);
        Ok(visit)
    }
}

impl Visit {
    /// Makes the script ready: from its image, or by evaluating it.
    pub(super) fn prepare(&mut self, script: &Script, image: Option<&Image>) -> Result<(), Ended> {
        self.is_up()?;
        if let Some(image) = image {
            let began = (Instant::now(), thread_time());
            let memory = self.store.data().memory.ok_or_else(|| broken("it has no memory"))?;
            let copied = image.restore(memory, &mut self.store).map_err(Ended::Trap);
            self.spend(began);
            return copied;
        }
        let mut sections = vec![script.form.name(), script.file.as_bytes(), script.source.as_bytes()];
        for (name, source) in &script.modules {
            sections.extend([name.as_bytes(), source.as_bytes()]);
        }
        self.ask("prepare", &frame::encode(&sections)).map(drop)
    }

    /// Makes the script ready by evaluating it, and leaves in memory no more than that takes.
    pub(super) fn prepare_image(&mut self, script: &Script) -> Result<(), Ended> {
        self.tell("image_begin")?;
        self.prepare(script, None)?;
        self.tell("image_end")
    }

    /// Enters an export that takes nothing and gives nothing.
    fn tell(&mut self, export: &str) -> Result<(), Ended> {
        let export: TypedFunc<(), ()> = self.export(export)?;
        let began = (Instant::now(), thread_time());
        self.arm();
        let told = export.call(&mut self.store, ()).map_err(Ended::Trap);
        self.spend(began);
        told
    }

    /// Enters the guest for the first time, with the inputs of the call.
    pub(super) fn call(&mut self, call: &Call) -> Result<Vec<u8>, Ended> {
        let Call { context, raw_body, steps, env, scopes, secrets, meta, .. } = call;
        let secrets = if secrets.0.is_empty() { "{}" } else { secrets.0.as_str() };
        self.ask(
            "call",
            &frame::encode(&[
                context.as_bytes(),
                raw_body,
                steps.as_bytes(),
                env.as_bytes(),
                scopes.as_bytes(),
                secrets.as_bytes(),
                meta.as_bytes(),
            ]),
        )
    }

    /// Gives the script the result of one of its calls, at this time on its clock.
    pub(super) fn resume(
        &mut self,
        id: u32,
        result: &Result<JsonText, CallError>,
        now_ms: u64,
    ) -> Result<Vec<u8>, Ended> {
        self.store.data_mut().now_ms = now_ms;
        let id = id.to_string();
        let error;
        let (kind, payload) = match result {
            Ok(value) => (&b"ok"[..], value.as_str()),
            Err(failed) => {
                error = serde_json::to_string(failed).expect("texts are always JSON");
                (&b"error"[..], error.as_str())
            }
        };
        self.ask("resume", &frame::encode(&[id.as_bytes(), kind, payload.as_bytes()]))
    }

    /// The time that the script sees, in milliseconds since the epoch.
    pub(super) fn now_ms(&self) -> u64 {
        self.store.data().now_ms
    }

    /// Whether the guest has asked the host for anything: then its memory holds what belongs to one run.
    pub(super) fn asked_the_host(&self) -> bool {
        self.store.data().host_calls > 0
    }

    /// The guest's memory, all of it.
    pub(super) fn memory(&self) -> Result<&[u8], Ended> {
        let memory = self.store.data().memory.ok_or_else(|| broken("it has no memory"))?;
        Ok(memory.data(&self.store))
    }

    /// Ends an instance whose memory was read as a whole. Each page that was read stays mapped, and wasmtime looks at every
    /// mapped page after every call that has this memory later: measured, that was half the time of a small call.
    pub(super) fn unmap(mut self) {
        self.give_memory_back();
    }

    /// Gives the memory of an instance that ends back to the system, piece by piece: a system call over hundreds of megabytes
    /// would keep the map of the whole process locked for long.
    fn give_memory_back(&mut self) {
        let Some(memory) = self.store.data().memory else { return };
        for piece in memory.data_mut(&mut self.store).chunks_mut(PIECE) {
            // SAFETY: it is mapped memory that we hold exclusively and that nobody enters any more: the callers drop the store
            // next. Its bytes become those of the snapshot again, or zero, which is what they are reset to in any case.
            let _ = unsafe { madvise(piece.as_mut_ptr().cast(), piece.len(), Advice::LinuxDontNeed) };
        }
    }

    /// Hands a frame to an export and reads its answer.
    pub(super) fn ask(&mut self, export: &str, input: &[u8]) -> Result<Vec<u8>, Ended> {
        self.is_up()?;
        let began = (Instant::now(), thread_time());
        self.arm();
        self.spent.bytes_in += input.len() as u64;
        let answer = self.enter(export, input);
        self.spend(began);
        if let Ok(answer) = &answer {
            self.spent.bytes_out += answer.len() as u64;
        }
        answer
    }

    fn enter(&mut self, export: &str, input: &[u8]) -> Result<Vec<u8>, Ended> {
        let length =
            u32::try_from(input.len()).map_err(|_| Ended::Trap(wasmtime::Error::msg("input over 4 GiB")))?;
        let alloc: TypedFunc<u32, u32> = self.export("alloc")?;
        let run: TypedFunc<(u32, u32), u64> = self.export(export)?;
        let pointer = alloc.call(&mut self.store, length).map_err(Ended::Trap)?;
        let memory = self.store.data().memory.ok_or_else(|| broken("it has no memory"))?;
        memory
            .write(&mut self.store, pointer as usize, input)
            .map_err(|_| broken("it allocated outside its memory"))?;
        let packed = run.call(&mut self.store, (pointer, length)).map_err(Ended::Trap)?;
        let (pointer, length) = frame::unpack(packed);
        let answer = frame::slice(memory.data(&self.store), pointer, length)
            .ok_or_else(|| broken("its answer lies outside its memory"))?;
        match answer.split_first() {
            Some((0, output)) if output.len() > self.limits.output.as_usize() => {
                Err(Ended::Script(Box::new(too_large(&self.limits, output.len()))))
            }
            Some((0, output)) => Ok(output.to_vec()),
            Some((1, error)) => {
                Err(Ended::Script(Box::new(script_error(&error[..error.len().min(ERROR_MOST)]))))
            }
            Some((2, pending)) if pending.len() > Limits::CALL_ARGUMENTS.as_usize() => {
                let (most, used) = (Limits::CALL_ARGUMENTS, pending.len());
                let message =
                    format!("the arguments of the script's calls are {used} bytes, {most} are allowed");
                let error = RunError::new(ErrorCode::TooManyCalls, message);
                Err(Ended::Script(Box::new(error.over(most.as_bytes(), used as u64, LimitUnit::Bytes))))
            }
            Some((2, pending)) => match serde_json::from_slice(pending) {
                Ok(pending) => Err(Ended::Pending(pending)),
                Err(_) => Err(broken("what it waits for is unreadable")),
            },
            Some(_) | None => Err(broken("its answer has an unknown tag")),
        }
    }

    fn export<P: wasmtime::WasmParams, R: wasmtime::WasmResults>(
        &mut self,
        name: &str,
    ) -> Result<TypedFunc<P, R>, Ended> {
        let instance = self.is_up()?;
        instance.get_typed_func(&mut self.store, name).map_err(Ended::Trap)
    }

    /// The instance, or why there is none.
    fn is_up(&mut self) -> Result<Instance, Ended> {
        match &mut self.instance {
            Ok(instance) => Ok(*instance),
            Err(why) => Err(Ended::Trap(
                why.take().unwrap_or_else(|| wasmtime::Error::msg("the instance could not be made")),
            )),
        }
    }

    /// Sets the deadline for the next entry: what is left of the time. [`goes_on`] looks at each epoch.
    fn arm(&mut self) {
        let left = self.limits.timeout.as_duration().saturating_sub(self.spent.inside);
        self.store.data_mut().deadline = Instant::now() + left;
        self.store.set_epoch_deadline(1);
    }

    fn spend(&mut self, (began, cpu): (Instant, Duration)) {
        let waited = std::mem::take(&mut self.store.data_mut().waited);
        self.spent.inside += began.elapsed().saturating_sub(waited);
        self.spent.cpu += thread_time().saturating_sub(cpu);
    }

    /// What the attempt used so far.
    pub(super) fn spent(&self) -> Spent {
        let left = self.store.get_fuel().unwrap_or(0);
        let given = self.limits.fuel.saturating_sub(self.fuel_before);
        let guest = self.store.data();
        Spent {
            fuel: self.fuel_before.saturating_add(given.saturating_sub(left)),
            peak: self.spent.peak.max(guest.limiter.peak() as u64),
            ..self.spent
        }
    }

    /// The room that the instance has in the admission, while it waits there.
    pub(super) fn place(&mut self) -> Option<&mut Place> {
        self.place.as_mut()
    }

    /// Bytes that its memory has at present.
    pub(super) fn memory_size(&self) -> u64 {
        self.store.data().memory.map_or(0, |memory| memory.data_size(&self.store) as u64)
    }

    /// The error that an end stands for.
    pub(super) fn explain(&mut self, ended: Ended) -> RunError {
        match ended {
            Ended::Script(error) => *error,
            Ended::Trap(error) => {
                let panic = self.store.data().panic.as_deref();
                explain(&error, panic, &self.limits, self.spent.inside.as_millis() as u64)
            }
            Ended::Pending(_) => RunError::new(
                ErrorCode::PromiseNeverSettled,
                "the script waits for a call that nobody performs here",
            ),
        }
    }

    /// The outcome of a script that has ended.
    pub(super) fn finish(mut self, ended: Result<Vec<u8>, Ended>) -> Outcome {
        let conclusion = match ended {
            Ok(output) => output_json(output).map_or_else(Conclusion::Failed, Conclusion::Output),
            Err(ended) => Conclusion::Failed(self.explain(ended)),
        };
        self.leave().conclude(conclusion)
    }

    /// Ends the instance, and leaves what an outcome is made of. One with much memory ends a little later: it keeps its place
    /// until then.
    pub(super) fn leave(mut self) -> Left {
        let (spent, large) = (self.spent(), self.memory_size() > MUCH);
        let guest = self.store.data_mut();
        let log = std::mem::replace(&mut guest.log, LogBook::new(&self.limits));
        let ((logs, log_truncated), host_calls) = (log.finish(), guest.host_calls);
        if large {
            Arc::clone(&self.crew).end(self);
        }
        Left { spent, logs, log_truncated, host_calls }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if self.memory_size() > MUCH {
            self.give_memory_back();
        }
    }
}

/// An instance that does what no engine of ours does.
pub(super) fn broken(what: &str) -> Ended {
    Ended::Trap(wasmtime::Error::msg(format!("the guest broke its contract: {what}")))
}
