//! Finds where a TypeScript text nests deeper than any author's does. The parser tries several readings of each
//! bracket. So the time for deep nesting grows with its cube: a few kilobytes of `(a=` take minutes.
//!
//! This is a scanner of strings, comments, templates and regular expressions. It guesses from what stands before a
//! slash what the slash means. A wrong guess only costs time, because the stack is sized without it and parsing has a
//! deadline. Called by `parse`.

/// The deepest nesting that is parsed, levels.
const MOST: usize = 200;

/// Words after which a slash begins a regular expression.
const BEFORE_REGEX: [&str; 11] =
    ["return", "typeof", "case", "in", "of", "delete", "void", "throw", "else", "do", "instanceof"];

/// The byte offset where a text nests too deeply; `None` if it does not.
pub(super) fn too_deep(source: &str) -> Option<usize> {
    let bytes = source.as_bytes();
    let next = |at: usize| bytes.get(at + 1).copied();
    let (mut depth, mut angles) = (0_usize, 0_usize);
    // For each open template around: how deep its `${` is.
    let mut templates: Vec<usize> = Vec::new();
    // The offset of the last byte that is neither white space nor part of a comment.
    let mut last = 0;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        match byte {
            b'"' | b'\'' => at = literal(bytes, at + 1, byte),
            b'`' => at = template(bytes, at + 1, depth, &mut templates),
            b'/' if next(at) == Some(b'/') => {
                at +=
                    bytes[at..].iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(bytes.len());
                continue;
            }
            b'/' if next(at) == Some(b'*') => {
                let end = source.get(at + 2..).and_then(|rest| rest.find("*/"));
                at = end.map_or(bytes.len(), |end| at + end + 4);
                continue;
            }
            b'/' if begins_regex(source, last) => at = regex(bytes, at + 1),
            b'(' | b'[' | b'{' => depth += 1,
            b'}' if templates.last() == Some(&depth) => {
                templates.pop();
                at = template(bytes, at + 1, depth, &mut templates);
            }
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'<' => angles += 1,
            b'>' if bytes.get(at.wrapping_sub(1)) != Some(&b'=') => angles = angles.saturating_sub(1),
            b';' => angles = 0,
            _ => {}
        }
        if depth + templates.len() > MOST || angles > MOST {
            return Some(start);
        }
        if !byte.is_ascii_whitespace() {
            last = at.min(bytes.len() - 1);
        }
        at += 1;
    }
    None
}

/// Whether a slash after the byte at `last` begins a regular expression.
fn begins_regex(source: &str, last: usize) -> bool {
    let before = source.as_bytes()[last];
    if matches!(before, b')' | b']' | b'}' | b'"' | b'\'' | b'`') {
        return false;
    }
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || *byte >= 0x80;
    if !is_word(&before) {
        return true;
    }
    let length = source.as_bytes()[..=last].iter().rev().take_while(|byte| is_word(byte)).count();
    source.get(last + 1 - length..=last).is_some_and(|word| BEFORE_REGEX.contains(&word))
}

/// The offset of the quote that ends a string, or of the end of its line.
fn literal(bytes: &[u8], mut at: usize, quote: u8) -> usize {
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'\n' | b'\r' => return at,
            _ if byte == quote => return at,
            _ => {}
        }
        at += 1;
    }
    at
}

/// The offset of the backtick that ends a template, or of the brace of its next `${`.
fn template(bytes: &[u8], mut at: usize, depth: usize, templates: &mut Vec<usize>) -> usize {
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'`' => return at,
            b'$' if bytes.get(at + 1) == Some(&b'{') => {
                templates.push(depth);
                return at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    at
}

/// The offset of the slash that ends a regular expression, or of the end of its line.
fn regex(bytes: &[u8], mut at: usize) -> usize {
    let mut class = false;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'\n' | b'\r' => return at,
            b'[' => class = true,
            b']' => class = false,
            b'/' if !class => return at,
            _ => {}
        }
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_that_of_the_code() {
        for kind in [
            "(",
            "[",
            "{",
            "`${",
            "f(`${",
            "a<",
            "(/[/(]/ + ",
            "(a / b + ",
            "(return /[)]/ + ",
            "('\\')' + ",
            "(/* ) */",
        ] {
            let deep = kind.repeat(MOST + 1);
            assert!(too_deep(&deep).is_some(), "{kind}");
            assert_eq!(too_deep(&kind.repeat(MOST / 2)), None, "{kind}");
        }
        for flat in [
            "f(a);",
            "'((';",
            "\"[[\";",
            "`((${a})((`;",
            "/[((]/;",
            "x = /\\(/g;",
            "// ((\n",
            "/* (( */",
            "a < b;",
            "const f = (a) => a > b;",
            "type A = Map<string, Set<B>>\n",
            "return /['\"(]/.test(a);",
            "(a / b) / c;",
            "'\\'(';",
            "`\\`(`;",
            "`${`${a}`}`;",
        ] {
            assert_eq!(too_deep(&flat.repeat(MOST * 3)), None, "{flat}");
        }
    }
}
