//! Forms as browsers and curl send them. Names are flat and plain: `a[b]` and `__proto__` are names like any other.

use std::borrow::Cow;

use indexmap::IndexMap;

use super::{charset, charset::Charset, json};
use crate::model::{Content, JsonText};

/// The most fields of a form.
const MAX_FIELDS: usize = 1_000;
/// The field in which a browser tells the charset of its form, when that has a field of this name (WHATWG HTML 4.10.21.4).
pub(super) const CHARSET_FIELD: &str = "_charset_";

/// A body of `application/x-www-form-urlencoded`. With `is_event`, a form that is nothing but one field of JSON is that JSON.
///
/// # Errors
/// Too many fields, a field that should be JSON and is not, or a text that is not in the charset of the form.
pub(super) fn content(
    body: &[u8],
    declared: Option<Charset>,
    json_fields: &[String],
    is_event: bool,
) -> Result<Content, String> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let own = parts(body).find(|(name, _)| &**name == CHARSET_FIELD.as_bytes());
    let charset = own.and_then(|(_, label)| Charset::of(&String::from_utf8_lossy(&label))).or(declared);
    let mut fields = Fields::default();
    for (count, (name, value)) in parts(body).enumerate() {
        if count >= MAX_FIELDS {
            return Err(format!("a form of more than {MAX_FIELDS} fields"));
        }
        let name = match in_charset(&name, charset) {
            Some(name) => name.into_owned(),
            None => charset::guessed(&name, charset),
        };
        match in_charset(&value, charset) {
            Some(text) => fields.add(name, text.into_owned(), json_fields)?,
            None => return Err(not_text(&name, charset)),
        }
    }
    let event = if is_event { fields.take_sole(json_fields) } else { None };
    Ok(Content::Decoded(event.unwrap_or_else(|| fields.finish())))
}

/// Why a field is no text.
pub(super) fn not_text(name: &str, charset: Option<Charset>) -> String {
    match charset {
        Some(charset) => format!("the field `{name}` is no text in {}", charset.name()),
        None => format!(
            "the field `{name}` is not UTF-8; give the charset of its sender as \"charset\" of the trigger, for instance \"gbk\""
        ),
    }
}

/// A text of a form or of one of its parts, in UTF-8 where its sender says nothing else.
pub(super) fn in_charset(bytes: &[u8], charset: Option<Charset>) -> Option<Cow<'_, str>> {
    match charset {
        Some(charset) => charset.decode(bytes),
        None => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
    }
}

/// Names and values, which may be wrong: what is no text in the charset has U+FFFD in it. For a query, whose raw text is kept.
pub(super) fn pairs(text: &[u8], charset: Option<Charset>) -> impl Iterator<Item = (String, String)> + '_ {
    let read = move |bytes: Cow<'_, [u8]>| match in_charset(&bytes, charset) {
        Some(text) => text.into_owned(),
        None => String::from_utf8_lossy(&bytes).into_owned(),
    };
    parts(text).map(move |(name, value)| (read(name), read(value)))
}

/// Names and values as bytes (WHATWG URL 5.1).
fn parts(text: &[u8]) -> impl Iterator<Item = (Cow<'_, [u8]>, Cow<'_, [u8]>)> {
    text.split(|&byte| byte == b'&').filter(|part| !part.is_empty()).map(|part| {
        let equals = memchr::memchr(b'=', part).unwrap_or(part.len());
        (unescaped(&part[..equals]), unescaped(part.get(equals + 1..).unwrap_or_default()))
    })
}

fn unescaped(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'+') {
        return percent_encoding::percent_decode(text).into();
    }
    let spaced: Vec<u8> = text.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
    Cow::Owned(percent_encoding::percent_decode(&spaced).collect())
}

/// The fields of a form in order; a name given several times becomes an array.
#[derive(Default)]
pub(super) struct Fields(IndexMap<String, Vec<JsonText>>);

impl Fields {
    /// One field more; its text is JSON when it is one of `json_fields`.
    ///
    /// # Errors
    /// It should be JSON and is not.
    pub(super) fn add(&mut self, name: String, text: String, json_fields: &[String]) -> Result<(), String> {
        let is_json = json_fields.contains(&name);
        let value = if is_json { json::field(&name, &text)? } else { JsonText::from_value(&text.into()) };
        self.add_json(name, value);
        Ok(())
    }

    /// One field more that is JSON already.
    pub(super) fn add_json(&mut self, name: String, value: JsonText) {
        self.0.entry(name).or_default().push(value);
    }

    /// The value of the only field, if that is one of `json_fields` and is there once.
    fn take_sole(&mut self, json_fields: &[String]) -> Option<JsonText> {
        let (name, values) = self.0.first_mut()?;
        let is_sole = values.len() == 1 && json_fields.contains(name);
        if self.0.len() == 1 && is_sole { self.0.pop()?.1.pop() } else { None }
    }

