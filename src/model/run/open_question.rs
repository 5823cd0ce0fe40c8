//! A question that waits for its answer, and the id that people answer it by.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize, Serializer};

use super::step_key::StepKey;
use crate::model::value::{IdError, Question, RunId, WorkflowKey};

/// A question as the list of open ones keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenQuestion {
    /// The workflow that asks.
    pub workflow: WorkflowKey,
    /// The step that waits.
    pub step: StepKey,
    pub question: Question,
    /// Since when, milliseconds since the epoch.
    pub since_ms: u64,
    /// Until when at most.
    pub due_ms: Option<u64>,
}

/// Which question of which run: `run_….approval`, or `run_….approval.3.0` in the iterations of loops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuestionId {
    pub run: RunId,
    /// The step that waits.
    pub step: StepKey,
}

/// Why a text is no id of a question.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuestionIdError {
    /// There is nothing after the run.
    #[error(
        "not the id of a question: it is a run and a step, as in `run_….approval`; `flowcell questions` lists them"
    )]
    NoStep,
    /// The run or the step is none.
    #[error("not the id of a question: {0}")]
    Part(#[from] IdError),
    /// What follows the step is no number of an iteration.
    #[error("not the id of a question: `{0}` is no number of an iteration")]
    Iteration(String),
}

impl fmt::Display for QuestionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.run, self.step.step)?;
        self.step.at.iter().try_for_each(|index| write!(f, ".{index}"))
    }
}

impl FromStr for QuestionId {
    type Err = QuestionIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (run, step) = text.split_once('.').ok_or(QuestionIdError::NoStep)?;
        let mut parts = step.split('.');
        let step = parts.next().unwrap_or_default().parse()?;
        let at = parts
            .map(|index| index.parse().map_err(|_| QuestionIdError::Iteration(index.to_owned())))
            .collect::<Result<_, _>>()?;
        Ok(Self { run: run.parse()?, step: StepKey { step, at } })
    }
}

impl Serialize for QuestionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written() {
        let run = "run_0123456789abcdef0123456789abcdef";
        for text in [format!("{run}.wait"), format!("{run}.wait.3.0")] {
            assert_eq!(text.parse::<QuestionId>().unwrap().to_string(), text);
        }
        for wrong in ["", run, "wait", "run_1.wait"] {
            assert!(wrong.parse::<QuestionId>().is_err(), "{wrong}");
        }
        for wrong in ["", ".", "wait.", "wait.x", "wait.-1", "a b"] {
            assert!(format!("{run}.{wrong}").parse::<QuestionId>().is_err(), "{wrong}");
        }
    }
}
