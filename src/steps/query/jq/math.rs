//! What jq's operators `+ - * / %` do with values. Called by jaq while a program runs.
//!
//! Whatever grows is paid for before it is made.

use std::{
    ops::{Add, Div, Mul, Neg, Rem, Sub},
    rc::Rc,
};

use jaq_core::{Error, ValR, ops::Math};

use super::{
    super::super::work::{pay, pay_text},
    value::{Members, Nested, Value},
};

type Result = ValR<Value>;

impl Add for Value {
    type Output = Result;

    fn add(self, other: Self) -> Result {
        pay(1);
        match (self, other) {
            (Self::Null, any) | (any, Self::Null) => Ok(any),
            (Self::Number(left), Self::Number(right)) => {
                Ok(Self::Number(left.combine(right, i64::checked_add, |left, right| left + right)))
            }
            (Self::Text(mut left), Self::Text(right)) => {
                if Rc::strong_count(&left) > 1 {
                    pay_text(left.len());
                }
                pay_text(right.len());
                // In place when nothing else holds it, so that a text that grows piece by piece is not
                // copied each time.
                Rc::make_mut(&mut left).push_str(&right);
                Ok(Self::Text(left))
            }
            (Self::Array(mut left), Self::Array(right)) => {
                let depth = right.of.iter().map(Self::depth).max().unwrap_or(0);
                let nested = Nested::change(&mut left);
                nested.of.extend(right.of.iter().cloned());
                nested.settle(0, depth);
                Ok(Self::Array(left))
            }
            (Self::Object(mut left), Self::Object(right)) => {
                let nested = Nested::change(&mut left);
                for (name, value) in &right.of {
                    insert(nested, name, value.clone());
                }
                Ok(Self::Object(left))
            }
            (left, right) => Err(Error::math(left, Math::Add, right)),
        }
    }
}

fn insert(object: &mut Nested<Members>, name: &Rc<str>, value: Value) {
    pay(2);
    let come = value.depth();
    let gone = object.of.insert(Rc::clone(name), value).map_or(0, |gone| gone.depth());
    object.settle(gone, come);
}

impl Sub for Value {
    type Output = Result;

    fn sub(self, other: Self) -> Result {
        pay(1);
        match (self, other) {
            (Self::Number(left), Self::Number(right)) => {
                Ok(Self::Number(left.combine(right, i64::checked_sub, |left, right| left - right)))
            }
            (Self::Array(left), Self::Array(right)) => {
                let mut without = right.of.clone();
                without.sort();
                let kept = left.of.iter().filter(|element| without.binary_search(element).is_err());
                Ok(kept.cloned().collect())
            }
            (left, right) => Err(Error::math(left, Math::Sub, right)),
        }
    }
}

impl Mul for Value {
    type Output = Result;

    fn mul(self, other: Self) -> Result {
        pay(1);
        match (self, other) {
            (Self::Number(left), Self::Number(right)) => {
                Ok(Self::Number(left.combine(right, i64::checked_mul, |left, right| left * right)))
            }
            (Self::Text(text), Self::Number(times)) | (Self::Number(times), Self::Text(text)) => {
                let times = times.float().ceil();
                if times.is_nan() || times <= 0.0 {
                    return Ok(Self::Null);
                }
                // The cast saturates, and so does the price: nobody can pay it.
                let times = times as usize;
                pay_text(text.len().saturating_mul(times));
                Ok(Self::Text(Rc::new(text.repeat(times))))
            }
            (Self::Object(mut left), Self::Object(right)) => {
                merge(Nested::change(&mut left), &right.of);
                Ok(Self::Object(left))
            }
            (left, right) => Err(Error::math(left, Math::Mul, right)),
        }
    }
}

/// Objects into objects, everything else replaces.
fn merge(left: &mut Nested<Members>, right: &Members) {
    for (name, value) in right {
        pay(2);
        let merged = match (left.of.get_mut(name), value) {
            (Some(Value::Object(inner)), Value::Object(value)) => {
                let gone = inner.depth();
                merge(Nested::change(inner), &value.of);
                Some((gone, inner.depth()))
            }
            _ => None,
        };
        match merged {
            Some((gone, come)) => left.settle(gone, come),
            None => insert(left, name, value.clone()),
        }
    }
}

impl Div for Value {
    type Output = Result;

    fn div(self, other: Self) -> Result {
        pay(1);
        match (self, other) {
            (Self::Number(left), Self::Number(right)) => Ok(Self::Number(left.divide(right))),
            (Self::Text(text), Self::Text(separator)) => {
                pay_text(text.len());
                if text.is_empty() {
                    return Ok(Self::array(Vec::new()));
                }
                if separator.is_empty() {
                    return Ok(text.chars().map(|character| Self::text(character.to_string())).collect());
                }
                Ok(text.split(separator.as_str()).map(Self::text).collect())
            }
            (left, right) => Err(Error::math(left, Math::Div, right)),
        }
    }
}

impl Rem for Value {
    type Output = Result;

    fn rem(self, other: Self) -> Result {
        pay(1);
        match (self, other) {
            (Self::Number(left), Self::Number(right)) => left
                .remainder(right)
                .map(Self::Number)
                .ok_or_else(|| Error::math(Self::Number(left), Math::Rem, Self::Number(right))),
            (left, right) => Err(Error::math(left, Math::Rem, right)),
        }
    }
}

impl Neg for Value {
    type Output = Result;

    fn neg(self) -> Result {
        match self {
            Self::Number(number) => Ok(Self::Number(number.negate())),
            other => Err(Error::typ(other, "number")),
        }
    }
}
