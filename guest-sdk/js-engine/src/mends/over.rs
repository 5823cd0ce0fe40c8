//! Puts a native function where a builtin was, and hands it the builtin to fall back to.
//!
//! The new function keeps the builtin's name, length and attributes and is no constructor, so that scripts cannot tell.
//! Called by `sort`, `regexp`, `search` and `resizable` when the context is built; never while a script runs.

use boa_engine::{
    Context, JsObject, JsResult, JsValue, NativeFunction, js_string, object::FunctionObjectBuilder,
    property::PropertyKey,
};

/// Like a native function, with the builtin as third argument.
pub(crate) type Override = fn(&JsValue, &[JsValue], &JsObject, &mut Context) -> JsResult<JsValue>;

/// Replaces the method `key` of `holder`; returns the new function.
pub(crate) fn replace(
    holder: &JsObject,
    key: impl Into<PropertyKey>,
    with: Override,
    context: &mut Context,
) -> JsResult<JsObject> {
    let key = key.into();
    let original = holder.get(key.clone(), context)?.to_object(context)?;
    let name = original.get(js_string!("name"), context)?.to_string(context)?;
    let length = original.get(js_string!("length"), context)?.to_length(context)? as usize;
    let native = NativeFunction::from_copy_closure_with_captures(with, original);
    let function = FunctionObjectBuilder::new(context.realm(), native).name(name).length(length).build();
    holder.set(key, function.clone(), true, context)?;
    Ok(function.into())
}
