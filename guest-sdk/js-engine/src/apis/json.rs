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
    if args.get_or_undefined(1).is_callable() {
        return original.call(this, args, context);
    }
    let utf8 = text.to_std_string();
    let reason = match utf8 {
        Ok(utf8) => match input::parse(utf8.as_bytes(), context) {
            Ok(value) => return Ok(value),
            Err(error) => error.to_string(),
        },
        Err(_) => "unpaired surrogate".to_owned(),
    };
    original.call(this, &[text.into()], context).map_err(|error| {
        if error.as_engine().is_some() {
            return error;
        }
        JsNativeError::syntax().with_message(format!("JSON.parse: {reason}")).into()
    })
}
