//! The functions that jq programs may call, besides those that are defined in jq itself (`prelude.jq`).
//!
//! jaq's own as far as they only compute, and ours where jaq's know only its own values or could work
//! without end. What reaches out is left out: `env`, `input`, `now`, `debug`, `halt`, local time.

use jaq_core::{
    Bind, Error, Exn, RunPtr, ValR, ValXs,
    data::JustLut,
    load::{self, parse::Def},
    native::{Filter, Fun, bome, run, unary, v},
};

use super::{
    super::{
        super::work::{pay, pay_text},
        pattern::Pattern,
    },
    check,
    paths::positions,
    value::{Members, Value},
};

/// What jaq's programs are about.
pub(super) type Data = JustLut<Value>;
/// The fuel that a call of a native costs beside its work.
const CALL: u64 = 4;

/// Functions of jaq that are left out: they reach out, know only jaq's values, or may loop for very long.
const WITHOUT: [&str; 12] = [
    "debug_empty",
    "env",
    "halt",
    "jn",
    "localtime",
    "matches",
    "now",
    "split_",
    "split_matches",
    "stderr_empty",
    "strflocaltime",
    "yn",
];
/// Definitions of jaq that call what is left out, or that a function of ours replaces.
const WITHOUT_DEFINITIONS: [&str; 5] = ["debug", "halt", "halt_error", "join", "stderr"];

/// Definitions of jaq that go on and on.
const LOOPS: [&str; 4] = ["recurse", "repeat", "until", "while"];

/// What is written in jq, in the order in which it is defined.
pub(super) fn definitions() -> impl Iterator<Item = Def<&'static str>> {
    let theirs = jaq_core::defs().chain(jaq_std::defs());
    let kept = theirs.filter(|def| !WITHOUT_DEFINITIONS.contains(&def.name));
    let kept = kept.map(|def| if LOOPS.contains(&def.name) { check::paying(def) } else { def });
    let ours = load::parse(include_str!("prelude.jq"), |parser| parser.defs());
    // The last of a name is the one that a program calls.
    kept.chain(ours.expect("prelude.jq is jq; the tests parse it"))
}

/// What is written in Rust.
pub(super) fn functions() -> impl Iterator<Item = Fun<Data>> {
    let theirs = jaq_core::funs().chain(jaq_std::funs()).filter(|(name, ..)| !WITHOUT.contains(name));
    // The first of a name is the one that is called.
    ours().into_vec().into_iter().map(run::<Data>).chain(theirs)
}

fn ours() -> Box<[Filter<RunPtr<Data>>]> {
    let two = || [Bind::Var(()), Bind::Var(())].into();
    Box::new([
        (check::TICK, v(0), |cv| {
            pay(CALL);
            bome(Ok(cv.1))
        }),
        ("fromjson", v(0), |cv| bome(from_json(&cv.1))),
        ("tojson", v(0), |cv| bome(Ok(Value::text(cv.1.to_json())))),
        ("length", v(0), |cv| bome(length(&cv.1))),
        ("contains", v(1), |cv| unary(cv, |value, part| Ok(contains(&value, &part).into()))),
        ("has", v(1), |cv| unary(cv, |value, key| has(&value, &key))),
        ("indices", v(1), |cv| unary(cv, |value, part| indices(&value, &part))),
        ("join", v(1), |cv| unary(cv, |array, separator| joined(&array, &separator))),
        ("bsearch", v(1), |cv| unary(cv, |array, wanted| search(&array, &wanted))),
        ("matches", two(), |cv| matching(cv, false, true)),
        ("split_matches", two(), |cv| matching(cv, true, true)),
        ("split_", two(), |cv| matching(cv, true, false)),
    ])
}

fn from_json(value: &Value) -> ValR<Value> {
    let Value::Text(text) = value else { return Err(Error::typ(value.clone(), "string")) };
    // A value a byte, at the most.
    pay_text(text.len() * 8);
    serde_json::from_str(text)
        .map(|json| Value::from_json(&json))
        .map_err(|error| Error::str(format_args!("{value} is no JSON: {error}")))
}

fn length(value: &Value) -> ValR<Value> {
    match value {
        Value::Null => Ok(Value::from(0_usize)),
        Value::Bool(_) => Err(Error::str(format_args!("{value} has no length"))),
        Value::Number(number) if number.float() < 0.0 => Ok(Value::Number(number.negate())),
        Value::Number(number) => Ok(Value::Number(*number)),
        Value::Text(text) => {
            pay_text(text.len());
            Ok(text.chars().count().into())
        }
        Value::Array(array) => Ok(array.of.len().into()),
        Value::Object(object) => Ok(object.of.len().into()),
    }
}

fn contains(value: &Value, part: &Value) -> bool {
    pay(1);
    match (value, part) {
        (Value::Text(text), Value::Text(part)) => {
            pay_text(text.len());
            text.contains(part.as_str())
        }
        (Value::Array(array), Value::Array(parts)) => {
            parts.of.iter().all(|part| array.of.iter().any(|element| contains(element, part)))
        }
        (Value::Object(object), Value::Object(parts)) => {
            let has = |(name, part): (&_, &_)| object.of.get(name).is_some_and(|value| contains(value, part));
            parts.of.iter().all(has)
        }
        _ => value == part,
    }
}

fn has(value: &Value, key: &Value) -> ValR<Value> {
    match (value, key) {
        (Value::Object(_), Value::Text(_)) | (Value::Array(_), Value::Number(_)) => {
            Ok(value.at(key)?.is_some().into())
        }
        _ => Err(Error::index(value.clone(), key.clone())),
    }
}

