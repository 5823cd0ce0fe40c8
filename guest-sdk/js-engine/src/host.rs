//! The five imports of module `flowcell`: the whole list of what the guest can ask of the outside.
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
        pub fn intl(question: u32, ptr: *const u8, len: usize) -> i32;
        pub fn intl_take(ptr: *mut u8, len: usize);
    }
}

/// What the host knows of languages, places and times; the numbers are part of the ABI. Answers depend on the request alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Intl {
    /// A chunk of the CLDR's data, by its name.
    Data = 0,
    /// A time zone (TZif), by its name in any case: its own name, a zero byte, the file.
    Zone = 1,
    /// The canonical form of a locale's tag.
    Canonical = 2,
    /// A tag with its likely script and region.
    Maximize = 3,
    /// A tag without what is likely.
    Minimize = 4,
    /// `language NUL u|l text`: the text in upper or lower case.
    Case = 5,
    /// `g|w|s` and UTF-16: where segments begin, and the end, as u32; a word's end has the top bit.
    Segment = 6,
    /// `calendar NUL days since 1970 (i64)`: the fields of that day, as decimals.
    Calendar = 7,
    /// `tag NUL sensitivity punctuation`, the length of the first text (u32), two texts in UTF-16: how they sort.
    Compare = 8,
    /// `label NUL fatal last bytes`, two digits: the bytes as text, or nothing when fatal and malformed.
    Decode = 9,
    /// The name of an encoding, by its label.
    Label = 10,
}

/// Asks the host; nothing when it knows nothing of that, or the request is too long (2 MiB).
#[cfg(target_arch = "wasm32")]
#[must_use]
pub fn intl(question: Intl, request: &[u8]) -> Option<Vec<u8>> {
    // SAFETY: the host reads `len` bytes at `ptr` during the call and keeps nothing.
    let length = unsafe { imports::intl(question as u32, request.as_ptr(), request.len()) };
    let length = usize::try_from(length).ok()?;
    let mut answer = vec![0; length];
    // SAFETY: the host writes at most `len` bytes at `ptr` during the call.
    unsafe { imports::intl_take(answer.as_mut_ptr(), length) };
    Some(answer)
}

/// How two texts sort, by a request of [`Intl::Compare`]; nothing when it is too long.
#[cfg(target_arch = "wasm32")]
#[must_use]
pub fn compare(request: &[u8]) -> Option<std::cmp::Ordering> {
    // SAFETY: as in `intl`.
    match unsafe { imports::intl(Intl::Compare as u32, request.as_ptr(), request.len()) } {
        0 => Some(std::cmp::Ordering::Less),
        1 => Some(std::cmp::Ordering::Equal),
        2 => Some(std::cmp::Ordering::Greater),
        _ => None,
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
pub use native::{compare, intl, log, now, random, take_log};

/// The host's own answers about languages: native builds have no host to ask.
#[cfg(not(target_arch = "wasm32"))]
#[allow(dead_code, reason = "the host also asks for prices")]
#[path = "../../../src/intl/mod.rs"]
mod facts;

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use std::cell::{Cell, RefCell};

    use super::{Intl, Level, facts};

    /// What the host answers: its own code.
    #[must_use]
    pub fn intl(question: Intl, request: &[u8]) -> Option<Vec<u8>> {
        match facts::answer(facts::Question::numbered(question as u32)?, request) {
            facts::Answer::Bytes(bytes) => Some(bytes),
            facts::Answer::Nothing | facts::Answer::Order(_) => None,
        }
    }

    /// How two texts sort.
    #[must_use]
    pub fn compare(request: &[u8]) -> Option<std::cmp::Ordering> {
        match facts::answer(facts::Question::Compare, request) {
            facts::Answer::Order(order) => Some(order),
            facts::Answer::Nothing | facts::Answer::Bytes(_) => None,
        }
    }

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
