//! `context`, `steps`, `env` and `scopes`: parsed only if the script names them, and then part by part, because most scripts read little of a
//! large event.
//!
//! The globals are plain properties, set at each call. The large members of `context` and of `steps` are accessors, and stay so: Boa's
//! inline caches take the place of a property from before its getter ran and the shape from after. What a call was given is kept as
//! bytes and forgotten by `begin`.

use std::{cell::RefCell, ops::Range};

use boa_engine::{
    Context, JsArgs, JsNativeError, JsObject, JsResult, JsString, JsValue, NativeFunction,
    object::FunctionObjectBuilder,
    property::{PropertyDescriptor, PropertyKey},
};

use super::raw_body;
use crate::{input, scan};

/// The inputs that are JSON, in the order of the frame of `call`.
pub(crate) const NAMES: [&str; 4] = ["context", "steps", "env", "scopes"];
const CONTEXT: usize = 0;
pub(crate) const ENV: usize = 2;

/// Members shorter than this are parsed with their object: an accessor costs more.
const LAZY_BYTES: usize = 24;

/// Accessors made before the snapshot; an object with more large members makes its own.
const READY: usize = 16;

#[derive(Clone)]
struct Accessor {
    get: JsObject,
    set: JsObject,
}

/// A member that is not parsed yet, or was.
struct Member {
    object: JsObject,
    key: PropertyKey,
    input: usize,
    range: Range<usize>,
    value: Option<JsValue>,
}

#[derive(Default)]
struct Inputs {
    texts: [Vec<u8>; 4],
    raw_body: Vec<u8>,
    /// Whether there is a call that has inputs.
    present: bool,
    values: [Option<JsValue>; 4],
    /// What the prepared script may read as a global.
    named: [bool; 4],
    /// Globals that hold the inputs of a call.
    placed: [bool; 4],
    members: Vec<Member>,
    globals: Vec<Accessor>,
    accessors: Vec<Accessor>,
}

thread_local! {
    static INPUTS: RefCell<Inputs> = RefCell::default();
}

fn accessor(
    index: usize,
    get: fn(&JsValue, &[JsValue], &usize, &mut Context) -> JsResult<JsValue>,
    set: fn(&JsValue, &[JsValue], &usize, &mut Context) -> JsResult<JsValue>,
    context: &mut Context,
) -> Accessor {
    let [get, set] = [get, set].map(|function| {
        let function = NativeFunction::from_copy_closure_with_captures(function, index);
        FunctionObjectBuilder::new(context.realm(), function).build().into()
    });
    Accessor { get, set }
}

/// Creates the accessors and the globals, before the snapshot.
pub(crate) fn register(context: &mut Context) {
    let globals: Vec<_> = (0..NAMES.len()).map(|i| accessor(i, get_global, set_global, context)).collect();
    let accessors = (0..READY).map(|i| accessor(i, get_member, set_member, context)).collect();
    INPUTS.with_borrow_mut(|inputs| {
        inputs.globals = globals;
        inputs.accessors = accessors;
    });
    for name in NAMES {
        super::set_global(JsString::from(name), JsValue::undefined(), context);
    }
}

/// Ways to a global that do not name it.
const INDIRECT: [&str; 5] = ["globalThis", "global", "eval", "Function", "this["];

/// Notes which inputs a script may read: it and its files are searched for their names.
pub(crate) fn note_names(sources: &[&str]) {
    let contains = |name: &str| sources.iter().any(|source| source.contains(name));
    let indirect = INDIRECT.into_iter().any(contains);
    INPUTS.with_borrow_mut(|inputs| inputs.named = NAMES.map(|name| indirect || contains(name)));
}

/// Sets the globals that the script may read.
pub(crate) fn place(context: &mut Context) -> JsResult<()> {
    for (index, name) in NAMES.iter().enumerate() {
        if INPUTS.with_borrow(|inputs| inputs.named[index]) {
            let value = value(index, context)?;
            super::set_global(JsString::from(*name), value, context);
            INPUTS.with_borrow_mut(|inputs| inputs.placed[index] = true);
        }
    }
    Ok(())
}

/// Forgets the inputs of the call before.
pub(crate) fn begin(context: &mut Context) {
    let placed = INPUTS.with_borrow_mut(|inputs| {
        inputs.present = false;
        inputs.values = [const { None }; 4];
        inputs.members.clear();
        std::mem::take(&mut inputs.placed)
    });
    for (name, _) in NAMES.iter().zip(placed).filter(|(_, placed)| *placed) {
        super::set_global(JsString::from(*name), JsValue::undefined(), context);
    }
}

/// Keeps what a call was given.
pub(crate) fn set(texts: [&[u8]; 4], raw: &[u8]) {
    INPUTS.with_borrow_mut(|inputs| {
        for (kept, text) in inputs.texts.iter_mut().zip(texts) {
            kept.clear();
            kept.extend_from_slice(text);
        }
        inputs.raw_body.clear();
        inputs.raw_body.extend_from_slice(raw);
        inputs.present = true;
    });
}

/// Hands the bytes of the request's body to `read`.
pub(crate) fn with_raw_body<T>(read: impl FnOnce(&[u8]) -> T) -> T {
    INPUTS.with_borrow(|inputs| read(if inputs.present { &inputs.raw_body } else { &[] }))
}

/// Gives `target`, the tools of a module, an enumerable property that is parsed when first read.
pub(crate) fn attach(target: &JsObject, index: usize) {
    let accessor = INPUTS.with_borrow(|inputs| inputs.globals[index].clone());
    target.insert_property(JsString::from(NAMES[index]), described(&accessor, true));
}

