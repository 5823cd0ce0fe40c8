//! Collects garbage before the memory that Boa's collector does not count fills the instance.
//!
//! The collector counts the objects, not the bytes of buffers, dense arrays and strings that hang on them: two hundred dropped
//! buffers of 1 MiB would hit the memory limit. The allocator counts them all; `relieve` collects once they have grown enough.
//! Called where a collection is allowed: when a buffer is made (the host hook) and at each builtin that `over` replaced.

use std::cell::Cell;

use boa_engine::{Context, JsObject, JsResult, JsValue, js_string};

use super::over;

/// Bytes that may be allocated before the next collection; more once more than four times as much is in use.
const GROWTH: usize = 4 << 20;

thread_local! {
    /// Bytes in use from which on it is time to collect. None before the first run, so that the snapshot is left alone.
    static LIMIT: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// Makes the builtins that allocate most check the pressure.
pub(crate) fn register(context: &mut Context) -> JsResult<()> {
    let array = context.intrinsics().constructors().array();
    let (prototype, constructor) = (array.prototype(), array.constructor());
    for name in [js_string!("fill"), js_string!("concat")] {
        over::replace(&prototype, name, unchanged, context)?;
    }
    over::replace(&constructor, js_string!("from"), unchanged, context)?;
    Ok(())
}

fn unchanged(
    this: &JsValue,
    args: &[JsValue],
    original: &JsObject,
    context: &mut Context,
) -> JsResult<JsValue> {
    original.call(this, args, context)
}

/// Starts to count for a run.
pub(crate) fn begin() {
    LIMIT.set(limit(in_use::bytes()));
}

/// Collects if the memory in use has grown enough since the last collection. Must not be called from within the allocator or
/// the collector.
pub(crate) fn relieve() {
    if in_use::bytes() < LIMIT.get() {
        return;
    }
    boa_gc::force_collect();
    LIMIT.set(limit(in_use::bytes()));
}

/// Before the bytes of a buffer are allocated.
pub(crate) fn before_buffer() {
    in_use::expect_buffer();
    relieve();
}

const fn limit(in_use: usize) -> usize {
    let quarter = in_use / 4;
    in_use + if quarter > GROWTH { quarter } else { GROWTH }
}

#[cfg(target_arch = "wasm32")]
mod in_use {
    pub(super) use crate::alloc::bytes_in_use as bytes;

    pub(super) const fn expect_buffer() {}
}

/// A stand-in that takes every buffer for 1 MiB.
#[cfg(not(target_arch = "wasm32"))]
mod in_use {
    use std::cell::Cell;

    thread_local! {
        static BUFFERS: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn bytes() -> usize {
        BUFFERS.get()
    }

    pub(super) fn expect_buffer() {
        BUFFERS.set(BUFFERS.get() + (1 << 20));
    }
}

#[cfg(test)]
mod tests {
    use super::{GROWTH, limit};

    #[test]
    fn collections_get_rarer_as_more_stays_in_use() {
        assert_eq!(limit(0), GROWTH);
        assert_eq!(limit(8 << 20), 12 << 20);
        assert_eq!(limit(32 << 20), 40 << 20);
    }
}
