//! The work that one evaluation may do, counted instead of timed.
//!
//! `meter` puts a payment wherever the cost grows with the data, and `functions` takes it. The count depends only on
//! the expression and the data. So the same condition never works on one day and fails on another.

use std::{ops::Deref, sync::Arc};

use ::cel::common::{
    types::{CelBytes, CelList, CelMap, CelString},
    value::Val,
};

use crate::meter::{self, Meter};

/// The work that is left, shared with the functions of one evaluation.
#[derive(Debug, Clone)]
pub(super) struct Budget(Arc<Meter>);

impl Budget {
    /// About a second of the slowest operations, far more than any real condition needs.
    pub(super) const UNITS: u64 = 1_000_000;

    pub(super) fn new() -> Self {
        Self(Arc::new(Meter::new(Self::UNITS)))
    }
}

impl Deref for Budget {
    type Target = Meter;

    fn deref(&self) -> &Meter {
        &self.0
    }
}

/// The number of values in it, where a long text counts as several.
pub(super) fn weight(value: &dyn Val) -> u64 {
    if let Some(string) = value.downcast_ref::<CelString<'_>>() {
        meter::text(string.inner().len())
    } else if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        1 + list.inner().iter().map(|element| weight(element.as_ref())).sum::<u64>()
    } else if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
        1 + map.inner().iter().map(|(key, inner)| weight(key.inner()) + weight(inner.as_ref())).sum::<u64>()
    } else if let Some(bytes) = value.downcast_ref::<CelBytes<'_>>() {
        meter::text(bytes.inner().len())
    } else {
        1
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use serde_json::{Value, json};

    use super::{
        super::{
            super::{ConditionError, tests::Fixture},
            Cel,
        },
        *,
    };

    fn ask(text: &str, data: Value) -> Result<bool, ConditionError> {
        Cel::compile(text)
            .unwrap_or_else(|error| panic!("{text}: {error}"))
            .eval(&Fixture(json!({"context": data})))
    }

    fn numbers(count: u32) -> Value {
        (0..count).collect()
    }

    #[test]
    fn real_conditions_are_far_below_the_budget() {
        let rows: Vec<Value> =
            (0..10_000).map(|n| json!({"id": n, "name": "a name", "tags": ["x"]})).collect();
        let text = "context.rows.all(row, row.id >= 0 && row.name != '' && 'x' in row.tags)";
        assert_eq!(ask(text, json!({"rows": rows})), Ok(true));
        assert_eq!(ask("context.text.contains('b')", json!({"text": "a".repeat(8 << 20) + "b"})), Ok(true));
    }

    #[test]
    fn no_condition_takes_hours_or_all_memory() {
        let data = || json!({"list": numbers(100_000), "small": numbers(1_000), "text": "x".repeat(4 << 20)});
        let chained = |start: &str, step: &str| format!("[{start}]{} == []", step.repeat(19));
        let texts = [
            "context.list.all(x, x in context.list)".to_owned(),
            "context.list.all(x, context.list.all(y, x + y >= 0))".to_owned(),
            "context.small.map(a, context.small.map(b, context.small.map(c, 1))) == []".to_owned(),
            "context.list.map(x, context.list) == []".to_owned(),
            "context.small.all(x, size(context.text) > 0)".to_owned(),
            "context.small.all(x, context.text == context.text + '')".to_owned(),
            "context.small.all(x, !context.text.matches('(x+x+)+y'))".to_owned(),
            "context.text.matches('[xy]*x[xy]{300}z')".to_owned(),
            chained("context.text", ".map(x,x+x)"),
            chained("0", ".map(x,[x,x])"),
            chained("0", ".map(x,{1:x,2:x})"),
            vec!["context.text"; 60].join("+") + " == ''",
            // An error that `||` swallows does not give an answer either.
            "context.list.all(x, x in context.list) || true".to_owned(),
        ];
        let work = move || {
            for text in texts {
                let start = Instant::now();
                assert_eq!(ask(&text, data()), Err(ConditionError::TooMuchWork(Budget::UNITS)), "{text}");
                assert!(start.elapsed() < Duration::from_secs(60), "{text} took {:?}", start.elapsed());
            }
        };
        // Code that is not optimised, as in tests, takes several times the stack of a release.
        std::thread::Builder::new().stack_size(16 << 20).spawn(work).unwrap().join().unwrap();
    }

    #[test]
    fn patterns_of_daily_use_are_small_enough() {
        for pattern in [
            "^[\\w.+-]+@[\\w-]+[.][\\w.]+$",
            "^v?\\d+[.]\\d+[.]\\d+(-[\\w.]+)?([+][\\w.]+)?$",
            "^refs/heads/(main|release/.*)$",
            "(?i)\\bwip\\b",
            "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
            "^\\w{3,20}$",
        ] {
            let text = format!("context.text.matches(r'{pattern}')");
            assert_eq!(ask(&text, json!({"text": "-".repeat(8_000)})), Ok(false), "{pattern}");
        }
    }

    #[test]
    fn only_what_is_read_is_paid_for() {
        let data = || json!({"list": vec![numbers(1_000); 2_000], "x": {"y": 1, "z": numbers(1_000)}});
        assert_eq!(ask("context.x.y == 1 && has(context.x.y)", data()), Ok(true));
        assert_eq!(ask("size(context.list) > 1", data()), Err(ConditionError::TooMuchWork(Budget::UNITS)));
    }
}
