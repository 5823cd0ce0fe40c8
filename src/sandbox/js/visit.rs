//! One instance while it is used: what goes in, what comes out, what it uses.
//!
//! A guest's pointers and lengths are checked before they are used. After any end but an answer that waits, the
//! instance is never entered again.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde::Deserialize;
use wasmtime::{PoolConcurrencyLimitError, Store, TypedFunc};

use super::{
    call::Call,
    crew::Crew,
    engine::JsEngine,
    frame,
    guest::{Guest, explain, goes_on},
    guest_instance::{Exports, GuestInstance, MUCH},
    hot_pages::HotPages,
    image::Image,
    kept::{Kept, Ready, Taken},
    pace::LOAN,
    reuse::Reuse,
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
    pub(super) image: Option<&'a Arc<Image>>,
    pub(super) limits: &'a Limits,
    pub(super) now_ms: u64,
    pub(super) seed: [u8; 32],
    /// What earlier instances of the attempt used.
    pub(super) spent: Spent,
    /// Ends it at the next epoch, once it is set.
    pub(super) stop: Arc<Stop>,
    /// Its room, for as long as it is there.
    pub(super) place: Option<Place>,
    /// Whether it begins on a thread that others need: after [`LOAN`] it is given up.
    pub(super) on_loan: bool,
}

impl<'a> Start<'a> {
    pub(super) fn new(limits: &'a Limits, now_ms: u64, seed: [u8; 32]) -> Self {
        Self {
            image: None,
            limits,
            now_ms,
            seed,
            spent: Spent::default(),
            stop: Arc::default(),
            place: None,
            on_loan: false,
        }
    }

    /// Up to which processor time of this thread it may compute; nothing where others do not need the thread.
    fn on_loan_until(&self) -> Option<Duration> {
        self.on_loan.then(|| thread_time() + LOAN)
    }
}

/// One instance of the engine, from its start to its end.
pub(super) struct Visit {
    guest: GuestInstance,
    /// What becomes of it when it ends well; nothing when it is dropped in any case.
    reuse: Option<Reuse>,
    /// It is what its script's image says already.
    is_ready: bool,
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
        let mut reuse = None;
        if let (Some(kept), Some(image)) = (&self.kept, start.image)
            && let Some(home) = &image.home
        {
            match kept.take(home.id, start.limits.memory.as_usize()) {
                Taken::Ready(ready) => return self.again(*ready, start, image, kept),
                Taken::Wanted => reuse = Some(Reuse::of_fresh(image, kept)),
                Taken::Not => {}
            }
        }
        let on_loan_until = start.on_loan_until();
        let Start { image, limits, now_ms, seed, spent, stop, place, .. } = start;
        let hot: &HotPages = image.map_or(&self.hot, |image| &image.hot);
        let guest =
            Guest { on_loan_until, metering: self.metering, ..Guest::new(limits, now_ms, seed, stop) };
        let mut store = Store::new(&self.engine, guest);
        store.limiter(|guest| &mut guest.limiter);
        store.epoch_deadline_callback(goes_on);
        let start_error = |error: wasmtime::Error| SandboxError::Start(format!("{error:#}"));
        let left = limits.fuel.saturating_sub(spent.fuel);
        self.metering.give(&mut store, left).map_err(start_error)?;
        let crew = Arc::clone(&self.crew);
        let mut visit = Visit {
            guest: GuestInstance::new(store),
            reuse,
            is_ready: false,
            limits: *limits,
            spent,
            fuel_before: spent.fuel,
            place,
            crew,
        };
        let began = (Instant::now(), thread_time());
        visit.arm();
        match self.instance.instantiate(&mut visit.guest.store) {
            Ok(instance) => {
                visit.guest.is_made(instance);
                if let Ok(memory) = visit.guest.bytes() {
                    hot.populate(memory);
                }
            }
            // No fault of the script: there is one place in the pool for each that was let in.
            Err(error) if error.is::<PoolConcurrencyLimitError>() => return Err(start_error(error)),
            Err(error) => visit.guest.is_not_made(error),
        }
        visit.spend(began);
        Ok(visit)
    }

    /// An instance that was kept, for this call.
    fn again(
        &self,
        ready: Ready,
        start: Start<'_>,
        image: &Arc<Image>,
        kept: &Arc<Kept>,
    ) -> Result<Visit, SandboxError> {
        let on_loan_until = start.on_loan_until();
        let Start { limits, now_ms, seed, spent, stop, place, .. } = start;
        let Ready { mut guest, written, is_sure, held } = ready;
        let memory = guest.store.data().memory;
        let metering = self.metering;
        *guest.store.data_mut() =
            Guest { memory, on_loan_until, metering, ..Guest::again(limits, now_ms, seed, stop, held) };
        let start_error = |error: wasmtime::Error| SandboxError::Start(format!("{error:#}"));
        let left = limits.fuel.saturating_sub(spent.fuel);
        self.metering.give(&mut guest.store, left).map_err(start_error)?;
        Ok(Visit {
            guest,
            reuse: Some(Reuse::of_kept(image, kept, written, is_sure)),
            is_ready: true,
            limits: *limits,
            spent,
            fuel_before: spent.fuel,
            place,
            crew: Arc::clone(&self.crew),
        })
    }
}

