//! Finds one value of a JSON body without building the rest, because bodies are read before anybody proved anything.
//!
//! Used by `signature` for senders that put the time or the id into the body.

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

/// Member names from the outside in; a whole number is also the index of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BodyPath(Vec<String>);

impl BodyPath {
    /// Parses a path such as `data.sent_at`; `None` if a name is empty.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let names: Vec<_> = text.split('.').map(str::to_owned).collect();
        names.iter().all(|name| !name.is_empty()).then_some(Self(names))
    }

    /// The text of the string or whole number at this path. `None` if the body is not JSON, or has something else
    /// there. If a name is there twice, the last member counts, as it does for whoever parses the body afterwards.
    pub(super) fn find(&self, body: &[u8]) -> Option<String> {
        let mut json = serde_json::Deserializer::from_slice(body);
        let found = Seek(&self.0).deserialize(&mut json).ok()?;
        json.end().ok()?;
        found
    }

    /// The body with `value` at this path. `None` if the body is not an object.
    pub(super) fn write(&self, body: &[u8], value: Value) -> Option<Vec<u8>> {
        let mut whole: Value = serde_json::from_slice(body).ok()?;
        let (last, outer) = self.0.split_last()?;
        let mut place = whole.as_object_mut()?;
        for name in outer {
            place = place.entry(name.clone()).or_insert_with(|| Map::new().into()).as_object_mut()?;
        }
        place.insert(last.clone(), value);
        serde_json::to_vec(&whole).ok()
    }
}

impl fmt::Display for BodyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

/// Looks for the rest of a path in the next value.
struct Seek<'p>(&'p [String]);

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<String>()? {
            match self.0.split_first() {
                Some((wanted, rest)) if *wanted == name => found = map.next_value_seed(Seek(rest))?,
                Some(_) | None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let wanted =
            self.0.split_first().and_then(|(first, rest)| Some((first.parse::<usize>().ok()?, rest)));
        let mut found = None;
        for index in 0_usize.. {
            match wanted {
                Some((at, rest)) if at == index => match seq.next_element_seed(Seek(rest))? {
                    Some(value) => found = value,
                    None => break,
                },
                Some(_) | None => {
                    if seq.next_element::<IgnoredAny>()?.is_none() {
                        break;
                    }
                }
            }
        }
        Ok(found)
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(self.0.is_empty().then(|| text.to_owned()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(self.0.is_empty().then(|| number.to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(self.0.is_empty().then(|| number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        // With its point, so that it does not pass as a whole number.
        Ok(self.0.is_empty().then(|| format!("{number:?}")))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_or_a_number_is_found_at_its_path_alone() {
        let cases = [
            ("t", r#"{"t": 17}"#, Some("17")),
            ("t", r#"{"t": "17"}"#, Some("17")),
            ("t", r#"{"t": "1", "t": "2"}"#, Some("2")),
            ("t", r#"{"t": "1", "t": null}"#, None),
            ("t", r#"{"t": -17}"#, Some("-17")),
            ("t", r#"{"t": 17.0}"#, Some("17.0")),
            ("t", r#"{"t": 99999999999999999999}"#, Some("1e20")),
            ("a.b.t", r#"{"a": {"x": {"t": 1}, "b": {"t": 2, "u": []}}, "t": 3}"#, Some("2")),
            ("a.1", r#"{"a": ["x", "y", "z"]}"#, Some("y")),
            ("a.3", r#"{"a": ["x", "y", "z"]}"#, None),
            ("a.b", r#"{"a": ["x"]}"#, None),
            ("t", r#"{"t": {"t": 1}}"#, None),
            ("t", r#"{"t": [1]}"#, None),
            ("t", r#"{"t": true}"#, None),
            ("t", r#"{"u": 1}"#, None),
            ("t", r#"{"t": 1"#, None),
            ("t", r#"{"t": 1} x"#, None),
            ("t", "17", None),
            ("t", "t=17", None),
            ("t", "", None),
        ];
        for (path, body, expected) in cases {
            let path = BodyPath::parse(path).unwrap();
            assert_eq!(path.find(body.as_bytes()).as_deref(), expected, "{path} in {body}");
        }
        for text in ["", ".", "a.", ".a", "a..b"] {
            assert_eq!(BodyPath::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_deep_or_long_body_costs_no_more_than_its_reading() {
        let path = BodyPath::parse("t").unwrap();
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(path.find(deep.as_bytes()), None);
        assert_eq!(path.find(format!(r#"{{"x": {deep}, "t": 1}}"#).as_bytes()).as_deref(), Some("1"));
    }

    #[test]
    fn what_is_written_is_found() {
        let path = BodyPath::parse("a.t").unwrap();
        let body = path.write(br#"{"z": 1, "a": {"t": 0, "y": 2}}"#, 17.into()).unwrap();
        assert_eq!(body, br#"{"z":1,"a":{"t":17,"y":2}}"#);
        assert_eq!(path.find(&body).as_deref(), Some("17"));
        assert_eq!(path.write(b"{}", "x".into()).unwrap(), br#"{"a":{"t":"x"}}"#);
        for body in ["[]", "1", "", r#"{"a": 1}"#] {
            assert_eq!(path.write(body.as_bytes(), 17.into()), None, "{body}");
        }
    }
}
