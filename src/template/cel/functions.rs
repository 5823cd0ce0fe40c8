//! The functions that `meter` calls. Each pays from the budget, then does what the operator does.
//!
//! They are added to the context of each evaluation.

use std::sync::Arc;

use ::cel::{
    Context, ExecutionError, FunctionContext,
    common::{
        ast::operators,
        types::{CelBool, CelDouble, CelInt, CelString, CelUInt},
        value::{CowVal, Val},
    },
};

use super::{
    budget::{Budget, weight},
    meter::{ARITHMETIC, CHARGE, MATCHES, ROUNDS},
    pattern::Pattern,
};

/// The functions that `meter` refers to, for one evaluation.
pub(super) fn add_functions(context: &mut Context<'_, '_>, budget: &Budget, patterns: &Arc<Vec<Pattern>>) {
    add(context, CHARGE, budget, |budget, call| {
        let value = operand(call)?;
        charge(budget, weight(value.as_ref()))?;
        Ok(value)
    });
    add(context, ROUNDS, budget, |budget, call| {
        let work = integer(call.args.pop());
        let range = operand(call)?;
        let rounds = range.as_sizer().map_or(1, |sizer| u64::try_from(*sizer.size().inner()).unwrap_or(0));
        charge(budget, weight(range.as_ref()).saturating_add(rounds.saturating_mul(work)))?;
        Ok(range)
    });
    let patterns = Arc::clone(patterns);
    add(context, MATCHES, budget, move |budget, call| {
        let position = integer(call.args.pop());
        let value = operand(call)?;
        let Some(text) = value.downcast_ref::<CelString<'_>>() else {
            return Err(ExecutionError::no_such_overload(
                "matches",
                vec![value.get_type().name().to_owned()],
            ));
        };
        let pattern = usize::try_from(position).ok().and_then(|position| patterns.get(position));
        let pattern = pattern.ok_or_else(ExecutionError::missing_argument_or_target)?;
        charge(budget, weight(value.as_ref()).saturating_mul(pattern.price))?;
        let found = pattern.regex.is_match(text.inner());
        Ok(CowVal::owned(CelBool::from(found)))
    });
    for (operator, ours) in ARITHMETIC {
        add(context, ours, budget, move |budget, call| arithmetic(operator, budget, call));
    }
}

type Outcome<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;

fn add(
    context: &mut Context<'_, '_>,
    name: &str,
    budget: &Budget,
    function: impl for<'b, 'v> Fn(&Budget, &mut FunctionContext<'b, 'v>) -> Outcome<'b, 'v>
    + Send
    + Sync
    + 'static,
) {
    type Boxed =
        Box<dyn for<'b, 'v> Fn(&mut FunctionContext<'b, 'v>) -> Outcome<'b, 'v> + Send + Sync + 'static>;
    let budget = budget.clone();
    let boxed: Boxed = Box::new(move |call| function(&budget, call));
    context.add_function(name, boxed).expect("the standard library has no name that starts with @");
}

fn operand<'b, 'v>(call: &mut FunctionContext<'b, 'v>) -> Outcome<'b, 'v> {
    call.args.pop().ok_or_else(ExecutionError::missing_argument_or_target)
}

fn integer(value: Option<CowVal<'_, '_>>) -> u64 {
    let number =
        value.as_deref().and_then(|value| value.downcast_ref::<CelInt>()).map(|number| *number.inner());
    number.and_then(|number| u64::try_from(number).ok()).unwrap_or(u64::MAX)
}

/// CEL's own arithmetic. The one difference: numbers of different types become doubles, because JSON has only numbers.
fn arithmetic<'b, 'v>(
    operator: &str,
    budget: &Budget,
    call: &mut FunctionContext<'b, 'v>,
) -> Outcome<'b, 'v> {
    let right = operand(call)?;
    let left = operand(call)?;
    charge(budget, weight(left.as_ref()).saturating_add(weight(right.as_ref())))?;
    let (left, right) = alike(left, right);
    let types = || vec![left.get_type().name().to_owned(), right.get_type().name().to_owned()];
    let unsupported = || ExecutionError::no_such_overload(operator, types());
    let result = match operator {
        operators::ADD => left.as_adder().ok_or_else(unsupported)?.add(right.as_ref()),
        operators::SUBSTRACT => left.as_subtractor().ok_or_else(unsupported)?.sub(right.as_ref()),
        operators::MULTIPLY => left.as_multiplier().ok_or_else(unsupported)?.mul(right.as_ref()),
        operators::DIVIDE => left.as_divider().ok_or_else(unsupported)?.div(right.as_ref()),
        _ => left.as_modder().ok_or_else(unsupported)?.modulo(right.as_ref()),
    };
    match result {
        Ok(value) => Ok(CowVal::Owned(value.into_owned())),
        Err(ExecutionError::UnsupportedBinaryOperator(..) | ExecutionError::UnexpectedType { .. }) => {
            Err(unsupported())
        }
        Err(other) => Err(other),
    }
}

fn alike<'b, 'v>(left: CowVal<'b, 'v>, right: CowVal<'b, 'v>) -> (CowVal<'b, 'v>, CowVal<'b, 'v>) {
    match (as_double(left.as_ref()), as_double(right.as_ref())) {
        (Some(a), Some(b)) if left.get_type() != right.get_type() => {
            (CowVal::owned(CelDouble::from(a)), CowVal::owned(CelDouble::from(b)))
        }
        _ => (left, right),
    }
}

fn as_double(value: &dyn Val) -> Option<f64> {
    if let Some(int) = value.downcast_ref::<CelInt>() {
        Some(*int.inner() as f64)
    } else if let Some(uint) = value.downcast_ref::<CelUInt>() {
        Some(*uint.inner() as f64)
    } else {
        value.downcast_ref::<CelDouble>().map(|double| *double.inner())
    }
}

fn charge(budget: &Budget, units: u64) -> Result<(), ExecutionError> {
    if budget.pay(units) {
        Ok(())
    } else {
        Err(ExecutionError::function_error(CHARGE, "the budget is spent"))
    }
}
