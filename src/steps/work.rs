//! Work whose cost its author could make unbounded: counted, not timed, and on a stack of known size.
//!
//! Queries and schemas are evaluated by libraries that know no limits. Their values are of our own types, and these [`pay`]
//! from a `meter` for whatever is read, copied or made; what is not paid for is never done. Called by `query` and `schema`.
//! Keeps nothing: when [`bounded`] returns, its thread is gone.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    thread,
};

use crate::meter::{self, Meter};

/// What one evaluation may do: well under a second of the slowest operations.
pub(super) const UNITS: u64 = 3_000_000;
/// The stack of the evaluation. It is reserved, and only touched as far as it is used.
const STACK: usize = 64 << 20;
/// What [`pay`] lets evaluation use of it. The rest is for dropping nested values, which pays nothing.
const MAX_STACK: usize = 8 << 20;

thread_local! {
    static LEFT: Meter = const { Meter::new(u64::MAX - 1) };
    static BASE: Cell<usize> = const { Cell::new(0) };
}

/// Why an evaluation did not come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Stop {
    /// Nothing was left to pay with.
    #[error(
        "this is more work than is allowed for one step ({UNITS} units); read less of the data, or use a `code` step"
    )]
    Work,
    /// Too deep recursion or nesting.
    #[error("this nests too deep; simplify it, or use a `code` step")]
    Depth,
    /// The library panicked.
    #[error("the library that evaluates this failed; please report the expression")]
    Panic,
    /// The operating system gave no thread.
    #[error("the server could not start a thread; try again later")]
    NoThread,
}

/// Runs `task` with `units` to pay with, and waits for it.
///
/// # Errors
/// When it was stopped, or panicked.
pub(super) fn bounded<T: Send>(units: u64, task: impl FnOnce() -> T + Send) -> Result<T, Stop> {
    let run = || {
        let base = 0_u8;
        BASE.set(std::ptr::from_ref(&base).addr());
        LEFT.with(|left| left.fill(units));
        catch_unwind(AssertUnwindSafe(task))
            .map_err(|payload| payload.downcast_ref::<Stop>().copied().unwrap_or(Stop::Panic))
    };
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("evaluation".to_owned()).stack_size(STACK);
        let running = builder.spawn_scoped(scope, run).map_err(|_| Stop::NoThread)?;
        running.join().unwrap_or(Err(Stop::Panic))
    })
}

/// Pays, or stops the evaluation.
pub(super) fn pay(units: u64) {
    if !LEFT.with(|left| left.pay(units)) {
        stop(Stop::Work);
    }
    let here = 0_u8;
    if BASE.get().saturating_sub(std::ptr::from_ref(&here).addr()) > MAX_STACK {
        stop(Stop::Depth);
    }
}

/// Pays for reading or copying `bytes` of text.
pub(super) fn pay_text(bytes: usize) {
    pay(meter::text(bytes));
}

/// Pays `units` for each of `count`.
pub(super) fn pay_each(count: usize, units: u64) {
    pay((count as u64).saturating_mul(units));
}

/// Ends the evaluation. Unwinding is the one way out that no expression can catch: `try`, `?` and `//` of
/// jq would go on after an error.
pub(super) fn stop(reason: Stop) {
    if !thread::panicking() {
        resume_unwind(Box::new(reason));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn what_is_paid_for_is_done_and_no_more() {
        assert_eq!(bounded(10, || pay(10)), Ok(()));
        let done = AtomicU64::new(0);
        let endless = bounded(10, || {
            loop {
                pay(1);
                done.fetch_add(1, Ordering::Relaxed);
            }
        });
        assert_eq!(endless.map(|never: ()| never), Err(Stop::Work));
        assert_eq!(done.into_inner(), 10);
        assert_eq!(bounded(u64::MAX - 1, || pay(u64::MAX - 1)), Ok(()));
        assert_eq!(bounded(1, || pay_each(usize::MAX, u64::MAX)), Err(Stop::Work));
    }

    #[test]
    fn endless_recursion_is_stopped_before_the_stack_ends() {
        fn down(depth: u64) -> u64 {
            pay(1);
            if depth == u64::MAX { 0 } else { 1 + std::hint::black_box(down(depth + 1)) }
        }
        assert_eq!(bounded(u64::MAX - 1, || down(0)), Err(Stop::Depth));
    }

    #[test]
    fn outside_of_an_evaluation_nothing_is_counted() {
        pay(UNITS + 1);
        pay(UNITS + 1);
    }
}
