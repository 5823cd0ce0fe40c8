//! JSON kept as the text it is.
//!
//! Events and step outputs travel from the socket to the script and into the
//! store without being rebuilt; only templates and conditions parse them.

use std::{cell::Cell, fmt, sync::Arc};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
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
        Self::check_within(text, Bounds::NONE)
    }

    /// As [`JsonText::check`], for a text of somebody who may mean us harm.
    ///
    /// # Errors
    /// The syntax error, or the bound that it goes beyond, with line and column.
    pub fn check_within(text: &str, bounds: Bounds) -> Result<(), serde_json::Error> {
        let mut parser = serde_json::Deserializer::from_str(text);
        Checked { bounds, depth: 0, nodes: &Cell::new(0) }.deserialize(&mut parser)?;
        parser.end()
    }

    /// As [`JsonText::parse`], for a text of somebody who may mean us harm.
    ///
    /// # Errors
    /// The syntax error, or the bound that it goes beyond, with line and column.
    pub fn parse_within(text: String, bounds: Bounds) -> Result<Self, serde_json::Error> {
        Self::check_within(&text, bounds)?;
        Ok(Self(text.into()))
    }

    /// The array of some values. Nobody checks it again, so its parts must leave room for one more level of nesting.
    pub fn array(values: &[Self]) -> Self {
        let mut json = String::with_capacity(2 + values.iter().map(|value| value.0.len() + 1).sum::<usize>());
        json.push('[');
        for value in values {
            if json.len() > 1 {
                json.push(',');
            }
            json.push_str(&value.0);
        }
        json.push(']');
        Self(json.into())
    }

    /// The object of some members, each with a name of its own. As with [`JsonText::array`], nobody checks it again.
    pub fn object(members: impl IntoIterator<Item = (String, Self)>) -> Self {
        let mut json = String::from("{");
        for (name, value) in members {
            if json.len() > 1 {
                json.push(',');
            }
            json.push_str(&serde_json::to_string(&name).expect("a string is always JSON"));
            json.push(':');
            json.push_str(&value.0);
        }
        json.push('}');
        Self(json.into())
    }

    /// The text of a value.
    pub fn from_value(value: &Value) -> Self {
        Self(value.to_string().into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it is counted with where memory is bounded: its bytes, and at least [`Self::VALUE`] for each value, as
    /// whoever parses it holds a multiple of the text of small values.
    pub fn weight(&self) -> usize {
        let (mut values, mut quoted, mut escaped) = (1, false, false);
        for byte in self.0.bytes() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                b',' | b'[' | b'{' if !quoted => values += 1,
                _ => {}
            }
        }
        self.0.len().max(values * Self::VALUE)
    }

    /// The least bytes that a value counts with.
    pub const VALUE: usize = 16;

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

/// What a text from outside may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Values, members and elements included: each costs whoever parses it about a hundred bytes.
    pub nodes: usize,
    /// Levels of nesting; the parser itself stops at 127.
    pub depth: usize,
}

impl Bounds {
    /// For our own texts: the parser's limit of nesting alone.
    const NONE: Self = Self { nodes: usize::MAX, depth: usize::MAX };
}

/// Visits every value and keeps none. Unlike `IgnoredAny` it goes through the parser's nesting limit, and reads every
/// string, so that half of a surrogate pair is an error here and not later.
#[derive(Clone, Copy)]
struct Checked<'a> {
    bounds: Bounds,
    depth: usize,
    nodes: &'a Cell<usize>,
}

impl<'de> DeserializeSeed<'de> for Checked<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let nodes = self.nodes.get() + 1;
        if nodes > self.bounds.nodes {
            return Err(D::Error::custom(format_args!("more than {} values", self.bounds.nodes)));
        }
        self.nodes.set(nodes);
        deserializer.deserialize_any(self)
    }
}

impl Checked<'_> {
    fn inner<E: Error>(self) -> Result<Self, E> {
        if self.depth >= self.bounds.depth {
            return Err(E::custom(format_args!("nested more than {} levels deep", self.bounds.depth)));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> Visitor<'de> for Checked<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let inner = self.inner()?;
        while seq.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let inner = self.inner()?;
        while map.next_key::<Key>()?.is_some() {
            map.next_value_seed(inner)?;
        }
        Ok(())
    }
}

/// A key, read whole and not kept.
struct Key;

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Self)
    }
}

impl Visitor<'_> for Key {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
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
    fn small_values_weigh_more_than_their_text() {
        let weight = |text: &str| JsonText::parse(text.to_owned()).unwrap().weight();
        assert_eq!(weight("[0,0,0]"), 4 * JsonText::VALUE);
        assert_eq!(weight("{\"a\":[\"b,[\\\",{\"]}"), 3 * JsonText::VALUE);
        assert_eq!(weight(&format!("\"{}\"", ",".repeat(100))), 102);
    }

    #[test]
    fn a_million_open_brackets_are_an_error_and_no_crash() {
        assert!(JsonText::parse("[".repeat(1_000_000)).is_err());
        assert!(JsonText::parse(format!("{}{}", "[".repeat(200), "]".repeat(200))).is_err());
    }

    #[test]
    fn a_foreign_text_stays_within_its_bounds() {
        let bounds = Bounds { nodes: 5, depth: 2 };
        let cases = [
            ("[1,2,3,4]", true),
            ("[1,2,3,4,5]", false),
            ("{\"a\":1,\"b\":[2,3]}", true),
            ("{\"a\":1,\"b\":[2,3],\"c\":4}", false),
            ("[[1]]", true),
            ("[[[]]]", false),
            ("[{\"a\":{}}]", false),
            ("5", true),
            ("5 5", false),
        ];
        for (text, fits) in cases {
            assert_eq!(JsonText::check_within(text, bounds).is_ok(), fits, "{text}");
        }
    }

    #[test]
    fn half_of_a_surrogate_pair_is_an_error_wherever_it_stands() {
        for bad in
            ["\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "{\"\\ud800\":1}", "[{\"a\":\"\\udfff\"}]"]
        {
            assert!(JsonText::check(bad).is_err(), "{bad}");
        }
        assert!(JsonText::check("\"\\ud83d\\ude00\"").is_ok());
    }

    #[test]
    fn json_is_embedded_as_json() {
        let text = JsonText::parse("{\"b\":1,\"a\":2}".to_owned()).unwrap();
        assert_eq!(serde_json::to_string(&vec![text]).unwrap(), "[{\"b\":1,\"a\":2}]");
    }
}
