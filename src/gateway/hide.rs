//! Keeps credentials out of what is stored of a request.
//!
//! Senders put tokens into headers, into the query, and some repeat them in the body (Gitee its `password` and `sign`, Slack and
//! Feishu their `token`). This file goes by names, so it is a second net: the values of the workflow's own secrets are masked
//! as well. Everything else in a JSON body stays as it was written.

use std::borrow::Cow;

use indexmap::IndexMap;
use serde_json::value::RawValue;

use crate::model::HIDDEN;

/// Names that are hidden as a whole.
const NAMES: [&str; 9] =
    ["auth", "authorization", "proxy_authorization", "cookie", "apikey", "pwd", "passwd", "sign", "session"];
/// Names that end so are hidden too.
const ENDS: [&str; 6] = ["token", "secret", "password", "api_key", "access_key", "private_key"];
/// How many levels of JSON are searched; `JsonText` allows no more.
pub(super) const ALL: usize = 128;
/// Only the fields of the body itself.
pub(super) const TOP: usize = 1;

/// Whether a field or header of this name usually holds a credential.
pub(super) fn is_credential(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    NAMES.contains(&name.as_str()) || ENDS.iter().any(|end| name.ends_with(end))
}

/// A query or form with `[hidden]` in place of these fields' values; borrowed when it has none of them.
pub(super) fn in_form<'a>(form: &'a str, hidden: &dyn Fn(&str) -> bool) -> Cow<'a, str> {
    let hides = |part: &str| {
        let name = part.split('=').next().unwrap_or("");
        form_urlencoded::parse(name.as_bytes()).next().is_some_and(|(name, _)| hidden(&name))
    };
    if !form.split('&').any(hides) {
        return Cow::Borrowed(form);
    }
    let parts = form.split('&').map(|part| match part.split_once('=') {
        Some((name, _)) if hides(part) => Cow::Owned(format!("{name}=%5Bhidden%5D")),
        Some(_) | None => Cow::Borrowed(part),
    });
    Cow::Owned(parts.collect::<Vec<_>>().join("&"))
}

/// JSON with `"[hidden]"` in place of these fields' values, down to a depth; nothing when it has none of them, or is no JSON.
pub(super) fn in_json(text: &str, hidden: &dyn Fn(&str) -> bool, depth: usize) -> Option<String> {
    in_value(serde_json::from_str::<&RawValue>(text).ok()?.get(), hidden, depth)
}

fn in_value(text: &str, hidden: &dyn Fn(&str) -> bool, depth: usize) -> Option<String> {
    let depth = depth.checked_sub(1)?;
    match text.as_bytes().first()? {
        b'{' => {
            let fields: IndexMap<String, &RawValue> = serde_json::from_str(text).ok()?;
            let mut changed = false;
            let mut parts = Vec::with_capacity(fields.len());
            for (name, value) in &fields {
                let value = if hidden(name) && value.get() != "null" {
                    Some(format!("\"{HIDDEN}\""))
                } else {
                    in_value(value.get(), hidden, depth)
                }
                .map_or(Cow::Borrowed(value.get()), |value| {
                    changed = true;
                    Cow::Owned(value)
                });
                let name = serde_json::to_string(name).expect("a string is always JSON");
                parts.push(format!("{name}:{value}"));
            }
            changed.then(|| format!("{{{}}}", parts.join(",")))
        }
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            let mut changed = false;
            let mut parts = Vec::with_capacity(items.len());
            for item in &items {
                match in_value(item.get(), hidden, depth) {
                    Some(item) => {
                        changed = true;
                        parts.push(Cow::Owned(item));
                    }
                    None => parts.push(Cow::Borrowed(item.get())),
                }
            }
            changed.then(|| format!("[{}]", parts.join(",")))
        }
        _ => None,
    }
}

/// A body of this type with these fields hidden; nothing when it has none of them.
pub(super) fn in_body(
    content_type: Option<&str>,
    body: &[u8],
    hidden: &dyn Fn(&str) -> bool,
    depth: usize,
) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(body).ok()?;
    if let Some(json) = in_json(text, hidden, depth) {
        return Some(json.into_bytes());
    }
    let is_form = content_type.is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"));
    let form = is_form.then(|| in_form(text, hidden))?;
    // Some senders put the JSON of the event into a field.
    let json = in_fields(&form, hidden, depth);
    match (json, form) {
        (Some(form), _) | (None, Cow::Owned(form)) => Some(form.into_bytes()),
        (None, Cow::Borrowed(_)) => None,
    }
}

