//! Regular expressions of `matches`: fixed in the text, compiled once, priced by their size.
//!
//! Used by `meter` and `functions`. A pattern never comes from data.

use regex::Regex;

use super::super::ConditionError;
use crate::meter;

/// Sizes of compiled patterns in KiB; the smallest that suffices is what a search in a unit of text costs.
const PATTERN_KIB: [usize; 8] = [8, 16, 32, 64, 128, 256, 512, 1_024];

/// A pattern of `matches`, compiled with the condition.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) regex: Regex,
    /// Units that a unit of text costs.
    pub(super) price: u64,
}

impl Pattern {
    /// # Errors
    /// When the text is no regular expression, or a too large one.
    pub(super) fn compile(text: &str) -> Result<Self, ConditionError> {
        let compiled = meter::pattern(text, &PATTERN_KIB, |_| ());
        let (regex, kib) = compiled.map_err(|error| ConditionError::Pattern(error.to_string()))?;
        Ok(Self { regex, price: 2 * kib as u64 })
    }
}
