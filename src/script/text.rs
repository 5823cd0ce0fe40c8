//! Places in source texts: offsets in bytes, lines and columns as JavaScript counts them.
//!
//! Everything in `script` uses this. It never fails: an offset past the end counts as the end.

/// Whether a character ends a line (ECMA-262 section 12.3).
pub(super) fn ends_line(character: char) -> bool {
    matches!(character, '\n' | '\r' | '\u{2028}' | '\u{2029}')
}

/// The text without a byte order mark.
pub(super) fn without_mark(source: &str) -> &str {
    source.strip_prefix('\u{feff}').unwrap_or(source)
}

/// Line and column of a byte offset, both from 1, with the column in UTF-16 units.
pub(super) fn place(source: &str, offset: usize) -> (u32, u32) {
    let (mut line, mut column) = (1, 1);
    let mut characters = source.char_indices().take_while(|(at, _)| *at < offset).peekable();
    while let Some((_, character)) = characters.next() {
        if character == '\r' && characters.peek().is_some_and(|(_, next)| *next == '\n') {
            continue;
        }
        if ends_line(character) {
            (line, column) = (line + 1, 1);
        } else {
            column += character.len_utf16() as u32;
        }
    }
    (line, column)
}

/// The lines of a text, without what ends them.
pub(super) fn lines(source: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut start = 0;
    let mut characters = source.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        if !ends_line(character) {
            continue;
        }
        lines.push(&source[start..at]);
        start = at + character.len_utf8();
        if character == '\r' && characters.peek().is_some_and(|(_, next)| *next == '\n') {
            characters.next();
            start += 1;
        }
    }
    lines.push(&source[start..]);
    lines
}

/// The offset of the first byte from `at` on that is neither white space nor part of a comment.
pub(super) fn skip_blank(source: &str, mut at: usize) -> usize {
    loop {
        let rest = source.get(at..).unwrap_or_default();
        let next = if rest.starts_with("//") {
            rest.find(ends_line).unwrap_or(rest.len())
        } else if let Some(comment) = rest.strip_prefix("/*") {
            comment.find("*/").map_or(rest.len(), |end| end + 4)
        } else {
            match rest.chars().next() {
                Some(character) if character.is_whitespace() || character == '\u{feff}' => {
                    character.len_utf8()
                }
                Some(_) | None => return at,
            }
        };
        at += next;
    }
}

/// The word that begins at an offset; empty if none does.
pub(super) fn word(source: &str, at: usize) -> &str {
    let rest = source.get(at..).unwrap_or_default();
    let end = rest
        .find(|character: char| !(character.is_alphanumeric() || matches!(character, '_' | '$')))
        .unwrap_or(rest.len());
    &rest[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_utf_16_and_every_kind_of_line_end() {
        let source = "a\r\n😀b\rc\u{2028}d";
        for (needle, expected) in [("a", (1, 1)), ("😀", (2, 1)), ("b", (2, 3)), ("c", (3, 1)), ("d", (4, 1))]
        {
            assert_eq!(place(source, source.find(needle).unwrap()), expected, "{needle}");
        }
        assert_eq!(lines(source), ["a", "😀b", "c", "d"]);
        assert_eq!(lines(""), [""]);
    }

    #[test]
    fn comments_are_skipped_whole() {
        let source = "x /* : */ // ?\n\t? y";
        assert_eq!(&source[skip_blank(source, 1)..], "? y");
        assert_eq!(skip_blank("a /* open", 1), 9);
        assert_eq!(word("readonly x", 0), "readonly");
    }
}
