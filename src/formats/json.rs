//! JSON bodies. One in UTF-8 stays the text that it is: checked once, kept once, parsed by the script.

use std::borrow::Cow;

use super::{charset, charset::Charset};
use crate::model::{Content, JsonText, Limits};

/// The separator before each text of a JSON sequence (RFC 7464 section 2.2).
const RECORD_SEPARATOR: char = '\u{1e}';

/// # Errors
/// Why it is not JSON, or which bound it goes beyond.
pub(super) fn content(body: &[u8], charset: Option<Charset>) -> Result<Content, String> {
    let text = charset::text(body, charset)?;
    match text {
        Cow::Borrowed(text) if text.len() == body.len() => check(text).map(|()| Content::Json),
        other => Ok(Content::Decoded(parsed(other.into_owned())?)),
    }
}

/// An object or an array, under a type that says nothing of JSON; nothing when it is none.
pub(super) fn tree(body: &[u8], charset: Option<Charset>) -> Option<Content> {
    let marked = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let begins = matches!(marked.trim_ascii_start().first(), Some(b'{' | b'[') | Some(0 | 0xfe | 0xff));
    begins
        .then(|| charset::text(body, charset).ok())
        .flatten()
        .filter(|text| text.trim_start().starts_with(['{', '[']))
        .and_then(|_| content(body, charset).ok())
}

/// One JSON text a line, or behind each record separator, as an array.
///
/// # Errors
/// Which line is not JSON, or which bound the whole goes beyond.
pub(super) fn lines(body: &[u8], charset: Option<Charset>) -> Result<Content, String> {
    let text = charset::text(body, charset)?;
    let mut array = String::with_capacity(text.len() + 2);
    array.push('[');
    for (index, line) in text.split(['\n', RECORD_SEPARATOR]).map(str::trim).enumerate() {
        if line.is_empty() {
            continue;
        }
        JsonText::check(line).map_err(|error| format!("line {}: {error}", index + 1))?;
        if array.len() > 1 {
            array.push(',');
        }
        array.push_str(line);
    }
    array.push(']');
    Ok(Content::Decoded(parsed(array)?))
}

/// The JSON of one field of a form.
///
/// # Errors
/// Why it is none.
pub(super) fn field(name: &str, text: &str) -> Result<JsonText, String> {
    parsed(text.to_owned()).map_err(|why| format!("the field `{name}` is not JSON: {why}"))
}

fn check(text: &str) -> Result<(), String> {
    JsonText::check_within(text, Limits::BODY_VALUES).map_err(|error| error.to_string())
}

fn parsed(text: String) -> Result<JsonText, String> {
    JsonText::parse_within(text, Limits::BODY_VALUES).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bombs_and_halves_are_refused() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let wide = |values: usize| format!("[{}0]", "0,".repeat(values - 2));
        let cases = [
            ("as deep as it may be", nested(120), true),
            ("one level more", nested(121), false),
            ("a million brackets", "[".repeat(1_000_000), false),
            ("as wide as it may be", wide(500_000), true),
            ("one value more", wide(500_001), false),
            ("half of a surrogate pair", "\"\\ud800\"".to_owned(), false),
            ("NaN", "NaN".to_owned(), false),
            ("a number beyond doubles", "1e999".to_owned(), false),
            ("an integer beyond 2^53", "12345678901234567890123".to_owned(), true),
            ("a byte order mark", "\u{feff}{}".to_owned(), true),
            ("two of them", "\u{feff}\u{feff}{}".to_owned(), false),
        ];
        for (what, text, fits) in cases {
            assert_eq!(content(text.as_bytes(), None).is_ok(), fits, "{what}");
        }
    }

    #[test]
    fn lines_become_an_array() {
        let cases = [
            ("{\"a\":1}\n\n[2]\r\n\"three\"\n", Ok("[{\"a\":1},[2],\"three\"]")),
            ("\u{1e}1\n\u{1e}2\n", Ok("[1,2]")),
            ("12345678901234567890123\n", Ok("[12345678901234567890123]")),
            ("", Ok("[]")),
            ("1\n{\"a\":\n", Err("line 2")),
        ];
        for (text, expected) in cases {
            match (lines(text.as_bytes(), None), expected) {
                (Ok(Content::Decoded(json)), Ok(expected)) => assert_eq!(json.as_str(), expected, "{text}"),
                (Err(why), Err(part)) => assert!(why.contains(part), "{text}: {why}"),
                (other, _) => panic!("{text}: {other:?}"),
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_json_or_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let marked = body.starts_with(b"\xef\xbb\xbf") || body.starts_with(b"\xff\xfe") || body.starts_with(b"\xfe\xff");
            if !marked {
                let ours = content(&body, None).is_ok();
                prop_assert_eq!(ours, serde_json::from_slice::<serde_json::Value>(&body).is_ok());
            }
            let _ = (content(&body, None), lines(&body, None), tree(&body, Charset::of("gbk")));
        }
    }
}