fn indices(value: &Value, part: &Value) -> ValR<Value> {
    match (value, part) {
        (Value::Null, _) => Ok(Value::Null),
        (Value::Text(_), Value::Text(part)) if part.is_empty() => Ok(Value::array(Vec::new())),
        (Value::Text(text), Value::Text(part)) => {
            pay_text(text.len() * 4);
            // Overlapping ones count: "aaa" holds "aa" twice. `starts_with` at each place could read
            // `part` each time.
            let starts = text.char_indices().enumerate();
            let found = starts.filter(|(_, (byte, _))| {
                pay_text(part.len().min(text.len() - byte));
                text[*byte..].starts_with(part.as_str())
            });
            Ok(found.map(|(place, _)| Value::from(place)).collect())
        }
        (Value::Array(array), Value::Array(part)) => Ok(positions(&array.of, &part.of)),
        (Value::Array(array), part) => Ok(positions(&array.of, std::slice::from_ref(part))),
        _ => Err(Error::index(value.clone(), part.clone())),
    }
}

/// Null is nothing, numbers and booleans are their JSON.
fn joined(array: &Value, separator: &Value) -> ValR<Value> {
    let Value::Array(array) = array else { return Err(Error::typ(array.clone(), "array")) };
    let Value::Text(separator) = separator else { return Err(Error::typ(separator.clone(), "string")) };
    let mut all = String::new();
    for (place, element) in array.of.iter().enumerate() {
        if place > 0 {
            pay_text(separator.len());
            all.push_str(separator);
        }
        match element {
            Value::Null => {}
            Value::Text(text) => {
                pay_text(text.len());
                all.push_str(text);
            }
            Value::Number(_) | Value::Bool(_) => all.push_str(&element.to_json()),
            Value::Array(_) | Value::Object(_) => return Err(Error::typ(element.clone(), "string")),
        }
    }
    Ok(Value::text(all))
}

fn search(array: &Value, wanted: &Value) -> ValR<Value> {
    let Value::Array(array) = array else { return Err(Error::typ(array.clone(), "array")) };
    let whole = |place: usize| isize::try_from(place).unwrap_or(isize::MAX);
    Ok(match array.of.binary_search(wanted) {
        Ok(place) => place.into(),
        Err(place) => (-1 - whole(place)).into(),
    })
}

/// `text | f(pattern; flags)`: what lies between matches, the matches, or both.
fn matching<'a>(mut cv: jaq_core::Cv<'a, Data>, between: bool, matches: bool) -> ValXs<'a, Value> {
    let (flags, pattern) = (cv.0.pop_var(), cv.0.pop_var());
    bome(match_text(&cv.1, &pattern, &flags, between, matches))
}

fn match_text(text: &Value, pattern: &Value, flags: &Value, between: bool, matches: bool) -> ValR<Value> {
    let string = |value: &Value| match value {
        Value::Text(text) => Ok(std::rc::Rc::clone(text)),
        Value::Null => Ok(std::rc::Rc::default()),
        other => Err(Error::typ(other.clone(), "string")),
    };
    let (pattern, flags) = (string(pattern)?, string(flags)?);
    let Value::Text(text) = text else { return Err(Error::typ(text.clone(), "string")) };
    let (mut global, mut skip_empty, mut inline) = (false, false, String::new());
    for flag in flags.chars() {
        match flag {
            'g' => global = true,
            'n' => skip_empty = true,
            'i' | 'm' | 's' | 'x' => inline.push(flag),
            'l' => inline.push('U'),
            'p' => inline.push_str("ms"),
            other => return Err(Error::str(format_args!("`{other}` is no flag of regular expressions"))),
        }
    }
    let pattern = if inline.is_empty() { pattern.to_string() } else { format!("(?{inline}){pattern}") };
    let pattern = Pattern::of(&pattern).map_err(Error::str)?;
    let (mut parts, mut after, mut place) = (Vec::new(), 0, Places::default());
    for found in pattern.captures(text) {
        let whole = found.get(0).expect("a match is its own first group");
        if skip_empty && whole.is_empty() {
            continue;
        }
        if between {
            parts.push(Value::text(&text[after..whole.start()]));
            after = whole.end();
        }
        if matches {
            let groups = found.iter().zip(pattern.names());
            parts.push(groups.filter_map(|(group, name)| Some(place.describe(text, group?, name))).collect());
        }
        if !global {
            break;
        }
    }
    if between {
        parts.push(Value::text(&text[after..]));
    }
    Ok(parts.into_iter().collect())
}

/// Counts characters up to where the last match began, so that each is counted once.
#[derive(Default)]
struct Places {
    byte: usize,
    character: usize,
}

impl Places {
    fn describe(&mut self, text: &str, group: regex::Match<'_>, name: Option<&str>) -> Value {
        let offset = match text.get(self.byte..group.start()) {
            Some(between) => self.character + between.chars().count(),
            // A group that begins before the last one.
            None => self.character.saturating_sub(text[group.start()..self.byte].chars().count()),
        };
        (self.byte, self.character) = (group.start(), offset);
        pay_text(group.len());
        let mut members = Members::new();
        members.insert("offset".into(), offset.into());
        members.insert("length".into(), group.as_str().chars().count().into());
        members.insert("string".into(), Value::text(group.as_str()));
        if let Some(name) = name {
            members.insert("name".into(), Value::text(name));
        }
        Value::object(members)
    }
}

/// What an error that no `catch` took says.
pub(super) fn message(exception: Exn<'_, Value>) -> String {
    match exception.get_err() {
        Ok(error) => match error.into_val() {
            Value::Text(text) => text.to_string(),
            other => other.to_string(),
        },
        Err(_) => "the program broke off".to_owned(),
    }
}
