//! One instance: what the host keeps beside it, and how its end is read.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use wasmtime::{Caller, Memory, StoreContextMut, Trap, UpdateDeadline};

use super::{
    crew::give_way,
    host::LogBook,
    limiter::{Limiter, MemoryLimitHit},
    turns::{Stop, let_others_come_first},
};
use crate::model::{ErrorCode, LimitUnit, Limits, RunError};

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
    /// How long the present entry has waited for its turn.
    pub(super) waited: Duration,
    /// What the guest said before it gave up.
    pub(super) panic: Option<String>,
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
            waited: Duration::ZERO,
            panic: None,
        }
    }
}

/// Asked at each epoch while the guest runs: whether it goes on. Others come first where it is their turn.
pub(super) fn goes_on(mut guest: StoreContextMut<'_, Guest>) -> wasmtime::Result<UpdateDeadline> {
    let guest = guest.data_mut();
    if guest.stop.is_set() || Instant::now() >= guest.deadline {
        return Ok(UpdateDeadline::Interrupt);
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

pub(super) fn fuel_exhausted(limits: &Limits) -> RunError {
    let message = format!(
        "the code used all {} units of fuel; loop less, or raise `limits.fuel` of the step",
        limits.fuel
    );
    RunError::new(ErrorCode::FuelExhausted, message).over(limits.fuel, limits.fuel, LimitUnit::Fuel)
}

pub(super) fn timeout(limits: &Limits, took_ms: u64) -> RunError {
    let message = format!(
        "the code ran longer than {}; do less, or raise `limits.timeout` of the step",
        limits.timeout
    );
    RunError::new(ErrorCode::Timeout, message).over(limits.timeout.as_millis(), took_ms, LimitUnit::Ms)
}

pub(super) fn memory_limit(limits: &Limits, asked: u64) -> RunError {
    let message = format!(
        "the code needs more than {} of memory; keep less, or raise `limits.memory` of the step",
        limits.memory
    );
    RunError::new(ErrorCode::MemoryLimit, message).over(limits.memory.as_bytes(), asked, LimitUnit::Bytes)
}
