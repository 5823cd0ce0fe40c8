//! Numbers of jq: whole ones exactly up to 64 bits, all others as IEEE 754 doubles.
//!
//! Compared by value, and in a total order (sorting needs one): not-a-number equals itself and comes first.

use std::cmp::Ordering;

/// A number, as jq has them: whole numbers stay exact.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    /// A whole number of 64 bits.
    Int(i64),
    /// Any other, or too large for `Int`.
    Float(f64),
}

use Number::{Float, Int};

/// Whole doubles below this are written without a fraction, as jq does.
const MAX_WHOLE: f64 = 9_007_199_254_740_992.0;

impl Number {
    pub(super) fn from_json(number: &serde_json::Number) -> Self {
        number.as_i64().map_or_else(|| Float(number.as_f64().unwrap_or(f64::NAN)), Int)
    }

    /// As jq writes it: nothing for not-a-number, the largest double for infinity.
    pub(super) fn to_json(self) -> Option<serde_json::Number> {
        match self {
            Int(whole) => Some(whole.into()),
            Float(float) if float.fract() == 0.0 && float.abs() < MAX_WHOLE => Some((float as i64).into()),
            Float(float) => serde_json::Number::from_f64(float.clamp(f64::MIN, f64::MAX)),
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        text.parse().map(Int).or_else(|_| text.parse().map(Float)).ok()
    }

    pub(super) fn float(self) -> f64 {
        match self {
            Int(whole) => whole as f64,
            Float(float) => float,
        }
    }

    /// The number without its fraction, if 64 bits hold it.
    pub(super) fn whole(self) -> Option<i64> {
        match self {
            Int(whole) => Some(whole),
            // The bounds are exact: -2^63 is one, 2^63 is none.
            Float(float) if float >= i64::MIN as f64 && float < -(i64::MIN as f64) => Some(float as i64),
            Float(_) => None,
        }
    }

    /// `exact` of two whole numbers while 64 bits hold it, else `float` of both.
    pub(super) fn combine(
        self,
        other: Self,
        exact: fn(i64, i64) -> Option<i64>,
        float: fn(f64, f64) -> f64,
    ) -> Self {
        if let (Int(left), Int(right)) = (self, other)
            && let Some(result) = exact(left, right)
        {
            return Int(result);
        }
        Float(float(self.float(), other.float()))
    }

    pub(super) fn divide(self, other: Self) -> Self {
        let exact = |left: i64, right: i64| match left.checked_rem(right) {
            Some(0) => left.checked_div(right),
            Some(_) | None => None,
        };
        self.combine(other, exact, |left, right| left / right)
    }

    /// Of the whole parts, with the sign of the left; nothing when the right one is 0 or either is too large.
    pub(super) fn remainder(self, other: Self) -> Option<Self> {
        let (left, right) = (self.whole()?, other.whole()?);
        (right != 0).then(|| Int(left.wrapping_rem(right)))
    }

    pub(super) fn negate(self) -> Self {
        match self {
            Int(whole) => whole.checked_neg().map_or(Float(-(whole as f64)), Int),
            Float(float) => Float(-float),
        }
    }
}

fn compare(whole: i64, float: f64) -> Ordering {
    if float.is_nan() {
        return Ordering::Greater;
    }
    match Float(float).whole() {
        // The same whole part: the fraction decides.
        Some(truncated) => {
            whole.cmp(&truncated).then_with(|| 0.0.partial_cmp(&float.fract()).unwrap_or(Ordering::Equal))
        }
        None if float > 0.0 => Ordering::Less,
        None => Ordering::Greater,
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (*self, *other) {
            (Int(left), Int(right)) => left.cmp(&right),
            (Int(left), Float(right)) => compare(left, right),
            (Float(left), Int(right)) => compare(right, left).reverse(),
            (Float(left), Float(right)) => {
                left.partial_cmp(&right).unwrap_or_else(|| right.is_nan().cmp(&left.is_nan()))
            }
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Number {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_in_one_total_order() {
        let ascending = [
            Float(f64::NAN),
            Float(f64::NEG_INFINITY),
            Float(-1e300),
            Int(i64::MIN),
            Float(-1.5),
            Int(-1),
            Float(-0.5),
            Int(0),
            Float(0.5),
            Int(1),
            Int(9_007_199_254_740_992),
            Int(9_007_199_254_740_993),
            Int(i64::MAX),
            Float(9_223_372_036_854_775_808.0),
            Float(f64::INFINITY),
        ];
        for (i, left) in ascending.iter().enumerate() {
            for (j, right) in ascending.iter().enumerate() {
                assert_eq!(left.cmp(right), i.cmp(&j), "{left:?} {right:?}");
            }
        }
        assert_eq!(Int(3), Float(3.0));
        assert_eq!(Int(0), Float(-0.0));
    }

    #[test]
    fn whole_results_stay_exact_while_they_fit() {
        let text = |number: Number| number.to_json().map(|number| number.to_string());
        assert_eq!(text(Int(6).divide(Int(3))), Some("2".to_owned()));
        assert_eq!(text(Int(7).divide(Int(2))), Some("3.5".to_owned()));
        assert_eq!(
            text(Float(1.5).combine(Float(1.5), i64::checked_add, |a, b| a + b)),
            Some("3".to_owned())
        );
        assert_eq!(
            text(Int(i64::MAX).combine(Int(1), i64::checked_add, |a, b| a + b)),
            Some("9.223372036854776e+18".to_owned())
        );
        assert_eq!(text(Int(i64::MIN).divide(Int(-1))), Some("9.223372036854776e+18".to_owned()));
        assert_eq!(text(Int(1).divide(Int(0))), Some("1.7976931348623157e+308".to_owned()));
        assert_eq!(text(Int(0).divide(Int(0))), None);
        assert_eq!(Int(i64::MIN).remainder(Int(-1)), Some(Int(0)));
        assert_eq!(Int(5).remainder(Float(0.5)), None);
        assert_eq!(Int(i64::MIN).negate(), Float(9_223_372_036_854_775_808.0));
    }
}
