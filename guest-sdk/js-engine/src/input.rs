//! JSON bytes to JavaScript values, straight from serde's stream: Boa's own `JSON.parse` goes through its script parser.
//!
//! Used for the input of a call and for the script's `JSON.parse`. Every key becomes an own property, `__proto__` too.

use std::cell::RefCell;

use boa_engine::{
    Context, JsObject, JsString, JsValue,
    builtins::object::OrdinaryObject,
    object::builtins::JsArray,
    property::{PropertyDescriptor, PropertyKey},
};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Deepest nesting of a JSON text; every level costs some of the Wasm stack.
pub(crate) const MAX_DEPTH: u32 = 500;

/// Parses one JSON text of at most 500 levels.
///
/// # Errors
/// serde's own message with line and column.
pub(crate) fn parse(json: &[u8], context: &mut Context) -> Result<JsValue, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    deserializer.disable_recursion_limit();
    let value = Value { context, repeats: false, depth: 0 }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

struct Value<'a> {
    context: &'a mut Context,
    /// Inside an array: objects there tend to have the same keys, so that a shape shared by all of them pays.
    repeats: bool,
    depth: u32,
}

impl Value<'_> {
    /// A value one level further down.
    fn inner<E: Error>(&mut self, repeats: bool) -> Result<Value<'_>, E> {
        if self.depth == MAX_DEPTH {
            return Err(E::custom(format_args!("nested deeper than {MAX_DEPTH} levels")));
        }
        Ok(Value { context: self.context, repeats, depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = JsValue;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<JsValue, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = JsValue;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<JsValue, E> {
        Ok(JsValue::null())
    }

    fn visit_bool<E>(self, value: bool) -> Result<JsValue, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<JsValue, E> {
        Ok(match i32::try_from(value) {
            Ok(int) => int.into(),
            Err(_) => (value as f64).into(),
        })
    }

    fn visit_i64<E>(self, value: i64) -> Result<JsValue, E> {
        Ok(match i32::try_from(value) {
            Ok(int) => int.into(),
            Err(_) => (value as f64).into(),
        })
    }

    fn visit_f64<E>(self, value: f64) -> Result<JsValue, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<JsValue, E> {
        Ok(JsString::from(value).into())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<JsValue, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(self.inner(true)?)? {
            values.push(value);
        }
        Ok(JsArray::from_iter(values, self.context).into())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<JsValue, A::Error> {
        let object = if self.repeats {
            let prototype = self.context.intrinsics().constructors().object().prototype();
            JsObject::new(self.context.root_shape(), prototype, OrdinaryObject).upcast()
        } else {
            JsObject::with_object_proto(self.context.intrinsics())
        };
        while let Some(key) = entries.next_key_seed(Key)? {
            let repeats = self.repeats;
            let value = entries.next_value_seed(self.inner(repeats)?)?;
            object.insert_property(
                key,
                PropertyDescriptor::builder().value(value).writable(true).enumerable(true).configurable(true),
            );
        }
        Ok(object.into())
    }
}

struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = PropertyKey;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<PropertyKey, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key {
    type Value = PropertyKey;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a string key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<PropertyKey, E> {
        Ok(interned(key))
    }
}

/// Slots of the key cache; a key that meets a taken slot replaces it.
const SLOTS: usize = 256;

thread_local! {
    static KEYS: RefCell<Vec<Option<PropertyKey>>> = const { RefCell::new(Vec::new()) };
}

/// The key as a property key, made once for keys that come again. The cache is part of the snapshot, filled by the warm-up.
pub(crate) fn interned(key: &str) -> PropertyKey {
    let bytes = key.as_bytes();
    let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else {
        return JsString::from(key).into();
    };
    let middle = bytes[bytes.len() / 2];
    let slot =
        [first, middle, last].iter().fold(bytes.len(), |sum, &byte| sum.wrapping_mul(31) ^ usize::from(byte))
            % SLOTS;
    KEYS.with_borrow_mut(|keys| {
        if keys.is_empty() {
            keys.resize(SLOTS, None);
        }
        if let Some(PropertyKey::String(known)) = &keys[slot]
            && known.as_str().as_latin1() == Some(bytes)
        {
            return PropertyKey::String(known.clone());
        }
        let fresh = PropertyKey::from(JsString::from(key));
        // Latin-1 above 127 is not UTF-8: only ASCII keys compare byte by byte.
        if key.is_ascii() {
            keys[slot] = Some(fresh.clone());
        }
        fresh
    })
}
