//! Text from outside, made safe to print: a terminal obeys escape sequences.

/// The text with control characters shown as escapes; line breaks and tabs stay.
pub(super) fn safe(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() && character != '\n' && character != '\t' {
            safe.extend(character.escape_unicode());
        } else {
            safe.push(character);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_log_cannot_command_the_terminal() {
        assert_eq!(super::safe("a\u{1b}[2Jb\n\tc\u{9b}d"), "a\\u{1b}[2Jb\n\tc\\u{9b}d");
    }
}
