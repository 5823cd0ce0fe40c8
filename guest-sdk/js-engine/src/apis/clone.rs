//! `structuredClone`: the copies that V8's serializer would give (https://html.spec.whatwg.org/multipage/structured-data.html).
//!
//! Nothing of the script runs but the getters of what is copied, in the order of its members. What is copied is kept on a list instead of
//! the stack, so depth costs memory alone. Errors and classes of the prelude are left to `rare`, and what cannot be copied to `refuse`, which throws:
//! both are functions of the prelude (`text.js`), which knows `DOMException`.

use std::collections::HashMap;

use boa_engine::{
    Context, JsArgs, JsBigInt, JsNativeError, JsObject, JsResult, JsString, JsValue,
    builtins::{
        dataview::DataView, date::Date, object::OrdinaryObject, regexp::RegExp, typed_array::TypedArrayKind,
    },
    context::intrinsics::StandardConstructor,
    js_string,
    object::builtins::{
        AlignedVec, JsArray, JsArrayBuffer, JsDataView, JsDate, JsMap, JsSet, JsSharedArrayBuffer,
        JsTypedArray,
    },
    property::{PropertyDescriptor, PropertyKey},
};

use super::{call_text::elements, native::define};
use crate::error_data;

/// How deep values may be nested; about where V8 has no stack left.
const DEEPEST: usize = 5_000;

pub(crate) fn register(target: &JsObject, context: &mut Context) -> JsResult<()> {
    define(target, &[("clone", clone)], context)
}

/// `clone(value, buffers, rare, refuse)`: a copy of the value, to which the memory of these array buffers is handed over.
/// `rare(object)` gives the copy of an error, or of an instance of a class that has a way of its own, else undefined. `refuse(value)` throws.
fn clone(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let mut cloner = Cloner {
        copies: HashMap::new(),
        open: Vec::new(),
        rare: args.get_or_undefined(2).clone(),
        refuse: args.get_or_undefined(3).clone(),
    };
    let copy = cloner.begin(args.get_or_undefined(0), context)?;
    cloner.finish(context)?;
    for buffer in elements(args.get_or_undefined(1), context)? {
        cloner.hand_over(&buffer)?;
    }
    Ok(copy)
}

/// What is being copied, and what of it is still to be read.
enum Open {
    Members { from: JsObject, to: JsObject, keys: std::vec::IntoIter<PropertyKey> },
    Pairs { to: JsMap, items: std::vec::IntoIter<JsValue>, key: Option<JsValue> },
    Items { to: JsSet, items: std::vec::IntoIter<JsValue> },
    Cause { to: JsObject, cause: JsValue },
}

struct Cloner {
    /// The copy of each object that was met.
    copies: HashMap<JsObject, JsObject>,
    /// The innermost last.
    open: Vec<Open>,
    rare: JsValue,
    refuse: JsValue,
}

impl Cloner {
    /// The copy of a value. That of an object with members is filled by [`finish`](Self::finish).
    fn begin(&mut self, value: &JsValue, context: &mut Context) -> JsResult<JsValue> {
        let Some(object) = value.as_object() else {
            return if value.is_symbol() { self.refuse(value, context) } else { Ok(value.clone()) };
        };
        if let Some(copy) = self.copies.get(&object) {
            return Ok(copy.clone().into());
        }
        if self.open.len() >= DEEPEST {
            return Err(JsNativeError::range().with_message("Maximum call stack size exceeded").into());
        }
        let copy = self.copy_of(&object, context)?;
        self.copies.insert(object, copy.clone());
        Ok(copy.into())
    }

    /// Reads what is open until nothing is.
    fn finish(&mut self, context: &mut Context) -> JsResult<()> {
        while let Some(innermost) = self.open.pop() {
            match innermost {
                Open::Members { from, to, mut keys } => {
                    while let Some(key) = keys.next() {
                        // A getter may have taken it away.
                        let Some(property) = from.borrow().properties().get(&key) else { continue };
                        let value = match (property.value(), property.get().and_then(JsValue::as_callable)) {
                            (Some(value), _) => value.clone(),
                            (None, Some(getter)) => getter.call(&from.clone().into(), &[], context)?,
                            (None, None) => JsValue::undefined(),
                        };
                        let depth = self.open.len();
                        let copy = self.begin(&value, context)?;
                        to.create_data_property_or_throw(key, copy, context)?;
                        if self.open.len() > depth {
                            self.open.insert(depth, Open::Members { from, to, keys });
                            break;
                        }
                    }
                }
                Open::Pairs { to, mut items, key } => {
                    let Some(item) = items.next() else { continue };
                    let depth = self.open.len();
                    let copy = self.begin(&item, context)?;
                    let key = match key {
                        Some(key) => {
                            to.set(key, copy, context)?;
                            None
                        }
                        None => Some(copy),
                    };
                    self.open.insert(depth, Open::Pairs { to, items, key });
                }
                Open::Items { to, mut items } => {
                    let Some(item) = items.next() else { continue };
                    let depth = self.open.len();
                    let copy = self.begin(&item, context)?;
                    to.add(copy, context)?;
                    self.open.insert(depth, Open::Items { to, items });
                }
                Open::Cause { to, cause } => {
                    let cause = self.begin(&cause, context)?;
                    let cause = PropertyDescriptor::builder().value(cause).writable(true).enumerable(false);
                    to.define_property_or_throw(js_string!("cause"), cause.configurable(true), context)?;
                }
            }
        }
        Ok(())
    }

