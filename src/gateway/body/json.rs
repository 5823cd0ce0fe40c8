//! A JSON body stays the text that it is: checked once, kept once, parsed by the script.

use crate::model::{Content, JsonText, Limits};

/// # Errors
/// Why it is not JSON, or which bound it goes beyond.
pub(super) fn content(body: &[u8]) -> Result<Content, String> {
    let text = std::str::from_utf8(body).map_err(|error| format!("JSON is UTF-8, but {error}"))?;
    JsonText::check_within(text, Limits::BODY_VALUES).map_err(|error| error.to_string())?;
    Ok(Content::Json)
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
            ("a byte order mark", "\u{feff}{}".to_owned(), false),
        ];
        for (what, text, fits) in cases {
            assert_eq!(content(text.as_bytes()).is_ok(), fits, "{what}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_json_or_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let ours = content(&body).is_ok();
            prop_assert_eq!(ours, serde_json::from_slice::<serde_json::Value>(&body).is_ok());
        }
    }
}
