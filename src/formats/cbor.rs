//! CBOR (RFC 8949) as the same plain JSON that a sender would have written.
//!
//! Bytes are base64 text, tags are dropped, `undefined`, NaN and infinities are null, keys that are no strings become their
//! text. Simple values that mean nothing, keys that are arrays or maps and more than one item are refused.

use super::{
    octets::Octets,
    writer::{self, Writer},
};
use crate::model::JsonText;

/// Tags around one value.
const MAX_TAGS: usize = 16;

/// # Errors
/// Why it is not CBOR, or which bound it goes beyond.
pub(super) fn to_json(body: &[u8]) -> Result<JsonText, String> {
    let mut octets = Octets(body);
    let mut writer = Writer::new();
    let head = Head::read(&mut octets)?;
    value(head, &mut octets, &mut writer, 0)?;
    octets.end()?;
    writer.finish()
}

/// The first bytes of an item: what it is, and its number or length.
struct Head {
    major: u8,
    info: u8,
    /// Nothing for an indefinite length.
    number: Option<u64>,
}

const BREAK: u8 = 0xff;

impl Head {
    fn read(octets: &mut Octets<'_>) -> Result<Self, String> {
        let byte = octets.byte()?;
        let (major, info) = (byte >> 5, byte & 0x1f);
        let number = match info {
            0..24 => Some(info.into()),
            24 => Some(octets.byte()?.into()),
            25 => Some(u16::from_be_bytes(octets.array()?).into()),
            26 => Some(u32::from_be_bytes(octets.array()?).into()),
            27 => Some(u64::from_be_bytes(octets.array()?)),
            31 if matches!(major, 2..=5) => None,
            _ => return Err(format!("the byte {byte:#04x} begins nothing")),
        };
        Ok(Self { major, info, number })
    }
}