    fn copy_of(&mut self, object: &JsObject, context: &mut Context) -> JsResult<JsObject> {
        if object.is::<OrdinaryObject>() {
            return self.ordinary(object, context);
        }
        if object.is_array() {
            let to: JsObject = JsArray::new(context)?.into();
            let length = object.get(js_string!("length"), context)?;
            to.set(js_string!("length"), length, true, context)?;
            self.open_members(object, &to, context)?;
            return Ok(to);
        }
        if error_data::is_error(object) {
            return self.error(object, context);
        }
        if let Some(value) = boxed(object) {
            return value.to_object(context);
        }
        if object.is::<Date>() {
            let time = JsDate::from_object(object.clone())?.get_time(context)?;
            return made_by(context.intrinsics().constructors().date(), &[time]).construct(context);
        }
        let pattern = object.downcast_ref::<RegExp>().map(|pattern| {
            [pattern.original_source(), pattern.original_flags()].map(|text| JsValue::from(text.clone()))
        });
        if let Some(pattern) = pattern {
            return made_by(context.intrinsics().constructors().regexp(), &pattern).construct(context);
        }
        if let Ok(buffer) = JsArrayBuffer::from_object(object.clone()) {
            return self.buffer(object, &buffer, context);
        }
        // Memory that is shared stays shared.
        if JsSharedArrayBuffer::from_object(object.clone()).is_ok() {
            return Ok(object.clone());
        }
        if let Some(copy) = self.view(object, context)? {
            return Ok(copy);
        }
        if let Ok(map) = JsMap::from_object(object.clone()) {
            let mut items = Vec::new();
            map.for_each_native(|key, value| {
                items.extend([key, value]);
                Ok(())
            })?;
            let to = JsMap::new(context);
            self.open.push(Open::Pairs { to: to.clone(), items: items.into_iter(), key: None });
            return Ok(to.into());
        }
        if let Ok(set) = JsSet::from_object(object.clone()) {
            let mut items = Vec::new();
            set.for_each_native(|item| {
                items.push(item);
                Ok(())
            })?;
            let to = JsSet::new(context);
            self.open.push(Open::Items { to: to.clone(), items: items.into_iter() });
            return Ok(to.into());
        }
        self.refuse_object(object, context)
    }

    /// An object without anything of the engine in it.
    fn ordinary(&mut self, object: &JsObject, context: &mut Context) -> JsResult<JsObject> {
        let common = context.intrinsics().constructors().object().prototype();
        if JsObject::equals(object, &context.global_object()) {
            return self.refuse_object(object, context);
        }
        if object.prototype().is_some_and(|prototype| !JsObject::equals(&prototype, &common))
            && let Some(copy) = self.rare(object, context)?
        {
            return Ok(copy);
        }
        let to = JsObject::with_object_proto(context.intrinsics());
        self.open_members(object, &to, context)?;
        Ok(to)
    }

    /// Has the enumerable members of an ordinary object or of an array copied.
    fn open_members(&mut self, from: &JsObject, to: &JsObject, context: &mut Context) -> JsResult<()> {
        let mut keys = from.own_property_keys(context)?;
        {
            let object = from.borrow();
            let is_shown = |key: &PropertyKey| {
                object.properties().get(key).is_some_and(|own| own.enumerable() == Some(true))
            };
            keys.retain(|key| !matches!(key, PropertyKey::Symbol(_)) && is_shown(key));
        }
        if !keys.is_empty() {
            self.open.push(Open::Members { from: from.clone(), to: to.clone(), keys: keys.into_iter() });
        }
        Ok(())
    }

    fn error(&mut self, object: &JsObject, context: &mut Context) -> JsResult<JsObject> {
        let Some(to) = self.rare(object, context)? else {
            return self.refuse_object(object, context);
        };
        let key = js_string!("cause");
        if object.has_own_property(key.clone(), context)? {
            let cause = object.get(key, context)?;
            self.open.push(Open::Cause { to: to.clone(), cause });
        }
        Ok(to)
    }

    /// A buffer with the same bytes; one without memory cannot be copied.
    fn buffer(
        &mut self,
        object: &JsObject,
        from: &JsArrayBuffer,
        context: &mut Context,
    ) -> JsResult<JsObject> {
        let Some(bytes) = from.data().map(|data| AlignedVec::from_slice(0, &data)) else {
            return self.refuse_object(object, context);
        };
        let to = JsArrayBuffer::from_byte_block(bytes, context)?;
        Ok(match from.max_byte_length() {
            Some(most) => to.with_max_byte_length(most),
            None => to,
        }
        .into())
    }

