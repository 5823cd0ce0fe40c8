//! The regular expressions of `matches`: fixed in the text, compiled once, priced by their size.
//!
//! Used by `meter` and `functions`. A pattern never comes from data.

use regex::Regex;

use super::super::ConditionError;
use crate::meter;

/// The sizes of compiled patterns in KiB. The smallest size that is enough is the price of a search in one unit of text.
const PATTERN_KIB: [usize; 8] = [8, 16, 32, 64, 128, 256, 512, 1_024];

/// A pattern of `matches`, compiled with the condition.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) regex: Regex,
    /// The price of a search in one unit of text, in units.
    pub(super) price: u64,
}

impl Pattern {
    /// # Errors
    /// When the text is not a regular expression, or is too large.
    pub(super) fn compile(text: &str) -> Result<Self, ConditionError> {
        let compiled = meter::pattern(text, &PATTERN_KIB, |_| ());
        let (regex, kib) = compiled.map_err(|error| ConditionError::Pattern(error.to_string()))?;
        Ok(Self { regex, price: 2 * kib as u64 })
    }
}
