//! Runs: the event that starts one, what happens in it, what it answers, and the requests that it came of.

mod answer;
mod call;
mod event;
mod journal;
mod open_question;
mod record;
mod request;
mod sealed_text;
mod started;
mod step_key;
mod upload;
mod usage;

pub use answer::Answer;
pub use call::{CallError, CallNote, CallRecord};
pub use event::{Content, Event, HIDDEN, Note, notes_json};
pub use journal::{Entry, Signal, StepRecord, StepStatus, Wait};
pub use open_question::{OpenQuestion, QuestionId, QuestionIdError};
pub use record::{Claim, Parent, Run, RunHead, RunStatus};
pub use request::{KeptRequest, RequestOutcome, RequestRecord};
pub use sealed_text::SealedText;
pub use started::{Cause, StartKind, Started};
pub use step_key::StepKey;
pub use upload::Upload;
pub use usage::{LogLevel, LogLine, Usage};
