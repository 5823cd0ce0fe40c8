//! Names of headers in any case: `context.headers['X-GitHub-Event']` reads `x-github-event`.
//!
//! Headers have their names in lower case, and authors copy a name as the sender's documentation writes it. Called once, at
//! compile time, before the reads are collected.

use ::cel::common::ast::{EntryExpr, Expr, IdedExpr, LiteralValue, operators};

/// Writes the names of headers in lower case, wherever the expression names one.
pub(super) fn lower(expression: &mut IdedExpr) {
    match &mut expression.expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {}
        Expr::Select(select) => {
            if is_headers(&select.operand) {
                select.field.make_ascii_lowercase();
            }
            lower(&mut select.operand);
        }
        Expr::Call(call) => {
            if call.target.is_none()
                && let [first, second] = call.args.as_mut_slice()
            {
                if call.func_name == operators::INDEX && is_headers(first) {
                    lower_literal(second);
                } else if call.func_name == operators::IN && is_headers(second) {
                    lower_literal(first);
                }
            }
            call.target.as_deref_mut().into_iter().for_each(lower);
            call.args.iter_mut().for_each(lower);
        }
        Expr::Comprehension(loops) => {
            lower(&mut loops.iter_range);
            // A variable of this name is data.
            if loops.iter_var != ROOT && loops.iter_var2.as_deref() != Some(ROOT) {
                lower(&mut loops.accu_init);
                lower(&mut loops.loop_cond);
                lower(&mut loops.loop_step);
                lower(&mut loops.result);
            }
        }
        Expr::List(list) => list.elements.iter_mut().for_each(lower),
        Expr::Map(map) => map.entries.iter_mut().for_each(|entry| lower_entry(&mut entry.expr)),
        Expr::Struct(message) => message.entries.iter_mut().for_each(|entry| lower_entry(&mut entry.expr)),
    }
}

const ROOT: &str = "context";

fn lower_entry(entry: &mut EntryExpr) {
    match entry {
        EntryExpr::StructField(field) => lower(&mut field.value),
        EntryExpr::MapEntry(entry) => {
            lower(&mut entry.key);
            lower(&mut entry.value);
        }
    }
}

fn lower_literal(name: &mut IdedExpr) {
    if let Expr::Literal(LiteralValue::String(text)) = &mut name.expr {
        *text = text.inner().to_ascii_lowercase().into();
    }
}

/// Whether this is `context.headers` or `context['headers']`.
fn is_headers(expression: &IdedExpr) -> bool {
    let is_root = |place: &IdedExpr| matches!(&place.expr, Expr::Ident(name) if name == ROOT);
    match &expression.expr {
        Expr::Select(select) => select.field == "headers" && is_root(&select.operand),
        Expr::Call(call) if call.func_name == operators::INDEX => match call.args.as_slice() {
            [place, IdedExpr { expr: Expr::Literal(LiteralValue::String(key)), .. }] => {
                key.inner() == "headers" && is_root(place)
            }
            _ => false,
        },
        _ => false,
    }
}
