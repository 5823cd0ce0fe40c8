//! Masking that keeps JSON valid.
//!
//! It works on the text, token by token, so that what is not masked stays as it was written (`1.50`, large integers,
//! order). Strings are compared by their meaning, whatever escapes spell them.

use std::borrow::Cow;

use serde_json::Value;

use super::Redactor;
use crate::model::JsonText;

impl Redactor {
    /// The JSON with every form of every secret masked in strings and keys. A number that shows a secret becomes a
    /// string. A secret may reach over several values, as a JSON text does that was parsed. Then everything becomes one
    /// string.
    pub fn redact_json(&self, json: &JsonText) -> JsonText {
        let text = json.as_str();
        if self.is_empty() {
            return json.clone();
        }
        // Otherwise, only strings with escapes can show one.
        let found = self.finds(text);
        if !found && !text.contains('\\') {
            return json.clone();
        }
        let Some(redacted) = self.redact_tokens(text, found) else {
            return if found {
                JsonText::from_value(&Value::String(self.redact(text).into_owned()))
            } else {
                json.clone()
            };
        };
        if self.finds(&redacted) {
            return JsonText::from_value(&Value::String(self.redact(&redacted).into_owned()));
        }
        // The text was valid before, and tokens were replaced by tokens. If it is not valid now, nothing is shown at
        // all.
        JsonText::parse(redacted).unwrap_or_else(|_| JsonText::null())
    }

    /// The text with masked tokens; `None` when no token was masked.
    fn redact_tokens(&self, text: &str, found: bool) -> Option<String> {
        let mut out = String::with_capacity(text.len());
        let mut changed = false;
        let mut rest = text;
        while let Some(quote) = rest.find('"') {
            let (between, string) = rest.split_at(quote);
            changed |= self.redact_numbers(between, found, &mut out);
            let (token, after) = string.split_at(end_of_string(string));
            match self.redact_string(token, found) {
                Some(redacted) => {
                    out.push_str(&Value::String(redacted).to_string());
                    changed = true;
                }
                None => out.push_str(token),
            }
            rest = after;
        }
        changed |= self.redact_numbers(rest, found, &mut out);
        changed.then_some(out)
    }

    /// The meaning of the string token, masked; `None` when there is nothing to mask.
    fn redact_string(&self, token: &str, found: bool) -> Option<String> {
        let inner = token.get(1..token.len() - 1).unwrap_or(token);
        let meaning = if inner.contains('\\') {
            serde_json::from_str::<String>(token).map_or(Cow::Borrowed(inner), Cow::Owned)
        } else if found {
            Cow::Borrowed(inner)
        } else {
            return None;
        };
        match self.redact(&meaning) {
            Cow::Borrowed(_) => None,
            Cow::Owned(redacted) => Some(redacted),
        }
    }

    /// Copies the text between strings, and says whether a number was masked.
    fn redact_numbers(&self, between: &str, found: bool, out: &mut String) -> bool {
        if !found || !self.finds(between) {
            out.push_str(between);
            return false;
        }
        let mut changed = false;
        for part in between.split_inclusive(|c: char| !is_number(c)) {
            let (number, after) = part.split_at(part.find(|c| !is_number(c)).unwrap_or(part.len()));
            match self.redact(number) {
                Cow::Borrowed(_) => out.push_str(number),
                Cow::Owned(redacted) => {
                    out.push_str(&Value::String(redacted).to_string());
                    changed = true;
                }
            }
            out.push_str(after);
        }
        changed
    }
}

fn is_number(character: char) -> bool {
    character.is_ascii_digit() || matches!(character, '+' | '-' | '.' | 'e' | 'E')
}

/// The end of the string that a text begins with, its quotes included.
fn end_of_string(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn redactor() -> Redactor {
        Redactor::new([
            ("A", "hunter22"),
            ("PIN", "123456789"),
            ("Q", "say \"hi\"\n"),
            ("J", "{\"k\":[1,2]}"),
        ])
    }

    #[test]
    fn strings_keys_and_numbers_are_masked_and_the_rest_stays_as_written() {
        let cases = [
            ("{\"a\": 1.50, \"b\":[\"\\u0041\", 98765432109876543210]}", None),
            ("\"a hunter22 b\"", Some("\"a [secret A] b\"")),
            ("{\"hunter22\": 1.50 }", Some("{\"[secret A]\": 1.50 }")),
            ("\"h\\u0075nter22\"", Some("\"[secret A]\"")),
            (
                "[123456789, -123456789,1234567890, 12]",
                Some("[\"[secret PIN]\", \"-[secret PIN]\",\"[secret PIN]0\", 12]"),
            ),
            ("[\"say \\\"hi\\\"\\n\", \"\\\\\"]", Some("[\"[secret Q]\", \"\\\\\"]")),
            (
                "\"{\\\"q\\\": \\\"say \\\\\\\"hi\\\\\\\"\\\\n\\\"}\"",
                Some("\"{\\\"q\\\": \\\"[secret Q]\\\"}\""),
            ),
            ("{\"x\": {\"k\":[1,2]}}", Some("\"{\\\"x\\\": [secret J]}\"")),
            ("{\"x\": \"{\\\"k\\\":[1,2]}\"}", Some("{\"x\": \"[secret J]\"}")),
            ("[true,false,null]", None),
        ];
        for (text, expected) in cases {
            let json = JsonText::parse(text.to_owned()).unwrap();
            assert_eq!(redactor().redact_json(&json).as_str(), expected.unwrap_or(text));
            assert_eq!(Redactor::default().redact_json(&json), json);
        }
    }

    fn holds(value: &Value, secret: &str) -> bool {
        match value {
            Value::String(text) => text.contains(secret),
            Value::Array(items) => items.iter().any(|item| holds(item, secret)),
            Value::Object(map) => map.iter().any(|(key, item)| key.contains(secret) || holds(item, secret)),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string().contains(secret),
        }
    }

    proptest! {
        #[test]
        fn no_value_of_any_json_shows_the_secret(
            secret in "[0-9A-Z\"\\\\\n\u{1}é,:]{6,80}",
            words in proptest::collection::vec("[a-z\"\\\\{}\\[\\]\t]{0,6}", 4),
            number: f64,
        ) {
            prop_assume!(crate::secrets::check_value("n", &secret).is_ok());
            let joined = |at: usize| format!("{}{secret}{}", words[at], words[at + 1]);
            let mut value = serde_json::json!({ "list": [joined(0), number, null, { "in": joined(1) }], "t": words });
            value[joined(2)] = Value::String(secret.clone());
            let json = JsonText::from_value(&value);
            let redacted = Redactor::new([("n", secret.as_str())]).redact_json(&json);
            prop_assert!(holds(&value, &secret));
            prop_assert!(!holds(&redacted.to_value(), &secret), "{redacted:?}");
        }
    }
}
