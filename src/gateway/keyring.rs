//! The keys that senders publish: fetched when a delivery needs them, and kept.
//!
//! Strangers decide when something is needed, so they must not be able to make us fetch in a loop. Each document is
//! fetched by one request at a time. A key that it does not hold is looked for at most once in [`PAUSE_MS`], and after a
//! failure nobody tries again for [`FAILED_MS`]. Fetches of certificates, whose URLs stand in deliveries, have a budget of
//! their own. All of it goes out through the guarded client.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::Method;
use tokio::sync::Mutex as AsyncMutex;

use crate::{
    model::WorkflowKey,
    net::{Outbound, OutboundRequest},
    verify::{Document, DocumentKind, Wanted},
};

/// How long a key set is believed before it is asked for again.
const FRESH_MS: u64 = 3_600_000;
/// How long a key set is believed when its issuer cannot be reached.
const STALE_MS: u64 = 24 * 3_600_000;
/// How long a certificate is kept. What it says does not change.
const CERTIFICATE_MS: u64 = 24 * 3_600_000;
/// The pause between two searches for a key that is not in a set.
const PAUSE_MS: u64 = 30_000;
/// The pause after a fetch that failed.
const FAILED_MS: u64 = 5_000;
/// The most documents of each kind that are kept.
const MAX_KEPT: usize = 64;
/// How many certificates are fetched in a minute at most.
const CERTIFICATES_A_MINUTE: u32 = 20;
const MINUTE_MS: u64 = 60_000;
/// The time for one fetch.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The largest document, bytes.
const MOST_BYTES: u64 = 256 << 10;

/// Why a sender's keys are not there. The delivery may be good, so its sender should send it again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum KeysError {
    #[error("the keys at {url} cannot be fetched: {why}; the last try was {ago} s ago")]
    Failed { url: String, why: String, ago: u64 },
    #[error("more than {CERTIFICATES_A_MINUTE} certificates were asked for within a minute")]
    TooMany,
}

/// Documents with keys, and the way to them.
pub(super) struct Keyring {
    net: Outbound,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    entries: HashMap<(DocumentKind, String), Arc<Entry>>,
    /// Counts uses, so that the entry that was used least lately is known.
    uses: u64,
    /// When the current minute of fetched certificates began, and how many there were.
    minute: (u64, u32),
}

struct Entry {
    /// The number of its last use.
    used: std::sync::atomic::AtomicU64,
    state: AsyncMutex<State>,
}

#[derive(Default)]
struct State {
    document: Option<(Arc<Document>, u64)>,
    /// When it was last asked for, and why that failed, if so.
    tried: Option<(u64, Option<String>)>,
}

impl State {
    /// The document, if it is not older than this.
    fn within(&self, most_ms: u64, now_ms: u64) -> Option<&Arc<Document>> {
        let (document, fetched_ms) = self.document.as_ref()?;
        (now_ms.saturating_sub(*fetched_ms) <= most_ms).then_some(document)
    }

    /// What is given when the keys are not fetched now. Without the wanted key, a set that could not be asked for says
    /// nothing.
    fn instead(&self, wanted: &Wanted, now_ms: u64) -> Result<Arc<Document>, KeysError> {
        let failed = self.tried.as_ref().and_then(|(tried_ms, why)| Some((*tried_ms, why.as_ref()?)));
        match (self.within(STALE_MS, now_ms), failed) {
            (Some(document), None) => Ok(Arc::clone(document)),
            (Some(document), Some(_)) if document.has(wanted.key_id.as_deref()) => Ok(Arc::clone(document)),
            (_, failed) => {
                let (tried_ms, why) =
                    failed.map_or((now_ms, "they are too old"), |(ms, why)| (ms, why.as_str()));
                let ago = now_ms.saturating_sub(tried_ms) / 1_000;
                Err(KeysError::Failed { url: wanted.url.clone(), why: why.to_owned(), ago })
            }
        }
    }
}

impl Keyring {
    pub(super) fn new(net: Outbound) -> Self {
        Self { net, kept: Mutex::default() }
    }

