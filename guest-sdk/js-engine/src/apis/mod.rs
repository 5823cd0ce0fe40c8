//! Everything a script finds beyond the language: one file an area, each with a `register`; JavaScript parts in `src/prelude`.
//!
//! `register` runs once, before the snapshot; `begin` runs before each entry into a script and forgets what belongs to a run.

use std::path::Path;

use boa_engine::{
    Context, JsArgs, JsObject, JsResult, JsString, JsValue, NativeFunction, Script, Source, js_string,
    object::FunctionObjectBuilder, property::PropertyDescriptor,
};

pub(crate) mod console;
mod encoding;
mod format;
mod hash;
pub(crate) mod inspect;
mod inspect_text;
mod json;
mod native;
mod random;
pub(crate) mod raw_body;
mod repeat;
mod url;

/// The JavaScript parts, in the order they need each other. Their paths are no user's file, so that their frames are not shown.
const PRELUDE: [(&str, &str); 7] = [
    ("flowcell:buffer", include_str!("../prelude/buffer.js")),
    ("flowcell:crypto", include_str!("../prelude/crypto.js")),
    ("flowcell:url", include_str!("../prelude/url.js")),
    ("flowcell:text", include_str!("../prelude/text.js")),
    ("flowcell:util", include_str!("../prelude/util.js")),
    ("flowcell:console", include_str!("../prelude/console.js")),
    ("flowcell:require", include_str!("../prelude/require.js")),
];

/// Puts every global in place.
pub(crate) fn register(context: &mut Context) -> JsResult<()> {
    inspect::register(context)?;
    console::register(context)?;
    random::register(context)?;
    raw_body::register(context)?;
    json::register(context)?;
    repeat::register(context)?;

    let native = JsObject::with_object_proto(context.intrinsics());
    encoding::register(&native, context)?;
    hash::register(&native, context)?;
    url::register(&native, context)?;
    format::register(&native, context)?;
    let modules = JsObject::with_object_proto(context.intrinsics());
    let global: JsValue =
        FunctionObjectBuilder::new(context.realm(), NativeFunction::from_fn_ptr(define_global))
            .name(js_string!("global"))
            .build()
            .into();
    for (path, text) in PRELUDE {
        let source = Source::from_bytes(text).with_path(Path::new(path));
        Script::parse(source, None, context)?.evaluate(context)?.to_object(context)?.call(
            &JsValue::undefined(),
            &[native.clone().into(), modules.clone().into(), global.clone()],
            context,
        )?;
    }
    // Present in every run; here only so that scripts find the slot where the snapshot left it.
    for name in ["context", "steps", "env"] {
        set_global(JsString::from(name), JsValue::undefined(), context);
    }
    Ok(())
}

/// Before each `prepare` and `call`.
pub(crate) fn begin() {
    random::reseed();
}

/// Defines or overwrites a global: writable, configurable, not enumerable.
pub(crate) fn set_global(name: JsString, value: JsValue, context: &mut Context) {
    context.global_object().insert_property(
        name,
        PropertyDescriptor::builder().value(value).writable(true).enumerable(false).configurable(true),
    );
}

/// `global(name, value)` of the prelude.
fn define_global(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let name = args.get_or_undefined(0).to_string(context)?;
    set_global(name, args.get_or_undefined(1).clone(), context);
    Ok(JsValue::undefined())
}
