//! The regular expressions of `matches`: fixed in the text, compiled once, priced by their size.
//!
//! Used by `meter` and `functions`. A pattern never comes from data.

use regex::{Regex, RegexBuilder};

use super::super::ConditionError;

/// The sizes of compiled patterns in KiB. The smallest size that is enough is the price of a search in one unit of
/// text.
///
/// A search takes at most time proportional to text times pattern, never exponential time.
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
        for kib in PATTERN_KIB {
            let mut builder = RegexBuilder::new(text);
            match builder.size_limit(kib << 10).dfa_size_limit(1 << 20).nest_limit(32).build() {
                Ok(regex) => return Ok(Self { regex, price: 2 * kib as u64 }),
                Err(regex::Error::CompiledTooBig(_)) => {}
                Err(other) => {
                    // The last line says what is wrong. The lines before it draw an arrow under the place.
                    let message = other.to_string();
                    let reason = message.lines().last().unwrap_or_default().trim_start_matches("error: ");
                    return Err(ConditionError::Pattern(format!("is not a regular expression: {reason}")));
                }
            }
        }
        Err(ConditionError::Pattern("is too large; repeat less".to_owned()))
    }
}
