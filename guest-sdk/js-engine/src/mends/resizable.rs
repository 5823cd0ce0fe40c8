//! Buffers that a conversion of an argument resizes while a builtin already holds their length.
//!
//! Boa's `ArrayBuffer.prototype.slice` and `Atomics` panic then. Objects among the arguments are made primitive first, so that
//! nothing of the script runs between the builtin's checks and its work. Registered by `mends::register`.

use std::cell::RefCell;

use boa_engine::{
    Context, JsArgs, JsObject, JsResult, JsString, JsValue, js_string,
    object::builtins::JsArrayBuffer,
    value::{IntegerOrInfinity, PreferredType},
};

use super::over;
use crate::apis::native;

/// The functions of `Atomics` that convert arguments.
const ATOMICS: [&str; 11] =
    ["add", "and", "compareExchange", "exchange", "load", "notify", "or", "store", "sub", "wait", "xor"];

thread_local! {
    /// The getter of `ArrayBuffer.prototype.resizable`, which a script may replace.
    static RESIZABLE: RefCell<Option<JsObject>> = const { RefCell::new(None) };
}

pub(crate) fn register(context: &mut Context) -> JsResult<()> {
    let atomics = context.intrinsics().objects().atomics();
    for name in ATOMICS {
        over::replace(&atomics, JsString::from(name), primitives_first, context)?;
    }
    let buffer = context.intrinsics().constructors().array_buffer().prototype();
    over::replace(&buffer, js_string!("slice"), slice, context)?;
    let property = buffer.borrow().properties().get(&js_string!("resizable").into());
    RESIZABLE.set(property.and_then(|property| property.get().and_then(JsValue::as_object)));
    Ok(())
}

/// Calls the builtin with every argument after the first made primitive.
fn primitives_first(
    this: &JsValue,
    args: &[JsValue],
    original: &JsObject,
    context: &mut Context,
) -> JsResult<JsValue> {
    if args.iter().skip(1).all(|argument| !argument.is_object()) {
        return original.call(this, args, context);
    }
    let mut primitive = args.to_vec();
    for argument in primitive.iter_mut().skip(1).filter(|argument| argument.is_object()) {
        *argument = argument.to_primitive(context, PreferredType::Number)?;
    }
    original.call(this, &primitive, context)
}

/// `ArrayBuffer.prototype.slice`. A resizable buffer is copied here, because the species constructor that the builtin calls
/// could shrink it too; such a copy is always a plain `ArrayBuffer`.
fn slice(this: &JsValue, args: &[JsValue], original: &JsObject, context: &mut Context) -> JsResult<JsValue> {
    let buffer = this.as_object().and_then(|object| JsArrayBuffer::from_object(object).ok());
    let resizable = match RESIZABLE.with_borrow(Option::clone) {
        Some(getter) if buffer.is_some() => getter.call(this, &[], context)?.to_boolean(),
        _ => false,
    };
    let (Some(buffer), true) = (buffer, resizable) else {
        return original.call(this, args, context);
    };
    let start = args.get_or_undefined(0).to_integer_or_infinity(context)?;
    let end = match args.get_or_undefined(1) {
        end if end.is_undefined() => IntegerOrInfinity::PositiveInfinity,
        end => end.to_integer_or_infinity(context)?,
    };
    let bytes = buffer.data().map(|data| {
        let (first, last) = (relative(start, data.len()), relative(end, data.len()));
        data.get(first..last).unwrap_or_default().to_vec()
    });
    match bytes {
        Some(bytes) => native::array_buffer(bytes, context),
        None => original.call(this, &[], context),
    }
}

/// An index that counts from the end when negative, cut to `0..=length`.
fn relative(index: IntegerOrInfinity, length: usize) -> usize {
    match index {
        IntegerOrInfinity::NegativeInfinity => 0,
        IntegerOrInfinity::PositiveInfinity => length,
        IntegerOrInfinity::Integer(index) if index < 0 => {
            length.saturating_sub(usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX))
        }
        IntegerOrInfinity::Integer(index) => usize::try_from(index).unwrap_or(usize::MAX).min(length),
    }
}
