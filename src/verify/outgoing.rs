//! The sender's side: a request to send, and what a signature adds to it.
//!
//! `flowcell send` and tests use it; a server signs nothing.

/// A request to sign.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// The method in upper case.
    pub method: &'a str,
    /// The webhook's URL as the sender knows it.
    pub url: &'a str,
    /// The media type of the body.
    pub content_type: &'a str,
    pub body: &'a [u8],
    /// The delivery's id, for senders that have one.
    pub id: &'a str,
    /// The time of sending in milliseconds since the epoch.
    pub now_ms: u64,
}

/// What a signature adds to a request.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Signed {
    /// Further headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Further parameters at the end of the URL's query.
    pub query: Vec<(String, String)>,
    /// The body, where the sender writes the time or the id into it.
    pub body: Option<Vec<u8>>,
}

impl Signed {
    pub(super) fn header(name: &str, value: String) -> Self {
        Self { headers: vec![(name.to_owned(), value)], ..Self::default() }
    }

    /// The URL with the further parameters.
    pub fn url(&self, url: &str) -> String {
        append(url, &self.query)
    }
}

/// Adds parameters to a URL.
pub(super) fn append(url: &str, query: &[(String, String)]) -> String {
    if query.is_empty() {
        return url.to_owned();
    }
    let written = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}{written}")
}

/// Why a request cannot be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The setting is that of a receiver, which knows no private key.
    #[error("only the public key is known; give the private one")]
    NoPrivateKey,
    /// The sender writes into a JSON object, and this body is not one.
    #[error("the body is not a JSON object, so {what} cannot be written into it")]
    NoObject {
        /// What is written into it: the time or the id.
        what: &'static str,
    },
    /// The fields of the body cannot be signed.
    #[error("the fields cannot be signed: {0}")]
    Fields(String),
    /// The library cannot sign with the private key.
    #[error("the private key does not sign: {0}")]
    Key(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_added_to_any_url() {
        let signed = Signed { query: vec![("a b".to_owned(), "1&2".to_owned())], ..Signed::default() };
        assert_eq!(signed.url("http://x/y"), "http://x/y?a+b=1%262");
        assert_eq!(signed.url("http://x/y?z=1"), "http://x/y?z=1&a+b=1%262");
        assert_eq!(Signed::default().url("http://x/y"), "http://x/y");
    }
}
