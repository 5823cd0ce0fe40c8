//! Why a plugin did not do it.

use std::fmt;

use crate::bindings::flowcell::plugin::types;

/// Why something was not done. Every [`std::error::Error`] becomes one by `?`, with the code `failed` and no retry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Stable, for programs: lower case with underscores.
    pub code: String,
    /// For people: what is wrong, where, and what to do.
    pub message: String,
    /// Whether another attempt may succeed.
    pub retry: bool,
}

impl Error {
    /// An error that another attempt would meet again.
    pub fn new(code: &str, message: impl fmt::Display) -> Self {
        Self { code: code.to_owned(), message: message.to_string(), retry: false }
    }

    /// The input cannot be used.
    pub fn bad_input(message: impl fmt::Display) -> Self {
        Self::new("bad_input", message)
    }

    /// Another attempt may succeed: the step's `retry` decides when.
    pub fn retry(self) -> Self {
        Self { retry: true, ..self }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

// Therefore `Error` is none itself: the two would overlap.
impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            message = format!("{message}: {error}");
            cause = error.source();
        }
        Self::new("failed", message)
    }
}

pub(crate) fn from_host(error: types::Error) -> Error {
    Error { code: error.code, message: error.message, retry: error.retry }
}

pub(crate) fn to_host(error: Error) -> types::Error {
    types::Error { code: error.code, message: error.message, retry: error.retry }
}
