//! JSON whose objects name no member twice (RFC 7515 section 4, RFC 7519 section 4). If a member is there twice, one
//! reader would take the first and another the last.
//!
//! Used by `jwt`. Pure.

use std::fmt;

use serde::{
    Deserialize,
    de::{Deserializer, Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

/// A value in which no object names a member twice.
struct Once(Value);

/// Reads an object in which no member, at any depth, is named twice.
///
/// # Errors
/// When the text is not such an object.
pub(super) fn object(text: &[u8]) -> Result<Map<String, Value>, &'static str> {
    match serde_json::from_slice(text) {
        Ok(Once(Value::Object(members))) => Ok(members),
        Ok(Once(_)) => Err("is not a JSON object"),
        Err(error) if error.to_string().contains(TWICE) => Err("names a member twice"),
        Err(_) => Err("is not JSON"),
    }
}

const TWICE: &str = "a member is there twice";

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Self)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Once(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Once(value))) = members.next_entry::<String, _>()? {
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom(TWICE));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_member_that_is_there_twice_is_refused_at_any_depth() {
        let good = br#"{"a":1,"b":[{"a":null},{"a":-1.5}],"c":{"a":"a"},"\u0064":true}"#;
        let expected = json!({"a": 1, "b": [{"a": null}, {"a": -1.5}], "c": {"a": "a"}, "d": true});
        assert_eq!(object(good), Ok(expected.as_object().unwrap().clone()));
        let twice = Err("names a member twice");
        for (text, expected) in [
            (r#"{"a":1,"a":1}"#, twice.clone()),
            (r#"{"a":1,"\u0061":2}"#, twice.clone()),
            (r#"{"b":[{"a":1,"a":2}]}"#, twice.clone()),
            (r#"{"b":{"a":1,"a":2}}"#, twice),
            ("[]", Err("is not a JSON object")),
            ("{", Err("is not JSON")),
            ("{} {}", Err("is not JSON")),
            ("", Err("is not JSON")),
        ] {
            assert_eq!(object(text.as_bytes()), expected, "{text}");
        }
    }
}