    /// The object of them all.
    pub(super) fn finish(self) -> JsonText {
        let arrays = self.0.into_iter().map(|(name, mut values)| match values.len() {
            1 => (name, values.remove(0)),
            _ => (name, JsonText::array(&values)),
        });
        JsonText::object(arrays)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn read(body: &[u8], charset: Option<&str>, json_fields: &[&str]) -> Result<Value, String> {
        let json_fields: Vec<_> = json_fields.iter().map(|&name| name.to_owned()).collect();
        match content(body, charset.and_then(Charset::of), &json_fields, false)? {
            Content::Decoded(json) => Ok(json.to_value()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_form_is_read_in_the_charset_that_is_said() {
        let cases: [(&[u8], Option<&str>, Value); 9] = [
            (b"a=1&b=x+y%21&a=2", None, json!({"a": ["1", "2"], "b": "x y!"})),
            (b"\xef\xbb\xbfa=1", None, json!({"a": "1"})),
            (b"name=%B1%A8%B8%E6", Some("gbk"), json!({"name": "报告"})),
            (b"name=\xb1\xa8\xb8\xe6", Some("gbk"), json!({"name": "报告"})),
            (b"_charset_=gbk&%C3%FB=%B1%A8%B8%E6", None, json!({"_charset_": "gbk", "名": "报告"})),
            (b"n=%E9", Some("latin1"), json!({"n": "é"})),
            (b"n=%E5%90%8D", None, json!({"n": "名"})),
            (b"&&a&=b&c=d=e", None, json!({"a": "", "": "b", "c": "d=e"})),
            (b"n=100%&m=%zz%4", None, json!({"n": "100%", "m": "%zz%4"})),
        ];
        for (body, charset, expected) in cases {
            assert_eq!(read(body, charset, &[]), Ok(expected), "{:?}", String::from_utf8_lossy(body));
        }
        let silent = read(b"name=%B1%A8", None, &[]).unwrap_err();
        assert!(silent.contains("`name`") && silent.contains("charset"), "{silent}");
        assert!(read(b"name=%ff%ff", Some("gbk"), &[]).is_err());
    }

    #[test]
    fn json_in_a_field_is_read_where_that_is_said() {
        let body = b"payload=%7B%22id%22%3A12345678901234567890%2C%22a%22%3A%5B1%5D%7D&other=%7B%7D";
        let read_with = |fields: &[&str]| {
            content(body, None, &fields.iter().map(|&f| f.to_owned()).collect::<Vec<_>>(), false)
        };
        let Ok(Content::Decoded(json)) = read_with(&["payload"]) else { panic!("it is a form") };
        assert_eq!(json.as_str(), r#"{"payload":{"id":12345678901234567890,"a":[1]},"other":"{}"}"#);
        let Ok(Content::Decoded(json)) = read_with(&[]) else { panic!("it is a form") };
        assert!(json.to_value()["payload"].is_string());
        let wrong = read(b"payload=nope", None, &["payload"]).unwrap_err();
        assert!(wrong.contains("`payload` is not JSON"), "{wrong}");
    }

    #[test]
    fn a_form_of_nothing_but_the_event_is_the_event() {
        let names = ["payload".to_owned()];
        let of = |body: &str, is_event| match content(body.as_bytes(), None, &names, is_event) {
            Ok(Content::Decoded(json)) => json.as_str().to_owned(),
            other => panic!("{body}: {other:?}"),
        };
        let cases = [
            ("payload=%7B%22id%22%3A12345678901234567890%7D", r#"{"id":12345678901234567890}"#),
            ("payload=[1]&", "[1]"),
            ("payload=null", "null"),
            ("payload=1&a=2", r#"{"payload":1,"a":"2"}"#),
            ("a=2&payload=1", r#"{"a":"2","payload":1}"#),
            ("payload=1&payload=2", r#"{"payload":[1,2]}"#),
            ("text=1", r#"{"text":"1"}"#),
            ("", "{}"),
        ];
        for (body, expected) in cases {
            assert_eq!(of(body, true), expected, "{body}");
        }
        assert_eq!(of("payload=[1]", false), r#"{"payload":[1]}"#);
        assert!(content(b"payload=nope", None, &names, true).is_err());
    }

    #[test]
    fn a_form_bomb_is_refused() {
        assert!(read("a=1&".repeat(1_000).as_bytes(), None, &[]).is_ok());
        assert!(read("a=1&".repeat(1_001).as_bytes(), None, &[]).is_err());
        assert!(read("a&".repeat(100_000).as_bytes(), None, &[]).is_err());
    }

    proptest! {
        #[test]
        fn a_form_in_utf_8_is_what_the_url_standard_says(body in "[a-c=&+%0-9A-F é]{0,60}") {
            let theirs: Vec<_> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
            let ours: Vec<_> = pairs(body.as_bytes(), None).collect();
            prop_assert_eq!(ours, theirs);
        }

        #[test]
        fn any_bytes_make_an_object_or_are_refused(body in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(Content::Decoded(json)) = content(&body, None, &[], false) {
                prop_assert!(json.to_value().is_object());
            }
            let Ok(Content::Decoded(json)) = content(&body, Charset::of("latin1"), &[], true) else { panic!("every byte is text") };
            prop_assert!(json.to_value().is_object());
        }
    }
}
