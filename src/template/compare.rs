//! The operators of the structured form.
//!
//! Used by `condition`. Numbers are compared by value and exactly, whether they are written as 1 or as 1.0. Nothing
//! else is converted: `"1" == 1` is false, and `"1" > 1` is an error that names both types.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::ConditionError;
use crate::model::Operator;

/// Compares `left op right`.
///
/// Null (a missing field) includes nothing, starts with nothing and ends with nothing. That is false, not an error.
///
/// # Errors
/// When the operator does not work on these types.
pub(super) fn compare(left: &Value, op: Operator, right: &Value) -> Result<bool, ConditionError> {
    match op {
        Operator::Equal => Ok(equal(left, right)),
        Operator::NotEqual => Ok(!equal(left, right)),
        Operator::Greater => order(left, ">", right).map(Ordering::is_gt),
        Operator::GreaterOrEqual => order(left, ">=", right).map(Ordering::is_ge),
        Operator::Less => order(left, "<", right).map(Ordering::is_lt),
        Operator::LessOrEqual => order(left, "<=", right).map(Ordering::is_le),
        Operator::Includes => includes(left, "includes", right),
        Operator::NotIncludes => includes(left, "not_includes", right).map(|included| !included),
        Operator::StartsWith => text(left, "starts_with", right, |left, right| left.starts_with(right)),
        Operator::EndsWith => text(left, "ends_with", right, |left, right| left.ends_with(right)),
        Operator::Exists => Ok(!left.is_null()),
        Operator::NotExists => Ok(left.is_null()),
    }
}

/// How many values a comparison looks at.
pub(super) fn work(left: &Value, op: Operator, right: &Value) -> usize {
    match op {
        Operator::Equal | Operator::NotEqual if values(right) == 1 => 1,
        Operator::Equal | Operator::NotEqual | Operator::Includes | Operator::NotIncludes => values(left),
        Operator::Greater
        | Operator::GreaterOrEqual
        | Operator::Less
        | Operator::LessOrEqual
        | Operator::StartsWith
        | Operator::EndsWith
        | Operator::Exists
        | Operator::NotExists => 1,
    }
}

fn values(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
        Value::Array(array) => 1 + array.iter().map(values).sum::<usize>(),
        Value::Object(object) => 1 + object.values().map(values).sum::<usize>(),
    }
}

fn types(left: &Value, op: &'static str, right: &Value, expected: &'static str) -> ConditionError {
    ConditionError::Types { op, expected, left: type_name(left), right: type_name(right) }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null (nothing is there)",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Whether two JSON values are equal, where numbers count by value.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => order_numbers(left, right).is_eq(),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, left)| right.get(key).is_some_and(|right| equal(left, right)))
        }
        _ => left == right,
    }
}

fn order(left: &Value, op: &'static str, right: &Value) -> Result<Ordering, ConditionError> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => Ok(order_numbers(left, right)),
        (Value::String(left), Value::String(right)) => Ok(left.cmp(right)),
        _ => Err(types(left, op, right, "two numbers or two strings")),
    }
}

/// Exact, also where a 64-bit integer does not fit a double.
fn order_numbers(left: &Number, right: &Number) -> Ordering {
    match (left.as_i128(), right.as_i128()) {
        (Some(left), Some(right)) => left.cmp(&right),
        (Some(left), None) => order_mixed(left, as_f64(right)),
        (None, Some(right)) => order_mixed(right, as_f64(left)).reverse(),
        (None, None) => as_f64(left).partial_cmp(&as_f64(right)).unwrap_or(Ordering::Equal),
    }
}

fn as_f64(number: &Number) -> f64 {
    number.as_f64().expect("a JSON number that is no integer is a finite double")
}

fn order_mixed(integer: i128, double: f64) -> Ordering {
    // A double beyond i128 saturates. So it compares correctly with any 64-bit integer.
    let whole = double.trunc();
    integer
        .cmp(&(whole as i128))
        .then_with(|| 0.0_f64.partial_cmp(&(double - whole)).unwrap_or(Ordering::Equal))
}

fn includes(left: &Value, op: &'static str, right: &Value) -> Result<bool, ConditionError> {
    match (left, right) {
        (Value::Null, _) => Ok(false),
        (Value::String(text), Value::String(part)) => Ok(text.contains(part.as_str())),
        (Value::Array(array), element) => Ok(array.iter().any(|candidate| equal(candidate, element))),
        (Value::Object(object), Value::String(key)) => Ok(object.contains_key(key)),
        _ => {
            let expected = "a string with a part of it, an array with an element, or an object with a key";
            Err(types(left, op, right, expected))
        }
    }
}

