//! What a step instance proves to the outside: its one-time URL, and the key of its effects.

use sha2::{Digest, Sha256};

use crate::model::{RunId, StepKey};

/// The one-time URL of a step instance.
pub(super) fn callback_url(base: &str, run: RunId, seed: &[u8; 32], key: &StepKey) -> String {
    let at: String = key.at.iter().map(|index| format!(".{index}")).collect();
    format!("{base}/api/callbacks/{run}/{}{at}/{}", key.step, callback_token(run, seed, key))
}

/// What proves that a request was given the URL by the run itself.
pub(crate) fn callback_token(run: RunId, seed: &[u8; 32], key: &StepKey) -> String {
    // A run that repeats another has the same seed, and must not be called back with the URLs of the other.
    secret_of(seed, &format!("callback\0{run}"), key)
}

/// The same for each attempt of a step instance, also of a run that repeats it from its failed step.
pub(crate) fn idempotency_key(seed: &[u8; 32], key: &StepKey) -> String {
    secret_of(seed, "effect", key)
}

fn secret_of(seed: &[u8; 32], purpose: &str, key: &StepKey) -> String {
    let hash = Sha256::new().chain_update(seed).chain_update(purpose).chain_update([0]);
    hex::encode(&hash.chain_update(key.to_string()).finalize()[..16])
}
