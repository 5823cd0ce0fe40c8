//! Reads the few fields of a Feishu body that the verification needs, without rebuilding the JSON.
//!
//! Bodies repeat the verification token. It is replaced in the text itself, so that every other byte stays as it was
//! received.

use serde::Deserialize;
use serde_json::value::RawValue;

/// The text that replaces a token.
const HIDDEN: &str = "\"[hidden]\"";

/// The fields of a body of Feishu that matter here.
pub(super) struct Outline<'a> {
    text: &'a str,
    fields: Fields<'a>,
    header: Option<Header<'a>>,
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    token: Option<&'a RawValue>,
    #[serde(borrow)]
    header: Option<&'a RawValue>,
    #[serde(borrow)]
    encrypt: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Header<'a> {
    #[serde(borrow)]
    token: Option<&'a RawValue>,
}

impl<'a> Outline<'a> {
    /// Reads an object. A field that is there twice is an error, because it would mean one thing to us and another to
    /// others.
    pub(super) fn read(body: &'a [u8]) -> Result<Self, &'static str> {
        const WRONG: &str = "is not a JSON object with plain fields";
        let text = std::str::from_utf8(body).map_err(|_| "is not UTF-8")?;
        let fields: Fields<'a> = serde_json::from_str(text).map_err(|_| WRONG)?;
        let header = fields.header.filter(|header| header.get().starts_with('{'));
        let header =
            header.map(|header| serde_json::from_str(header.get())).transpose().map_err(|_| WRONG)?;
        Ok(Self { text, fields, header })
    }

    /// The encrypted text, if `encrypt` is a text.
    pub(super) fn encrypt(&self) -> Option<String> {
        string(self.fields.encrypt)
    }

    /// Whether the body asks for a challenge.
    pub(super) fn is_question(&self) -> bool {
        string(self.fields.kind).as_deref() == Some("url_verification")
    }

    /// The verification token: that of the header in bodies of schema 2.0, else the body's own.
    pub(super) fn token(&self) -> Option<String> {
        string(self.header.as_ref().and_then(|header| header.token)).or_else(|| string(self.fields.token))
    }

    /// The body with its tokens hidden.
    pub(super) fn without_tokens(&self) -> Vec<u8> {
        let tokens = [self.fields.token, self.header.as_ref().and_then(|header| header.token)];
        let mut places: Vec<_> = tokens.into_iter().flatten().map(|token| self.place(token)).collect();
        places.sort_unstable();
        let mut text = self.text.to_owned();
        for (start, length) in places.into_iter().rev() {
            text.replace_range(start..start + length, HIDDEN);
        }
        text.into_bytes()
    }

    /// The place of a value that was borrowed from the text.
    fn place(&self, value: &RawValue) -> (usize, usize) {
        let start = value.get().as_ptr() as usize - self.text.as_ptr() as usize;
        (start, value.get().len())
    }
}

fn string(value: Option<&RawValue>) -> Option<String> {
    value.and_then(|value| serde_json::from_str(value.get()).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tokens_are_found_and_hidden_where_they_stand() {
        let cases = [
            (
                r#"{"challenge":"c","token":"t0k","type":"url_verification"}"#,
                Some("t0k"),
                r#"{"challenge":"c","token":"[hidden]","type":"url_verification"}"#,
            ),
            (
                r#" {"schema":"2.0", "header": {"event_id":"e", "token" : "t\u0030k"},"event":{"token":"own","n":1.50}}"#,
                Some("t0k"),
                r#" {"schema":"2.0", "header": {"event_id":"e", "token" : "[hidden]"},"event":{"token":"own","n":1.50}}"#,
            ),
            (
                r#"{"header":{"token":"h"},"token":"é"}"#,
                Some("h"),
                r#"{"header":{"token":"[hidden]"},"token":"[hidden]"}"#,
            ),
            (r#"{"header":[1],"token":7}"#, None, r#"{"header":[1],"token":"[hidden]"}"#),
            ("{}", None, "{}"),
        ];
        for (body, token, hidden) in cases {
            let outline = Outline::read(body.as_bytes()).unwrap();
            assert_eq!(outline.token().as_deref(), token, "{body}");
            assert_eq!(String::from_utf8(outline.without_tokens()).unwrap(), hidden);
        }
    }

    #[test]
    fn what_means_two_things_is_refused() {
        for body in [
            r#"{"token":"a","token":"b"}"#,
            r#"{"header":{"token":"a","token":"b"}}"#,
            r#"{"header":{},"header":{"token":"a"}}"#,
            r#"{"type":"url_verification","type":"x"}"#,
            "[]",
            "",
            "{",
        ] {
            assert!(Outline::read(body.as_bytes()).is_err(), "{body}");
        }
        assert!(Outline::read(b"{\"a\":\"\xff\"}").is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>, token: String, before: String) {
            let _ = Outline::read(&bytes).map(|outline| outline.without_tokens());
            let body = serde_json::json!({ "a": before, "header": { "token": token } }).to_string();
            let outline = Outline::read(body.as_bytes()).unwrap();
            prop_assert_eq!(outline.token(), Some(token));
            let hidden: serde_json::Value = serde_json::from_slice(&outline.without_tokens()).unwrap();
            prop_assert_eq!(hidden, serde_json::json!({ "a": before, "header": { "token": "[hidden]" } }));
        }
    }
}
