//! The secrets that an attempt was given, and whether bytes hold one of them.
//!
//! Not those of the whole vault: whether a text holds a secret can be seen from outside, and must tell nobody about secrets
//! that the workflow was never given.

use std::sync::{Arc, OnceLock};

use zeroize::Zeroizing;

use crate::secrets::Redactor;

/// The secrets of one attempt. Cheap to clone.
#[derive(Clone, Default)]
pub(in crate::engine) struct Given(Arc<Inner>);

#[derive(Default)]
struct Inner {
    values: Vec<Zeroizing<String>>,
    /// Made when it is first asked for, which is seldom.
    search: OnceLock<Redactor>,
}

impl Given {
    /// These secrets.
    pub(in crate::engine) fn new<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let values = values.into_iter().map(|value| Zeroizing::new(value.to_owned())).collect();
        Self(Arc::new(Inner { values, search: OnceLock::new() }))
    }

    /// What tells whether bytes hold one of them, as it is or in one of the forms that are masked.
    pub(super) fn finder(self) -> Arc<dyn Fn(&[u8]) -> bool + Send + Sync> {
        Arc::new(move |bytes| {
            let inner = &self.0;
            let values = || inner.values.iter().map(|value| ("given", value.as_str()));
            let search = inner.search.get_or_init(|| Redactor::new(values()));
            *search.redact_bytes(bytes) != *bytes
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_secrets_are_found_in_every_form_and_no_others() {
        let holds = Given::new(["s3cr3t-value", "other-s3cr3t"]).finder();
        for text in ["a s3cr3t-value b", "{\"k\":\"other-s3cr3t\"}", "czNjcjN0LXZhbHVl"] {
            assert!(holds(text.as_bytes()), "{text}");
        }
        for text in ["", "s3cr3t", "foreign-s3cr3t!", "s3cr3t-valu"] {
            assert!(!holds(text.as_bytes()), "{text}");
        }
        assert!(!Given::default().finder()(b"s3cr3t-value"));
    }
}
