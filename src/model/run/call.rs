//! What a script asked of the host: each call with its result, as it is kept to be replayed, and as it is shown.

use serde::{Deserialize, Serialize};

use crate::model::value::JsonText;

/// What a call gave instead of a result; a script gets it as an `Error`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallError {
    /// The class or name of the error, as in `TypeError`.
    pub name: String,
    /// What is wrong and what to do.
    pub message: String,
    /// A stable code for programs, as in `KV_QUOTA`.
    pub code: Option<String>,
}

impl CallError {
    /// An error of class `name`.
    pub fn new(name: &str, message: impl Into<String>) -> Self {
        Self { name: name.to_owned(), message: message.into(), code: None }
    }

    /// The same with a code.
    pub fn with_code(self, code: &str) -> Self {
        Self { code: Some(code.to_owned()), ..self }
    }
}

/// A finished call. Those of one attempt, in the order in which the script got the results, are all that a replay
/// needs to come to where it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRecord {
    /// Counts the script's calls from 1; 0 is the note on the time at which the attempt began.
    pub id: u32,
    /// What was asked for, as in `fetch`.
    pub op: String,
    /// A digest of the arguments, so that a script which asks for something else is found out.
    pub digest: [u8; 16],
    /// What came of it.
    pub result: Result<JsonText, CallError>,
    /// The script's clock when it got the result, milliseconds since the epoch.
    pub at_ms: u64,
    /// How long it took, microseconds.
    pub took_us: u64,
}

/// A call as people are shown it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallNote {
    /// What was asked for.
    pub op: String,
    /// Of what: the method and URL, the key, the name.
    pub target: String,
    /// `None` if it succeeded.
    pub error: Option<String>,
    /// When it ended, milliseconds since the epoch.
    pub at_ms: u64,
    /// How long it took, microseconds.
    pub took_us: u64,
}
