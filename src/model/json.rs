//! JSON kept as the text it is.
//!
//! Events and step outputs travel from the socket to the script and into the
//! store without being rebuilt; only templates and conditions parse them.

use std::{fmt, sync::Arc};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

/// A text that is known to be one JSON value. Cheap to clone: an output stands in the run's state, its
/// scope and its record at once.
#[derive(Clone, PartialEq, Eq)]
pub struct JsonText(Arc<str>);

impl JsonText {
    /// JSON `null`.
    pub fn null() -> Self {
        Self("null".into())
    }

    /// Checks that `text` is one JSON value; nesting over 128 levels is refused (serde_json's limit).
    ///
    /// # Errors
    /// The syntax error with its line and column.
    pub fn parse(text: String) -> Result<Self, serde_json::Error> {
        Self::check(&text)?;
        Ok(Self(text.into()))
    }

    /// As [`JsonText::parse`], for a text that stays where it is.
    ///
    /// # Errors
    /// The syntax error with its line and column.
    pub fn check(text: &str) -> Result<(), serde_json::Error> {
        serde_json::from_str::<Checked>(text).map(|Checked| ())
    }

    /// The text of a value.
    pub fn from_value(value: &Value) -> Self {
        Self(value.to_string().into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value, parsed anew.
    pub fn to_value(&self) -> Value {
        serde_json::from_str(&self.0).expect("a JsonText holds valid JSON")
    }
}

impl fmt::Debug for JsonText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for JsonText {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            // Embedded as JSON, not as a string that holds JSON.
            let raw: &RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
            raw.serialize(serializer)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for JsonText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let raw = Box::<RawValue>::deserialize(deserializer)?;
            Self::parse(raw.get().to_owned()).map_err(serde::de::Error::custom)
        } else {
            // Our own records carry a checksum; the text was checked when it was written.
            String::deserialize(deserializer).map(|text| Self(text.into()))
        }
    }
}

/// Visits every value and keeps none. Unlike `IgnoredAny` it goes through the parser's nesting limit.
struct Checked;

impl<'de> Deserialize<'de> for Checked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Checked {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_whole_json_value_is_accepted() {
        for good in ["null", " {\"a\": 1} ", "[1,2]", "\"é\""] {
            assert!(JsonText::parse(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["", "{", "1 2", "{'a':1}", "NaN"] {
            assert!(JsonText::parse(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_million_open_brackets_are_an_error_and_no_crash() {
        assert!(JsonText::parse("[".repeat(1_000_000)).is_err());
        assert!(JsonText::parse(format!("{}{}", "[".repeat(200), "]".repeat(200))).is_err());
    }

    #[test]
    fn json_is_embedded_as_json() {
        let text = JsonText::parse("{\"b\":1,\"a\":2}".to_owned()).unwrap();
        assert_eq!(serde_json::to_string(&vec![text]).unwrap(), "[{\"b\":1,\"a\":2}]");
    }
}
