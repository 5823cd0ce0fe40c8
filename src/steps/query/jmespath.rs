//! JMESPath: the parser and functions of the `jmespath` crate, with an evaluation that pays for its work.
//!
//! The crate's own evaluation knows no limit, and `[@,@][]|[@,@][]|…` doubles the data a dozen characters.
//! Called by `query`.

mod functions;

use std::collections::BTreeMap;

use jmespath::{
    JmespathError, Rcvar, Variable,
    ast::{Ast, Comparator},
};
use serde_json::Value as Json;

use super::{
    super::work::{pay, pay_text},
    Failure, at,
};

/// A JMESPath expression that is parsed.
#[derive(Debug)]
pub(super) struct Expression {
    text: String,
    ast: Ast,
}

impl Expression {
    /// # Errors
    /// What is wrong with the expression, and at which character.
    pub(super) fn compile(text: &str) -> Result<Self, String> {
        let ast = jmespath::parse(text).map_err(|error| explain(text, &error))?;
        if let Some((name, place)) = unknown(&ast) {
            return Err(format!("{}there is no function `{name}`", at(text, Some(place))));
        }
        Ok(Self { text: text.to_owned(), ast })
    }

    /// The value for `data`, as JSON.
    pub(super) fn run(&self, data: &Json, most: usize) -> Result<String, Failure> {
        let value = evaluate(&variable(data), &self.ast)
            .map_err(|error| Failure::Query(explain(&self.text, &error)))?;
        let mut out = String::new();
        write(&value, &mut out, most)?;
        Ok(out)
    }
}

/// The crate's error draws the whole expression; a place and a reason do.
fn explain(text: &str, error: &JmespathError) -> String {
    let reason = error.reason.to_string();
    let reason = reason.trim_start_matches("Parse error: ").trim_start_matches("Runtime error: ");
    format!("{}{reason}", at(text, Some(error.offset)))
}

/// A function that does not exist, and where it is called.
fn unknown(ast: &Ast) -> Option<(&str, usize)> {
    match ast {
        Ast::Function { name, offset, .. } if !functions::exists(name) => Some((name, *offset)),
        Ast::Function { args: parts, .. } | Ast::MultiList { elements: parts, .. } => {
            parts.iter().find_map(unknown)
        }
        Ast::MultiHash { elements, .. } => elements.iter().find_map(|pair| unknown(&pair.value)),
        Ast::Comparison { lhs, rhs, .. }
        | Ast::Projection { lhs, rhs, .. }
        | Ast::And { lhs, rhs, .. }
        | Ast::Or { lhs, rhs, .. }
        | Ast::Subexpr { lhs, rhs, .. }
        | Ast::Condition { predicate: lhs, then: rhs, .. } => unknown(lhs).or_else(|| unknown(rhs)),
        Ast::Expref { ast: inner, .. }
        | Ast::Flatten { node: inner, .. }
        | Ast::Not { node: inner, .. }
        | Ast::ObjectValues { node: inner, .. } => unknown(inner),
        Ast::Identity { .. }
        | Ast::Field { .. }
        | Ast::Index { .. }
        | Ast::Literal { .. }
        | Ast::Slice { .. } => None,
    }
}

fn variable(json: &Json) -> Rcvar {
    Rcvar::new(match json {
        Json::Null => Variable::Null,
        Json::Bool(bool) => Variable::Bool(*bool),
        Json::Number(number) => Variable::Number(number.clone()),
        Json::String(text) => Variable::String(text.clone()),
        Json::Array(elements) => Variable::Array(elements.iter().map(variable).collect()),
        Json::Object(members) => {
            Variable::Object(members.iter().map(|(name, value)| (name.clone(), variable(value))).collect())
        }
    })
}

fn write(value: &Variable, out: &mut String, most: usize) -> Result<(), Failure> {
    pay(1);
    match value {
        Variable::Null => out.push_str("null"),
        Variable::Bool(bool) => out.push_str(if *bool { "true" } else { "false" }),
        Variable::Number(number) => out.push_str(&number.to_string()),
        Variable::String(text) => write_text(text, out),
        Variable::Array(elements) => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(element, out, most)?;
            }
            out.push(']');
        }
        Variable::Object(members) => {
            out.push('{');
            for (index, (name, value)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_text(name, out);
                out.push(':');
                write(value, out, most)?;
            }
            out.push('}');
        }
        Variable::Expref(_) => {
            return Err(Failure::Query("`&…` is for functions such as sort_by, it is no value".to_owned()));
        }
    }
    if out.len() > most { Err(Failure::TooLarge) } else { Ok(()) }
}

fn write_text(text: &str, out: &mut String) {
    pay_text(text.len());
    out.push_str(&serde_json::to_string(text).expect("a string is always JSON"));
}

/// Pays for looking at all of a value.
fn weigh(value: &Variable) {
    match value {
        Variable::Null | Variable::Bool(_) | Variable::Number(_) | Variable::Expref(_) => pay(1),
        Variable::String(text) => pay_text(text.len()),
        Variable::Array(elements) => {
            pay(1);
            elements.iter().for_each(|element| weigh(element));
        }
        Variable::Object(members) => {
            pay(1);
            for (name, value) in members {
                pay_text(name.len());
                weigh(value);
            }
        }
    }
}

