//! JSON bytes to JavaScript values, straight from serde's stream: Boa's own `JSON.parse` goes through its script parser.
//!
//! Used for the input of a call and for the script's `JSON.parse`. Every key becomes an own property, `__proto__` too.

use std::{cell::RefCell, rc::Rc};

use boa_engine::{
    Context, JsObject, JsString, JsValue,
    builtins::object::OrdinaryObject,
    object::{builtins::JsArray, shape::Shape},
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
    let mut siblings = Vec::new();
    let value = Value { context, siblings: &mut siblings, repeats: false, depth: 0 };
    let value = value.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

struct Value<'a> {
    context: &'a mut Context,
    /// The last object of each depth, as [`MAX_SIBLINGS`] allows.
    siblings: &'a mut Vec<Option<Rc<Sibling>>>,
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
        let Self { context, siblings, depth, .. } = self;
        Ok(Value { context, siblings, repeats, depth: *depth + 1 })
    }

    /// An object inside an array. One with the keys of its sibling before gets that one's shape at once; of another one each key is
    /// looked up.
    fn repeated<'de, A: MapAccess<'de>>(mut self, mut entries: A) -> Result<JsValue, A::Error> {
        let slot = self.depth as usize % MAX_SIBLINGS;
        let sibling = self.siblings.get(slot).cloned().flatten();
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        if let Some(sibling) = sibling {
            values.reserve_exact(sibling.keys.len());
            let other = loop {
                match entries.next_key_seed(KeyLike(sibling.keys.get(values.len())))? {
                    Some(None) => values.push(entries.next_value_seed(self.inner(true)?)?),
                    Some(Some(other)) => break Some(other),
                    None => break None,
                }
            };
            if other.is_none() && values.len() == sibling.keys.len() {
                return Ok(JsObject::from_shape(&sibling.shape, values).into());
            }
            keys.extend_from_slice(&sibling.keys[..values.len()]);
            if let Some(key) = other {
                keys.push(key);
                values.push(entries.next_value_seed(self.inner(true)?)?);
            }
        }
        while let Some(key) = entries.next_key_seed(Key)? {
            keys.push(key);
            values.push(entries.next_value_seed(self.inner(true)?)?);
        }
        let prototype = self.context.intrinsics().constructors().object().prototype();
        let object = JsObject::new(self.context.root_shape(), prototype, OrdinaryObject).upcast();
        // A shape has a place for each value when no key is an index and none comes twice.
        let mut plain = (1..=MAX_KEYS).contains(&keys.len());
        for (index, (key, value)) in keys.iter().zip(values).enumerate() {
            plain = plain && matches!(key, PropertyKey::String(_)) && !keys[..index].contains(key);
            insert(&object, key.clone(), value);
        }
        let shape = object.borrow().shape().clone();
        if plain && shape.is_shared() {
            if self.siblings.is_empty() {
                self.siblings.resize(MAX_SIBLINGS, None);
            }
            self.siblings[slot] = Some(Rc::new(Sibling { keys, shape }));
        }
        Ok(object.into())
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
        if self.repeats {
            return self.repeated(entries);
        }
        let object = JsObject::with_object_proto(self.context.intrinsics());
        while let Some(key) = entries.next_key_seed(Key)? {
            let value = entries.next_value_seed(self.inner(false)?)?;
            insert(&object, key, value);
        }
        Ok(object.into())
    }
}

fn insert(object: &JsObject, key: PropertyKey, value: JsValue) {
    object.insert_property(
        key,
        PropertyDescriptor::builder().value(value).writable(true).enumerable(true).configurable(true),
    );
}

/// What an object had: the next one at its depth tends to have the same.
struct Sibling {
    /// In their order, each once, none of them an index.
    keys: Vec<PropertyKey>,
    /// Shared, with a place for each key.
    shape: Shape,
}

/// Depths that have a sibling of their own.
const MAX_SIBLINGS: usize = 16;

/// Keys of an object whose shape is worth keeping.
const MAX_KEYS: usize = 64;

/// Reads a key: nothing if it is the one that is expected, else what is there.
struct KeyLike<'a>(Option<&'a PropertyKey>);

impl<'de> DeserializeSeed<'de> for KeyLike<'_> {
    type Value = Option<PropertyKey>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyLike<'_> {
    type Value = Option<PropertyKey>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a string key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        // Latin-1 above 127 is not UTF-8: only ASCII keys compare byte by byte.
        if let Some(PropertyKey::String(expected)) = self.0
            && key.is_ascii()
            && expected.as_str().as_latin1() == Some(key.as_bytes())
        {
            return Ok(None);
        }
        let there = interned(key);
        Ok(if self.0 == Some(&there) { None } else { Some(there) })
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
