//! Builds the Boa context: the run's clock, the limits, the loader of modules, and every global of `apis`.
//!
//! Called once, by `Engine::new`, before the snapshot. Reads neither clock nor randomness.

use std::{cell::RefCell, rc::Rc};

use boa_engine::{
    Context, JsError, JsObject,
    builtins::promise::{OperationType, Promise},
    context::{Clock, HostHooks, time::JsInstant},
};

use crate::{apis, failure, host, jobs::Jobs, mends, modules::Loader, stack};

/// Nested calls of a script before `recursion_limit`. JavaScript frames live on the heap, so this is about Node's own depth;
/// natives that call back (getters, `map` callbacks) use the Wasm stack and may reach its end first, which traps.
const MAX_RECURSION: usize = 10_000;

/// Values on Boa's own stack; sized so that [`MAX_RECURSION`] is reached first by ordinary functions.
const MAX_STACK_VALUES: usize = 1 << 20;

/// Bytes of one `ArrayBuffer`; the memory limit of the instance is the host's.
const MAX_BUFFER: u64 = 64 << 20;

/// Builds a context that is ready for a script.
pub(crate) fn build() -> Context {
    let mut context = Context::builder()
        .clock(Rc::new(RunClock))
        .host_hooks(Rc::new(Hooks))
        .job_executor(Rc::new(Jobs))
        .module_loader(Rc::new(Loader))
        .can_block(false)
        .build()
        .expect("the realm is built from constants");
    let limits = context.runtime_limits_mut();
    limits.set_recursion_limit(MAX_RECURSION);
    limits.set_stack_size_limit(MAX_STACK_VALUES);
    stack::install(&mut context).expect("Error.prototype is extensible");
    apis::register(&mut context).expect("the prelude is part of the build and tested");
    context
}

/// The run's clock, as the host gives it.
struct RunClock;

impl Clock for RunClock {
    fn now(&self) -> JsInstant {
        let millis = host::now().max(0.0);
        JsInstant::new((millis / 1000.0) as u64, ((millis % 1000.0) * 1_000_000.0) as u32)
    }

    fn system_time_millis(&self) -> i64 {
        host::now() as i64
    }
}

thread_local! {
    /// Promises of this run that were rejected and that nobody handles yet.
    static UNHANDLED: RefCell<Vec<JsObject<Promise>>> = const { RefCell::new(Vec::new()) };
}

/// Takes the rejections that nobody handled since the last call.
pub(crate) fn take_unhandled() -> Vec<JsObject<Promise>> {
    UNHANDLED.take()
}

struct Hooks;

impl HostHooks for Hooks {
    /// Scripts run in UTC, wherever the server stands.
    fn local_timezone_offset_seconds(&self, _unix_time_seconds: i64) -> i32 {
        0
    }

    fn promise_rejection_tracker(
        &self,
        promise: &JsObject<Promise>,
        operation: OperationType,
        _context: &mut Context,
    ) {
        UNHANDLED.with_borrow_mut(|unhandled| match operation {
            OperationType::Reject => unhandled.push(promise.clone()),
            OperationType::Handle => unhandled.retain(|other| !JsObject::equals(other, promise)),
        });
    }

    fn error_message(&self, error: &JsError) -> Option<String> {
        failure::words(error)
    }

    fn max_buffer_size(&self, _context: &mut Context) -> u64 {
        // Asked before each buffer is allocated.
        mends::pressure::before_buffer();
        MAX_BUFFER
    }
}