/// What may stand where a key or a value does, once tags are off.
enum Scalar {
    Text(String),
    Bytes(Vec<u8>),
    Integer(i128),
    Float(f64),
    Word(&'static str),
}

fn value(head: Head, octets: &mut Octets<'_>, writer: &mut Writer, level: usize) -> Result<(), String> {
    let head = untagged(head, octets)?;
    match head.major {
        4 => {
            writer.enter(level + 1)?;
            writer.raw("[");
            each(head.number, octets, |head, octets, first| {
                if !first {
                    writer.raw(",");
                }
                value(head, octets, writer, level + 1)
            })?;
            writer.raw("]");
        }
        5 => {
            writer.enter(level + 1)?;
            writer.raw("{");
            each(head.number, octets, |head, octets, first| {
                if !first {
                    writer.raw(",");
                }
                key(head, octets, writer)?;
                writer.raw(":");
                let head = Head::read(octets)?;
                value(head, octets, writer, level + 1)
            })?;
            writer.raw("}");
        }
        _ => {
            writer.enter(level)?;
            match scalar(&head, octets)? {
                Scalar::Text(text) => writer.string(&text),
                Scalar::Bytes(bytes) => writer.bytes(&bytes),
                Scalar::Integer(number) => writer.raw(&number.to_string()),
                Scalar::Float(number) => writer.number(number),
                Scalar::Word(word) => writer.raw(word),
            }
        }
    }
    Ok(())
}

/// The elements of an array or map, by their heads.
fn each<'a>(
    count: Option<u64>,
    octets: &mut Octets<'a>,
    mut element: impl FnMut(Head, &mut Octets<'a>, bool) -> Result<(), String>,
) -> Result<(), String> {
    let mut done = 0;
    while count.is_none_or(|count| done < count) {
        if count.is_none() && octets.0.first() == Some(&BREAK) {
            octets.byte()?;
            break;
        }
        let head = Head::read(octets)?;
        element(head, octets, done == 0)?;
        done += 1;
    }
    Ok(())
}

fn untagged(mut head: Head, octets: &mut Octets<'_>) -> Result<Head, String> {
    for _ in 0..=MAX_TAGS {
        if head.major != 6 {
            return Ok(head);
        }
        head = Head::read(octets)?;
    }
    Err(format!("more than {MAX_TAGS} tags around one value"))
}

fn key(head: Head, octets: &mut Octets<'_>, writer: &mut Writer) -> Result<(), String> {
    let head = untagged(head, octets)?;
    let text = match scalar(&head, octets)? {
        Scalar::Text(text) => text,
        Scalar::Bytes(bytes) => writer::base64(&bytes),
        Scalar::Integer(number) => number.to_string(),
        Scalar::Float(number) => writer::float(number),
        Scalar::Word(word) => word.to_owned(),
    };
    writer.string(&text);
    Ok(())
}

fn scalar(head: &Head, octets: &mut Octets<'_>) -> Result<Scalar, String> {
    let number = head.number.unwrap_or(0);
    Ok(match (head.major, head.info) {
        (0, _) => Scalar::Integer(number.into()),
        (1, _) => Scalar::Integer(-1 - i128::from(number)),
        (2, _) => Scalar::Bytes(pieces(head, octets, |count, octets| octets.take(count))?),
        (3, _) => {
            let text = pieces(head, octets, |count, octets| octets.text(count).map(str::as_bytes))?;
            Scalar::Text(String::from_utf8(text).map_err(|error| error.to_string())?)
        }
        (7, 20) => Scalar::Word("false"),
        (7, 21) => Scalar::Word("true"),
        (7, 22 | 23) => Scalar::Word("null"),
        (7, 25) => Scalar::Float(half(number as u16)),
        (7, 26) => Scalar::Float(f32::from_bits(number as u32).into()),
        (7, 27) => Scalar::Float(f64::from_bits(number)),
        (7, _) => return Err(format!("the simple value {number} means nothing here")),
        _ => return Err("a key is an array or a map".to_owned()),
    })
}

/// Bytes or text: whole, or in pieces of definite length up to a break.
fn pieces<'a>(
    head: &Head,
    octets: &mut Octets<'a>,
    read: impl Fn(u64, &mut Octets<'a>) -> Result<&'a [u8], String>,
) -> Result<Vec<u8>, String> {
    if let Some(count) = head.number {
        return read(count, octets).map(<[u8]>::to_vec);
    }
    let mut whole = Vec::new();
    while octets.0.first() != Some(&BREAK) {
        let piece = Head::read(octets)?;
        let count = piece.number.filter(|_| piece.major == head.major).ok_or("a piece is of another type")?;
        whole.extend_from_slice(read(count, octets)?);
    }
    octets.byte()?;
    Ok(whole)
}

/// RFC 8949 appendix D.
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = ((bits >> 10) & 0x1f, f64::from(bits & 0x3ff));
    let magnitude = match exponent {
        0 => fraction * 2_f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (fraction + 1_024.0) * 2_f64.powi(i32::from(exponent) - 25),
    };
    if bits & 0x8000 == 0 { magnitude } else { -magnitude }
}

#[cfg(test)]
mod tests {
    use ciborium::Value as Cbor;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn json_of(hex: &str) -> Result<Value, String> {
        to_json(&hex::decode(hex).unwrap()).map(|json| json.to_value())
    }

