//! Syntax errors in the user's own terms: what people commonly get wrong in code steps, and where it really is.
//!
//! Boa's parser says which token it did not expect; that does not help somebody who wrote TypeScript, awaits in a function that
//! is not async, or left a quote open three lines above. Pure: text in, text and places out. Called by `source.rs`.
//! Places are 1-based and count code points.

use crate::names::{Place, code_alone, first_word, is_name, last_word};

/// A better message and place for a syntax error, or `None` when there is nothing to add.
pub(crate) fn explain(message: &str, source: &str, place: Place) -> Option<(String, Place)> {
    let (line, column) = place;
    let text: Vec<char> = source.lines().nth(line.checked_sub(1)? as usize)?.chars().collect();
    let (before, rest) = text.split_at(text.len().min(column as usize - 1));
    let (before, rest): (String, String) = (before.iter().collect(), rest.iter().collect());
    let word = last_word(&before);
    if word == "await" && message.starts_with("expected") {
        let column = before.trim_end().chars().count() - "await".len() + 1;
        let message = "`await` is only valid in async functions: write `async` before the function around it";
        return Some((message.to_owned(), (line, column as u32)));
    }
    is_typescript(&before, &rest)
        .then(|| (format!("this is TypeScript in a JavaScript file: name the file `.ts`, or remove the types ({message})"), place))
}

/// Whether what the parser stopped at is a type of TypeScript.
fn is_typescript(before: &str, rest: &str) -> bool {
    let statement = before.trim_start();
    let statement = statement.strip_prefix("export ").unwrap_or(statement).trim_end();
    let declares = |statement: &str| {
        ["interface", "type", "enum", "declare", "namespace", "abstract"].contains(&statement)
            || ["private", "public", "protected", "readonly"].contains(&statement)
    };
    if declares(statement) && rest.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '$') {
        return true;
    }
    let next = first_word(rest);
    if (next == "enum" || next == "interface") && !first_word(rest[next.len()..].trim_start()).is_empty() {
        return true;
    }
    if ["as", "satisfies"].contains(&next) && !before.trim_end().is_empty() {
        return rest[next.len()..].starts_with(' ') && is_type(rest[next.len()..].trim_start());
    }
    let annotated = rest.strip_prefix('?').unwrap_or(rest).strip_prefix(':');
    if let Some(named) = annotated {
        return !before.trim_end().is_empty() && is_type(named.trim_start());
    }
    rest.starts_with('<') && ["function", "class"].contains(&last_word(before.trim_end_matches(is_name)))
}

/// Whether a text begins with what is rather a type than a value.
fn is_type(text: &str) -> bool {
    const KNOWN: &str =
        " string number boolean any unknown void never object undefined symbol bigint const typeof ";
    let word = first_word(text);
    word.starts_with(|c: char| c.is_ascii_lowercase()) && KNOWN.contains(&format!(" {word} "))
        || word.starts_with(|c: char| c.is_ascii_uppercase())
}

/// The first `import` declaration: what it imports, and its place.
pub(crate) fn first_import(source: &str) -> Option<(String, Place)> {
    let code = code_alone(source);
    source.lines().zip(code.lines()).zip(1_u32..).find_map(|((text, code), line)| {
        let rest = code.trim_start().strip_prefix("import")?;
        if !rest.starts_with([' ', '\t', '{', '*', '"', '\'']) {
            return None;
        }
        let start = text.find(['"', '\''])?;
        let quote = text[start..].chars().next()?;
        let specifier = text[start + 1..].split(quote).next()?;
        Some((specifier.to_owned(), (line, (text.len() - text.trim_start().len()) as u32 + 1)))
    })
}

/// Where the literal begins that is still open where the parser gave up.
///
/// `is_open` says whether a beginning of the source fails for that very reason; it does from the literal on, so the place is searched by halves.
pub(crate) fn opening(source: &str, is_open: impl Fn(&str) -> bool) -> Option<Place> {
    let mut ends: Vec<usize> = source.match_indices('\n').map(|(at, _)| at + 1).collect();
    ends.push(source.len());
    let line = ends.partition_point(|&end| !is_open(&source[..end]));
    let end = *ends.get(line)?;
    let start = if line == 0 { 0 } else { ends[line - 1] };
    let text = &source[start..end];
    let quotes = text.char_indices().filter(|(_, c)| matches!(c, '\'' | '"' | '/')).map(|(at, _)| at);
    let open = quotes.collect::<Vec<_>>().into_iter().rev().take(64);
    // With the character after it: a slash alone is not yet a regular expression.
    let with_next = |at: usize| text[at + 1..].chars().next().map_or(at + 1, |next| at + 1 + next.len_utf8());
    let at = open.take_while(|&at| is_open(&source[..start + with_next(at)])).last()?;
    Some((line as u32 + 1, text[..at].chars().count() as u32 + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_told_from_mistyped_javascript() {
        for (before, rest) in [
            ("const x", ": number = 1"),
            ("function f(a", ": string) {"),
            ("function f(a", "?: Thing) {"),
            ("export interface ", "A { b: string }"),
            ("type ", "A = string"),
            ("", "enum A { B }"),
            ("return x ", "as string"),
            ("function f", "<T>(a) {"),
            (")", ": Promise<void> {"),
        ] {
            assert!(is_typescript(before, rest), "{before}|{rest}");
        }
        for (before, rest) in [
            ("  \"a\"", ": 1"),
            ("return a ? b ", ": c"),
            ("const as ", "b"),
            ("return ", "<div/>"),
            ("a ", "b"),
            ("", ": string"),
        ] {
            assert!(!is_typescript(before, rest), "{before}|{rest}");
        }
    }

    #[test]
    fn the_first_import_is_found_outside_comments() {
        let source = "// import a from 'a'\n/*\nimport b from 'b'\n*/\n  import c from \"c\"";
        assert_eq!(first_import(source), Some(("c".to_owned(), (5, 3))));
        assert_eq!(first_import("const x = await import('y')\nimportant('x')"), None);
    }
}
