//! Turns JSON into CEL values: only what the expression reads, and without copying a string.
//!
//! A whole number becomes an `int` (a `uint` beyond 2^63), any other number a `double`. CEL compares them by value.

use std::collections::{BTreeMap, HashMap};

use ::cel::{
    Context,
    common::{
        types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, CelUInt},
        value::Val,
    },
};
use serde_json::{Map, Number, Value};

use super::{
    super::{Path, Root, Roots, path::Segment},
    budget::Budget,
    check::Read,
};

/// The paths that one expression reads.
#[derive(Debug)]
pub(super) struct Reads {
    paths: Vec<Path>,
    variables: Vec<Variable>,
}

#[derive(Debug)]
struct Variable {
    name: String,
    root: Root,
    wanted: Wanted,
}

/// The part of a value that the expression reads.
#[derive(Debug, Default)]
struct Wanted {
    whole: bool,
    fields: BTreeMap<String, Wanted>,
}

impl Reads {
    pub(super) fn new(reads: Vec<Read>) -> Self {
        let mut variables: Vec<Variable> = Vec::new();
        let mut paths: Vec<Path> = Vec::new();
        for Read { variable, path } in reads {
            let index = variables.iter().position(|known| known.name == variable).unwrap_or_else(|| {
                variables.push(Variable { name: variable, root: path.root(), wanted: Wanted::default() });
                variables.len() - 1
            });
            variables[index].wanted.add(path.segments());
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
        Self { paths, variables }
    }

    pub(super) fn paths(&self) -> &[Path] {
        &self.paths
    }

    /// Gives `context` a variable for each root that is read. A root that does not exist is an empty map.
    pub(super) fn bind<'v>(&self, roots: &'v dyn Roots, budget: &Budget, context: &mut Context<'_, 'v>) {
        for Variable { name, root, wanted } in &self.variables {
            let value = match roots.root(*root) {
                Some(value) => convert(value, wanted, budget),
                None => Box::new(CelMap::default()),
            };
            context.add_variable_as_val(name.clone(), value);
        }
    }
}

impl Wanted {
    fn add(&mut self, segments: &[Segment]) {
        match segments.split_first() {
            None => self.whole = true,
            Some((first, rest)) => self.fields.entry(first.as_str().to_owned()).or_default().add(rest),
        }
    }
}

static ALL: Wanted = Wanted { whole: true, fields: BTreeMap::new() };

/// Once the budget is spent, the rest is left out, because the answer is thrown away anyway.
fn convert<'v>(value: &'v Value, wanted: &Wanted, budget: &Budget) -> Box<dyn Val + 'v> {
    if !budget.pay(1) {
        return Box::new(CelNull);
    }
    match value {
        Value::Null => Box::new(CelNull),
        Value::Bool(flag) => Box::new(CelBool::from(*flag)),
        Value::Number(number) => convert_number(number),
        Value::String(text) => Box::new(CelString::from(text.as_str())),
        Value::Array(array) => {
            let elements: Vec<Box<dyn Val + 'v>> = array
                .iter()
                .take_while(|_| !budget.is_spent())
                .map(|element| convert(element, &ALL, budget))
                .collect();
            Box::new(CelList::from(elements))
        }
        Value::Object(object) => Box::new(CelMap::from(convert_fields(object, wanted, budget))),
    }
}

fn convert_fields<'v>(
    object: &'v Map<String, Value>,
    wanted: &Wanted,
    budget: &Budget,
) -> HashMap<CelMapKey<'v>, Box<dyn Val + 'v>> {
    let field = |(key, value): (&'v String, &'v Value), wanted: &Wanted| {
        (CelMapKey::from(key.as_str()), convert(value, wanted, budget))
    };
    if wanted.whole {
        object.iter().take_while(|_| !budget.is_spent()).map(|entry| field(entry, &ALL)).collect()
    } else {
        let present =
            wanted.fields.iter().filter_map(|(key, inner)| Some((object.get_key_value(key)?, inner)));
        present.map(|(entry, inner)| field(entry, inner)).collect()
    }
}

fn convert_number(number: &Number) -> Box<dyn Val> {
    if let Some(int) = number.as_i64() {
        Box::new(CelInt::from(int))
    } else if let Some(uint) = number.as_u64() {
        Box::new(CelUInt::from(uint))
    } else {
        Box::new(CelDouble::from(
            number.as_f64().expect("a JSON number that is no integer is a finite double"),
        ))
    }
}
