//! What jq's paths do with values: `.a`, `.[2]`, `.[2:4]`, `.[]` and their updates.
//!
//! Called by jaq while a program runs. As jq: null takes any name or index, and an update makes what is
//! missing. Whatever grows is paid for before it is made.

use std::{ops::Range, rc::Rc, result};

use jaq_core::{
    Error, Exn, ValR, ValX,
    box_iter::{BoxIter, box_once},
    path::Opt,
};

use super::{
    super::super::work::{pay, pay_each, pay_text},
    number::Number,
    value::{Members, Nested, Value, take},
};

type Result = ValR<Value>;

/// What reading below null costs: it makes paths that are longer than any value is deep.
const NULL_PRICE: u64 = 16;
/// What the next element costs: with `..` it passes through as many iterators as it lies deep.
const ITERATING: u64 = 2;

impl From<Range<Option<Self>>> for Value {
    fn from(range: Range<Option<Self>>) -> Self {
        let bound = |bound: Option<Self>| bound.unwrap_or(Self::Null);
        let members = [("start".into(), bound(range.start)), ("end".into(), bound(range.end))];
        pay(2 + NULL_PRICE);
        Self::object(members.into_iter().collect())
    }
}

/// The place in `0..length` that an index means; negative ones count from the end.
fn place(index: i64, length: usize) -> Option<usize> {
    let place = if index < 0 { index + length as i64 } else { index };
    usize::try_from(place).ok().filter(|place| *place < length)
}

/// The places that a slice means, both at most `length`.
fn places(range: &Range<Option<&Value>>, length: usize) -> result::Result<Range<usize>, Error<Value>> {
    let bound = |bound: Option<&Value>, default: usize, round: fn(f64) -> f64| match bound {
        None | Some(Value::Null) => Ok(default),
        Some(Value::Number(number)) => {
            let bound = round(number.float());
            let bound = if bound < 0.0 { bound + length as f64 } else { bound };
            // The cast takes what is below 0, and not-a-number, for 0.
            Ok((bound as usize).min(length))
        }
        Some(other) => Err(Error::typ(other.clone(), "number")),
    };
    let start = bound(range.start, 0, f64::floor)?;
    Ok(start..bound(range.end, length, f64::ceil)?.max(start))
}

/// The bytes of a text that a slice of characters means.
fn bytes_of(text: &str, range: &Range<Option<&Value>>) -> result::Result<Range<usize>, Error<Value>> {
    pay_text(text.len() * 2);
    let places = places(range, text.chars().count())?;
    let byte = |place: usize| text.char_indices().nth(place).map_or(text.len(), |(byte, _)| byte);
    Ok(byte(places.start)..byte(places.end))
}

impl Value {
    /// The value at an index, if there is one.
    pub(super) fn at(&self, index: &Self) -> ValR<Option<Self>, Self> {
        pay(1);
        match (self, index) {
            (Self::Null, Self::Null | Self::Number(_) | Self::Text(_) | Self::Object(_)) => {
                pay(NULL_PRICE);
                Ok(None)
            }
            (Self::Object(object), Self::Text(name)) => {
                pay_text(name.len());
                Ok(object.of.get(name.as_str()).cloned())
            }
            (Self::Array(array), Self::Number(number)) => {
                let whole = Number::Float(number.float().floor()).whole();
                Ok(whole.and_then(|index| array.of.get(place(index, array.of.len())?)).cloned())
            }
            (Self::Array(array), Self::Array(part)) => Ok(Some(positions(&array.of, &part.of))),
            (Self::Array(_) | Self::Text(_), Self::Object(bounds)) => {
                self.slice(bounds.of.get("start")..bounds.of.get("end")).map(Some)
            }
            _ => Err(Error::index(self.clone(), index.clone())),
        }
    }

    fn slice(&self, range: Range<Option<&Self>>) -> Result {
        pay(NULL_PRICE);
        match self {
            Self::Null => Ok(Self::Null),
            Self::Text(text) => Ok(Self::text(&text[bytes_of(text, &range)?])),
            Self::Array(array) => Ok(array.of[places(&range, array.of.len())?].iter().cloned().collect()),
            _ => Err(Error::typ(self.clone(), "array or string")),
        }
    }
}

/// Where `part` begins in `array`.
pub(super) fn positions(array: &[Value], part: &[Value]) -> Value {
    if part.is_empty() {
        return Value::array(Vec::new());
    }
    let windows = array.windows(part.len()).enumerate();
    windows.filter(|(_, window)| *window == part).map(|(place, _)| Value::from(place)).collect()
}

impl jaq_core::ValT for Value {
    fn from_num(text: &str) -> Result {
        pay(1);
        Number::parse(text).map(Self::Number).ok_or_else(|| Error::str(format_args!("`{text}` is no number")))
    }

    fn from_map<I: IntoIterator<Item = (Self, Self)>>(members: I) -> Result {
        let mut object = Members::new();
        for (name, value) in members {
            pay(2);
            match name {
                Self::Text(name) => object.insert(name.as_str().into(), value),
                other => return Err(Error::typ(other, "the name of a member")),
            };
        }
        Ok(Self::object(object))
    }

