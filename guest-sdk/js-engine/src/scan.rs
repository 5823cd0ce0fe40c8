//! Finds the members of a JSON object without parsing their values.
//!
//! Pure. Used by `apis/inputs.rs`, so that a call parses only what its script reads. It trusts nothing: what it cannot follow is left to the
//! parser, which then says what is wrong.

use std::ops::Range;

/// A member: its name, which has no escapes, and where its value stands.
pub(crate) type Member<'a> = (&'a str, Range<usize>);

/// The members of the object that `json` is; `None` when it is none, or one that a parser has to look at.
pub(crate) fn members(json: &[u8]) -> Option<Vec<Member<'_>>> {
    let mut at = space(json, 0);
    if json.get(at) != Some(&b'{') {
        return None;
    }
    at = space(json, at + 1);
    let mut out: Vec<Member<'_>> = Vec::new();
    if json.get(at) == Some(&b'}') {
        return (space(json, at + 1) == json.len()).then_some(out);
    }
    loop {
        let end = string_end(json, at)?;
        let name = &json[at + 1..end - 1];
        if name.contains(&b'\\') {
            return None;
        }
        let name = std::str::from_utf8(name).ok()?;
        at = space(json, end);
        if json.get(at) != Some(&b':') || out.iter().any(|(other, _)| *other == name) {
            return None;
        }
        let start = space(json, at + 1);
        let end = value_end(json, start)?;
        out.push((name, start..end));
        at = space(json, end);
        match json.get(at)? {
            b',' => at = space(json, at + 1),
            b'}' => return (space(json, at + 1) == json.len()).then_some(out),
            _ => return None,
        }
    }
}

fn space(json: &[u8], mut at: usize) -> usize {
    while matches!(json.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}

/// The end of the string that begins at `at`.
fn string_end(json: &[u8], at: usize) -> Option<usize> {
    if json.get(at) != Some(&b'"') {
        return None;
    }
    let mut at = at + 1;
    loop {
        at += quote_or_escape(json.get(at..)?)?;
        if json[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// Where the first `"` or `\` is. Eight bytes at a time, because this runs over most of an event.
fn quote_or_escape(text: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // The lowest set bit is in the first byte that is zero (Mycroft, 1987).
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & (ONES << 7);
    let mut at = 0;
    while let Some(chunk) = text[at..].first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        let found = zeros(word ^ (ONES * b'"' as u64)) | zeros(word ^ (ONES * b'\\' as u64));
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    text[at..].iter().position(|&byte| byte == b'"' || byte == b'\\').map(|found| at + found)
}

/// The end of the value that begins at `at`: its brackets are counted, nothing else is looked at.
fn value_end(json: &[u8], at: usize) -> Option<usize> {
    match json.get(at)? {
        b'"' => string_end(json, at),
        b'{' | b'[' => {
            let mut depth = 0_usize;
            let mut at = at;
            loop {
                match json.get(at)? {
                    b'"' => at = string_end(json, at)?,
                    b'{' | b'[' => {
                        depth += 1;
                        at += 1;
                    }
                    b'}' | b']' => {
                        depth -= 1;
                        at += 1;
                        if depth == 0 {
                            return Some(at);
                        }
                    }
                    _ => at += 1,
                }
            }
        }
        _ => {
            let rest = &json[at..];
            let length = rest.iter().position(|c| matches!(c, b',' | b'}' | b' ' | b'\n' | b'\r' | b'\t'))?;
            Some(at + length)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::members;

    fn texts(json: &str) -> Option<Vec<(&str, &str)>> {
        let found = members(json.as_bytes())?;
        Some(found.into_iter().map(|(name, range)| (name, &json[range])).collect())
    }

    #[test]
    fn members_are_found_by_their_brackets() {
        assert_eq!(
            texts(r#" { "a" : {"x":"}\"]"} , "b":[1,[2,{}]],"c":"\\","d":-1.5e3,"é":null } "#),
            Some(vec![
                ("a", r#"{"x":"}\"]"}"#),
                ("b", "[1,[2,{}]]"),
                ("c", r#""\\""#),
                ("d", "-1.5e3"),
                ("é", "null"),
            ])
        );
        assert_eq!(texts("{}"), Some(vec![]));
    }

    #[test]
    fn what_is_unclear_is_left_to_the_parser() {
        for json in [
            "",
            "[]",
            "{",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":1",
            "{\"a\":1}x",
            "{\"a\":1,}",
            "{\"\\u0061\":1}",
            "{\"a\":1,\"a\":2}",
            "{\"a\":\"x",
            "{\"a\" 1}",
            "{\"a\":[}",
        ] {
            assert_eq!(members(json.as_bytes()), None, "{json}");
        }
    }
}
