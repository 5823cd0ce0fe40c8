//! `String.prototype.repeat` for large counts: Boa's own takes 16 bytes a copy before it joins them.
//!
//! Small counts, and every error, are left to Boa's. Registered by `mends::register`.

use boa_engine::{
    Context, JsArgs, JsObject, JsResult, JsString, JsValue, NativeFunction, js_string,
    object::FunctionObjectBuilder,
};

/// Copies in one block; a result of `n` copies then needs `n / BLOCK` parts.
const BLOCK: usize = 256;

/// UTF-16 units of a result; Boa refuses what is longer.
const MAX_LENGTH: f64 = (1_u32 << 30) as f64;

/// Counts from here on are made of blocks.
const MANY: f64 = 4096.0;

pub(crate) fn register(context: &mut Context) -> JsResult<()> {
    let prototype = context.intrinsics().constructors().string().prototype();
    let original = prototype.get(js_string!("repeat"), context)?.to_object(context)?;
    let repeat = NativeFunction::from_copy_closure_with_captures(repeat, original);
    let repeat =
        FunctionObjectBuilder::new(context.realm(), repeat).name(js_string!("repeat")).length(1).build();
    prototype.set(js_string!("repeat"), repeat, true, context)?;
    Ok(())
}

fn repeat(this: &JsValue, args: &[JsValue], original: &JsObject, context: &mut Context) -> JsResult<JsValue> {
    let (Some(text), Some(count)) = (this.as_string(), args.get_or_undefined(0).as_number()) else {
        return original.call(this, args, context);
    };
    if !(MANY..=f64::from(u32::MAX)).contains(&count) || text.len() as f64 * count > MAX_LENGTH {
        return original.call(this, args, context);
    }
    let count = count as usize;
    let block = JsString::concat_array(&vec![text.as_str(); BLOCK]);
    let mut parts = vec![block.as_str(); count / BLOCK];
    parts.resize(parts.len() + count % BLOCK, text.as_str());
    Ok(JsString::concat_array(&parts).into())
}
