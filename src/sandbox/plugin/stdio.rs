//! What a plugin reads from stdin and writes to stdout and stderr: memory of the host, under caps.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::{
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamError, StreamResult},
};

use super::clock::Clock;
use crate::{model::LogLevel, sandbox::log::LogBook};

/// What a guest may write at once, bytes.
const PERMIT: usize = 64 << 10;
/// Of a line of the log that is longer the rest is dropped: two lines would each show a part of a secret that stands between them.
const LINE_MOST: usize = 16 << 10;

/// The log of one call, which several streams write to.
#[derive(Clone)]
pub(super) struct Log {
    book: Arc<Mutex<LogBook>>,
    clock: Clock,
}

impl Log {
    pub(super) fn new(book: LogBook, clock: Clock) -> Self {
        Self { book: Arc::new(Mutex::new(book)), clock }
    }

    pub(super) fn add(&self, level: LogLevel, text: &[u8]) {
        let at_ms = self.clock.now_ms();
        lock(&self.book).add(level, text, at_ms);
    }

    fn add_beginning(&self, level: LogLevel, text: &[u8], dropped: usize) {
        let at_ms = self.clock.now_ms();
        lock(&self.book).add_beginning(level, text, dropped, at_ms);
    }

    /// Takes what the plugin wrote so far.
    pub(super) fn take(&self) -> LogBook {
        mem::replace(&mut *lock(&self.book), LogBook::full())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A stream that the plugin writes to.
#[derive(Clone)]
pub(super) struct Sink(Arc<Mutex<Target>>);

/// What becomes of the bytes that are written.
enum Target {
    /// They become lines of the step's log.
    Lines { log: Log, level: LogLevel, line: Vec<u8>, dropped: usize },
    /// Kept, up to so many bytes.
    Kept { bytes: Vec<u8>, most: usize },
}

/// A guest wrote more to stdout than its output may hold.
#[derive(Debug, thiserror::Error)]
#[error("more than {most} bytes on stdout")]
pub(super) struct StdoutFull {
    pub(super) most: usize,
}

impl Sink {
    pub(super) fn lines(log: Log, level: LogLevel) -> Self {
        Self(Arc::new(Mutex::new(Target::Lines { log, level, line: Vec::new(), dropped: 0 })))
    }

    pub(super) fn kept(most: usize) -> Self {
        Self(Arc::new(Mutex::new(Target::Kept { bytes: Vec::new(), most })))
    }

    /// What was kept; the last line of a log that did not end.
    pub(super) fn finish(&self) -> Vec<u8> {
        match &mut *lock(&self.0) {
            Target::Lines { log, level, line, dropped } => {
                if !line.is_empty() {
                    log.add_beginning(*level, &mem::take(line), mem::take(dropped));
                }
                Vec::new()
            }
            Target::Kept { bytes, .. } => mem::take(bytes),
        }
    }

    fn take(&self, written: &[u8]) -> Result<(), StdoutFull> {
        match &mut *lock(&self.0) {
            Target::Lines { log, level, line, dropped } => {
                for piece in written.split_inclusive(|byte| *byte == b'\n') {
                    let (text, ends) = match piece.strip_suffix(b"\n") {
                        Some(text) => (text, true),
                        None => (piece, false),
                    };
                    let taken = text.len().min(LINE_MOST.saturating_sub(line.len()));
                    line.extend_from_slice(&text[..taken]);
                    *dropped += text.len() - taken;
                    if ends {
                        let whole = line.strip_suffix(b"\r").unwrap_or(line);
                        log.add_beginning(*level, whole, mem::take(dropped));
                        line.clear();
                    }
                }
                Ok(())
            }
            Target::Kept { bytes, most } => {
                if bytes.len() + written.len() > *most {
                    return Err(StdoutFull { most: *most });
                }
                bytes.extend_from_slice(written);
                Ok(())
            }
        }
    }
}

#[async_trait::async_trait]
impl Pollable for Sink {
    async fn ready(&mut self) {}
}

impl OutputStream for Sink {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.take(&bytes).map_err(|full| StreamError::Trap(full.into()))
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PERMIT)
    }
}

impl IsTerminal for Sink {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Sink {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        // Only WASI 0.3 asks for it, which is not linked.
        Box::new(tokio::io::sink())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Limits;

    #[test]
    fn lines_go_to_the_log_whole_however_they_are_written() {
        let log = Log::new(LogBook::new(&Limits::DEFAULT), Clock::new(7));
        let sink = Sink::lines(log.clone(), LogLevel::Warn);
        for piece in ["on", "e\ntwo\r\n", "\nrest"] {
            sink.take(piece.as_bytes()).unwrap();
        }
        sink.finish();
        let (lines, cut) = log.take().finish();
        let texts: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!((texts, cut), (vec!["one", "two", "", "rest"], false));
        assert_eq!((lines[0].level, lines[0].at_ms), (LogLevel::Warn, 7));
    }

    #[test]
    fn a_line_without_end_is_one_line_and_its_end_is_dropped() {
        let log = Log::new(LogBook::new(&Limits::DEFAULT), Clock::new(0));
        let sink = Sink::lines(log.clone(), LogLevel::Info);
        for _ in 0..5 {
            sink.take(&[b'x'; LINE_MOST]).unwrap();
        }
        sink.take(b"\nnext").unwrap();
        sink.finish();
        let lines = log.take().finish().0;
        assert_eq!((lines.len(), lines[1].text.as_str()), (2, "next"));
        assert!(
            lines[0].text.ends_with(&format!("x… ({} bytes more)", 5 * LINE_MOST - (8 << 10))),
            "no part of it begins a line"
        );
    }

    #[test]
    fn stdout_is_kept_up_to_its_limit() {
        let sink = Sink::kept(4);
        sink.take(b"1234").unwrap();
        assert!(sink.take(b"5").is_err());
        assert_eq!(sink.finish(), b"1234");
    }
}
