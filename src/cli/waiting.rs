//! A sign of life on stderr while a command works longer than people wait in silence.

use std::{
    io::{self, IsTerminal, Write},
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// So long a command may be silent.
const SILENT: Duration = Duration::from_secs(2);
/// Between two pictures of the bar.
const EVERY: Duration = Duration::from_millis(120);
/// Cells of the bar, and those of its moving part.
const WIDTH: usize = 20;
const PART: usize = 6;

/// Shows that the work goes on, until it is dropped: on a terminal a moving bar with the seconds, else one line.
pub(super) struct Sign {
    done: Option<Sender<()>>,
    shows: Option<JoinHandle<()>>,
}

/// Shows a sign for `what`, such as "compiling the JavaScript engine, once", if the work takes over two seconds.
pub(super) fn sign(what: &str) -> Sign {
    let terminal = io::stderr().is_terminal();
    sign_on(what, SILENT, move || (Box::new(io::stderr()) as Box<dyn Write>, terminal))
}

fn sign_on(
    what: &str,
    silent: Duration,
    out: impl FnOnce() -> (Box<dyn Write>, bool) + Send + 'static,
) -> Sign {
    let (done, ended) = mpsc::channel();
    let what = what.to_owned();
    let shows = thread::Builder::new().name("waiting".to_owned()).spawn(move || {
        let begun = Instant::now();
        if ended.recv_timeout(silent) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        let (mut out, terminal) = out();
        // Nobody can be told that stderr is gone.
        if !terminal {
            let _ = writeln!(out, "flowcell: {what} ...");
            return;
        }
        let mut at = 0;
        loop {
            let _ = write!(out, "\r{} {what} {} s", bar(at), begun.elapsed().as_secs())
                .and_then(|()| out.flush());
            at += 1;
            if ended.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout) {
                let _ = write!(out, "\r\u{1b}[K").and_then(|()| out.flush());
                return;
            }
        }
    });
    Sign { done: Some(done), shows: shows.ok() }
}

/// A bar whose part goes from one end to the other and back.
fn bar(at: usize) -> String {
    let way = WIDTH - PART;
    let at = at % (2 * way);
    let left = if at > way { 2 * way - at } else { at };
    format!("[{}{}{}]", " ".repeat(left), "=".repeat(PART), " ".repeat(way - left))
}

impl Drop for Sign {
    fn drop(&mut self) {
        drop(self.done.take());
        // The line is gone before anything else is printed.
        if let Some(shows) = self.shows.take() {
            let _ = shows.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn shown(silent: Duration, terminal: bool, until: &str) -> String {
        let out = Shared::default();
        let text = || String::from_utf8(out.0.lock().unwrap().clone()).unwrap();
        let to = out.clone();
        let sign = sign_on("compiling", silent, move || (Box::new(to), terminal));
        let begun = Instant::now();
        while !text().contains(until) && begun.elapsed() < Duration::from_secs(20) {
            thread::sleep(Duration::from_millis(5));
        }
        drop(sign);
        text()
    }

    #[test]
    fn quick_work_shows_nothing_and_long_work_a_bar_that_goes_away() {
        assert_eq!(shown(Duration::from_secs(600), true, ""), "");
        let bar = shown(Duration::ZERO, true, "compiling 0 s");
        assert!(bar.starts_with("\r[======              ] compiling 0 s"), "{bar:?}");
        assert!(bar.ends_with("\r\u{1b}[K"), "{bar:?}");
        assert_eq!(shown(Duration::ZERO, false, "..."), "flowcell: compiling ...\n");
    }

    #[test]
    fn the_part_stays_in_the_bar() {
        assert!((0..100).all(|at| bar(at).len() == WIDTH + 2 && bar(at).matches('=').count() == PART));
    }
}
