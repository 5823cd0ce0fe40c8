//! Finds names in a script's text: where one is declared twice, and where one is used before its declaration.
//!
//! Boa says that it happened, but neither of which name nor where. Reads the text alone, without a parser, so it is asked only
//! when there is an error to explain. Called by `source.rs`, `failure.rs` and `mistakes.rs`. Places are 1-based and count code points.

/// Seven-letter stand-ins for `default=`, so that every column stays; the first that the source does not contain is taken.
pub(crate) const DEFAULT_NAMES: [&str; 3] = ["$deflt", "$dfalt", "_deflt"];

/// What declares a name that may not be declared again.
const DECLARES: [&str; 3] = ["let", "const", "class"];

/// A line and a column.
pub(crate) type Place = (u32, u32);

/// The first name that is declared again in the block of its first declaration, and where; only `wanted`, if it is given.
pub(crate) fn declared_again(source: &str, wanted: Option<&str>) -> Option<(String, Place)> {
    let code = code_alone(source);
    // The names of each block that is open.
    let mut open: Vec<Vec<&str>> = vec![Vec::new()];
    let mut place = (1, 1);
    let mut previous = "";
    let mut rest = code.as_str();
    while let Some(c) = rest.chars().next() {
        let word = first_word(rest);
        if word.is_empty() {
            match c {
                '{' => open.push(Vec::new()),
                '}' if open.len() > 1 => drop(open.pop()),
                _ => {}
            }
            place = if c == '\n' { (place.0 + 1, 1) } else { (place.0, place.1 + 1) };
            if !c.is_whitespace() {
                previous = "";
            }
            rest = &rest[c.len_utf8()..];
            continue;
        }
        if DECLARES.contains(&previous) && wanted.is_none_or(|wanted| wanted == word) {
            let names = open.last_mut()?;
            if names.contains(&word) {
                return Some((word.to_owned(), place));
            }
            names.push(word);
        }
        previous = word;
        place.1 += word.chars().count() as u32;
        rest = &rest[word.len()..];
    }
    None
}

/// The places at which a name is declared, in order.
fn declarations(name: &str, source: &str) -> Vec<Place> {
    words(name, source)
        .into_iter()
        .filter(|(_, before)| DECLARES.contains(&last_word(before)))
        .map(|(place, _)| place)
        .collect()
}

/// A name that is used in line `from` or later and declared only after that: the name, and where it is used.
pub(crate) fn used_before_declaration(source: &str, from: u32) -> Option<(String, Place)> {
    let code = code_alone(source);
    let mut found: Option<(String, Place)> = None;
    let mut own = None;
    for (at, keyword) in ["let ", "const ", "class "].iter().flat_map(|word| code.match_indices(word)) {
        if code[..at].ends_with(is_name) {
            continue;
        }
        let name = first_word(code[at + keyword.len()..].trim_start());
        if name.is_empty() {
            continue;
        }
        let declared = declarations(name, source);
        let Some(first) = declared.first() else {
            continue;
        };
        let uses = words(name, source)
            .into_iter()
            .filter(|(place, before)| place.0 >= from && !before.ends_with('.'));
        for (place, before) in uses {
            if place < *first && found.as_ref().is_none_or(|(_, earliest)| place < *earliest) {
                found = Some((name.to_owned(), place));
            }
            // `const a = a.b`
            let statement: String = before.chars().skip(first.1 as usize).collect();
            if place > *first && place.0 == first.0 && !statement.contains(';') && own.is_none() {
                own = Some((name.to_owned(), place));
            }
        }
    }
    found.or(own)
}

/// Every place of a name as a whole word outside comments and strings, with what precedes it on its line.
fn words(name: &str, source: &str) -> Vec<(Place, String)> {
    let code = code_alone(source);
    let mut out = Vec::new();
    for (line, number) in code.lines().zip(1_u32..) {
        for (at, _) in line.match_indices(name) {
            let (before, after) = (&line[..at], &line[at + name.len()..]);
            if !before.ends_with(is_name) && !after.starts_with(is_name) {
                out.push(((number, before.chars().count() as u32 + 1), before.to_owned()));
            }
        }
    }
    out
}

/// The source with the text of comments and quoted strings replaced by spaces; every character keeps its place.
pub(crate) fn code_alone(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut inside: Option<&str> = None;
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        let mut width = c.len_utf8();
        match inside {
            None => {
                inside = ["//", "/*", "'", "\""].into_iter().find(|start| rest.starts_with(start));
                match inside {
                    Some(start) => {
                        width = start.len();
                        out.push_str(start);
                    }
                    None => out.push(c),
                }
            }
            Some(start) => {
                let ends = match start {
                    "//" => c == '\n',
                    "/*" => rest.starts_with("*/"),
                    quote => rest.starts_with(quote) || c == '\n',
                };
                if ends {
                    inside = None;
                    if start == "/*" {
                        out.push(' ');
                        width += 1;
                    }
                    out.push(if start == "/*" { ' ' } else { c });
                } else {
                    out.push(if c == '\n' { c } else { ' ' });
                    if c == '\\'
                        && start.len() == 1
                        && let Some(escaped) = rest[width..].chars().next()
                    {
                        width += escaped.len_utf8();
                        out.push(if escaped == '\n' { escaped } else { ' ' });
                    }
                }
            }
        }
        rest = &rest[width..];
    }
    out
}

pub(crate) fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// The word that begins a text.
pub(crate) fn first_word(text: &str) -> &str {
    &text[..text.find(|c| !is_name(c)).unwrap_or(text.len())]
}

/// The word that ends a text, spaces aside.
pub(crate) fn last_word(text: &str) -> &str {
    let text = text.trim_end();
    let start =
        text.rfind(|c| !is_name(c)).map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    &text[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_blanked_in_place() {
        for (source, expected) in [
            ("a // b\nc", "a //  \nc"),
            ("a /* b\n */ c", "a /*  \n    c"),
            ("/*/ a */ b", "/*       b"),
            ("x = 'a\\'b' + c", "x = '    ' + c"),
            ("'\u{1f600}' d", "' ' d"),
        ] {
            let code = code_alone(source);
            assert_eq!(code.chars().count(), source.chars().count(), "{source}: {code}");
            assert_eq!(code, expected, "{source}");
        }
    }

    #[test]
    fn a_second_declaration_is_one_of_the_same_block() {
        for (source, expected) in [
            ("const a = 1;\nconst a = 2", Some(("a", (2, 7)))),
            ("if (x) { let a } else { let a }\nlet  a; class a {}", Some(("a", (2, 15)))),
            ("let a; // let a\n'let a'; letter a", None),
            ("} let a", None),
        ] {
            let expected = expected.map(|(name, place): (&str, _)| (name.to_owned(), place));
            assert_eq!(declared_again(source, None), expected, "{source}");
        }
        assert_eq!(declared_again("let b; let b; let a; let a", Some("a")), Some(("a".to_owned(), (1, 26))));
    }

    #[test]
    fn an_early_use_is_found_before_its_declaration() {
        for (source, expected) in [
            ("\nreturn later;\nconst later = 1;", Some(("later", (2, 8)))),
            ("const a = 1;\n// b\nreturn a + b;\nlet b = 2", Some(("b", (3, 12)))),
            ("const a = 1; return a", None),
            ("let x = x + 1", Some(("x", (1, 9)))),
            ("o.b; const b = 1", None),
        ] {
            let found = used_before_declaration(source, 1);
            assert_eq!(found, expected.map(|(name, place)| (name.to_owned(), place)), "{source}");
        }
    }
}
