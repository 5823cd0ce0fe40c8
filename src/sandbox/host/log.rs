//! What a script logs, kept under caps on lines and bytes.

use wasmtime::Caller;

use crate::{
    model::{Limits, LogLevel, LogLine},
    sandbox::{
        frame,
        guest::{Guest, memory_and_guest},
    },
};

/// The level of a panic message of the guest itself.
const PANIC: u32 = 9;
/// The most that is kept of a panic message, bytes.
const PANIC_MOST: usize = 1 << 10;

/// The log of one call.
pub(in crate::sandbox) struct LogBook {
    lines: Vec<LogLine>,
    bytes_left: usize,
    lines_left: u32,
    truncated: bool,
}

impl LogBook {
    pub(in crate::sandbox) fn new(limits: &Limits) -> Self {
        Self {
            lines: Vec::new(),
            bytes_left: limits.log.as_usize(),
            lines_left: limits.log_lines,
            truncated: false,
        }
    }

    /// One that takes nothing.
    pub(in crate::sandbox) fn full() -> Self {
        Self { lines: Vec::new(), bytes_left: 0, lines_left: 0, truncated: false }
    }

    /// Keeps what fits; once something did not, nothing more is kept.
    pub(in crate::sandbox) fn add(&mut self, level: LogLevel, text: &[u8], at_ms: u64) {
        if self.truncated || self.lines_left == 0 {
            self.truncated = true;
            return;
        }
        let kept = text.len().min(self.bytes_left);
        self.truncated = kept < text.len();
        self.bytes_left -= kept;
        self.lines_left -= 1;
        self.lines.push(LogLine { level, text: String::from_utf8_lossy(&text[..kept]).into_owned(), at_ms });
    }

    /// The lines, and whether more was logged.
    pub(in crate::sandbox) fn finish(self) -> (Vec<LogLine>, bool) {
        (self.lines, self.truncated)
    }
}

/// Takes one line.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ByteSize;

    #[test]
    fn a_flood_is_cut_at_lines_and_bytes_and_marked() {
        let limits = Limits { log: ByteSize::from_bytes(10), log_lines: 3, ..Limits::DEFAULT };
        let mut book = LogBook::new(&limits);
        for _ in 0..1_000 {
            book.add(LogLevel::Info, b"x", 0);
        }
        let (lines, truncated) = book.finish();
        assert_eq!((lines.len(), truncated), (3, true));

        let mut book = LogBook::new(&limits);
        book.add(LogLevel::Info, b"0123456789abc", 0);
        book.add(LogLevel::Info, b"", 0);
        let (lines, truncated) = book.finish();
        assert_eq!((lines.len(), lines[0].text.as_str(), truncated), (1, "0123456789", true));
    }
}
