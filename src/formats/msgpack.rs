//! MessagePack as the same plain JSON that a sender would have written.
//!
//! Bytes are base64 text, an extension is `{"ext": type, "base64": …}`, NaN and infinities are null, keys that are no strings
//! become their text. Keys that are arrays, maps or extensions and more than one value are refused.

use super::{
    octets::Octets,
    writer::{self, Writer},
};
use crate::model::JsonText;

/// # Errors
/// Why it is not MessagePack, or which bound it goes beyond.
pub(super) fn to_json(body: &[u8]) -> Result<JsonText, String> {
    let mut octets = Octets(body);
    let mut writer = Writer::new();
    value(&mut octets, &mut writer, 0)?;
    octets.end()?;
    writer.finish()
}

/// One value, its parts not yet read.
enum Item<'a> {
    Word(&'static str),
    Integer(i128),
    Float(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
    Extension(i8, &'a [u8]),
    Array(u64),
    Map(u64),
}

impl<'a> Item<'a> {
    /// By the table of formats of the specification.
    fn read(octets: &mut Octets<'a>) -> Result<Self, String> {
        let byte = octets.byte()?;
        Ok(match byte {
            0x00..=0x7f => Self::Integer(byte.into()),
            0x80..=0x8f => Self::Map((byte & 0x0f).into()),
            0x90..=0x9f => Self::Array((byte & 0x0f).into()),
            0xa0..=0xbf => Self::Text(octets.text((byte & 0x1f).into())?),
            0xc0 => Self::Word("null"),
            0xc1 => return Err("the byte 0xc1 begins nothing".to_owned()),
            0xc2 => Self::Word("false"),
            0xc3 => Self::Word("true"),
            0xc4..=0xc6 => {
                let count = length(octets, byte - 0xc4)?;
                Self::Bytes(octets.take(count)?)
            }
            0xc7..=0xc9 => {
                let count = length(octets, byte - 0xc7)?;
                extension(octets, count)?
            }
            0xca => Self::Float(f32::from_be_bytes(octets.array()?).into()),
            0xcb => Self::Float(f64::from_be_bytes(octets.array()?)),
            0xcc => Self::Integer(octets.byte()?.into()),
            0xcd => Self::Integer(u16::from_be_bytes(octets.array()?).into()),
            0xce => Self::Integer(u32::from_be_bytes(octets.array()?).into()),
            0xcf => Self::Integer(u64::from_be_bytes(octets.array()?).into()),
            0xd0 => Self::Integer(i8::from_be_bytes(octets.array()?).into()),
            0xd1 => Self::Integer(i16::from_be_bytes(octets.array()?).into()),
            0xd2 => Self::Integer(i32::from_be_bytes(octets.array()?).into()),
            0xd3 => Self::Integer(i64::from_be_bytes(octets.array()?).into()),
            0xd4..=0xd8 => extension(octets, 1 << (byte - 0xd4))?,
            0xd9..=0xdb => {
                let count = length(octets, byte - 0xd9)?;
                Self::Text(octets.text(count)?)
            }
            0xdc | 0xdd => Self::Array(length(octets, byte - 0xdc + 1)?),
            0xde | 0xdf => Self::Map(length(octets, byte - 0xde + 1)?),
            0xe0..=0xff => Self::Integer(i8::from_be_bytes([byte]).into()),
        })
    }
}

/// A length of one, two or four bytes.
fn length(octets: &mut Octets<'_>, width: u8) -> Result<u64, String> {
    match width {
        0 => octets.byte().map(u64::from),
        1 => octets.array().map(|bytes| u16::from_be_bytes(bytes).into()),
        _ => octets.array().map(|bytes| u32::from_be_bytes(bytes).into()),
    }
}

fn extension<'a>(octets: &mut Octets<'a>, count: u64) -> Result<Item<'a>, String> {
    let kind = i8::from_be_bytes(octets.array()?);
    Ok(Item::Extension(kind, octets.take(count)?))
}