/// Whether a getter is one of these, so that `console.log` shows the value and not that there is a getter.
pub(crate) fn is_ours(getter: &JsObject) -> bool {
    INPUTS.with_borrow(|inputs| {
        inputs.globals.iter().chain(&inputs.accessors).any(|own| JsObject::equals(&own.get, getter))
    })
}

fn described(accessor: &Accessor, enumerable: bool) -> PropertyDescriptor {
    PropertyDescriptor::builder()
        .get(accessor.get.clone())
        .set(accessor.set.clone())
        .enumerable(enumerable)
        .configurable(true)
        .build()
}

fn data(value: JsValue, enumerable: bool) -> PropertyDescriptor {
    PropertyDescriptor::builder()
        .value(value)
        .writable(true)
        .enumerable(enumerable)
        .configurable(true)
        .build()
}

/// The value of an input, parsed at the first call.
pub(crate) fn value(index: usize, context: &mut Context) -> JsResult<JsValue> {
    if let Some(value) = INPUTS.with_borrow(|inputs| inputs.values[index].clone()) {
        return Ok(value);
    }
    if !INPUTS.with_borrow(|inputs| inputs.present) {
        return Ok(JsValue::undefined());
    }
    let text = INPUTS.with_borrow_mut(|inputs| std::mem::take(&mut inputs.texts[index]));
    let value = build(index, &text, context);
    INPUTS.with_borrow_mut(|inputs| inputs.texts[index] = text);
    let value = value?;
    if index == CONTEXT
        && let Some(object) = value.as_object()
    {
        raw_body::attach(&object);
    }
    INPUTS.with_borrow_mut(|inputs| inputs.values[index] = Some(value.clone()));
    Ok(value)
}

fn build(index: usize, text: &[u8], context: &mut Context) -> JsResult<JsValue> {
    let members = if index == ENV { None } else { scan::members(text) };
    let Some(members) = members.filter(|found| found.iter().any(|(_, range)| range.len() >= LAZY_BYTES))
    else {
        return parse(text, index, context);
    };
    let object = JsObject::with_object_proto(context.intrinsics());
    for (name, range) in members {
        let key = input::interned(name);
        let lazy = range.len() >= LAZY_BYTES && matches!(text[range.start], b'{' | b'[');
        let property = if lazy {
            described(
                &member(
                    Member { object: object.clone(), key: key.clone(), input: index, range, value: None },
                    context,
                ),
                true,
            )
        } else {
            data(parse(&text[range], index, context)?, true)
        };
        object.insert_property(key, property);
    }
    Ok(object.into())
}

/// Keeps a member and gives it an accessor.
fn member(member: Member, context: &mut Context) -> Accessor {
    let index = INPUTS.with_borrow_mut(|inputs| {
        inputs.members.push(member);
        inputs.members.len() - 1
    });
    if let Some(ready) = INPUTS.with_borrow(|inputs| inputs.accessors.get(index).cloned()) {
        return ready;
    }
    let made = accessor(index, get_member, set_member, context);
    INPUTS.with_borrow_mut(|inputs| inputs.accessors.push(made.clone()));
    made
}

fn parse(json: &[u8], index: usize, context: &mut Context) -> JsResult<JsValue> {
    input::parse(json, context).map_err(|error| {
        let message = format!("the input `{}` is not JSON: {error}", NAMES[index]);
        JsNativeError::syntax().with_message(message).into()
    })
}

fn get_global(_: &JsValue, _: &[JsValue], index: &usize, context: &mut Context) -> JsResult<JsValue> {
    value(*index, context)
}

fn set_global(_: &JsValue, args: &[JsValue], index: &usize, _: &mut Context) -> JsResult<JsValue> {
    INPUTS.with_borrow_mut(|inputs| inputs.values[*index] = Some(args.get_or_undefined(0).clone()));
    Ok(JsValue::undefined())
}

fn get_member(_: &JsValue, _: &[JsValue], index: &usize, context: &mut Context) -> JsResult<JsValue> {
    let found = INPUTS.with_borrow(|inputs| {
        let member = inputs.members.get(*index)?;
        Some((member.input, member.range.clone(), member.value.clone()))
    });
    // Kept from an earlier call of the same instance.
    let Some((input, range, value)) = found else {
        return Ok(JsValue::undefined());
    };
    if let Some(value) = value {
        return Ok(value);
    }
    let text = INPUTS.with_borrow_mut(|inputs| std::mem::take(&mut inputs.texts[input]));
    let value = parse(text.get(range).unwrap_or_default(), input, context);
    INPUTS.with_borrow_mut(|inputs| inputs.texts[input] = text);
    let value = value?;
    keep(*index, &value);
    Ok(value)
}

fn keep(index: usize, value: &JsValue) {
    INPUTS.with_borrow_mut(|inputs| {
        if let Some(member) = inputs.members.get_mut(index) {
            member.value = Some(value.clone());
        }
    });
}

fn set_member(this: &JsValue, args: &[JsValue], index: &usize, context: &mut Context) -> JsResult<JsValue> {
    let value = args.get_or_undefined(0);
    let found = INPUTS.with_borrow(|inputs| {
        inputs.members.get(*index).map(|member| (member.object.clone(), member.key.clone()))
    });
    let (Some((object, key)), Some(this)) = (found, this.as_object()) else {
        return Ok(JsValue::undefined());
    };
    if !JsObject::equals(&object, &this) {
        // An object that has this one as its prototype.
        this.create_data_property(key, value.clone(), context)?;
        return Ok(JsValue::undefined());
    }
    let own = object.borrow().properties().get(&key);
    // Not if the script froze it.
    if own.is_some_and(|own| own.configurable() == Some(true)) {
        keep(*index, value);
    }
    Ok(JsValue::undefined())
}
