//! The values that jq programs work on. They pay for everything that is done with them.
//!
//! jaq takes any type of values; with these its programs have no way to work for free. Nesting is limited
//! when a value is made, so that comparing, writing and dropping it cannot end the stack. Used by `jq` alone.

use std::{cmp::Ordering, fmt, rc::Rc};

use serde_json::Value as Json;

use super::{
    super::super::work::{Stop, pay, pay_each, pay_text, stop},
    number::Number,
};

/// The deepest nesting, as of JSON that is received.
const MAX_DEPTH: usize = 128;
/// Characters of a value that an error message shows.
const SHOWN: usize = 80;

/// The members of an object, in the order of their insertion.
pub(super) type Members = indexmap::IndexMap<Rc<str>, Value>;

/// A JSON value whose making is charged to the query.
#[derive(Debug)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(Number),
    Text(Rc<String>),
    Array(Rc<Nested<Vec<Value>>>),
    Object(Rc<Nested<Members>>),
}

/// An array or object that knows how deep it nests.
#[derive(Debug, Clone)]
pub(super) struct Nested<T> {
    pub(super) of: T,
    depth: usize,
}

impl Clone for Value {
    fn clone(&self) -> Self {
        pay(1);
        match self {
            Self::Null => Self::Null,
            Self::Bool(bool) => Self::Bool(*bool),
            Self::Number(number) => Self::Number(*number),
            Self::Text(text) => Self::Text(Rc::clone(text)),
            Self::Array(array) => Self::Array(Rc::clone(array)),
            Self::Object(object) => Self::Object(Rc::clone(object)),
        }
    }
}

impl Value {
    pub(super) fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        pay_text(text.len());
        Self::Text(Rc::new(text))
    }

    /// An array of elements that are paid for.
    pub(super) fn array(elements: Vec<Self>) -> Self {
        Self::Array(Nested::new(elements))
    }

    /// An object of members that are paid for.
    pub(super) fn object(members: Members) -> Self {
        Self::Object(Nested::new(members))
    }

    pub(super) fn depth(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) => 0,
            Self::Array(array) => array.depth,
            Self::Object(object) => object.depth,
        }
    }

    /// The data that a query reads; it is not paid for, its size is bounded elsewhere.
    pub(super) fn from_json(json: &Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(bool) => Self::Bool(*bool),
            Json::Number(number) => Self::Number(Number::from_json(number)),
            Json::String(text) => Self::Text(Rc::new(text.clone())),
            Json::Array(elements) => Self::array(elements.iter().map(Self::from_json).collect()),
            Json::Object(members) => Self::object(
                members.iter().map(|(name, value)| (name.as_str().into(), Self::from_json(value))).collect(),
            ),
        }
    }

    /// Writes it as JSON, as far as `out` stays within `most` bytes. Gives whether it did.
    pub(super) fn write_json(&self, out: &mut String, most: usize) -> bool {
        pay(1);
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(bool) => out.push_str(if *bool { "true" } else { "false" }),
            Self::Number(number) => match number.to_json() {
                Some(number) => out.push_str(&number.to_string()),
                None => out.push_str("null"),
            },
            Self::Text(text) => write_text(text, out),
            Self::Array(array) => {
                out.push('[');
                for (index, element) in array.of.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    if !element.write_json(out, most) {
                        return false;
                    }
                }
                out.push(']');
            }
            Self::Object(object) => {
                out.push('{');
                for (index, (name, value)) in object.of.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    write_text(name, out);
                    out.push(':');
                    if !value.write_json(out, most) {
                        return false;
                    }
                }
                out.push('}');
            }
        }
        out.len() <= most
    }

    /// As JSON text of any size that can be paid for.
    pub(super) fn to_json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out, usize::MAX);
        out
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Number(_) => 2,
            Self::Text(_) => 3,
            Self::Array(_) => 4,
            Self::Object(_) => 5,
        }
    }
}

fn write_text(text: &str, out: &mut String) {
    pay_text(text.len());
    out.push_str(&serde_json::to_string(text).expect("a string is always JSON"));
}

fn nesting<'a>(inner: impl Iterator<Item = &'a Value>) -> usize {
    let depth = 1 + inner.map(Value::depth).max().unwrap_or(0);
    if depth > MAX_DEPTH {
        stop(Stop::Depth);
    }
    depth
}