impl Visit {
    /// Makes the script ready: from its image, or by evaluating it.
    pub(super) fn prepare(&mut self, script: &Script, image: Option<&Image>) -> Result<(), Ended> {
        self.guest.is_up().map_err(Ended::Trap)?;
        if self.is_ready {
            return Ok(());
        }
        if let Some(image) = image {
            let began = (Instant::now(), thread_time());
            let memory = self.guest.memory().map_err(Ended::Trap)?;
            let copied = image.restore(memory, &mut self.guest.store).map_err(Ended::Trap);
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
        let export: TypedFunc<(), ()> = self.guest.export(export).map_err(Ended::Trap)?;
        let began = (Instant::now(), thread_time());
        self.arm();
        let told = export.call(&mut self.guest.store, ()).map_err(Ended::Trap);
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
        self.guest.store.data_mut().now_ms = now_ms;
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
        self.guest.store.data().now_ms
    }

    /// Whether the guest has asked the host for anything: then its memory holds what belongs to one run.
    pub(super) fn asked_the_host(&self) -> bool {
        self.guest.store.data().host_calls > 0
    }

    /// The guest's memory, all of it.
    pub(super) fn memory(&self) -> Result<&[u8], Ended> {
        let memory = self.guest.memory().map_err(Ended::Trap)?;
        Ok(memory.data(&self.guest.store))
    }

    /// Ends an instance whose memory was read as a whole. Each page that was read stays mapped, and wasmtime looks at every
    /// mapped page after every call that has this memory later: measured, that was half the time of a small call.
    pub(super) fn unmap(mut self) {
        self.guest.give_memory_back();
    }

    /// Hands a frame to an export and reads its answer.
    pub(super) fn ask(&mut self, export: &str, input: &[u8]) -> Result<Vec<u8>, Ended> {
        self.guest.is_up().map_err(Ended::Trap)?;
        let began = (Instant::now(), thread_time());
        self.arm();
        self.spent.bytes_in += input.len() as u64;
        if let Some(reuse) = &mut self.reuse {
            reuse.enters();
        }
        let answer = self.enter(export, input);
        if let Some(reuse) = &mut self.reuse {
            reuse.left();
        }
        self.spend(began);
        if let Ok(answer) = &answer {
            self.spent.bytes_out += answer.len() as u64;
        }
        answer
    }

    fn enter(&mut self, export: &str, input: &[u8]) -> Result<Vec<u8>, Ended> {
        let length =
            u32::try_from(input.len()).map_err(|_| Ended::Trap(wasmtime::Error::msg("input over 4 GiB")))?;
        let Exports { alloc, call } = self.guest.exports().map_err(Ended::Trap)?;
        let run = if export == "call" { call } else { self.guest.export(export).map_err(Ended::Trap)? };
        let pointer = alloc.call(&mut self.guest.store, length).map_err(Ended::Trap)?;
        let memory = self.guest.memory().map_err(Ended::Trap)?;
        memory
            .write(&mut self.guest.store, pointer as usize, input)
            .map_err(|_| broken("it allocated outside its memory"))?;
        let packed = run.call(&mut self.guest.store, (pointer, length)).map_err(Ended::Trap)?;
        let (pointer, length) = frame::unpack(packed);
        let answer = frame::slice(memory.data(&self.guest.store), pointer, length)
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

    /// Sets the deadline for the next entry: what is left of the time. [`goes_on`] looks at each epoch.
    fn arm(&mut self) {
        let left = self.limits.timeout.as_duration().saturating_sub(self.spent.inside);
        self.guest.store.data_mut().deadline = Instant::now() + left;
        self.guest.store.set_epoch_deadline(1);
    }

    fn spend(&mut self, (began, cpu): (Instant, Duration)) {
        let waited = std::mem::take(&mut self.guest.store.data_mut().waited);
        self.spent.inside += began.elapsed().saturating_sub(waited);
        self.spent.cpu += thread_time().saturating_sub(cpu);
    }

    /// What the attempt used so far.
    pub(super) fn spent(&self) -> Spent {
        let given = self.limits.fuel.saturating_sub(self.fuel_before);
        let guest = self.guest.store.data();
        let left = guest.metering.left(&self.guest.store, given);
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

    /// The place of an instance that was given up because it kept its thread too long; nothing of any other one.
    pub(super) fn overran(&mut self) -> Option<Place> {
        if self.guest.store.data().overran { self.place.take() } else { None }
    }

    /// From now on it is on a thread of its own.
    pub(super) fn is_on_its_own(&mut self) {
        self.guest.store.data_mut().on_loan_until = None;
    }

    /// Bytes that its memory has at present.
    pub(super) fn memory_size(&self) -> u64 {
        self.guest.memory_size()
    }

    /// The error that an end stands for.
    pub(super) fn explain(&mut self, ended: Ended) -> RunError {
        match ended {
            Ended::Script(error) => *error,
            Ended::Trap(error) => {
                let panic = self.guest.store.data().panic.as_deref();
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
        match conclusion {
            Conclusion::Output(_) => {
                let left = self.left();
                // Its place is free once it is put back.
                if let Some(reuse) = self.reuse.take() {
                    reuse.put_back(self.guest);
                }
                left.conclude(conclusion)
            }
            Conclusion::Failed(_) | Conclusion::Sleeps(_) => self.leave().conclude(conclusion),
        }
    }

    /// The instance alone.
    pub(super) fn into_guest(self) -> GuestInstance {
        self.guest
    }

    /// Ends the instance, and leaves what an outcome is made of. One with much memory ends a little later: it keeps its place
    /// until then.
    pub(super) fn leave(mut self) -> Left {
        let left = self.left();
        if self.memory_size() > MUCH {
            Arc::clone(&self.crew).end(self);
        }
        left
    }

    fn left(&mut self) -> Left {
        let spent = self.spent();
        let guest = self.guest.store.data_mut();
        let log = std::mem::replace(&mut guest.log, LogBook::new(&self.limits));
        let ((logs, log_truncated), host_calls) = (log.finish(), guest.host_calls);
        Left { spent, logs, log_truncated, host_calls }
    }
}

/// An instance that does what no engine of ours does.
pub(super) fn broken(what: &str) -> Ended {
    Ended::Trap(wasmtime::Error::msg(format!("the guest broke its contract: {what}")))
}
