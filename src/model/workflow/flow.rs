//! What steps may say about failure, and about the iterations and branches inside them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::value::Span;

/// Further attempts of a step. Between two of them passes `backoff`, each time `factor` times longer, up to `max`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// Attempts in all, the first included; 1 to 20.
    pub attempts: u32,
    /// Before the second attempt; default 1s.
    pub backoff: Span,
    /// How much longer each further wait is; 1 to 10, default 2.
    pub factor: f64,
    /// The longest wait; default 5m, at most 1d.
    pub max: Span,
    /// Whether a random part of up to half is taken off each wait, so that many runs do not retry at once.
    pub jitter: bool,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 3,
            backoff: Span::from_millis(1_000),
            factor: 2.0,
            max: Span::from_millis(300_000),
            jitter: true,
        }
    }
}

impl Retry {
    /// The wait before attempt number `next` (from 2), milliseconds; `random` decides the jitter.
    pub fn wait_ms(&self, next: u32, random: u64) -> u64 {
        let exponent = i32::try_from(next.saturating_sub(2)).unwrap_or(i32::MAX);
        let wait = self.backoff.as_millis() as f64 * self.factor.powi(exponent);
        let wait = wait.min(self.max.as_millis() as f64) as u64;
        if self.jitter { wait - random % (wait / 2 + 1) } else { wait }
    }
}

/// What a failed iteration does to its loop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IterationError {
    /// The loop fails.
    #[default]
    Fail,
    /// The next iteration begins.
    Skip,
    /// The loop ends, and the run goes on after it.
    Break,
}

/// When a `parallel` step is done; what then still runs is cancelled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Join {
    /// When all branches are; fails with the first that fails.
    #[default]
    All,
    /// With the first branch that ends well; fails when all have failed.
    Any,
    /// With the first branch that ends, well or not.
    Race,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_their_maximum() {
        let retry = Retry { jitter: false, max: Span::from_millis(5_000), ..Retry::default() };
        let waits: Vec<_> = (2..7).map(|next| retry.wait_ms(next, 0)).collect();
        assert_eq!(waits, [1_000, 2_000, 4_000, 5_000, 5_000]);
        assert_eq!(retry.wait_ms(u32::MAX, 0), 5_000);
        let jittered = Retry { jitter: true, ..retry };
        for random in [0, 1, 499, 500, 501, u64::MAX] {
            assert!((500..=1_000).contains(&jittered.wait_ms(2, random)), "{random}");
        }
    }
}