/// Something that holds values.
pub(super) trait Holds: Clone {
    fn held(&self) -> impl Iterator<Item = &Value>;
    /// What its own copy costs besides the copies of the values, which pay for themselves.
    fn price(&self) -> usize;
}

impl Holds for Vec<Value> {
    fn held(&self) -> impl Iterator<Item = &Value> {
        self.iter()
    }

    fn price(&self) -> usize {
        0
    }
}

impl Holds for Members {
    fn held(&self) -> impl Iterator<Item = &Value> {
        self.values()
    }

    fn price(&self) -> usize {
        self.len()
    }
}

impl<T: Holds> Nested<T> {
    pub(super) fn new(of: T) -> Rc<Self> {
        let depth = nesting(of.held());
        Rc::new(Self { of, depth })
    }

    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// What is held, to be changed: itself when nothing else holds it, else a copy. [`Nested::settle`]
    /// follows each change.
    pub(super) fn change(this: &mut Rc<Self>) -> &mut Self {
        if Rc::strong_count(this) > 1 {
            pay_each(this.of.price(), 1);
        }
        Rc::make_mut(this)
    }

    /// Measures the nesting anew after a value of depth `gone` was replaced by one of depth `come`.
    /// It only looks at the others when the deepest one went.
    pub(super) fn settle(&mut self, gone: usize, come: usize) {
        if come >= self.depth {
            self.depth = come + 1;
            if self.depth > MAX_DEPTH {
                stop(Stop::Depth);
            }
        } else if gone + 1 == self.depth && come + 1 < self.depth {
            let count = self.of.held().count();
            pay_text(count);
            self.depth = nesting(self.of.held());
        }
    }
}

/// The elements or members, taken out without copying when nothing else holds the value.
pub(super) fn take<T: Holds>(mut nested: Rc<Nested<T>>) -> T {
    Nested::change(&mut nested);
    Rc::try_unwrap(nested).unwrap_or_else(|shared| (*shared).clone()).of
}

/// jq's order: null, false, true, numbers, strings, arrays, objects.
impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        pay(1);
        match (self, other) {
            (Self::Bool(left), Self::Bool(right)) => left.cmp(right),
            (Self::Number(left), Self::Number(right)) => left.cmp(right),
            (Self::Text(left), Self::Text(right)) => {
                pay_text(left.len().min(right.len()));
                left.cmp(right)
            }
            (Self::Array(left), Self::Array(right)) => left.of.cmp(&right.of),
            (Self::Object(left), Self::Object(right)) => compare_objects(&left.of, &right.of),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

/// First the sets of names, then the values by name.
fn compare_objects(left: &Members, right: &Members) -> Ordering {
    pay_each(left.len() + right.len(), 4);
    let sorted = |members: &'_ Members| {
        let mut names: Vec<Rc<str>> = members.keys().cloned().collect();
        names.sort_unstable();
        names
    };
    let (names, others) = (sorted(left), sorted(right));
    names.cmp(&others).then_with(|| {
        let unequal = names.iter().map(|name| left[name].cmp(&right[name]));
        unequal.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    })
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Value {}

/// For error messages. A value is shown whole or not at all, because secrets are masked later.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write_json(&mut text, SHOWN);
        if text.len() <= SHOWN {
            return f.write_str(&text);
        }
        let kind = match text.as_bytes()[0] {
            b'[' => "an array",
            b'{' => "an object",
            b'"' => "a text",
            _ => "a value",
        };
        write!(f, "{kind} of more than {SHOWN} bytes")
    }
}

impl From<bool> for Value {
    fn from(bool: bool) -> Self {
        pay(1);
        Self::Bool(bool)
    }
}

impl From<isize> for Value {
    fn from(number: isize) -> Self {
        pay(1);
        Self::Number(Number::Int(number as i64))
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        pay(1);
        Self::Number(i64::try_from(number).map_or(Number::Float(number as f64), Number::Int))
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        pay(1);
        Self::Number(Number::Float(number))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl FromIterator<Self> for Value {
    fn from_iter<I: IntoIterator<Item = Self>>(elements: I) -> Self {
        Self::array(elements.into_iter().inspect(|_| pay(1)).collect())
    }
}
