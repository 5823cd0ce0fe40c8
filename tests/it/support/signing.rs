//! Signatures as their senders make them, written here once more so that the server's own code is not its judge.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Request;

/// The value of `X-Hub-Signature-256`.
pub fn github_signature(body: &[u8], secret: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// A delivery to `github-push` as GitHub would send it.
pub fn signed_github(event: &str, delivery: &str, body: &[u8], secret: &str) -> Request {
    Request::post("/api/webhooks/github-push")
        .header("content-type", "application/json")
        .header("user-agent", "GitHub-Hookshot/044aadd")
        .header("x-github-event", event)
        .header("x-github-delivery", delivery)
        .header("x-hub-signature-256", &github_signature(body, secret))
        .body(body)
}
