//! The functions of JMESPath: the crate's, paid for by the size of what they are given.
//!
//! Those that take an expression are ours, since the crate's would evaluate it unpaid.

use std::{cmp::Ordering, sync::LazyLock};

use jmespath::{Context, ErrorReason, JmespathError, Rcvar, Runtime, Variable, ast::Ast};

use super::{
    super::super::work::{pay, pay_each, pay_text},
    Evaluated, array, evaluate, null, weigh,
};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut runtime = Runtime::new();
    runtime.register_builtin_functions();
    runtime
});

pub(super) fn exists(name: &str) -> bool {
    RUNTIME.get_function(name).is_some()
}

pub(super) fn error(offset: usize, message: impl Into<String>) -> JmespathError {
    JmespathError::new("", offset, ErrorReason::Parse(message.into()))
}

/// Calls a function with its arguments, which are evaluated already.
pub(super) fn call(name: &str, args: &[Rcvar], offset: usize) -> Evaluated {
    if let [list, expression] = args {
        match (name, &**list, &**expression) {
            ("sort_by", Variable::Array(list), Variable::Expref(by)) => return sort_by(list, by, offset),
            ("min_by", Variable::Array(list), Variable::Expref(by)) => {
                return extreme(list, by, Ordering::Less, offset);
            }
            ("max_by", Variable::Array(list), Variable::Expref(by)) => {
                return extreme(list, by, Ordering::Greater, offset);
            }
            ("map", Variable::Expref(each), Variable::Array(list)) => {
                return list
                    .iter()
                    .map(|element| evaluate(element, each))
                    .collect::<Result<_, _>>()
                    .map(array);
            }
            _ => {}
        }
    }
    price(name, args);
    let function =
        RUNTIME.get_function(name).ok_or_else(|| error(offset, format!("there is no function `{name}`")))?;
    let mut context = Context::new("", &RUNTIME);
    context.offset = offset;
    function.evaluate(args, &mut context)
}

/// Pays for a call of the crate's function.
fn price(name: &str, args: &[Rcvar]) {
    match name {
        // They look at the outermost level alone.
        "length" | "keys" | "values" | "reverse" | "merge" | "not_null" | "to_array" | "type" => {
            args.iter().for_each(|arg| match &**arg {
                Variable::String(text) => pay_text(text.len() * 2),
                Variable::Array(elements) => pay_each(1 + elements.len(), 1),
                Variable::Object(members) => members.keys().for_each(|name| pay_text(name.len())),
                Variable::Null | Variable::Bool(_) | Variable::Number(_) | Variable::Expref(_) => pay(1),
            });
        }
        _ => {
            // `sort` compares each some times, `to_string` may write six bytes for one.
            let times = if matches!(name, "sort" | "to_string") { 6 } else { 1 };
            for arg in args {
                (0..times).for_each(|_| weigh(arg));
            }
        }
    }
    if let ("join", [glue, list]) = (name, args)
        && let (Variable::String(glue), Variable::Array(list)) = (&**glue, &**list)
    {
        pay_text(glue.len().saturating_mul(list.len()));
    }
}

/// What a value is sorted by: all numbers, or all strings.
fn key(element: &Rcvar, by: &Ast, like: Option<&Rcvar>, offset: usize) -> Evaluated {
    let key = evaluate(element, by)?;
    let fits = matches!(
        (&*key, like.map(|like| &**like)),
        (Variable::Number(_), None | Some(Variable::Number(_)))
            | (Variable::String(_), None | Some(Variable::String(_)))
    );
    if fits {
        weigh(&key);
        Ok(key)
    } else {
        let wanted = like.map_or("a number or a string".to_owned(), |like| format!("a {}", like.get_type()));
        let message =
            format!("the expression must give {wanted} for each element, it gave a {}", key.get_type());
        Err(error(offset, message))
    }
}

fn keys(list: &[Rcvar], by: &Ast, offset: usize) -> Result<Vec<(Rcvar, Rcvar)>, JmespathError> {
    let mut keyed: Vec<(Rcvar, Rcvar)> = Vec::with_capacity(list.len());
    for element in list {
        let key = key(element, by, keyed.first().map(|(first, _)| first), offset)?;
        keyed.push((key, element.clone()));
    }
    Ok(keyed)
}

fn sort_by(list: &[Rcvar], by: &Ast, offset: usize) -> Evaluated {
    let mut keyed = keys(list, by, offset)?;
    keyed.iter().for_each(|(key, _)| (0..4).for_each(|_| weigh(key)));
    keyed.sort_by(|(left, _), (right, _)| left.cmp(right));
    Ok(array(keyed.into_iter().map(|(_, element)| element).collect()))
}

/// The first element whose key is the least or greatest.
fn extreme(list: &[Rcvar], by: &Ast, wanted: Ordering, offset: usize) -> Evaluated {
    let best = keys(list, by, offset)?
        .into_iter()
        .reduce(|best, next| if next.0.cmp(&best.0) == wanted { next } else { best });
    Ok(best.map_or_else(null, |(_, element)| element))
}