fn text(
    left: &Value,
    op: &'static str,
    right: &Value,
    test: fn(&str, &str) -> bool,
) -> Result<bool, ConditionError> {
    match (left, right) {
        (Value::Null, Value::String(_)) => Ok(false),
        (Value::String(left), Value::String(right)) => Ok(test(left, right)),
        _ => Err(types(left, op, right, "two strings")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn op(name: &str) -> Operator {
        serde_json::from_value(json!(name)).unwrap()
    }

    #[test]
    fn operator_cases() {
        let big = 9_007_199_254_740_993_u64; // 2^53 + 1, no double
        let cases = [
            (json!(1), "==", json!(1.0), true),
            (json!([1, {"a": 2.0}]), "==", json!([1.0, {"a": 2}]), true),
            (json!({"a": 1, "b": 2}), "==", json!({"b": 2, "a": 1}), true),
            (json!({"a": 1}), "==", json!({"a": 1, "b": null}), false),
            (json!([1]), "==", json!([1, 1]), false),
            (json!(big), "==", json!(9_007_199_254_740_992.0), false),
            (json!(u64::MAX), "==", json!(18_446_744_073_709_551_616.0), false),
            (json!(0), "==", json!(-0.0), true),
            (json!("1"), "==", json!(1), false),
            (json!(null), "==", json!(null), true),
            (json!(null), "==", json!(false), false),
            (json!("a"), "!=", json!("b"), true),
            (json!(100.5), ">", json!(100), true),
            (json!(100), ">", json!(100.5), false),
            (json!(-1.5), ">", json!(-2), true),
            (json!(-2), "<", json!(-1.5), true),
            (json!(big), ">", json!(9_007_199_254_740_992.0), true),
            (json!(u64::MAX), ">", json!(i64::MIN), true),
            (json!(1e300), ">", json!(u64::MAX), true),
            (json!(-1e300), "<", json!(i64::MIN), true),
            (json!(2), ">=", json!(2.0), true),
            (json!(2), "<=", json!(2.0), true),
            (json!("b"), ">", json!("a"), true),
            (json!("B"), "<", json!("a"), true),
            (json!("2026-01-02"), "<=", json!("2026-01-02"), true),
            (json!("hello"), "includes", json!("ell"), true),
            (json!([1, 2]), "includes", json!(2.0), true),
            (json!([1, 2]), "includes", json!("2"), false),
            (json!({"a": null}), "includes", json!("a"), true),
            (json!({}), "includes", json!("__proto__"), false),
            (json!(null), "includes", json!("a"), false),
            (json!(null), "not_includes", json!("a"), true),
            (json!("hello"), "not_includes", json!("x"), true),
            (json!("hello"), "starts_with", json!("he"), true),
            (json!("hello"), "ends_with", json!("lo"), true),
            (json!(null), "starts_with", json!("he"), false),
            (json!(null), "ends_with", json!(""), false),
            (json!(0), "exists", json!(null), true),
            (json!(false), "exists", json!(null), true),
            (json!(""), "exists", json!(null), true),
            (json!(null), "exists", json!(null), false),
            (json!(null), "not_exists", json!(null), true),
        ];
        for (left, name, right, expected) in cases {
            assert_eq!(compare(&left, op(name), &right), Ok(expected), "{left} {name} {right}");
        }
    }

    #[test]
    fn wrong_types_are_errors_that_name_both() {
        let cases = [
            (
                json!("150"),
                ">",
                json!(100),
                "`>` compares two numbers or two strings; the left side is a string and the right side a number",
            ),
            (
                json!(null),
                "<=",
                json!(1),
                "the left side is null (nothing is there) and the right side a number",
            ),
            (json!([1]), "<", json!([2]), "the left side is an array and the right side an array"),
            (json!(true), ">=", json!(false), "a boolean"),
            (json!(5), "includes", json!(5), "the left side is a number"),
            (json!("5"), "not_includes", json!(5), "the right side a number"),
            (json!({"a": 1}), "includes", json!(1), "an object"),
            (json!(5), "starts_with", json!("5"), "`starts_with` compares two strings"),
            (json!("5"), "ends_with", json!(null), "`ends_with` compares two strings"),
        ];
        for (left, name, right, expected) in cases {
            let error = compare(&left, op(name), &right).unwrap_err().to_string();
            assert!(error.contains(expected), "{left} {name} {right}: {error}");
        }
    }
}
