//! Which instance of a step is meant, where loops execute one many times.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::value::StepId;

/// One instance of a step: its id, and the iterations of the loops around it, outermost first, from 0.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StepKey {
    pub step: StepId,
    /// One number for each loop around it.
    pub at: Vec<u32>,
}

impl fmt::Display for StepKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.step.as_str())?;
        self.at.iter().try_for_each(|index| write!(f, "[{index}]"))
    }
}
