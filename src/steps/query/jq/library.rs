//! What the functions of jaq's standard library ask of values.

use std::result;

use super::{
    super::super::work::{pay_each, pay_text},
    number::Number,
    value::{Value, take},
};

impl jaq_std::ValT for Value {
    fn into_seq<S: FromIterator<Self>>(self) -> result::Result<S, Self> {
        match self {
            Self::Array(array) => {
                pay_each(array.of.len(), 1);
                Ok(take(array).into_iter().collect())
            }
            other => Err(other),
        }
    }

    fn is_int(&self) -> bool {
        matches!(self, Self::Number(Number::Int(_)))
    }

    fn as_isize(&self) -> Option<isize> {
        match self {
            Self::Number(Number::Int(whole)) => isize::try_from(*whole).ok(),
            _ => None,
        }
    }

    fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(number.float()),
            _ => None,
        }
    }

    fn is_utf8_str(&self) -> bool {
        matches!(self, Self::Text(_))
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Text(text) => {
                // Whoever asks reads them all, and as a rule makes as many.
                pay_text(text.len() * 2);
                Some(text.as_bytes())
            }
            _ => None,
        }
    }

    fn as_sub_str(&self, part: &[u8]) -> Self {
        Self::text(&*String::from_utf8_lossy(part))
    }

    fn from_utf8_bytes(bytes: impl AsRef<[u8]> + Send + 'static) -> Self {
        Self::text(&*String::from_utf8_lossy(bytes.as_ref()))
    }
}