    /// A document in which the wanted key is, or in which it was looked for lately.
    pub(super) async fn get(
        &self,
        wanted: &Wanted,
        caller: &WorkflowKey,
        now_ms: u64,
    ) -> Result<Arc<Document>, KeysError> {
        let entry = self.entry(wanted);
        // One request fetches, the others wait for what it finds.
        let mut state = entry.state.lock().await;
        let (fresh_ms, pause_ms) = match wanted.kind {
            DocumentKind::KeySet => (FRESH_MS, PAUSE_MS),
            DocumentKind::Certificate => (CERTIFICATE_MS, PAUSE_MS),
        };
        if let Some(document) = state.within(fresh_ms, now_ms)
            && document.has(wanted.key_id.as_deref())
        {
            return Ok(Arc::clone(document));
        }
        if let Some((tried_ms, why)) = &state.tried {
            let pause_ms = if why.is_some() { FAILED_MS } else { pause_ms };
            if now_ms.saturating_sub(*tried_ms) < pause_ms {
                return state.instead(wanted, now_ms);
            }
        }
        if wanted.kind == DocumentKind::Certificate && !self.may_fetch(now_ms) {
            return Err(KeysError::TooMany);
        }
        match self.fetch(wanted, caller).await {
            Ok(document) => {
                tracing::info!(url = wanted.url, "fetched the keys of a sender");
                let document = Arc::new(document);
                state.document = Some((Arc::clone(&document), now_ms));
                state.tried = Some((now_ms, None));
                Ok(document)
            }
            Err(why) => {
                tracing::warn!(url = wanted.url, why, "the keys of a sender cannot be fetched");
                state.tried = Some((now_ms, Some(why)));
                state.instead(wanted, now_ms)
            }
        }
    }

