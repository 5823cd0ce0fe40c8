//! Work that is counted instead of timed, so that nothing works on one day and fails on another. Pure.
//!
//! Conditions, queries and schemas are evaluated by libraries that know no limits. Whatever they read, copy or make is
//! paid for from a [`Meter`], at one price for all of them: a unit is about one value, or 32 bytes of text. Called by
//! `template::cel` and by `steps::work`, which say where something is paid for and what happens when nothing is left.

use std::sync::atomic::{AtomicU64, Ordering};

use regex::{Regex, RegexBuilder};

/// Bytes of text that cost as much as one value.
const BYTES_A_UNIT: usize = 32;
/// Marks a meter that did not suffice.
const SPENT: u64 = u64::MAX;

/// The units that one evaluation has left.
#[derive(Debug)]
pub struct Meter(AtomicU64);

impl Meter {
    /// So many units; `u64::MAX` itself stands for a spent meter, one less is as good as no end.
    pub const fn new(units: u64) -> Self {
        Self(AtomicU64::new(units))
    }

    /// Begins anew with so many units.
    pub fn fill(&self, units: u64) {
        self.0.store(units, Ordering::Relaxed);
    }

    /// Whether there was enough left. Once there is not, nothing can be paid any more.
    pub fn pay(&self, units: u64) -> bool {
        // One evaluation runs on one thread; the atomic is only for those whose functions must be `Sync`.
        let left = self.0.load(Ordering::Relaxed);
        let enough = left != SPENT && units <= left;
        self.0.store(if enough { left - units } else { SPENT }, Ordering::Relaxed);
        enough
    }

    /// Whether something could not be paid for.
    pub fn is_spent(&self) -> bool {
        self.0.load(Ordering::Relaxed) == SPENT
    }
}

/// Units for reading or copying so many bytes of text.
pub fn text(bytes: usize) -> u64 {
    1 + (bytes / BYTES_A_UNIT) as u64
}

/// Why a text is no pattern. Follows on what the text is called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// The reason, in the words of the crate.
    #[error("is not a regular expression: {0}")]
    Wrong(String),
    /// No size suffices.
    #[error("is too large; repeat less")]
    TooLarge,
}

/// Compiles a regular expression within the smallest of `sizes`, KiB, that suffices, and gives that size: a search takes at the
/// most time proportional to it and to the text. `trying` is told each size before it is tried, since that takes time too.
///
/// # Errors
/// When the text is no regular expression, or a too large one.
pub fn pattern(
    text: &str,
    sizes: &[usize],
    mut trying: impl FnMut(usize),
) -> Result<(Regex, usize), PatternError> {
    for kib in sizes {
        trying(*kib);
        let mut builder = RegexBuilder::new(text);
        match builder.size_limit(kib << 10).dfa_size_limit(1 << 20).nest_limit(32).build() {
            Ok(regex) => return Ok((regex, *kib)),
            Err(regex::Error::CompiledTooBig(_)) => {}
            Err(other) => {
                // Its last line says what is wrong; those before draw an arrow under the place.
                let message = other.to_string();
                let reason = message.lines().last().unwrap_or_default().trim_start_matches("error: ");
                return Err(PatternError::Wrong(reason.to_owned()));
            }
        }
    }
    Err(PatternError::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spent_meter_stays_spent_until_it_is_filled() {
        let meter = Meter::new(10);
        assert!(meter.pay(9) && !meter.is_spent());
        assert!(!meter.pay(2) && meter.is_spent());
        assert!(!meter.pay(0) && meter.is_spent());
        meter.fill(1);
        assert!(meter.pay(1) && meter.pay(0) && !meter.is_spent());
    }

    #[test]
    fn a_pattern_gets_the_smallest_size_that_suffices() {
        let mut tried = Vec::new();
        let (_, kib) = pattern("(a{100}){5}", &[1, 64, 1_024], |kib| tried.push(kib)).unwrap();
        assert_eq!((kib, &*tried), (64, &[1, 64][..]));
        assert_eq!(pattern("(a{100}){5}", &[1], |_| ()).unwrap_err(), PatternError::TooLarge);
        assert_eq!(pattern("(", &[1], |_| ()).unwrap_err(), PatternError::Wrong("unclosed group".to_owned()));
    }
}
