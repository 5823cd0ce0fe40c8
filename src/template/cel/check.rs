//! What an expression names: every read becomes a path, every unknown name or function an error.
//!
//! Called once, at compile time.

use ::cel::common::ast::{ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators};

use super::super::{ConditionError, Path, Root, path::Segment};

/// Types that an expression may name, as in `type(x) == string`.
const TYPES: [&str; 10] =
    ["bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"];
/// Functions beside the operators.
const FUNCTIONS: [&str; 13] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "int",
    "uint",
    "double",
    "string",
    "bool",
    "bytes",
    "type",
    "dyn",
];

/// How deep the tree is.
pub(super) fn levels(expression: &IdedExpr) -> usize {
    let mut deepest = 0;
    each_child(&expression.expr, &mut |child| deepest = deepest.max(levels(child)));
    deepest + 1
}

/// How many nodes the tree has.
pub(super) fn nodes(expression: &IdedExpr) -> usize {
    let mut count = 1;
    each_child(&expression.expr, &mut |child| count += nodes(child));
    count
}

/// Whether the expression's text names this field, as in `x.field`.
pub(super) fn selects(expression: &IdedExpr, field: &str) -> bool {
    let mut found = matches!(&expression.expr, Expr::Select(select) if select.field == field);
    each_child(&expression.expr, &mut |child| found = found || selects(child, field));
    found
}

fn each_child<'e>(expr: &'e Expr, visit: &mut dyn FnMut(&'e IdedExpr)) {
    match expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {}
        Expr::Call(call) => {
            call.target.as_deref().into_iter().for_each(&mut *visit);
            call.args.iter().for_each(visit);
        }
        Expr::Comprehension(loops) => {
            let ComprehensionExpr { iter_range, accu_init, loop_cond, loop_step, result, .. } =
                loops.as_ref();
            [iter_range, accu_init, loop_cond, loop_step, result].into_iter().for_each(visit);
        }
        Expr::List(list) => list.elements.iter().for_each(visit),
        Expr::Map(map) => map.entries.iter().for_each(|entry| each_entry(&entry.expr, visit)),
        Expr::Struct(message) => message.entries.iter().for_each(|entry| each_entry(&entry.expr, visit)),
        Expr::Select(select) => visit(&select.operand),
    }
}

fn each_entry<'e>(entry: &'e EntryExpr, visit: &mut dyn FnMut(&'e IdedExpr)) {
    match entry {
        EntryExpr::StructField(field) => visit(&field.value),
        EntryExpr::MapEntry(entry) => {
            visit(&entry.key);
            visit(&entry.value);
        }
    }
}

/// One read: the path, and the root's name as the expression writes it (`steps` has two names).
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Read {
    pub(super) variable: String,
    pub(super) path: Path,
}

/// The paths that the expression reads, each once.
pub(super) fn check(expression: &IdedExpr) -> Result<Vec<Read>, ConditionError> {
    let mut checker = Checker { scope: Vec::new(), reads: Vec::new() };
    checker.visit(expression)?;
    let mut reads = checker.reads;
    reads.sort();
    reads.dedup();
    Ok(reads)
}

struct Checker<'e> {
    /// The variables of the comprehensions around.
    scope: Vec<&'e str>,
    reads: Vec<Read>,
}

impl<'e> Checker<'e> {
    fn visit(&mut self, expression: &'e IdedExpr) -> Result<(), ConditionError> {
        if let Some(read) = self.read(expression) {
            self.reads.push(read);
            return Ok(());
        }
        match &expression.expr {
            Expr::Ident(name) => self.name(name),
            Expr::Comprehension(loops) => {
                self.visit(&loops.iter_range)?;
                self.visit(&loops.accu_init)?;
                let outside = self.scope.len();
                self.scope.push(&loops.accu_var);
                self.scope.push(&loops.iter_var);
                self.scope.extend(loops.iter_var2.as_deref());
                for inner in [&loops.loop_cond, &loops.loop_step, &loops.result] {
                    self.visit(inner)?;
                }
                self.scope.truncate(outside);
                Ok(())
            }
            Expr::Struct(message) => Err(ConditionError::UnknownName(message.type_name.clone())),
            Expr::Unspecified => Err(ConditionError::Evaluation("the expression has a hole".to_owned())),
            Expr::Call(call) => {
                let name = call.func_name.as_str();
                if !FUNCTIONS.contains(&name) && !is_operator(name) {
                    return Err(ConditionError::UnknownFunction(name.to_owned()));
                }
                self.children(expression)
            }
            Expr::List(_) | Expr::Literal(_) | Expr::Map(_) | Expr::Select(_) => self.children(expression),
        }
    }

    fn children(&mut self, expression: &'e IdedExpr) -> Result<(), ConditionError> {
        let mut outcome = Ok(());
        each_child(&expression.expr, &mut |child| {
            if outcome.is_ok() {
                outcome = self.visit(child);
            }
        });
        outcome
    }

    fn name(&self, name: &str) -> Result<(), ConditionError> {
        if self.scope.contains(&name) || TYPES.contains(&name) {
            Ok(())
        } else {
            Err(ConditionError::UnknownName(name.to_owned()))
        }
    }

    /// The longest fixed path in the expression, such as `context.data['a'][0].b`.
    fn read(&self, expression: &IdedExpr) -> Option<Read> {
        let mut segments = Vec::new();
        let mut current = expression;
        loop {
            match &current.expr {
                Expr::Select(select) => {
                    segments.push(Segment::Key(select.field.clone()));
                    current = &select.operand;
                }
                Expr::Call(call) if call.func_name == operators::INDEX && call.target.is_none() => {
                    let [base, index] = call.args.as_slice() else { return None };
                    let Expr::Literal(key) = &index.expr else { return None };
                    segments.push(index_segment(key)?);
                    current = base;
                }
                Expr::Ident(name) if !self.scope.contains(&name.as_str()) => {
                    // Secrets are for templates of requests. A condition that tests them would leak them bit by bit.
                    let root = Root::from_name(name).filter(|root| *root != Root::Secrets)?;
                    segments.reverse();
                    return Some(Read { variable: name.clone(), path: Path::new(root, segments) });
                }
                _ => return None,
            }
        }
    }
}

fn index_segment(key: &LiteralValue) -> Option<Segment> {
    match key {
        LiteralValue::String(text) => Some(Segment::Key(text.inner().to_owned())),
        LiteralValue::Int(number) => {
            u32::try_from(*number.inner()).ok().map(|n| Segment::Index(n.to_string()))
        }
        LiteralValue::Boolean(_)
        | LiteralValue::Bytes(_)
        | LiteralValue::Double(_)
        | LiteralValue::Null
        | LiteralValue::UInt(_) => None,
    }
}

fn is_operator(name: &str) -> bool {
    // The parser gives operators names that nobody can write as a call.
    name.starts_with(['_', '@', '!', '-']) && name.contains(['_', '@']) && !is_identifier(name)
}

fn is_identifier(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
