//! The one place where commands write to stdout and stderr.
//!
//! A reader may close its end early, as `| head` does. That is no error: what comes afterwards is left out, the command
//! finishes what it does, and a command that only watches asks [`closed`] and ends. `println!` would panic instead; the lint
//! `print_stdout` keeps it out of this room.

use std::{
    fmt,
    io::{self, ErrorKind, Write},
    sync::atomic::{AtomicBool, Ordering},
};

/// Whether the reader of stdout has gone.
static CLOSED: AtomicBool = AtomicBool::new(false);

/// Writes a line to stdout. Colours are left out where they are not wanted: in a file, in a pipe, with `NO_COLOR`.
macro_rules! say {
    () => { $crate::cli::print::line(format_args!("")) };
    ($($text:tt)*) => { $crate::cli::print::line(format_args!($($text)*)) };
}

/// Writes a line to stderr: what is for people while stdout is for programs.
macro_rules! tell {
    ($($text:tt)*) => { $crate::cli::print::note(format_args!($($text)*)) };
}

/// Whether nobody reads stdout any more.
pub(super) fn closed() -> bool {
    CLOSED.load(Ordering::Relaxed)
}

/// See [`say`].
pub(super) fn line(text: fmt::Arguments<'_>) {
    if closed() {
        return;
    }
    let mut out = anstream::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => CLOSED.store(true, Ordering::Relaxed),
        Err(error) => {
            CLOSED.store(true, Ordering::Relaxed);
            note(format_args!("flowcell: the rest of the output is lost, stdout cannot be written: {error}"));
        }
    }
}

/// See [`tell`]. Nobody can be told that stderr is gone.
pub(super) fn note(text: fmt::Arguments<'_>) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// Writes a JSON value, indented.
pub(super) fn json(value: &impl serde::Serialize) -> serde_json::Result<()> {
    say!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// `--json`, for commands that tell in a line or two what they did.
#[derive(clap::Args, Debug, Clone, Copy)]
pub(super) struct Json {
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
}

impl Json {
    /// Prints the value for a program, or the line for a person; an empty line is left out.
    pub(super) fn show(
        self,
        value: &impl serde::Serialize,
        line_of: impl FnOnce() -> String,
    ) -> serde_json::Result<()> {
        if self.json {
            return json(value);
        }
        let text = line_of();
        if !text.is_empty() {
            say!("{text}");
        }
        Ok(())
    }
}

/// Columns of the terminal that shows stdout; `None` when a file or a program reads it.
pub(super) fn columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}
