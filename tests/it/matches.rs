//! A match over one of our own enums names every variant: the compiler then tells each place that a new one needs.
//!
//! Clippy's `wildcard_enum_match_arm` asks the same of enums of others, such as JSON's values, where a rest is often what is meant;
//! so this looks at the patterns. An arm that takes the rest by a name and passes it on (`error => error.into()`) may do so.

use std::sync::LazyLock;

use regex::Regex;

use crate::{
    layering::texts,
    support::imports::{Sources, closing},
};

/// Rooms that this does not hold for yet, with the reason.
const NOT_YET: [(&str, &str); 1] = [("steps/query/", "the query languages move into the sandbox")];

/// The arms of a match, from the text after its opening brace: each pattern, with its place.
fn arms(body: &str) -> Vec<(usize, &str)> {
    let mut arms = Vec::new();
    let mut at = 0;
    while let Some(arrow) = outside(&body[at..], |rest| rest.starts_with("=>")) {
        let pattern = &body[at..at + arrow];
        arms.push((at + pattern.len() - pattern.trim_start().len(), pattern.trim()));
        at += arrow + 2;
        at += body[at..].len() - body[at..].trim_start().len();
        at += match body[at..].strip_prefix('{') {
            Some(block) => {
                let after = 1 + closing(block) + 1;
                let rest = body.get(at + after..).unwrap_or_default();
                let comma = rest.find(',').filter(|comma| rest[..*comma].trim().is_empty());
                after + comma.map_or(0, |comma| comma + 1)
            }
            None => {
                outside(&body[at..], |rest| rest.starts_with(',')).map_or(body.len() - at, |comma| comma + 1)
            }
        };
    }
    arms
}

/// Where a text first has something outside all brackets.
fn outside(text: &str, is_it: impl Fn(&str) -> bool) -> Option<usize> {
    let mut depth = 0;
    for (at, character) in text.char_indices() {
        match character {
            _ if depth == 0 && is_it(&text[at..]) => return Some(at),
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return None;
        }
    }
    None
}

/// The lines with an arm `_` beside arms over an enum of ours, each with the enum.
fn rests(sources: &Sources, file: &str, code: &str) -> Vec<(usize, String)> {
    static MATCH: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\bmatch\b").unwrap());
    static VARIANT: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^(?:&\s*)*(?:(?:ref\s+|mut\s+)*\w+\s*@\s*\(?)?((?:\w+\s*::\s*)*\w+)\s*::\s*\w+").unwrap()
    });
    let mut found = Vec::new();
    for start in MATCH.find_iter(code) {
        let head = &code[start.end()..];
        let Some(open) = outside(head, |rest| rest.starts_with('{')) else { continue };
        let from = start.end() + open + 1;
        let body = &code[from..from + closing(&code[from..])];
        let arms = arms(body);
        let Some((rest, _)) = arms.iter().find(|(_, pattern)| *pattern == "_") else { continue };
        let alternatives = arms.iter().flat_map(|(_, pattern)| pattern.split('|').map(str::trim));
        let types = alternatives.filter_map(|one| VARIANT.captures(one).map(|found| found[1].to_owned()));
        let ours = types
            .map(|name| if name == "Self" { own_type(&code[..from]) } else { name })
            .find(|name| sources.is_enum(file, name));
        found.extend(ours.map(|name| (code[..from + rest].matches('\n').count() + 1, name)));
    }
    found
}

/// The type whose `impl` stands last in a text.
fn own_type(before: &str) -> String {
    static IMPL: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?m)^impl\b(?:<[^{}]*?>)?\s+(?:[^{};]*?\bfor\s+)?(\w+)").unwrap());
    IMPL.captures_iter(before).last().map(|found| found[1].to_owned()).unwrap_or_default()
}

#[test]
fn no_match_over_our_own_enums_has_an_arm_for_the_rest() {
    let sources = Sources::of(&texts());
    let mut wrong = Vec::new();
    let mut matches = 0;
    for (file, code) in sources.codes() {
        matches += code.matches("match ").count();
        if !NOT_YET.iter().any(|(room, _)| file.starts_with(room)) {
            let rests = rests(&sources, file, code);
            wrong.extend(rests.iter().map(|(line, name)| format!("{file}:{line}: `_` over {name}")));
        }
    }
    assert!(matches > 300, "the sources are read");
    assert!(wrong.is_empty(), "{}\nname the variants", wrong.join("\n"));
}

#[test]
fn a_planted_arm_for_the_rest_is_found() {
    let text = "pub enum Ours { A, B(u8), C { d: u8 } }
impl Ours {
    fn f(&self) -> u8 {
        match self {
            Self::A | Self::C { .. } if true => { 1 }
            _ => 2,
        }
    }
}
fn g(json: &Value, ours: Ours) -> bool {
    match json { Value::Null => true, _ => false };
    match ours { Ours::A => h(|a, b| a), other => i(other) };
    match (ours, 1) { (Ours::A, _) => true, _ => false };
    match ours { it @ (Ours::A | Ours::B(_)) => match it { Ours::A => { 7 } , _ => 8 }, Ours::C { d } => d }
}";
    let sources = Sources::of(&[("a.rs".to_owned(), text.to_owned())].into());
    let (file, code) = sources.codes().next().unwrap();
    let found = rests(&sources, file, code);
    assert_eq!(found, [(6, "Ours".to_owned()), (14, "Ours".to_owned())]);
}
