//! `JSON.parse` on serde's parser and `JSON.stringify` on the writer of outputs: Boa's own are five to eight times slower.
//!
//! What these do not do (revivers, replacers, indentation, lone surrogates, cycles) is left to Boa's.

use boa_engine::{
    Context, JsArgs, JsNativeError, JsObject, JsResult, JsValue, NativeFunction, js_string,
    object::FunctionObjectBuilder,
};

use crate::{input, output};

pub(crate) fn register(context: &mut Context) -> JsResult<()> {
    let json = context.global_object().get(js_string!("JSON"), context)?.to_object(context)?;
    let original = json.get(js_string!("parse"), context)?.to_object(context)?;
    let parse = NativeFunction::from_copy_closure_with_captures(parse, original);
    let parse =
        FunctionObjectBuilder::new(context.realm(), parse).name(js_string!("parse")).length(2).build();
    json.set(js_string!("parse"), parse, true, context)?;
    let original = json.get(js_string!("stringify"), context)?.to_object(context)?;
    let stringify = NativeFunction::from_copy_closure_with_captures(stringify, original);
    let stringify = FunctionObjectBuilder::new(context.realm(), stringify)
        .name(js_string!("stringify"))
        .length(3)
        .build();
    json.set(js_string!("stringify"), stringify, true, context)?;
    Ok(())
}

fn stringify(
    this: &JsValue,
    args: &[JsValue],
    original: &JsObject,
    context: &mut Context,
) -> JsResult<JsValue> {
    let plain = args.iter().skip(1).all(JsValue::is_null_or_undefined);
    if plain && let Some(text) = output::stringify(args.get_or_undefined(0), context)? {
        return Ok(text.map_or(JsValue::undefined(), JsValue::from));
    }
    original.call(this, args, context)
}

fn parse(this: &JsValue, args: &[JsValue], original: &JsObject, context: &mut Context) -> JsResult<JsValue> {
    let text = args.get_or_undefined(0).to_string(context)?;
    let has_reviver = args.get_or_undefined(1).is_callable();
    let reason = match text.to_std_string() {
        Ok(utf8) => match input::parse(utf8.as_bytes(), context) {
            Ok(value) if !has_reviver => return Ok(value),
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        },
        Err(_) => "unpaired surrogate".to_owned(),
    };
    // Boa's own parser descends as deep as the text does, on the stack.
    if nesting(&text.to_std_string_lossy()) > input::MAX_DEPTH as usize {
        let message = format!("JSON.parse: nested deeper than {} levels", input::MAX_DEPTH);
        return Err(JsNativeError::syntax().with_message(message).into());
    }
    if has_reviver {
        return original.call(this, &[text.into(), args.get_or_undefined(1).clone()], context);
    }
    original.call(this, &[text.into()], context).map_err(|error| {
        if error.as_engine().is_some() {
            return error;
        }
        JsNativeError::syntax().with_message(format!("JSON.parse: {reason}")).into()
    })
}

/// How deep the brackets of a text go, those in its strings left out.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut quoted, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
