//! JSON as the validator reads it, paying for each look.

use std::borrow::Cow;

use jsonschema::{
    JsonType,
    json::{Array, Json, Node, NodeIdentity, Object, cmp, unique},
};
use serde_json::{Map, Number, Value};

use super::super::work::{pay, pay_each, pay_text};

/// What telling an error costs; many are kept at once.
const ERROR: u64 = 32;
/// What a member's name costs: it may be tried with every pattern of `patternProperties`.
const NAME: u64 = 4;

/// `serde_json`'s values, for a price.
#[derive(Debug)]
pub(super) struct Metered;

/// A JSON value whose reading is charged to the check.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a>(pub(super) &'a Value);

/// The members of an object.
pub(super) struct Members<'a>(&'a Map<String, Value>);

/// The elements of an array.
pub(super) struct Elements<'a>(&'a [Value]);

impl Json for Metered {
    type Node<'a> = Part<'a>;
    type PreparedKey = String;
    type StringBuffer = Value;

    const ACYCLIC: bool = true;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>(buffer: &mut Value, string: &str, f: impl FnOnce(Part<'_>) -> T) -> T {
        pay_text(string.len());
        *buffer = Value::String(string.to_owned());
        f(Part(buffer))
    }
}

/// Pays for looking at all of a value.
fn weigh(value: &Value) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => pay(1),
        Value::String(text) => pay_text(text.len()),
        Value::Array(elements) => {
            pay(1);
            elements.iter().for_each(weigh);
        }
        Value::Object(members) => {
            pay(1);
            for (name, value) in members {
                pay_text(name.len());
                weigh(value);
            }
        }
    }
}

impl<'a> Node<'a, Metered> for Part<'a> {
    type Object = Members<'a>;
    type Array = Elements<'a>;
    type Number = &'a Number;

    fn as_object(&self) -> Option<Members<'a>> {
        pay(1);
        self.0.as_object().map(Members)
    }

    fn as_array(&self) -> Option<Elements<'a>> {
        pay(1);
        self.0.as_array().map(|elements| Elements(elements))
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        pay(1);
        self.0.as_str().map(|text| {
            // A pattern may take a hundred times as long as reading.
            pay_each(text.len() / 4, 1);
            Cow::Borrowed(text)
        })
    }

    fn as_number(&self) -> Option<&'a Number> {
        pay(1);
        match self.0 {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }

    fn as_boolean(&self) -> Option<bool> {
        pay(1);
        self.0.as_bool()
    }

    fn is_null(&self) -> bool {
        pay(1);
        self.0.is_null()
    }

    fn json_type(&self) -> JsonType {
        pay(1);
        match self.0 {
            Value::Null => JsonType::Null,
            Value::Bool(_) => JsonType::Boolean,
            Value::Number(_) => JsonType::Number,
            Value::String(_) => JsonType::String,
            Value::Array(_) => JsonType::Array,
            Value::Object(_) => JsonType::Object,
        }
    }

    fn string_length(&self) -> Option<u64> {
        let text = self.0.as_str()?;
        pay_text(text.len());
        Some(text.chars().count() as u64)
    }

    fn equals_value(&self, expected: &Value) -> bool {
        weigh(self.0);
        cmp::equal(self.0, expected)
    }

    fn to_value(&self) -> Cow<'a, Value> {
        pay(ERROR);
        Cow::Borrowed(self.0)
    }

    fn identity(&self) -> Option<NodeIdentity> {
        pay(1);
        Some(NodeIdentity::new(std::ptr::from_ref(self.0).addr()))
    }
}

impl<'a> Object<'a, Metered> for Members<'a> {
    type Node = Part<'a>;
    type MemberName = &'a str;
    type MembersIter = MembersIter<'a>;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn get(&self, key: &String) -> Option<Part<'a>> {
        pay_text(key.len());
        self.0.get(key).map(Part)
    }

    fn members(&self) -> MembersIter<'a> {
        MembersIter(self.0.iter())
    }
}

/// Through the members of an object.
pub(super) struct MembersIter<'a>(serde_json::map::Iter<'a>);

impl<'a> Iterator for MembersIter<'a> {
    type Item = (&'a str, Part<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, value) = self.0.next()?;
        pay_each(1 + name.len() / 8, NAME);
        Some((name, Part(value)))
    }
}

impl<'a> Array<'a, Metered> for Elements<'a> {
    type Node = Part<'a>;
    type ElementsIter = ElementsIter<'a>;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn elements(&self) -> ElementsIter<'a> {
        ElementsIter(self.0.iter())
    }

    fn is_unique(&self) -> bool {
        // Each is hashed or compared several times.
        (0..8).for_each(|_| self.0.iter().for_each(weigh));
        unique::is_unique(self.0)
    }
}

/// Through the elements of an array.
pub(super) struct ElementsIter<'a>(std::slice::Iter<'a, Value>);

impl<'a> Iterator for ElementsIter<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        pay(1);
        self.0.next().map(Part)
    }
}
