//! Finds what a JSONPath query selects. Pays for each value that it looks at. Pure.

use std::{borrow::Cow, cmp::Ordering};

use serde_json::{Number, Value};

use super::{
    super::{
        super::work::{pay, pay_text},
        pattern::Pattern,
    },
    ast::{Comparable, Comparison, Logical, Path, Segment, Selector},
};

/// The values that a path leads to, in the order of RFC 9535.
pub(super) fn select<'a>(path: &Path, current: &'a Value, root: &'a Value) -> Vec<&'a Value> {
    let mut nodes = vec![if path.relative { current } else { root }];
    for segment in &path.segments {
        let mut next = Vec::new();
        for node in nodes {
            visit(segment, node, root, &mut next);
        }
        nodes = next;
    }
    nodes
}

fn visit<'a>(segment: &Segment, node: &'a Value, root: &'a Value, found: &mut Vec<&'a Value>) {
    pay(1);
    for selector in &segment.selectors {
        pick(selector, node, root, found);
    }
    if segment.descends {
        children(node).for_each(|child| visit(segment, child, root, found));
    }
}

fn children(node: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match node {
        Value::Array(elements) => Box::new(elements.iter()),
        Value::Object(members) => Box::new(members.values()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Box::new(std::iter::empty()),
    }
}

fn pick<'a>(selector: &Selector, node: &'a Value, root: &'a Value, found: &mut Vec<&'a Value>) {
    pay(1);
    match (selector, node) {
        (Selector::Name(name), Value::Object(members)) => found.extend(members.get(name)),
        (Selector::Index(index), Value::Array(elements)) => {
            let place = if *index < 0 { index + elements.len() as i64 } else { *index };
            found.extend(usize::try_from(place).ok().and_then(|place| elements.get(place)));
        }
        (Selector::Slice { start, end, step }, Value::Array(elements)) => {
            slice(elements, *start, *end, *step, found);
        }
        (Selector::Wildcard, _) => found.extend(children(node).inspect(|_| pay(1))),
        (Selector::Filter(test), _) => {
            found.extend(children(node).filter(|child| {
                pay(1);
                holds(test, child, root)
            }));
        }
        (Selector::Name(_) | Selector::Index(_) | Selector::Slice { .. }, _) => {}
    }
}

/// RFC 9535, 2.3.4.2.2.
fn slice<'a>(
    elements: &'a [Value],
    start: Option<i64>,
    end: Option<i64>,
    step: i64,
    found: &mut Vec<&'a Value>,
) {
    let length = elements.len() as i64;
    let from_end = |place: i64| if place < 0 { place + length } else { place };
    let mut push = |place: i64| {
        pay(1);
        found.extend(usize::try_from(place).ok().and_then(|place| elements.get(place)));
    };
    if step > 0 {
        let mut place = start.map_or(0, from_end).clamp(0, length);
        let end = end.map_or(length, from_end).clamp(0, length);
        while place < end {
            push(place);
            place += step;
        }
    } else if step < 0 {
        let mut place = start.map_or(length - 1, from_end).clamp(-1, length - 1);
        let end = end.map_or(-1, from_end).clamp(-1, length - 1);
        while place > end {
            push(place);
            place += step;
        }
    }
}

fn holds(test: &Logical, current: &Value, root: &Value) -> bool {
    pay(1);
    match test {
        Logical::Any(parts) => parts.iter().any(|part| holds(part, current, root)),
        Logical::All(parts) => parts.iter().all(|part| holds(part, current, root)),
        Logical::Not(part) => !holds(part, current, root),
        Logical::Exists(path) => !select(path, current, root).is_empty(),
        Logical::Compare(left, comparison, right) => {
            let (left, right) = (value(left, current, root), value(right, current, root));
            compare(left.as_deref(), *comparison, right.as_deref())
        }
        Logical::Matches { whole, text, pattern } => {
            let (text, pattern) = (value(text, current, root), value(pattern, current, root));
            match (text.as_deref(), pattern.as_deref()) {
                // What is no pattern matches nothing.
                (Some(Value::String(text)), Some(Value::String(pattern))) => {
                    Pattern::of(&regex(pattern, *whole)).is_ok_and(|pattern| pattern.is_match(text))
                }
                _ => false,
            }
        }
    }
}

/// An I-Regexp (RFC 9485), whose `.` means neither CR nor LF, as one of the crate.
fn regex(pattern: &str, whole: bool) -> String {
    pay_text(pattern.len());
    let mut regex = String::with_capacity(pattern.len() + 8);
    regex.push_str(if whole { "\\A(?:" } else { "(?:" });
    let (mut escaped, mut in_class) = (false, false);
    for character in pattern.chars() {
        match character {
            '.' if !escaped && !in_class => {
                regex.push_str("[^\\n\\r]");
                continue;
            }
            '[' if !escaped => in_class = true,
            ']' if !escaped => in_class = false,
            _ => {}
        }
        escaped = character == '\\' && !escaped;
        regex.push(character);
    }
    regex.push_str(if whole { ")\\z" } else { ")" });
    regex
}

fn value<'a>(comparable: &'a Comparable, current: &'a Value, root: &'a Value) -> Option<Cow<'a, Value>> {
    match comparable {
        Comparable::Literal(literal) => Some(Cow::Borrowed(literal)),
        Comparable::Singular(path) => select(path, current, root).first().copied().map(Cow::Borrowed),
        Comparable::Only(path) => match select(path, current, root)[..] {
            [only] => Some(Cow::Borrowed(only)),
            _ => None,
        },
        Comparable::Count(path) => Some(Cow::Owned(select(path, current, root).len().into())),
        Comparable::Length(of) => match &*value(of, current, root)? {
            Value::String(text) => {
                pay_text(text.len());
                Some(Cow::Owned(text.chars().count().into()))
            }
            Value::Array(elements) => Some(Cow::Owned(elements.len().into())),
            Value::Object(members) => Some(Cow::Owned(members.len().into())),
            Value::Null | Value::Bool(_) | Value::Number(_) => None,
        },
    }
}

fn compare(left: Option<&Value>, comparison: Comparison, right: Option<&Value>) -> bool {
    let less = |left: Option<&Value>, right: Option<&Value>| match (left, right) {
        (Some(Value::Number(left)), Some(Value::Number(right))) => order(left, right) == Some(Ordering::Less),
        (Some(Value::String(left)), Some(Value::String(right))) => {
            pay_text(left.len().min(right.len()));
            left < right
        }
        _ => false,
    };
    let same = || match (left, right) {
        (Some(left), Some(right)) => equal(left, right),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    match comparison {
        Comparison::Equal => same(),
        Comparison::NotEqual => !same(),
        Comparison::Less => less(left, right),
        Comparison::LessOrEqual => less(left, right) || same(),
        Comparison::Greater => less(right, left),
        Comparison::GreaterOrEqual => less(right, left) || same(),
    }
}

fn order(left: &Number, right: &Number) -> Option<Ordering> {
    match (left.as_i128(), right.as_i128()) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

fn equal(left: &Value, right: &Value) -> bool {
    pay(1);
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => order(left, right) == Some(Ordering::Equal),
        (Value::String(left), Value::String(right)) => {
            pay_text(left.len().min(right.len()));
            left == right
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            let has = |(name, left): (&_, &_)| right.get(name).is_some_and(|right| equal(left, right));
            left.len() == right.len() && left.iter().all(has)
        }
        _ => left == right,
    }
}
