//! What a script or a plugin logs, kept under caps on lines and bytes.
//!
//! A line that is cut ends in [`CUT`] where it was cut: secrets are masked afterwards, and who masks treats what stands before the mark
//! as the possible beginning of a secret. Nobody cuts before, so the mark stands at every cut.

use crate::model::{Limits, LogLevel, LogLine};

/// Bytes that are kept of one line.
const LINE_MOST: usize = 8 << 10;
/// Bytes that are set aside for what is said of a cut.
const MARK_MOST: usize = 40;
/// Stands where a text was cut.
pub(super) const CUT: char = '…';

/// The log of one call.
pub(super) struct LogBook {
    lines: Vec<LogLine>,
    bytes_left: usize,
    lines_left: u32,
    truncated: bool,
}

impl LogBook {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            lines: Vec::new(),
            bytes_left: limits.log.as_usize(),
            lines_left: limits.log_lines,
            truncated: false,
        }
    }

    /// A log that is full from the start, so that it keeps no line.
    pub(super) fn full() -> Self {
        Self { lines: Vec::new(), bytes_left: 0, lines_left: 0, truncated: false }
    }

    /// Keeps what fits of a line, at most 8 KiB of it; once something did not fit, nothing more is kept.
    pub(super) fn add(&mut self, level: LogLevel, text: &[u8], at_ms: u64) {
        self.add_beginning(level, text, 0, at_ms);
    }

    /// As [`LogBook::add`], for the beginning of a line whose last `dropped` bytes are gone.
    pub(super) fn add_beginning(&mut self, level: LogLevel, text: &[u8], dropped: usize, at_ms: u64) {
        if self.truncated || self.lines_left == 0 {
            self.truncated = true;
            return;
        }
        let end = line_end(text);
        let mark = if end < text.len() || dropped > 0 { MARK_MOST } else { 0 };
        self.truncated = end + mark > self.bytes_left;
        let kept = if self.truncated { end.min(self.bytes_left.saturating_sub(CUT.len_utf8())) } else { end };
        let mut line = String::from_utf8_lossy(&text[..kept]).into_owned();
        if self.truncated {
            // With less room than that nothing of the text is there either.
            line.extend((self.bytes_left >= CUT.len_utf8()).then_some(CUT));
        } else if mark > 0 {
            line.push_str(&format!("{CUT} ({} bytes more)", text.len() - kept + dropped));
        }
        self.bytes_left = self.bytes_left.saturating_sub(line.len());
        self.lines_left -= 1;
        self.lines.push(LogLine { level, text: line, at_ms });
    }

    /// The lines, and whether more was logged.
    pub(super) fn finish(self) -> (Vec<LogLine>, bool) {
        (self.lines, self.truncated)
    }
}

/// Where a line ends that may be too long: between characters.
fn line_end(text: &[u8]) -> usize {
    let end = text.len().min(LINE_MOST);
    let starts = |at: &usize| text.get(*at).is_none_or(|byte| byte & 0xc0 != 0x80);
    // A character has at most four bytes; bytes that are no text have no better place.
    (end.saturating_sub(3)..=end).rev().find(starts).unwrap_or(end)
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
        assert_eq!((lines.len(), lines[0].text.as_str(), truncated), (1, "0123456…", true));
    }

    #[test]
    fn a_long_line_is_cut_once_and_the_cut_is_marked_for_who_masks() {
        let mut book = LogBook::new(&Limits::DEFAULT);
        book.add(LogLevel::Info, format!("{}s3cr3t-token", "é".repeat(4_094)).as_bytes(), 0);
        book.add(LogLevel::Info, "é".repeat(5_000).as_bytes(), 0);
        book.add(LogLevel::Info, &[0x80; 9_000], 0);
        book.add(LogLevel::Info, "x".repeat(8 << 10).as_bytes(), 0);
        let (lines, truncated) = book.finish();
        assert!(!truncated, "the log as a whole has room");
        assert!(lines[0].text.ends_with("és3cr… (8 bytes more)"), "{}", &lines[0].text[8_180..]);
        assert!(lines[1].text.ends_with("é… (1808 bytes more)"), "{}", &lines[1].text[8_180..]);
        assert!(lines[2].text.ends_with("\u{fffd}… (808 bytes more)"), "what is no text is cut anywhere");
        assert_eq!(lines[3].text.len(), 8 << 10);
    }
}