/// A form with these fields hidden in the JSON that its own fields hold; nothing when none of them is there.
fn in_fields(form: &str, hidden: &dyn Fn(&str) -> bool, depth: usize) -> Option<String> {
    let mut changed = false;
    let parts: Vec<Cow<'_, str>> = form
        .split('&')
        .map(|part| {
            let (_, value) = form_urlencoded::parse(part.as_bytes()).next()?;
            let json =
                value.trim_start().starts_with(['{', '[']).then(|| in_json(&value, hidden, depth))??;
            let (name, _) = part.split_once('=')?;
            Some(format!("{name}={}", form_urlencoded::byte_serialize(json.as_bytes()).collect::<String>()))
        })
        .zip(form.split('&'))
        .map(|(new, part)| {
            changed |= new.is_some();
            new.map_or(Cow::Borrowed(part), Cow::Owned)
        })
        .collect();
    changed.then(|| parts.join("&"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_credentials_are_known_and_others_left_alone() {
        for name in [
            "Authorization",
            "X-Gitlab-Token",
            "x-api-key",
            "access_token",
            "client_secret",
            "password",
            "sign",
        ] {
            assert!(is_credential(name), "{name}");
        }
        for name in ["x-hub-signature-256", "content-type", "token_type", "design", "key", "id", "tokens"] {
            assert!(!is_credential(name), "{name}");
        }
    }

    #[test]
    fn what_a_sender_repeats_in_its_body_is_hidden_and_the_rest_stays_as_it_was_written() {
        let cases = [
            (
                r#"{"token": "t", "event": {"id": 12345678901234567890.10}}"#,
                r#"{"token":"[hidden]","event":{"id": 12345678901234567890.10}}"#,
            ),
            (r#"[{"a": {"password": {"deep": 1}}}, 1e3]"#, r#"[{"a":{"password":"[hidden]"}},1e3]"#),
            (
                r#"{"header": {"event_id": "e", "token": "t"}}"#,
                r#"{"header":{"event_id":"e","token":"[hidden]"}}"#,
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(in_json(text, &is_credential, ALL).as_deref(), Some(expected));
        }
        for nothing in [r#"{"a": 1}"#, "[]", "7", "\"token\"", "{", "", r#"{"token": null}"#] {
            assert_eq!(in_json(nothing, &is_credential, ALL), None, "{nothing}");
        }
    }

    #[test]
    fn forms_and_queries_keep_their_other_fields() {
        let form = "token=abc&text=a%26b&access%5Ftoken=1&x";
        assert_eq!(
            in_form(form, &is_credential),
            "token=%5Bhidden%5D&text=a%26b&access%5Ftoken=%5Bhidden%5D&x"
        );
        assert!(matches!(in_form("a=1&b", &is_credential), Cow::Borrowed(_)));
        let body =
            in_body(Some("application/x-www-form-urlencoded"), form.as_bytes(), &is_credential, ALL).unwrap();
        assert!(!String::from_utf8(body).unwrap().contains("abc"));
        assert_eq!(in_body(Some("text/plain"), b"token=abc", &is_credential, ALL), None);
        let typed = Some("application/x-www-form-urlencoded");
        let nested = b"a=1&payload=%7B%22token%22%3A%22abc%22%2C%22b%22%3A%5B2%5D%7D&c";
        let body = String::from_utf8(in_body(typed, nested, &is_credential, TOP).unwrap()).unwrap();
        let fields: Vec<_> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        assert_eq!(fields[1].1, r#"{"token":"[hidden]","b":[2]}"#, "{body}");
        assert!(body.starts_with("a=1&payload=") && body.ends_with("&c"), "{body}");
        let deep = b"payload=%7B%22user%22%3A%7B%22token%22%3A%22abc%22%7D%7D";
        assert_eq!(in_body(typed, deep, &is_credential, TOP), None);
    }

    proptest! {
        #[test]
        fn what_is_hidden_in_json_leaves_json(text in ".{0,200}", value: u64) {
            let json = serde_json::json!({ "a": text, "token": value, "n": [{ "secret": text }] }).to_string();
            let hidden = in_json(&json, &is_credential, ALL).unwrap();
            let parsed: serde_json::Value = serde_json::from_str(&hidden).unwrap();
            prop_assert_eq!(&parsed["token"], HIDDEN);
            prop_assert_eq!(&parsed["n"][0]["secret"], HIDDEN);
            prop_assert_eq!(&parsed["a"], &serde_json::Value::from(text));
        }

        #[test]
        fn any_bytes_are_looked_through(bytes: Vec<u8>) {
            let _ = in_body(None, &bytes, &is_credential, ALL);
        }
    }
}
