//! Names and values of HTTP headers as `Headers` takes them (RFC 9110, 5.1 and 5.5).
//!
//! In Rust because a regular expression of the engine costs a hundred times as much. Called by `prelude/headers.js` and `fetch.js`.

use boa_engine::{Context, JsArgs, JsObject, JsResult, JsString, JsValue, js_string};

use super::native::define;

pub(crate) fn register(target: &JsObject, context: &mut Context) -> JsResult<()> {
    define(target, &[("headerName", header_name), ("headerValue", header_value)], context)
}

/// The name in lower case; undefined when it is no token.
fn header_name(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = args.get_or_undefined(0).to_string(context)?;
    let mut name = Vec::with_capacity(text.len());
    for unit in text.iter() {
        match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte) => {
                name.push(byte.to_ascii_lowercase());
            }
            _ => return Ok(JsValue::undefined()),
        }
    }
    Ok(match std::str::from_utf8(&name) {
        Ok(name) if !name.is_empty() => JsString::from(name).into(),
        _ => JsValue::undefined(),
    })
}

/// The value without white space around it; undefined when a header cannot carry it.
fn header_value(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = args.get_or_undefined(0).to_string(context)?;
    let around = |unit: &u16| matches!(unit, 0x09 | 0x0a | 0x0d | 0x20);
    let units: Vec<u16> = text.iter().collect();
    let start = units.iter().position(|unit| !around(unit)).unwrap_or(units.len());
    let end = units.iter().rposition(|unit| !around(unit)).map_or(start, |last| last + 1);
    let value = &units[start..end];
    if value.iter().any(|&unit| matches!(unit, 0 | 0x0a | 0x0d) || unit > 0xff) {
        return Ok(JsValue::undefined());
    }
    Ok(match (start, end) {
        (0, end) if end == units.len() => text.into(),
        (start, end) if start == end => js_string!().into(),
        _ => JsString::from(value).into(),
    })
}