    fn entry(&self, wanted: &Wanted) -> Arc<Entry> {
        use std::sync::atomic::Ordering::Relaxed;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.uses += 1;
        let used = kept.uses;
        let key = (wanted.kind, wanted.url.clone());
        if let Some(entry) = kept.entries.get(&key) {
            entry.used.store(used, Relaxed);
            return Arc::clone(entry);
        }
        let of_kind = kept.entries.iter().filter(|((kind, _), _)| *kind == wanted.kind);
        if of_kind.clone().count() >= MAX_KEPT {
            let oldest =
                of_kind.min_by_key(|(_, entry)| entry.used.load(Relaxed)).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                kept.entries.remove(&oldest);
            }
        }
        let entry = Arc::new(Entry { used: used.into(), state: AsyncMutex::default() });
        kept.entries.insert(key, Arc::clone(&entry));
        entry
    }

    /// Counts a certificate that is fetched.
    fn may_fetch(&self, now_ms: u64) -> bool {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (began_ms, count) = kept.minute;
        kept.minute =
            if now_ms.saturating_sub(began_ms) < MINUTE_MS { (began_ms, count + 1) } else { (now_ms, 1) };
        kept.minute.1 <= CERTIFICATES_A_MINUTE
    }

    async fn fetch(&self, wanted: &Wanted, caller: &WorkflowKey) -> Result<Document, String> {
        let request = OutboundRequest {
            timeout: TIMEOUT,
            max_response: MOST_BYTES,
            // Only the place that the scheme allows is trusted.
            redirects: 0,
            caller: Some(caller.clone()),
            ..OutboundRequest::new(Method::GET, wanted.url.clone())
        };
        let response = self.net.send(request).await.map_err(|error| error.to_string())?;
        if response.status != 200 {
            return Err(format!("the answer has the status {}", response.status));
        }
        Document::read(wanted.kind, &response.body).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::net::testing::{Answer, Server};

    const SET: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","use":"sig","kid":"one","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

    fn answer(status: &str, body: &str) -> Vec<u8> {
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
    }

    fn wanted(server: &Server, key_id: &str) -> Wanted {
        Wanted { url: server.url("/jwks"), kind: DocumentKind::KeySet, key_id: Some(key_id.to_owned()) }
    }

    fn workflow() -> WorkflowKey {
        "a".parse().unwrap()
    }

    #[tokio::test]
    async fn a_set_is_fetched_once_and_searched_for_unknown_keys_only_after_a_pause() {
        let server = Server::always(answer("200 OK", SET)).await;
        let keyring = Keyring::new(server.outbound());
        let get = async |key: &str, now_ms: u64| {
            keyring
                .get(&wanted(&server, key), &workflow(), now_ms)
                .await
                .map(|document| document.has(Some(key)))
        };
        let now = 1_000_000;
        assert_eq!(get("one", now).await, Ok(true));
        for step in 0..100 {
            assert_eq!(get("one", now + step * 30_000).await, Ok(true));
        }
        assert_eq!(server.seen().len(), 1);
        for step in 0..100 {
            assert_eq!(
                get("two", now + FRESH_MS - 100 + step).await,
                Ok(false),
                "a key that nobody published"
            );
        }
        assert_eq!(server.seen().len(), 2);
        assert_eq!(get("two", now + FRESH_MS + PAUSE_MS).await, Ok(false));
        assert_eq!(server.seen().len(), 3);
        assert_eq!(get("one", now + 2 * FRESH_MS + PAUSE_MS + 1).await, Ok(true), "it is old");
        assert_eq!(server.seen().len(), 4);
    }

    #[tokio::test]
    async fn many_at_once_fetch_once() {
        let server = Server::always(answer("200 OK", SET)).await;
        let keyring = Keyring::new(server.outbound());
        let (wanted, workflow) = (wanted(&server, "one"), workflow());
        let all = (0..50).map(|_| keyring.get(&wanted, &workflow, 1));
        assert!(futures::future::join_all(all).await.iter().all(Result::is_ok));
        assert_eq!(server.seen().len(), 1);
    }

    #[tokio::test]
    async fn a_set_that_cannot_be_fetched_is_no_refusal_and_an_old_one_is_kept_for_a_day() {
        let good = Arc::new(AtomicUsize::new(0));
        let asked = Arc::clone(&good);
        let server = Server::start(move |_| {
            let first = asked.fetch_add(1, Ordering::SeqCst) == 1;
            Answer::Once(if first { answer("200 OK", SET) } else { answer("500 Oops", "") })
        })
        .await;
        let keyring = Keyring::new(server.outbound());
        let get = async |key: &str, now_ms: u64| {
            keyring.get(&wanted(&server, key), &workflow(), now_ms).await.map(drop)
        };
        let url = server.url("/jwks");
        let failed = |ago| {
            Err(KeysError::Failed { url: url.clone(), why: "the answer has the status 500".to_owned(), ago })
        };
        let now = 1_000_000;
        assert_eq!(get("one", now).await, failed(0));
        assert_eq!(get("one", now + 2_000).await, failed(2), "nobody asks again at once");
        assert_eq!(good.load(Ordering::SeqCst), 1);
        let fetched = now + FAILED_MS;
        assert_eq!(get("one", fetched).await, Ok(()));
        assert_eq!(get("one", fetched + FRESH_MS + 1).await, Ok(()), "the old one still holds it");
        assert_eq!(get("two", fetched + FRESH_MS + 2).await, failed(0), "whether it exists is not known");
        assert_eq!(get("one", fetched + STALE_MS + 1).await, failed(0));
    }

    #[tokio::test]
    async fn answers_that_are_no_keys_are_told() {
        for (bytes, why) in [
            (answer("200 OK", "<html>"), "not a JSON Web Key Set"),
            (answer("200 OK", r#"{"keys":[]}"#), "no public key"),
            (answer("200 OK", r#"{"keys":[{"kty":"oct","kid":"one","k":"c2VjcmV0"}]}"#), "no public key"),
            (answer("302 Found\r\nlocation: /other", ""), "status 302"),
            (answer("200 OK", &" ".repeat(MOST_BYTES as usize + 1)), "over"),
        ] {
            let server = Server::always(bytes).await;
            let keyring = Keyring::new(server.outbound());
            let error = keyring.get(&wanted(&server, "one"), &workflow(), 1).await.unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[tokio::test]
    async fn strangers_that_name_certificates_use_up_a_budget_and_no_memory() {
        let server = Server::always(answer("404 Not Found", "")).await;
        let keyring = Keyring::new(server.outbound());
        for number in 0..200_u64 {
            let url = server.url(&format!("/{number}.pem"));
            let wanted = Wanted { url, kind: DocumentKind::Certificate, key_id: None };
            assert!(keyring.get(&wanted, &workflow(), 1 + number).await.is_err());
        }
        assert_eq!(server.seen().len(), CERTIFICATES_A_MINUTE as usize);
        assert!(keyring.kept.lock().unwrap().entries.len() <= MAX_KEPT);
        // Key sets are not among what they push out.
        assert!(keyring.get(&wanted(&server, "one"), &workflow(), 1).await.is_err());
        assert_eq!(server.seen().len(), CERTIFICATES_A_MINUTE as usize + 1);
    }
}