fn value(octets: &mut Octets<'_>, writer: &mut Writer, level: usize) -> Result<(), String> {
    let item = Item::read(octets)?;
    let inner = matches!(item, Item::Array(_) | Item::Map(_) | Item::Extension(..));
    writer.enter(if inner { level + 1 } else { level })?;
    match item {
        Item::Word(word) => writer.raw(word),
        Item::Integer(number) => writer.raw(&number.to_string()),
        Item::Float(number) => writer.number(number),
        Item::Text(text) => writer.string(text),
        Item::Bytes(bytes) => writer.bytes(bytes),
        Item::Extension(kind, bytes) => {
            writer.raw(&format!("{{\"ext\":{kind},\"base64\":"));
            writer.bytes(bytes);
            writer.raw("}");
        }
        Item::Array(count) => {
            writer.raw("[");
            for index in 0..count {
                if index > 0 {
                    writer.raw(",");
                }
                value(octets, writer, level + 1)?;
            }
            writer.raw("]");
        }
        Item::Map(count) => {
            writer.raw("{");
            for index in 0..count {
                if index > 0 {
                    writer.raw(",");
                }
                key(octets, writer)?;
                writer.raw(":");
                value(octets, writer, level + 1)?;
            }
            writer.raw("}");
        }
    }
    Ok(())
}

fn key(octets: &mut Octets<'_>, writer: &mut Writer) -> Result<(), String> {
    let text = match Item::read(octets)? {
        Item::Text(text) => text.to_owned(),
        Item::Bytes(bytes) => writer::base64(bytes),
        Item::Integer(number) => number.to_string(),
        Item::Float(number) => writer::float(number),
        Item::Word(word) => word.to_owned(),
        Item::Extension(..) | Item::Array(_) | Item::Map(_) => {
            return Err("a key is an array, a map or an extension".to_owned());
        }
    };
    writer.string(&text);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn every_format_is_read() {
        let cases: [(&[u8], Value); 20] = [
            (b"\x7f", json!(127)),
            (b"\xe0", json!(-32)),
            (b"\xcc\xff", json!(255)),
            (b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", json!(u64::MAX)),
            (b"\xd0\x80", json!(-128)),
            (b"\xd3\x80\x00\x00\x00\x00\x00\x00\x00", json!(i64::MIN)),
            (b"\xca\x3f\x80\x00\x00", json!(1.0)),
            (b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00", Value::Null),
            (b"\xcb\xff\xf0\x00\x00\x00\x00\x00\x00", Value::Null),
            (b"\xc0", Value::Null),
            (b"\xc3", json!(true)),
            (b"\xa2hi", json!("hi")),
            (b"\xd9\x02hi", json!("hi")),
            (b"\xdb\x00\x00\x00\x02hi", json!("hi")),
            (b"\xc4\x02\x01\x02", json!("AQI=")),
            (b"\xd4\x05\x09", json!({"ext": 5, "base64": "CQ=="})),
            (b"\xc7\x02\xff\x01\x02", json!({"ext": -1, "base64": "AQI="})),
            (b"\xdc\x00\x02\x01\x02", json!([1, 2])),
            (b"\xde\x00\x01\x01\x02", json!({"1": 2})),
            (b"\x82\xa1a\x01\xa1a\x02", json!({"a": 2})),
        ];
        for (bytes, expected) in cases {
            assert_eq!(to_json(bytes).map(|json| json.to_value()), Ok(expected), "{bytes:x?}");
        }
    }

    #[test]
    fn what_is_no_json_is_refused() {
        let bad: [(&str, &[u8]); 9] = [
            ("nothing", b""),
            ("more behind it", b"\x01\x01"),
            ("cut", b"\xa5hi"),
            ("four thousand million bytes", b"\xc6\xff\xff\xff\xff"),
            ("four thousand million elements", b"\xdd\xff\xff\xff\xff"),
            ("a reserved byte", b"\xc1"),
            ("a key that is an array", b"\x81\x90\x01"),
            ("text that is not UTF-8", b"\xa1\xff"),
            ("a map without its value", b"\x81\xa1a"),
        ];
        for (what, bytes) in bad {
            assert!(to_json(bytes).is_err(), "{what}");
        }
        assert!(to_json(&[0x91; 100_000]).unwrap_err().contains("levels"), "a depth bomb");
        let mut wide = vec![0xdd, 0x00, 0x10, 0x00, 0x00];
        wide.extend_from_slice(&[0; 1 << 20]);
        assert!(to_json(&wide).unwrap_err().contains("values"), "a width bomb");
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::hash_map(any::<String>(), inner, 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_another_encoder_writes_is_read(value in any_json()) {
            let bytes = rmp_serde::to_vec(&value).unwrap();
            prop_assert_eq!(to_json(&bytes).unwrap().to_value(), value);
        }

        #[test]
        fn any_bytes_are_messagepack_or_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = to_json(&body);
        }
    }
}
