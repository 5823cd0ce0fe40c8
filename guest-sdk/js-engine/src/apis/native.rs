//! What the prelude's JavaScript calls in Rust: one object, handed to each prelude file and to nobody else.
//!
//! The helpers here turn arguments into bytes and text and make errors with Node's `code`.

use boa_engine::{
    Context, JsArgs, JsError, JsNativeError, JsObject, JsResult, JsString, JsValue, NativeFunction,
    js_string,
    object::{
        FunctionObjectBuilder,
        builtins::{AlignedVec, JsArrayBuffer, JsDataView, JsTypedArray},
    },
};

/// A function of the native object.
pub(crate) type Native = fn(&JsValue, &[JsValue], &mut Context) -> JsResult<JsValue>;

/// Adds functions to the native object.
pub(crate) fn define(
    target: &JsObject,
    functions: &[(&'static str, Native)],
    context: &mut Context,
) -> JsResult<()> {
    for (name, function) in functions {
        let function = FunctionObjectBuilder::new(context.realm(), NativeFunction::from_fn_ptr(*function))
            .name(JsString::from(*name))
            .build();
        target.create_data_property_or_throw(JsString::from(*name), function, context)?;
    }
    Ok(())
}

/// The bytes of a typed array, a `DataView` or an `ArrayBuffer`; `None` for anything else.
pub(crate) fn view_bytes(value: &JsValue, context: &mut Context) -> JsResult<Option<Vec<u8>>> {
    let Some(object) = value.as_object() else {
        return Ok(None);
    };
    if let Ok(buffer) = JsArrayBuffer::from_object(object.clone()) {
        return Ok(buffer.to_vec());
    }
    let (buffer, start, length) = if let Ok(typed) = JsTypedArray::from_object(object.clone()) {
        (typed.buffer(context)?, typed.byte_offset(context)?, typed.byte_length(context)?)
    } else if let Ok(view) = JsDataView::from_object(object) {
        (view.buffer(context)?, view.byte_offset(context)? as usize, view.byte_length(context)? as usize)
    } else {
        return Ok(None);
    };
    let Some(buffer) = buffer.as_object() else {
        return Ok(None);
    };
    let Ok(buffer) = JsArrayBuffer::from_object(buffer) else {
        return Ok(None);
    };
    let bytes = buffer.data().and_then(|data| data.get(start..start + length).map(<[u8]>::to_vec));
    Ok(bytes)
}

/// The bytes of argument `index`, which must be a view or a buffer.
pub(crate) fn bytes_argument(args: &[JsValue], index: usize, context: &mut Context) -> JsResult<Vec<u8>> {
    let value = args.get_or_undefined(index);
    view_bytes(value, context)?.ok_or_else(|| {
        let message = format!(
            "The argument must be an instance of Buffer, ArrayBuffer, TypedArray or DataView. Received {}",
            value.type_of()
        );
        coded(JsNativeError::typ(), "ERR_INVALID_ARG_TYPE", message, context)
    })
}

/// Argument `index` as text.
pub(crate) fn text_argument(args: &[JsValue], index: usize, context: &mut Context) -> JsResult<String> {
    let text = args.get_or_undefined(index).to_string(context)?;
    Ok(text.to_std_string_lossy())
}

/// Argument `index` as a size; what is no number is 0.
pub(crate) fn size_argument(args: &[JsValue], index: usize) -> usize {
    args.get_or_undefined(index).as_number().map_or(0, |number| number.max(0.0) as usize)
}

/// A new `ArrayBuffer` with these bytes.
pub(crate) fn array_buffer(bytes: Vec<u8>, context: &mut Context) -> JsResult<JsValue> {
    let block = AlignedVec::from_slice(0, &bytes);
    Ok(JsArrayBuffer::from_byte_block(block, context)?.into())
}

/// An error with Node's `code`.
pub(crate) fn coded(
    error: JsNativeError,
    code: &str,
    message: impl Into<String>,
    context: &mut Context,
) -> JsError {
    let object = error.with_message(message.into()).into_opaque(context);
    let code = JsString::from(code);
    match object.create_data_property(js_string!("code"), code, context) {
        Ok(_) => JsError::from_opaque(object.into()),
        Err(error) => error,
    }
}
