//! What the prelude does with objects and lists of its own while a script runs: each as the language says it, but by no function, no
//! accessor and no iterator that the script could have replaced.

use boa_engine::{
    Context, JsArgs, JsObject, JsResult, JsString, JsValue, js_string,
    object::builtins::JsArray,
    property::{PropertyDescriptor, PropertyKey},
};

use super::{
    call_text::{elements, pairs},
    native::{array_buffer, bytes_argument, define, text_argument},
};

pub(crate) fn register(target: &JsObject, context: &mut Context) -> JsResult<()> {
    define(
        target,
        &[
            ("own", own),
            ("put", put),
            ("hide", hide),
            ("push", push),
            ("copy", copy),
            ("bytes", bytes),
            ("without", without),
            ("headerList", header_list),
            ("fromPairs", from_pairs),
            ("upper", upper),
            ("bareName", bare_name),
            ("duration", duration),
        ],
        context,
    )
}

/// `own(object, name)`: the value of its own data property; undefined when there is none.
fn own(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let key = key_argument(args, context)?;
    let found =
        args.get_or_undefined(0).as_object().and_then(|object| object.borrow().properties().get(&key));
    Ok(found.and_then(|property| property.value().cloned()).unwrap_or_default())
}

/// `put(object, name, value)`: an enumerable property of its own.
fn put(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    set(args, true, context)
}

/// `hide(object, name, value)`: one that is not enumerable.
fn hide(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    set(args, false, context)
}

fn set(args: &[JsValue], enumerable: bool, context: &mut Context) -> JsResult<JsValue> {
    let key = key_argument(args, context)?;
    let value = args.get_or_undefined(2).clone();
    if let Some(object) = args.get_or_undefined(0).as_object() {
        let property = PropertyDescriptor::builder().value(value).writable(true);
        object.define_property_or_throw(key, property.enumerable(enumerable).configurable(true), context)?;
    }
    Ok(args.get_or_undefined(0).clone())
}

fn key_argument(args: &[JsValue], context: &mut Context) -> JsResult<PropertyKey> {
    args.get_or_undefined(1).to_property_key(context)
}

/// `push(list, item)`.
fn push(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    if let Some(list) = args.get_or_undefined(0).as_object().filter(JsObject::is_array) {
        let length = list.get(js_string!("length"), context)?.to_length(context)?;
        list.create_data_property_or_throw(length, args.get_or_undefined(1).clone(), context)?;
    }
    Ok(JsValue::undefined())
}

/// `copy(list)`: another array with the same elements.
fn copy(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let items = elements(args.get_or_undefined(0), context)?;
    Ok(JsArray::from_iter(items, context).into())
}

/// `bytes(view)`: a buffer with a copy of its bytes.
fn bytes(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let bytes = bytes_argument(args, 0, context)?;
    array_buffer(bytes, context)
}

/// `without(pairs, name)`: those whose first element is another.
fn without(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let name = args.get_or_undefined(1);
    let mut kept = Vec::new();
    for pair in elements(args.get_or_undefined(0), context)? {
        let same = elements(&pair, context)?.first().is_some_and(|first| first.strict_equals(name));
        if !same {
            kept.push(pair);
        }
    }
    Ok(JsArray::from_iter(kept, context).into())
}

/// `headerList(pairs)`: sorted by name, the values of one name joined; cookies apart.
fn header_list(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let mut sorted = pairs(args.get_or_undefined(0), context)?;
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    let mut joined: Vec<(String, String)> = Vec::with_capacity(sorted.len());
    for (name, value) in sorted {
        match joined.last_mut() {
            Some(last) if last.0 == name && name != "set-cookie" => {
                last.1.push_str(", ");
                last.1.push_str(&value);
            }
            Some(_) | None => joined.push((name, value)),
        }
    }
    let mut out = Vec::with_capacity(joined.len());
    for (name, value) in joined {
        let pair = [name, value].map(|text| JsValue::from(JsString::from(text.as_str())));
        out.push(JsArray::from_iter(pair, context).into());
    }
    Ok(JsArray::from_iter(out, context).into())
}

/// `fromPairs(pairs)`: an object with these members.
fn from_pairs(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let object = JsObject::with_object_proto(context.intrinsics());
    for (name, value) in pairs(args.get_or_undefined(0), context)? {
        object.create_data_property(
            JsString::from(name.as_str()),
            JsString::from(value.as_str()),
            context,
        )?;
    }
    Ok(object.into())
}

/// `upper(text)`: in upper case.
fn upper(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = text_argument(args, 0, context)?;
    Ok(JsString::from(text.to_uppercase().as_str()).into())
}

/// `bareName(specifier)`: without `node:`.
fn bare_name(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = text_argument(args, 0, context)?;
    Ok(JsString::from(text.strip_prefix("node:").unwrap_or(&text)).into())
}

/// `duration(value)`: milliseconds of a number of them or of text such as `1500ms`, `30s`, `5m`, `1h`, `3d`; else undefined.
fn duration(_: &JsValue, args: &[JsValue], _: &mut Context) -> JsResult<JsValue> {
    let value = args.get_or_undefined(0);
    let ms = match (value.as_number(), value.as_string()) {
        (Some(number), _) => Some(number).filter(|number| *number >= 0.0 && number.is_finite()),
        (None, Some(text)) => parse_duration(&text.to_std_string_lossy()),
        (None, None) => None,
    };
    Ok(ms.map_or(JsValue::undefined(), JsValue::from))
}

fn parse_duration(text: &str) -> Option<f64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "ms" => 1.0,
        "s" => 1e3,
        "m" => 60e3,
        "h" => 3_600e3,
        "d" => 86_400e3,
        _ => return None,
    };
    if digits > 12 { None } else { number.parse::<f64>().ok().map(|number| number * factor) }
}
