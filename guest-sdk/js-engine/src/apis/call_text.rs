//! The arguments of host calls as JSON text, made here and nowhere else: no function that a script can replace has a part in their
//! shape, so a call is what the script's own text asked for, and one call.
//!
//! Called by the prelude as `native.callText(op, ...)`; the text is a primitive, which goes to `native.hostCall` untouched. `toJSON` and
//! getters of a value may run here; what they return is written as data.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use boa_engine::{Context, JsArgs, JsNativeError, JsObject, JsResult, JsString, JsValue, js_string};

use super::{
    native::{define, text_argument, view_bytes},
    run::strict_text,
};

/// The longest time that is told, in milliseconds: the largest whole number that JSON carries everywhere.
const MOST_MS: f64 = 9_007_199_254_740_991.0;

pub(crate) fn register(target: &JsObject, context: &mut Context) -> JsResult<()> {
    define(target, &[("callText", call_text)], context)
}

/// `callText(op, ...arguments)`, in the order of the members below.
fn call_text(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let op = text_argument(args, 0, context)?;
    let mut members = Members { out: String::from("{"), op: &op, context };
    let rest = args.get(1..).unwrap_or_default();
    let [first, second, third, fourth, fifth] = [0, 1, 2, 3, 4].map(|index| rest.get_or_undefined(index));
    match op.as_str() {
        "timer" | "sleep" => members.milliseconds("ms", first)?,
        "fetch" => {
            members.text("method", first)?;
            members.text("url", second)?;
            members.headers(third)?;
            members.bytes(fourth, "null")?;
            members.text("redirect", fifth)?;
        }
        "kv.get" => {
            members.text("key", first)?;
            members.of(second)?;
        }
        "kv.delete" => members.text("key", first)?,
        "kv.set" => {
            members.text("key", first)?;
            members.json("value", second, "value")?;
            members.ttl(third)?;
        }
        "kv.incr" => {
            members.text("key", first)?;
            members.number("by", second)?;
            members.ttl(third)?;
        }
        "kv.cas" => {
            members.text("key", first)?;
            if !second.is_null_or_undefined() {
                members.json("expected", second, "expected value")?;
            }
            members.json("value", third, "value")?;
            members.ttl(fourth)?;
        }
        "kv.list" => {
            members.text("prefix", first)?;
            members.number("limit", second)?;
            if !third.is_null_or_undefined() {
                members.text("after", third)?;
            }
            members.of(fourth)?;
        }
        "respond" => {
            members.number("status", first)?;
            members.headers(second)?;
            members.bytes(third, "\"\"")?;
        }
        "memo.get" => members.text("name", first)?,
        "memo.put" => {
            members.text("name", first)?;
            // JSON text already, because the script goes on with what it says; asked again all the same.
            let text = second.to_string(members.context)?.to_std_string_lossy();
            if serde_json::from_str::<serde::de::IgnoredAny>(&text).is_err() {
                return Err(JsNativeError::typ().with_message("step.run: the result is not JSON").into());
            }
            members.raw("value", &text);
        }
        op => {
            return Err(JsNativeError::typ().with_message(format!("there is no host call `{op}`")).into());
        }
    }
    let mut out = members.out;
    out.push('}');
    Ok(JsString::from(out.as_str()).into())
}

/// An object that is being written.
struct Members<'a> {
    out: String,
    op: &'a str,
    context: &'a mut Context,
}

impl Members<'_> {
    /// `name` is one of ours; `json` is valid.
    fn raw(&mut self, name: &str, json: &str) {
        if self.out.len() > 1 {
            self.out.push(',');
        }
        for part in ["\"", name, "\":", json] {
            self.out.push_str(part);
        }
    }

    fn text(&mut self, name: &str, value: &JsValue) -> JsResult<()> {
        let text = value.to_string(self.context)?.to_std_string_lossy();
        self.raw(name, &quoted(&text));
        Ok(())
    }

    /// The workflow whose values are read, if it is another one.
    fn of(&mut self, workflow: &JsValue) -> JsResult<()> {
        if workflow.is_null_or_undefined() { Ok(()) } else { self.text("of", workflow) }
    }

    fn number(&mut self, name: &str, value: &JsValue) -> JsResult<()> {
        let number = value.as_number().filter(|number| number.is_finite()).ok_or_else(|| {
            JsNativeError::typ().with_message(format!("{}: `{name}` is no finite number", self.op))
        })?;
        self.raw(name, ryu_js::Buffer::new().format_finite(number));
        Ok(())
    }

    fn milliseconds(&mut self, name: &str, value: &JsValue) -> JsResult<()> {
        let bounded = value.as_number().map(|ms| ms.ceil().clamp(0.0, MOST_MS));
        self.number(name, &bounded.map_or(JsValue::undefined(), JsValue::from))
    }

    fn ttl(&mut self, value: &JsValue) -> JsResult<()> {
        if value.is_null_or_undefined() { Ok(()) } else { self.milliseconds("ttl_ms", value) }
    }

    fn json(&mut self, name: &str, value: &JsValue, what: &str) -> JsResult<()> {
        let what = format!("{}: the {what}", self.op);
        let json = strict_text(value, &what, self.context)?;
        self.raw(name, &json);
        Ok(())
    }

    /// `[["name","value"]]` of an array of pairs that the prelude made.
    fn headers(&mut self, list: &JsValue) -> JsResult<()> {
        let mut out = String::from("[");
        for (name, value) in pairs(list, self.context)? {
            if out.len() > 1 {
                out.push(',');
            }
            for part in ["[", &quoted(&name), ",", &quoted(&value), "]"] {
                out.push_str(part);
            }
        }
        out.push(']');
        self.raw("headers", &out);
        Ok(())
    }

    /// The bytes of a view in base64, or `absent`.
    fn bytes(&mut self, view: &JsValue, absent: &str) -> JsResult<()> {
        match view_bytes(view, self.context)? {
            // Base64 needs no escapes.
            Some(bytes) => self.raw("body", &format!("\"{}\"", BASE64_STANDARD.encode(bytes))),
            None => self.raw("body", absent),
        }
        Ok(())
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The pairs of `[[name, value]]`; only own elements are read.
pub(crate) fn pairs(list: &JsValue, context: &mut Context) -> JsResult<Vec<(String, String)>> {
    let mut out = Vec::new();
    for pair in elements(list, context)? {
        let mut texts = Vec::with_capacity(2);
        for item in elements(&pair, context)?.into_iter().take(2) {
            texts.push(item.to_string(context)?.to_std_string_lossy());
        }
        if let Ok([name, value]) = <[String; 2]>::try_from(texts) {
            out.push((name, value));
        }
    }
    Ok(out)
}

/// The elements of an array; none of anything else.
pub(crate) fn elements(list: &JsValue, context: &mut Context) -> JsResult<Vec<JsValue>> {
    let Some(object) = list.as_object().filter(JsObject::is_array) else {
        return Ok(Vec::new());
    };
    let length = object.get(js_string!("length"), context)?.to_length(context)?;
    (0..length).map(|index| object.get(index, context)).collect()
}
