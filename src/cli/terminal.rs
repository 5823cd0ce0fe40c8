//! Makes text from outside safe to print, because a terminal obeys escape sequences.

use serde_json::Value;

/// The text with control characters shown as escapes. Line breaks and tabs stay.
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

/// Prints where a script failed, for people. It goes to stderr, because stdout is for programs.
pub(super) fn print_frame(error: &Value) {
    let Some(frame) = error["frame"].as_str() else { return };
    let at = &error["position"];
    let place = format!("{}:{}:{}", at["file"].as_str().unwrap_or("?"), at["line"], at["column"]);
    let message = error["message"].as_str().unwrap_or_default();
    tell!("{}: {}\n{}", safe(&place), safe(message), safe(frame));
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_log_cannot_command_the_terminal() {
        assert_eq!(super::safe("a\u{1b}[2Jb\n\tc\u{9b}d"), "a\\u{1b}[2Jb\n\tc\\u{9b}d");
    }
}
