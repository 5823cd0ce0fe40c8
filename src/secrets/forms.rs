//! The spellings in which a value shows up in logs, requests and records.
//!
//! Only `redact` uses this. A form that is not listed here is not found: masking is a net below careful scripts, and no
//! proof against a script that hides a secret on purpose.

use base64::{
    Engine,
    engine::general_purpose::{GeneralPurpose, STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};

/// Every form of a value, sorted, without repetition. If the value has at least 6 bytes, so does each form.
pub(super) fn of(value: &str) -> Vec<Vec<u8>> {
    let bytes = value.as_bytes();
    let mut forms = vec![bytes.to_vec(), hex::encode(bytes).into(), hex::encode_upper(bytes).into()];
    for (padded, bare) in [(STANDARD, STANDARD_NO_PAD), (URL_SAFE, URL_SAFE_NO_PAD)] {
        forms.push(padded.encode(bytes).into());
        forms.push(bare.encode(bytes).into());
        forms.extend((0..3).map(|before| inside(&bare, bytes, before)));
    }
    for unescaped in [UNRESERVED, COMPONENT, URI, FORM, b"".as_slice()] {
        for digits in [b"0123456789ABCDEF", b"0123456789abcdef"] {
            forms.push(percent(bytes, unescaped, digits));
        }
    }
    let json = json(value);
    // For a JSON text inside a string of another JSON text.
    forms.push(self::json(&json).into());
    for (ascii, more) in [(false, ""), (false, "<>&"), (true, ""), (true, "/"), (true, "<>&")] {
        forms.push(json_variant(&json, ascii, more).into());
    }
    forms.sort();
    forms.dedup();
    forms
}

/// The part of a longer text's base64 that is the same whatever stands around the value. `before` is the number of
/// bytes before the value, modulo 3.
fn inside(engine: &GeneralPurpose, value: &[u8], before: usize) -> Vec<u8> {
    let text = engine.encode([&[0; 2][..before], value].concat());
    // Each character holds 6 bits. `first` is the first character that holds only bits of the value, and `end` is the
    // one after the last.
    let (first, end) = ((before * 8).div_ceil(6), (before + value.len()) * 8 / 6);
    text.as_bytes()[first..end].to_vec()
}

/// Characters that RFC 3986 never needs to escape, beside letters and digits.
const UNRESERVED: &[u8] = b"-._~";
/// Characters that JavaScript's `encodeURIComponent` does not escape.
const COMPONENT: &[u8] = b"-_.!~*'()";
/// Characters that JavaScript's `encodeURI` does not escape.
const URI: &[u8] = b"-_.!~*'();,/?:@&=+$#";
/// Characters that a form does not escape (WHATWG URL); a space becomes `+`.
const FORM: &[u8] = b"*-._ ";

/// Escapes everything except letters, digits and `unescaped`. With an empty `unescaped`, everything is escaped.
fn percent(value: &[u8], unescaped: &[u8], digits: &[u8; 16]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    for &byte in value {
        let plain = unescaped.contains(&byte) || (byte.is_ascii_alphanumeric() && !unescaped.is_empty());
        match byte {
            b' ' if plain => out.push(b'+'),
            _ if plain => out.push(byte),
            _ => out.extend([b'%', digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]]),
        }
    }
    out
}

/// The inside of a JSON string, as `JSON.stringify` and serde_json write it.
fn json(value: &str) -> String {
    let quoted = serde_json::to_string(value).expect("any text can be a JSON string");
    quoted[1..quoted.len() - 1].to_owned()
}

/// The same with the escapes of other writers: `\uXXXX` beyond ASCII (Python, PHP), `\/` (PHP), `\u003c` (Go).
fn json_variant(json: &str, ascii: bool, more: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        if character == '/' && more.contains('/') {
            out.push_str("\\/");
        } else if more.contains(character) || (ascii && !character.is_ascii()) {
            let mut units = [0; 2];
            let units = character.encode_utf16(&mut units);
            units.iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        } else {
            out.push(character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(value: &str) -> Vec<String> {
        of(value).into_iter().map(|form| String::from_utf8(form).unwrap()).collect()
    }

    #[test]
    fn the_forms_are_those_that_others_write() {
        let forms = texts("pä ss/\"<>");
        for form in [
            "pä ss/\"<>",
            "70c3a42073732f223c3e",
            "70C3A42073732F223C3E",
            "cMOkIHNzLyI8Pg==",
            "p%C3%A4%20ss%2F%22%3C%3E",
            "p%c3%a4+ss%2f%22%3c%3e",
            "p%C3%A4%20ss/%22%3C%3E",
            "%70%C3%A4%20%73%73%2F%22%3C%3E",
            "pä ss/\\\"<>",
            "pä ss/\\\\\\\"<>",
            "p\\u00e4 ss\\/\\\"<>",
            "pä ss/\\\"\\u003c\\u003e",
        ] {
            assert!(forms.iter().any(|found| found == form), "{form} is not in {forms:?}");
        }
    }

    #[test]
    fn a_plain_value_has_few_forms_and_none_is_short() {
        let forms = texts("abc123");
        assert!(forms.len() <= 12, "{forms:?}");
        assert!(forms.iter().all(|form| form.len() >= 6), "{forms:?}");
    }

    #[test]
    fn base64_of_a_longer_text_holds_the_inner_form() {
        for (before, after) in (0..9).flat_map(|before| (0..4).map(move |after| (before, after))) {
            let whole = [vec![b'x'; before], b"s3cret-value!".to_vec(), vec![b'y'; after]].concat();
            let encoded = STANDARD.encode(whole);
            let inner = inside(&STANDARD_NO_PAD, b"s3cret-value!", before % 3);
            assert!(encoded.contains(std::str::from_utf8(&inner).unwrap()), "{before} {after}");
            assert!(inner.len() >= 15);
        }
    }
}