    fn key_values(self) -> BoxIter<'static, ValR<(Self, Self), Self>> {
        match self {
            Self::Array(array) => Box::new((0..array.of.len()).map(move |place| {
                pay(ITERATING);
                Ok((Self::from(place), array.of[place].clone()))
            })),
            Self::Object(object) => Box::new((0..object.of.len()).map(move |place| {
                pay(1 + ITERATING);
                let (name, value) = object.of.get_index(place).expect("below the length");
                Ok((Self::text(&**name), value.clone()))
            })),
            other => box_once(Err(Error::typ(other, "array or object"))),
        }
    }

    fn values(self) -> Box<dyn Iterator<Item = Result>> {
        match self {
            Self::Array(array) => Box::new((0..array.of.len()).map(move |place| {
                pay(ITERATING);
                Ok(array.of[place].clone())
            })),
            Self::Object(object) => Box::new((0..object.of.len()).map(move |place| {
                pay(ITERATING);
                Ok(object.of[place].clone())
            })),
            other => box_once(Err(Error::typ(other, "array or object"))),
        }
    }

    fn index(self, index: &Self) -> Result {
        Ok(self.at(index)?.unwrap_or(Self::Null))
    }

    fn range(self, range: Range<Option<&Self>>) -> Result {
        self.slice(range)
    }

    fn map_values<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        match self {
            Self::Array(array) => take(array).into_iter().flat_map(f).collect(),
            Self::Object(object) => {
                let mut members = Members::new();
                for (name, value) in take(object) {
                    pay(2);
                    if let Some(value) = f(value).next() {
                        members.insert(name, value?);
                    }
                }
                Ok(Self::object(members))
            }
            other => opt.fail(other, |other| Exn::from(Error::typ(other, "array or object"))),
        }
    }

    fn map_index<'a, I: Iterator<Item = ValX<'a, Self>>>(
        mut self,
        index: &Self,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        pay(1);
        if matches!(self, Self::Null) {
            pay(NULL_PRICE);
            match index {
                Self::Text(_) => self = Self::object(Members::new()),
                Self::Number(_) => self = Self::array(Vec::new()),
                Self::Null | Self::Bool(_) | Self::Array(_) | Self::Object(_) => {}
            }
        }
        match (&mut self, index) {
            (Self::Object(object), Self::Text(name)) => {
                pay_text(name.len());
                let nested = Nested::change(object);
                let old = nested.of.get_mut(name.as_str()).map(|value| std::mem::replace(value, Self::Null));
                let (present, gone) = (old.is_some(), old.as_ref().map_or(0, Self::depth));
                match f(old.unwrap_or(Self::Null)).next().transpose()? {
                    Some(value) => {
                        pay(2);
                        let come = value.depth();
                        nested.of.insert(name.as_str().into(), value);
                        nested.settle(gone, come);
                    }
                    None if present => {
                        pay_text(nested.of.len());
                        nested.of.shift_remove(name.as_str());
                        nested.settle(gone, 0);
                    }
                    None => {}
                }
                Ok(self)
            }
            (Self::Array(array), Self::Number(number)) => {
                let length = array.of.len();
                let whole = Number::Float(number.float().floor()).whole();
                // An index behind the end is a place too: what lies between becomes null.
                let place =
                    whole.and_then(|index| place(index, length).or_else(|| usize::try_from(index).ok()));
                let Some(place) = place else {
                    return opt.fail(self, |_| {
                        Exn::from(Error::str(format_args!("index {index} is out of bounds")))
                    });
                };
                let nested = Nested::change(array);
                let old = nested.of.get_mut(place).map(|value| std::mem::replace(value, Self::Null));
                let gone = old.as_ref().map_or(0, Self::depth);
                match f(old.unwrap_or(Self::Null)).next().transpose()? {
                    Some(value) => {
                        let come = value.depth();
                        if place >= length {
                            pay_each(place - length + 1, 1);
                            nested.of.resize_with(place + 1, || Self::Null);
                        }
                        nested.of[place] = value;
                        nested.settle(gone, come);
                    }
                    None if place < length => {
                        pay_text(length);
                        nested.of.remove(place);
                        nested.settle(gone, 0);
                    }
                    None => {}
                }
                Ok(self)
            }
            (Self::Array(_), Self::Object(bounds)) => {
                let bounds = Rc::clone(bounds);
                self.map_range(bounds.of.get("start")..bounds.of.get("end"), opt, f)
            }
            _ => opt.fail(self, |value| Exn::from(Error::index(value, index.clone()))),
        }
    }

    fn map_range<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        range: Range<Option<&Self>>,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        let array = match self {
            Self::Array(array) => array,
            Self::Null => Nested::new(Vec::new()),
            other => return opt.fail(other, |other| Exn::from(Error::typ(other, "array"))),
        };
        let places = match places(&range, array.of.len()) {
            Ok(places) => places,
            Err(error) => return opt.fail(Self::Array(array), |_| Exn::from(error)),
        };
        let part = array.of[places.clone()].iter().cloned().collect();
        let part = match f(part).next().transpose()? {
            None => Vec::new(),
            Some(Self::Array(part)) => take(part),
            Some(other) => return Err(Exn::from(Error::typ(other, "array"))),
        };
        let mut elements = take(array);
        pay_each(elements.len() + part.len(), 1);
        elements.splice(places, part);
        Ok(Self::array(elements))
    }

    fn as_bool(&self) -> bool {
        !matches!(self, Self::Null | Self::Bool(false))
    }

    fn into_string(self) -> Self {
        match self {
            Self::Text(_) => self,
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Array(_) | Self::Object(_) => {
                Self::text(self.to_json())
            }
        }
    }
}
