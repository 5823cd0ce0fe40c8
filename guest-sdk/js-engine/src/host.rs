//! The three imports of module `flowcell`: the whole list of what the guest can ask of the outside.
//!
//! Native builds (tests) have stand-ins: a recorded log, a fixed clock, and a counter for randomness.
//! Nothing here may be called during the snapshot; the engine keeps that promise.

/// Levels of [`log`], as the host knows them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Level {
    /// `console.debug`, `console.trace`.
    Debug = 0,
    /// `console.log`, `console.info`, `console.dir`, `console.table`.
    Info = 1,
    /// `console.warn`.
    Warn = 2,
    /// `console.error`.
    Error = 3,
    /// The message of a panic of the guest itself: a bug of ours or of Boa, never a script's error.
    Panic = 9,
}

#[cfg(target_arch = "wasm32")]
mod imports {
    #[link(wasm_import_module = "flowcell")]
    unsafe extern "C" {
        pub fn log(level: u32, ptr: *const u8, len: usize);
        pub fn now() -> f64;
        pub fn random(ptr: *mut u8, len: usize);
    }
}

/// Hands one log line to the host.
#[cfg(target_arch = "wasm32")]
pub fn log(level: Level, line: &str) {
    // SAFETY: the host reads `len` bytes at `ptr` during the call and keeps nothing.
    unsafe { imports::log(level as u32, line.as_ptr(), line.len()) }
}

/// Milliseconds since the Unix epoch on the run's own clock.
#[cfg(target_arch = "wasm32")]
#[must_use]
pub fn now() -> f64 {
    // SAFETY: takes nothing and returns a number.
    unsafe { imports::now() }
}

/// Fills `buffer` with the run's own random bytes.
#[cfg(target_arch = "wasm32")]
pub fn random(buffer: &mut [u8]) {
    // SAFETY: the host writes at most `len` bytes at `ptr` during the call.
    unsafe { imports::random(buffer.as_mut_ptr(), buffer.len()) }
}

#[cfg(not(target_arch = "wasm32"))]
pub use native::{log, now, random, take_log};

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use std::cell::{Cell, RefCell};

    use super::Level;

    thread_local! {
        static LOG: RefCell<Vec<(Level, String)>> = const { RefCell::new(Vec::new()) };
        static COUNTER: Cell<u64> = const { Cell::new(0) };
    }

    /// Records the line for [`take_log`].
    pub fn log(level: Level, line: &str) {
        LOG.with_borrow_mut(|log| log.push((level, line.to_owned())));
    }

    /// A fixed moment: 2026-01-02T03:04:05.678Z.
    #[must_use]
    pub fn now() -> f64 {
        1_767_323_045_678.0
    }

    /// Deterministic bytes that differ from call to call.
    pub fn random(buffer: &mut [u8]) {
        for byte in buffer {
            let next = COUNTER.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            COUNTER.set(next);
            *byte = (next >> 33) as u8;
        }
    }

    /// What the script logged on this thread since the last call.
    #[must_use]
    pub fn take_log() -> Vec<(Level, String)> {
        LOG.take()
    }
}

/// `getrandom`'s custom backend; this exact signature, another one links into an invalid module.
#[cfg(target_arch = "wasm32")]
#[unsafe(no_mangle)]
unsafe extern "Rust" fn __getrandom_v03_custom(dest: *mut u8, len: usize) -> Result<(), getrandom::Error> {
    // SAFETY: getrandom passes a writable buffer of `len` bytes.
    random(unsafe { core::slice::from_raw_parts_mut(dest, len) });
    Ok(())
}
