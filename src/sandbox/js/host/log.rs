//! Takes the lines that a script logs, and what the engine says before it gives up.

use wasmtime::Caller;

use crate::{
    model::LogLevel,
    sandbox::js::{
        frame,
        guest::{Guest, memory_and_guest},
    },
};

/// The level of a panic message of the guest itself.
const PANIC: u32 = 9;
/// The most that is kept of a panic message, bytes.
const PANIC_MOST: usize = 1 << 10;

/// Takes one line of the guest's console.
pub(super) fn log(
    mut caller: Caller<'_, Guest>,
    level: u32,
    pointer: u32,
    length: u32,
) -> wasmtime::Result<()> {
    let (memory, guest) = memory_and_guest(&mut caller)?;
    guest.host_calls += 1;
    let text = frame::slice(memory, pointer as usize, length as usize)
        .ok_or_else(|| wasmtime::Error::msg("log: the guest named memory that it does not have"))?;
    match level {
        0 => guest.log.add(LogLevel::Debug, text, guest.now_ms),
        2 => guest.log.add(LogLevel::Warn, text, guest.now_ms),
        3 => guest.log.add(LogLevel::Error, text, guest.now_ms),
        PANIC => {
            let kept = &text[..text.len().min(PANIC_MOST)];
            guest.panic = Some(String::from_utf8_lossy(kept).into_owned());
        }
        _ => guest.log.add(LogLevel::Info, text, guest.now_ms),
    }
    Ok(())
}
