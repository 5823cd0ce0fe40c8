//! Whole numbers beyond 64 bits, as they stand in a body. Decoded, they are doubles, and two ids that differ in their
//! last digits are the same double.
//!
//! Used by `dedupe`, so that two such ids stay two keys. Pure.

use std::fmt;

use serde::{
    Deserialize,
    de::{Deserializer, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::template::Segment;

/// The digits of 2^63, the first whole number that may not fit.
const LEAST_DIGITS: usize = 19;

/// The digits at the end of this path, if a whole number beyond 64 bits stands there.
pub(super) fn beyond(body: &[u8], path: &[Segment]) -> Option<String> {
    // Nearly all bodies have no such number, and are not parsed once more for it.
    if !body.split(|byte| !byte.is_ascii_digit()).any(|run| run.len() >= LEAST_DIGITS) {
        return None;
    }
    let mut place: &RawValue = serde_json::from_slice(body).ok()?;
    for segment in path {
        place = match (place.get().as_bytes().first()?, segment) {
            (b'{', segment) => {
                let Members(members) = serde_json::from_str(place.get()).ok()?;
                // Of two equal names the last one counts, as it does for whoever reads the body.
                members.into_iter().rev().find(|(name, _)| name == segment.as_str())?.1
            }
            (b'[', Segment::Index(index)) => {
                let Elements(elements) = serde_json::from_str(place.get()).ok()?;
                elements.into_iter().nth(index.parse().ok()?)?
            }
            _ => return None,
        };
    }
    let text = place.get();
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let fits = text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok();
    (is_whole && !fits).then(|| text.to_owned())
}

struct Members<'a>(Vec<(String, &'a RawValue)>);

struct Elements<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Read)
    }
}

impl<'de> Deserialize<'de> for Elements<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Elements<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                let mut elements = Vec::new();
                while let Some(element) = items.next_element()? {
                    elements.push(element);
                }
                Ok(Elements(elements))
            }
        }
        deserializer.deserialize_seq(Read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::{Part, Template};

    #[test]
    fn digits_are_found_where_a_path_leads_and_only_beyond_64_bits() {
        let body = br#"{"id": 123456789012345678901, "a": [1, {"n": -99999999999999999999}], "s": "123456789012345678901",
            "small": 18446744073709551615, "float": 1e30, "twice": 1, "twice": 999999999999999999999}"#;
        for (path, expected) in [
            ("id", Some("123456789012345678901")),
            ("a[1].n", Some("-99999999999999999999")),
            ("twice", Some("999999999999999999999")),
            ("s", None),
            ("small", None),
            ("float", None),
            ("a", None),
            ("a.n", None),
            ("missing", None),
            ("id.x", None),
        ] {
            let template = Template::parse(&format!("{{{{$context.data.{path}}}}}")).unwrap();
            let Part::Path(path) = &template.parts()[0] else { panic!("{path}") };
            assert_eq!(beyond(body, &path.segments()[1..]).as_deref(), expected, "{path:?}");
        }
        assert_eq!(beyond(b"no JSON", &[]), None);
    }
}