    #[test]
    fn the_examples_of_rfc_8949_appendix_a() {
        let cases = [
            ("00", json!(0)),
            ("1903e8", json!(1000)),
            ("1bffffffffffffffff", json!(u64::MAX)),
            ("20", json!(-1)),
            ("3903e7", json!(-1000)),
            ("c249010000000000000000", json!("AQAAAAAAAAAA")),
            ("f90000", json!(0.0)),
            ("f93c00", json!(1.0)),
            ("f97bff", json!(65504.0)),
            ("f90001", json!(5.960464477539063e-8)),
            ("f9c400", json!(-4.0)),
            ("f97c00", Value::Null),
            ("f97e00", Value::Null),
            ("fa47c35000", json!(100000.0)),
            ("fb7e37e43c8800759c", json!(1e300)),
            ("f4", json!(false)),
            ("f7", Value::Null),
            ("c074323031332d30332d32315432303a30343a30305a", json!("2013-03-21T20:04:00Z")),
            ("4401020304", json!("AQIDBA==")),
            ("62c3bc", json!("ü")),
            ("83010203", json!([1, 2, 3])),
            ("8301820203820405", json!([1, [2, 3], [4, 5]])),
            ("a201020304", json!({"1": 2, "3": 4})),
            ("a26161016162820203", json!({"a": 1, "b": [2, 3]})),
            ("5f42010243030405ff", json!("AQIDBAU=")),
            ("7f657374726561646d696e67ff", json!("streaming")),
            ("9fff", json!([])),
            ("9f018202039f0405ffff", json!([1, [2, 3], [4, 5]])),
            ("bf61610161629f0203ffff", json!({"a": 1, "b": [2, 3]})),
        ];
        for (hex, expected) in cases {
            assert_eq!(json_of(hex), Ok(expected), "{hex}");
        }
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for (what, hex) in [
            ("nothing", ""),
            ("more behind it", "0000"),
            ("cut", "19ff"),
            ("a length beyond the end", "5bffffffffffffffff00"),
            ("an array of 2^64", "9bffffffffffffffff"),
            ("a map without its value", "a101"),
            ("a break alone", "ff"),
            ("a key that is an array", "a18001"),
            ("a key that is a map", "a1a001"),
            ("a reserved simple value", "f818"),
            ("a reserved length", "1c"),
            ("an indefinite integer", "1f"),
            ("text that is not UTF-8", "61ff"),
            ("text in pieces of bytes", "7f4161ff"),
            ("a character cut by pieces", "7f61c361bcff"),
            ("an indefinite piece", "5f5f4101ffff"),
            ("tags without end", &"c1".repeat(40)),
        ] {
            assert!(json_of(hex).is_err(), "{what}");
        }
        assert!(to_json(&[0x81; 100_000]).unwrap_err().contains("levels"), "a depth bomb");
        let mut wide = vec![0x9a, 0x00, 0x10, 0x00, 0x00];
        wide.extend_from_slice(&[0; 1 << 20]);
        assert!(to_json(&wide).unwrap_err().contains("values"), "a width bomb");
    }

    fn any_cbor() -> impl Strategy<Value = Cbor> {
        let leaf = prop_oneof![
            Just(Cbor::Null),
            any::<bool>().prop_map(Cbor::Bool),
            any::<i64>().prop_map(Cbor::from),
            any::<f64>().prop_map(Cbor::Float),
            any::<String>().prop_map(Cbor::Text),
            prop::collection::vec(any::<u8>(), 0..9).prop_map(Cbor::Bytes),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Cbor::Array),
                prop::collection::vec((any::<String>().prop_map(Cbor::Text), inner.clone()), 0..6)
                    .prop_map(Cbor::Map),
                (1_000_u64..2_000, inner).prop_map(|(tag, value)| Cbor::Tag(tag, Box::new(value))),
            ]
        })
    }

    fn expected(value: &Cbor) -> Value {
        match value {
            Cbor::Integer(number) => json!(i64::try_from(*number).unwrap()),
            Cbor::Bytes(bytes) => json!(writer::base64(bytes)),
            Cbor::Float(number) => json!(number),
            Cbor::Text(text) => json!(text),
            Cbor::Bool(flag) => json!(flag),
            Cbor::Tag(_, inner) => expected(inner),
            Cbor::Array(items) => items.iter().map(expected).collect(),
            Cbor::Map(members) => members
                .iter()
                .map(|(key, value)| (key.as_text().unwrap().to_owned(), expected(value)))
                .collect(),
            _ => Value::Null,
        }
    }

    proptest! {
        #[test]
        fn what_another_encoder_writes_is_read(value in any_cbor()) {
            let mut bytes = Vec::new();
            ciborium::into_writer(&value, &mut bytes).unwrap();
            prop_assert_eq!(to_json(&bytes).unwrap().to_value(), expected(&value));
        }

        #[test]
        fn any_bytes_are_cbor_or_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = to_json(&body);
        }
    }
}