    /// A view of the copy of the buffer; one that is beyond the end of its buffer has none.
    fn view(&mut self, object: &JsObject, context: &mut Context) -> JsResult<Option<JsObject>> {
        let (constructor, buffer, offset, length) =
            if let Ok(view) = JsTypedArray::from_object(object.clone()) {
                let Some(kind) = view.kind() else { return Ok(None) };
                // The length of an array beyond the end is 0, but it cannot be asked for an element.
                let mut length = view.at(0, context);
                if length.is_ok() {
                    length = match view.tracks_length() {
                        true => Ok(JsValue::undefined()),
                        false => view.length(context).map(JsValue::from),
                    };
                }
                let offset = view.byte_offset(context).map(JsValue::from);
                (typed_array(kind, context), view.buffer(context)?, offset, length)
            } else if object.is::<DataView>() {
                let view = JsDataView::from_object(object.clone())?;
                let length = match view.tracks_length() {
                    true => Ok(JsValue::undefined()),
                    false => view.byte_length(context).map(JsValue::from),
                };
                let offset = view.byte_offset(context).map(JsValue::from);
                let constructor = context.intrinsics().constructors().data_view().constructor();
                (constructor, view.buffer(context)?, offset, length)
            } else {
                return Ok(None);
            };
        let buffer = self.begin(&buffer, context)?;
        let (Ok(offset), Ok(length)) = (offset, length) else {
            return self.refuse_object(object, context).map(Some);
        };
        constructor.construct(&[buffer, offset, length], None, context).map(Some)
    }

    /// Gives the memory of a buffer to its copy, if it has one: as it is now, after the last getter.
    fn hand_over(&self, buffer: &JsValue) -> JsResult<()> {
        let Some(object) = buffer.as_object() else { return Ok(()) };
        let buffer = JsArrayBuffer::from_object(object.clone())?;
        if buffer.data().is_none() {
            return Ok(());
        }
        let bytes = buffer.detach(&JsValue::undefined())?;
        if let Some(copy) = self.copies.get(&object)
            && let Some(mut data) = JsArrayBuffer::from_object(copy.clone())?.data_mut()
            && data.len() == bytes.len()
        {
            data.copy_from_slice(&bytes);
        }
        Ok(())
    }

    fn rare(&self, object: &JsObject, context: &mut Context) -> JsResult<Option<JsObject>> {
        let rare = self.rare.to_object(context)?;
        let copy = rare.call(&JsValue::undefined(), &[object.clone().into()], context)?;
        Ok(copy.as_object())
    }

    /// Throws.
    fn refuse(&self, value: &JsValue, context: &mut Context) -> JsResult<JsValue> {
        let refuse = self.refuse.to_object(context)?;
        refuse.call(&JsValue::undefined(), std::slice::from_ref(value), context)
    }

    fn refuse_object(&self, object: &JsObject, context: &mut Context) -> JsResult<JsObject> {
        self.refuse(&object.clone().into(), context)?.to_object(context)
    }
}

fn typed_array(kind: TypedArrayKind, context: &Context) -> JsObject {
    let constructors = context.intrinsics().constructors();
    match kind {
        TypedArrayKind::Int8 => constructors.typed_int8_array(),
        TypedArrayKind::Uint8 => constructors.typed_uint8_array(),
        TypedArrayKind::Uint8Clamped => constructors.typed_uint8clamped_array(),
        TypedArrayKind::Int16 => constructors.typed_int16_array(),
        TypedArrayKind::Uint16 => constructors.typed_uint16_array(),
        TypedArrayKind::Int32 => constructors.typed_int32_array(),
        TypedArrayKind::Uint32 => constructors.typed_uint32_array(),
        TypedArrayKind::BigInt64 => constructors.typed_bigint64_array(),
        TypedArrayKind::BigUint64 => constructors.typed_biguint64_array(),
        TypedArrayKind::Float16 => constructors.typed_float16_array(),
        TypedArrayKind::Float32 => constructors.typed_float32_array(),
        TypedArrayKind::Float64 => constructors.typed_float64_array(),
    }
    .constructor()
}

/// What `new` gives of a builtin constructor.
struct Made<'a> {
    constructor: JsObject,
    arguments: &'a [JsValue],
}

fn made_by<'a>(constructor: &StandardConstructor, arguments: &'a [JsValue]) -> Made<'a> {
    Made { constructor: constructor.constructor(), arguments }
}

impl Made<'_> {
    fn construct(self, context: &mut Context) -> JsResult<JsObject> {
        self.constructor.construct(self.arguments, None, context)
    }
}

/// The primitive in an object such as `new Number(1)`; symbols cannot be copied.
fn boxed(object: &JsObject) -> Option<JsValue> {
    if let Some(number) = object.downcast_ref::<f64>() {
        return Some((*number).into());
    }
    if let Some(flag) = object.downcast_ref::<bool>() {
        return Some((*flag).into());
    }
    if let Some(number) = object.downcast_ref::<JsBigInt>() {
        return Some((*number).clone().into());
    }
    object.downcast_ref::<JsString>().map(|text| (*text).clone().into())
}
