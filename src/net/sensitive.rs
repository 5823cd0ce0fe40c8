//! The parts of a request that another origin must not see when a redirect leads there. Pure.

use std::{fmt, sync::Arc};

use http::HeaderName;
use reqwest::Url;

/// Whether bytes hold a secret of whoever makes the request.
type Holds = Arc<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// The parts of a request that are meant only for the origin of its URL.
#[derive(Clone, Default)]
pub struct Sensitive {
    /// Names of headers that carry rights, whatever they are called.
    pub headers: Vec<String>,
    /// Whether the body was made with a secret.
    pub body: bool,
    /// Whether the URL was made with a secret.
    pub url: bool,
    /// Finds secrets in bytes of unknown origin. It is asked only when a redirect leads to another origin.
    pub holds: Option<Holds>,
}

impl Sensitive {
    pub(super) fn holds_secret(&self, bytes: &[u8]) -> bool {
        self.holds.as_ref().is_some_and(|holds| holds(bytes))
    }

    /// Why a body must not be repeated to another origin; `None` if it may. `left` are the headers that stayed behind.
    pub(super) fn carried(&self, from: &Url, left: &[HeaderName], body: &[u8]) -> Option<String> {
        if self.body || self.holds_secret(body) {
            return Some("its body holds a secret".to_owned());
        }
        if let Some(name) = left.first() {
            return Some(format!("its header `{name}` may be a credential of the first"));
        }
        let url = self.url || self.holds_secret(from.as_str().as_bytes());
        url.then(|| "the URL that was called holds a secret".to_owned())
    }
}

impl fmt::Debug for Sensitive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sensitive")
            .field("headers", &self.headers)
            .field("body", &self.body)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}
