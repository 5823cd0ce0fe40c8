//! One instance: what the host keeps beside it, and how its end is read.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use wasmtime::{Caller, Memory, StoreContextMut, Trap, UpdateDeadline};

use super::{crew::give_way, metering::Metering};
use crate::{
    model::{ErrorCode, Limits, RunError},
    sandbox::{
        limiter::{Limiter, MemoryLimitHit},
        log::LogBook,
        outcome::{fuel_exhausted, memory_limit, timeout},
        thread_time::thread_time,
        turns::{Stop, let_others_come_first},
    },
};

/// The host's side of one instance.
pub(super) struct Guest {
    pub(super) limiter: Limiter,
    pub(super) log: LogBook,
    pub(super) now_ms: u64,
    pub(super) random: ChaCha20Rng,
    pub(super) memory: Option<Memory>,
    pub(super) host_calls: u64,
    /// Somebody wants it to stop, whatever its time.
    pub(super) stop: Arc<Stop>,
    /// When the present entry has used up the time.
    pub(super) deadline: Instant,
    /// Its thread is one that others need, and it is given up once the thread has computed up to this time. On a busy machine, where
    /// threads wait for cores, to begin it again would make things worse.
    pub(super) on_loan_until: Option<Duration>,
    /// It was given up because of that.
    pub(super) overran: bool,
    /// How long the present entry has waited for its turn.
    pub(super) waited: Duration,
    /// What the guest said before it gave up.
    pub(super) panic: Option<String>,
    /// What it asked of languages, until it takes the answer.
    pub(super) answer: Vec<u8>,
    pub(super) metering: Metering,
    /// The most fuel of the call.
    pub(super) fuel: u64,
}

impl Guest {
    pub(super) fn new(limits: &Limits, now_ms: u64, seed: [u8; 32], stop: Arc<Stop>) -> Self {
        Self {
            limiter: Limiter::new(limits.memory.as_usize()),
            log: LogBook::new(limits),
            now_ms,
            random: ChaCha20Rng::from_seed(seed),
            memory: None,
            host_calls: 0,
            stop,
            deadline: Instant::now(),
            on_loan_until: None,
            overran: false,
            waited: Duration::ZERO,
            panic: None,
            answer: Vec::new(),
            metering: Metering::default(),
            fuel: limits.fuel,
        }
    }

    /// For the next call of an instance that holds so many bytes of this memory.
    pub(super) fn again(limits: &Limits, now_ms: u64, seed: [u8; 32], stop: Arc<Stop>, held: usize) -> Self {
        let limiter = Limiter::holding(limits.memory.as_usize(), held);
        Self { limiter, ..Self::new(limits, now_ms, seed, stop) }
    }
}

/// Asked at each epoch while the guest runs: whether it goes on. Others come first where it is their turn.
pub(super) fn goes_on(mut guest: StoreContextMut<'_, Guest>) -> wasmtime::Result<UpdateDeadline> {
    let guest = guest.data_mut();
    if guest.stop.is_set() || Instant::now() >= guest.deadline {
        return Ok(UpdateDeadline::Interrupt);
    }
    if let Some(until) = guest.on_loan_until {
        // On such a thread nobody may wait, not even for a turn.
        guest.overran = thread_time() >= until;
        let goes_on = if guest.overran { UpdateDeadline::Interrupt } else { UpdateDeadline::Continue(1) };
        return Ok(goes_on);
    }
    let waited = let_others_come_first(&guest.stop);
    guest.deadline += waited.time;
    guest.waited += waited.time;
    if guest.stop.is_set() {
        return Ok(UpdateDeadline::Interrupt);
    }
    if waited.greedy {
        give_way();
    }
    Ok(UpdateDeadline::Continue(1))
}

/// The caller's memory beside the host's own state.
pub(super) fn memory_and_guest<'a>(
    caller: &'a mut Caller<'_, Guest>,
) -> wasmtime::Result<(&'a mut [u8], &'a mut Guest)> {
    let memory =
        caller.data().memory.ok_or_else(|| wasmtime::Error::msg("a host call before the instance is up"))?;
    Ok(memory.data_and_store_mut(caller))
}

/// How an instance ended that did not return, in the terms of a failed step.
pub(super) fn explain(
    error: &wasmtime::Error,
    panic: Option<&str>,
    limits: &Limits,
    took_ms: u64,
) -> RunError {
    if let Some(hit) = error.downcast_ref::<MemoryLimitHit>() {
        return memory_limit(limits, hit.asked as u64);
    }
    let Some(trap) = error.downcast_ref::<Trap>() else {
        return RunError::new(ErrorCode::EngineCrash, format!("the JavaScript engine stopped: {error:#}"));
    };
    match trap {
        Trap::OutOfFuel => fuel_exhausted(limits),
        Trap::Interrupt => timeout(limits, took_ms),
        // The guest's own stack lies below everything else, so running over it leaves the memory.
        Trap::StackOverflow | Trap::MemoryOutOfBounds => RunError::new(
            ErrorCode::StackOverflow,
            "too much recursion: a function calls itself too deep, or a value or the source is nested too deep",
        ),
        Trap::UnreachableCodeReached => match panic {
            // More than an address space holds: the allocator gave up before it asked for memory.
            Some(text) if text.contains("capacity overflow") || text.contains("memory allocation") => {
                memory_limit(limits, u64::from(u32::MAX))
            }
            Some(text) => {
                RunError::new(ErrorCode::EngineCrash, format!("the JavaScript engine gave up: {text}"))
            }
            None => memory_limit(limits, u64::from(u32::MAX)),
        },
        other => RunError::new(ErrorCode::EngineCrash, format!("the JavaScript engine stopped: {other}")),
    }
}
