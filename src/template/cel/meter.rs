//! Rewrites a syntax tree so that everything whose cost grows with the data pays first.
//!
//! Loops pay for their rounds, operators and functions for the size of what they look at, list and map literals for
//! what they copy. The functions' names start with `@`, which no expression can write. Without this, a few hundred
//! characters would take hours or all memory: `[s].map(x, x + x).map(x, x + x)…`, or loops in loops over a received
//! array. Called once, at compile time.

use ::cel::common::{
    ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators},
    types::CelInt,
};

use super::{super::ConditionError, check::nodes, pattern::Pattern};

pub(super) const CHARGE: &str = "@charge";
pub(super) const ROUNDS: &str = "@rounds";
pub(super) const MATCHES: &str = "@matches";
/// Our arithmetic functions, by CEL's name for the operator.
pub(super) const ARITHMETIC: [(&str, &str); 5] = [
    (operators::ADD, "@+"),
    (operators::SUBSTRACT, "@-"),
    (operators::MULTIPLY, "@*"),
    (operators::DIVIDE, "@/"),
    (operators::MODULO, "@%"),
];

/// Puts our functions wherever the cost grows with the data, and takes the patterns of `matches` out.
pub(super) fn meter(expression: &mut IdedExpr) -> Result<Vec<Pattern>, ConditionError> {
    let mut patterns = Vec::new();
    meter_node(expression, &mut patterns)?;
    Ok(patterns)
}

fn meter_node(expression: &mut IdedExpr, patterns: &mut Vec<Pattern>) -> Result<(), ConditionError> {
    match &mut expression.expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => Ok(()),
        Expr::Select(select) => meter_node(&mut select.operand, patterns),
        Expr::List(list) => list.elements.iter_mut().try_for_each(|element| {
            meter_node(element, patterns)?;
            charge(element);
            Ok(())
        }),
        Expr::Map(map) => map.entries.iter_mut().try_for_each(|entry| meter_entry(&mut entry.expr, patterns)),
        Expr::Struct(message) => {
            message.entries.iter_mut().try_for_each(|entry| meter_entry(&mut entry.expr, patterns))
        }
        Expr::Comprehension(loops) => {
            for inner in [
                &mut loops.iter_range,
                &mut loops.accu_init,
                &mut loops.loop_cond,
                &mut loops.loop_step,
                &mut loops.result,
            ] {
                meter_node(inner, patterns)?;
            }
            let work = nodes(&loops.loop_cond) + nodes(&loops.loop_step);
            wrap(&mut loops.iter_range, ROUNDS, vec![int(work as u64)]);
            Ok(())
        }
        Expr::Call(call) => meter_call(call, patterns),
    }
}

fn meter_entry(entry: &mut EntryExpr, patterns: &mut Vec<Pattern>) -> Result<(), ConditionError> {
    match entry {
        EntryExpr::StructField(field) => meter_node(&mut field.value, patterns),
        EntryExpr::MapEntry(entry) => {
            meter_node(&mut entry.key, patterns)?;
            meter_node(&mut entry.value, patterns)?;
            charge(&mut entry.key);
            charge(&mut entry.value);
            Ok(())
        }
    }
}

fn meter_call(call: &mut CallExpr, patterns: &mut Vec<Pattern>) -> Result<(), ConditionError> {
    if call.func_name == "matches" {
        take_pattern(call, patterns)?;
    }
    for operand in call.target.iter_mut().map(AsMut::as_mut).chain(call.args.iter_mut()) {
        meter_node(operand, patterns)?;
    }
    match call.func_name.as_str() {
        operators::LOGICAL_AND
        | operators::LOGICAL_OR
        | operators::LOGICAL_NOT
        | operators::CONDITIONAL
        | operators::INDEX
        | operators::NEGATE
        | operators::NOT_STRICTLY_FALSE
        | MATCHES => {}
        // `map`, `filter` and `exists_one` collect their results in this. The crate recognises its shape and appends in
        // place.
        operators::ADD if is_accumulator(call.args.first()) => {}
        name => match ARITHMETIC.iter().find(|(operator, _)| *operator == name) {
            Some((_, ours)) => call.func_name = (*ours).to_owned(),
            None => {
                call.target.iter_mut().for_each(|target| charge(target));
                call.args.iter_mut().for_each(charge);
            }
        },
    }
    Ok(())
}

fn is_accumulator(operand: Option<&IdedExpr>) -> bool {
    matches!(operand.map(|operand| &operand.expr), Some(Expr::Ident(name)) if name.starts_with('@'))
}

/// `text.matches('pattern')` becomes `@matches(text, position of the compiled pattern)`.
fn take_pattern(call: &mut CallExpr, patterns: &mut Vec<Pattern>) -> Result<(), ConditionError> {
    let wrong = |why: &str| ConditionError::Pattern(why.to_owned());
    let subject = match (call.target.take(), call.args.len()) {
        (Some(target), 1) => *target,
        (None, 2) => call.args.remove(0),
        _ => return Err(ConditionError::UnknownFunction("matches".to_owned())),
    };
    let Some(Expr::Literal(LiteralValue::String(text))) = call.args.first().map(|pattern| &pattern.expr)
    else {
        return Err(wrong("must be written out as a string, it cannot come from data"));
    };
    let pattern = Pattern::compile(text.inner())?;
    *call = CallExpr {
        func_name: MATCHES.to_owned(),
        target: None,
        args: vec![subject, int(patterns.len() as u64)],
    };
    patterns.push(pattern);
    Ok(())
}

fn int(number: u64) -> IdedExpr {
    let number = i64::try_from(number).expect("bounded by the length of the text");
    IdedExpr { id: 0, expr: Expr::Literal(LiteralValue::Int(CelInt::from(number))) }
}

/// `operand` becomes `@charge(operand)`. A literal needs no charge, because the text bounds it.
fn charge(operand: &mut IdedExpr) {
    if !matches!(operand.expr, Expr::Literal(_)) {
        wrap(operand, CHARGE, Vec::new());
    }
}

fn wrap(operand: &mut IdedExpr, function: &str, more: Vec<IdedExpr>) {
    let inner = std::mem::take(operand);
    operand.id = inner.id;
    let args = std::iter::once(inner).chain(more).collect();
    operand.expr = Expr::Call(CallExpr { func_name: function.to_owned(), target: None, args });
}
