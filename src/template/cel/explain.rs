//! Explains evaluation errors in words that name the field and never hold a value.
//!
//! The crate's own messages print the values involved, which may be secrets. So none of these messages is passed on.

use ::cel::{ExecutionError, common::ast::IdedExpr};
use serde_json::Value;

use super::{
    super::{Path, Roots, path::Segment},
    check::selects,
    values::Reads,
};

/// Explains for people what went wrong.
pub(super) fn explain(
    error: &ExecutionError,
    expression: &IdedExpr,
    reads: &Reads,
    roots: &dyn Roots,
) -> String {
    match error {
        ExecutionError::NoSuchKey(key) => missing(key, expression, reads, roots),
        ExecutionError::UndeclaredReference(name) => format!("`{name}` does not exist"),
        ExecutionError::NoSuchOverload(overload) => {
            let function = overload.function();
            let types: Vec<String> = overload.argument_types().iter().map(|name| type_name(name)).collect();
            if matches!(function, "_._" | "_[_]") {
                let known = reads.paths().iter().find_map(|path| blocked(path, roots));
                return known.unwrap_or_else(|| {
                    format!(
                        "the condition reads a field of {}, which has no fields",
                        types.first().map_or("a value", String::as_str)
                    )
                });
            }
            format!("`{}` does not work on {}", operator(function), types.join(" and "))
        }
        ExecutionError::UnexpectedType { want, .. } if want == "iterable" => {
            "all, exists, exists_one, filter and map work on a list or a map only".to_owned()
        }
        ExecutionError::UnexpectedType { want, .. } if want == "bool" => {
            "&&, ||, ! and ?: work on true and false only".to_owned()
        }
        ExecutionError::IndexOutOfBounds(_) => "a list has no element with that index".to_owned(),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "a division by zero".to_owned()
        }
        ExecutionError::Overflow(..) => "a number too large for 64 bits".to_owned(),
        ExecutionError::DuplicateKey(_) => "a map has the same key twice".to_owned(),
        ExecutionError::UnsupportedKeyType(_) => {
            "the key of a map is a string, a number or a boolean".to_owned()
        }
        ExecutionError::FunctionError { function, .. } => {
            format!("`{}` cannot convert or use what it was given", operator(function))
        }
        ExecutionError::InvalidArgumentCount { .. } | ExecutionError::MissingArgumentOrTarget => {
            "a function has the wrong number of arguments".to_owned()
        }
        // The enum belongs to the crate and may grow. All that is left is of this kind.
        _ => "an operator or function was used on values that it does not work on".to_owned(),
    }
}

/// The type's name as users of JSON know it.
pub(super) fn type_name(cel: &str) -> String {
    match cel {
        "int" | "uint" => "a whole number",
        "double" => "a number with a fraction",
        "string" => "a string",
        "bool" => "a boolean",
        "null_type" | "null" => "null",
        "list" => "a list",
        "map" => "an object",
        "bytes" => "bytes",
        other => return format!("a value of type {other}"),
    }
    .to_owned()
}

/// An operator as people write it, from CEL's inner name.
fn operator(name: &str) -> &str {
    match name {
        "@charge" | "@rounds" => "the condition",
        _ => name.trim_matches(['_', '@']),
    }
}

fn missing(key: &str, expression: &IdedExpr, reads: &Reads, roots: &dyn Roots) -> String {
    let path = reads.paths().iter().find_map(|path| {
        let at = first_gap(path, roots)?;
        (path.segments()[at].as_str() == key).then(|| (written(path, at), written(path, at + 1)))
    });
    match path {
        Some((_, path)) if is_identifier(key) => {
            format!("`{path}` does not exist: has({path}) asks whether a field is there")
        }
        // `has` takes no brackets.
        Some((parent, path)) => {
            format!("`{path}` does not exist: '{key}' in {parent} asks whether a field is there")
        }
        None if selects(expression, key) => {
            format!("a field `{key}` does not exist: has(….{key}) asks whether a field is there")
        }
        // The key came from data, so it is not shown.
        None => "a map has no such key: `key in map` asks whether it is there".to_owned(),
    }
}

/// The first segment that leads to nothing.
fn first_gap(path: &Path, roots: &dyn Roots) -> Option<usize> {
    let Some(mut value) = roots.root(path.root()) else { return path.segments().first().map(|_| 0) };
    for (at, segment) in path.segments().iter().enumerate() {
        match step(value, segment.as_str()) {
            Some(inner) => value = inner,
            None => return Some(at),
        }
    }
    None
}

fn step<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    match value {
        Value::Object(object) => object.get(key),
        Value::Array(array) => array.get(key.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// The message for a path that goes on below a value without fields.
fn blocked(path: &Path, roots: &dyn Roots) -> Option<String> {
    let at = first_gap(path, roots)?;
    let value = path.segments()[..at]
        .iter()
        .try_fold(roots.root(path.root())?, |value, segment| step(value, segment.as_str()))?;
    let kind = match value {
        Value::Object(_) => return None,
        Value::Array(_) => "a list",
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
    };
    let (whole, field) = (written(path, at), path.segments()[at].as_str());
    Some(format!("`{whole}` is {kind} and has no field `{field}`"))
}

/// The first `count` segments, written as in an expression.
fn written(path: &Path, count: usize) -> String {
    let mut text = path.root().name().to_owned();
    for segment in &path.segments()[..count] {
        match segment {
            Segment::Index(digits) => text.extend(["[", digits, "]"]),
            Segment::Key(key) if is_identifier(key) => text.extend([".", key]),
            Segment::Key(key) => text.extend(["['", key, "']"]),
        }
    }
    text
}

fn is_identifier(key: &str) -> bool {
    let mut bytes = key.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