fn null() -> Rcvar {
    Rcvar::new(Variable::Null)
}

fn array(elements: Vec<Rcvar>) -> Rcvar {
    Rcvar::new(Variable::Array(elements))
}

type Evaluated = Result<Rcvar, JmespathError>;

/// The semantics are those of <https://jmespath.org/specification.html>.
fn evaluate(data: &Rcvar, ast: &Ast) -> Evaluated {
    pay(1);
    Ok(match ast {
        Ast::Identity { .. } => data.clone(),
        Ast::Literal { value, .. } => value.clone(),
        Ast::Field { name, .. } => data.get_field(name),
        Ast::Index { idx, .. } if *idx < 0 => data.get_negative_index(idx.unsigned_abs() as usize),
        Ast::Index { idx, .. } => data.get_index(idx.unsigned_abs() as usize),
        Ast::Slice { start, stop, step, offset } => slice(data, (*start, *stop, *step), *offset)?,
        Ast::Subexpr { lhs, rhs, .. } => evaluate(&evaluate(data, lhs)?, rhs)?,
        Ast::Or { lhs, rhs, .. } => match evaluate(data, lhs)? {
            left if left.is_truthy() => left,
            _ => evaluate(data, rhs)?,
        },
        Ast::And { lhs, rhs, .. } => match evaluate(data, lhs)? {
            left if left.is_truthy() => evaluate(data, rhs)?,
            left => left,
        },
        Ast::Not { node, .. } => Rcvar::new(Variable::Bool(!evaluate(data, node)?.is_truthy())),
        Ast::Condition { predicate, then, .. } => {
            if evaluate(data, predicate)?.is_truthy() {
                evaluate(data, then)?
            } else {
                null()
            }
        }
        Ast::Comparison { comparator, lhs, rhs, .. } => {
            compare(&evaluate(data, lhs)?, comparator, &evaluate(data, rhs)?)
        }
        Ast::ObjectValues { node, .. } => values(&evaluate(data, node)?),
        Ast::Projection { lhs, rhs, .. } => project(&evaluate(data, lhs)?, rhs)?,
        Ast::Flatten { node, .. } => flatten(&evaluate(data, node)?),
        Ast::MultiList { .. } | Ast::MultiHash { .. } if data.is_null() => null(),
        Ast::MultiList { elements, .. } => {
            array(elements.iter().map(|element| evaluate(data, element)).collect::<Result<_, _>>()?)
        }
        Ast::MultiHash { elements, .. } => {
            let members = elements.iter().map(|pair| Ok((pair.key.clone(), evaluate(data, &pair.value)?)));
            Rcvar::new(Variable::Object(members.collect::<Result<BTreeMap<_, _>, JmespathError>>()?))
        }
        Ast::Expref { ast: inner, .. } => Rcvar::new(Variable::Expref((**inner).clone())),
        Ast::Function { name, args, offset } => {
            let args: Vec<Rcvar> = args.iter().map(|arg| evaluate(data, arg)).collect::<Result<_, _>>()?;
            functions::call(name, &args, *offset)?
        }
    })
}

/// `data[start:stop:step]`; null of what is no array.
fn slice(data: &Rcvar, (start, stop, step): (Option<i32>, Option<i32>, i32), offset: usize) -> Evaluated {
    let Some(elements) = data.as_array() else { return Ok(null()) };
    if step == 0 {
        return Err(functions::error(offset, "the step of a slice cannot be 0"));
    }
    pay(elements.len() as u64);
    // A longer step than the array is as good as its length, and cannot overflow.
    let length = i32::try_from(elements.len()).unwrap_or(i32::MAX / 2).max(1);
    Ok(data.slice(start, stop, step.clamp(-length, length)).map_or_else(null, array))
}

fn compare(left: &Rcvar, comparator: &Comparator, right: &Rcvar) -> Rcvar {
    if matches!(comparator, Comparator::Equal | Comparator::NotEqual) {
        weigh(left);
        weigh(right);
    }
    left.compare(comparator, right).map_or_else(null, |is| Rcvar::new(Variable::Bool(is)))
}

/// The values of an object; null of what is none.
fn values(data: &Rcvar) -> Rcvar {
    let Some(members) = data.as_object() else { return null() };
    pay(members.len() as u64);
    array(members.values().cloned().collect())
}

/// What `each` gives for the elements of an array, without nulls; null of what is no array.
fn project(data: &Rcvar, each: &Ast) -> Evaluated {
    let Some(elements) = data.as_array() else { return Ok(null()) };
    let mut kept = Vec::new();
    for element in elements {
        pay(1);
        let value = evaluate(element, each)?;
        if !value.is_null() {
            kept.push(value);
        }
    }
    Ok(array(kept))
}

/// The elements of an array, and those of arrays in it; null of what is no array.
fn flatten(data: &Rcvar) -> Rcvar {
    let Some(elements) = data.as_array() else { return null() };
    let mut flat = Vec::new();
    for element in elements {
        match element.as_array() {
            Some(inner) => {
                pay(1 + inner.len() as u64);
                flat.extend_from_slice(inner);
            }
            None => {
                pay(1);
                flat.push(element.clone());
            }
        }
    }
    array(flat)
}
