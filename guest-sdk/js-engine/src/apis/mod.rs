//! Everything a script finds beyond the language: one file an area, each with a `register`; JavaScript parts in `src/prelude`.
//!
//! `register` runs once, before the snapshot; `begin` runs before each entry into a script and forgets what belongs to a run.

use std::{cell::RefCell, path::Path};

use boa_engine::{
    Context, JsArgs, JsObject, JsResult, JsString, JsValue, NativeFunction, Script, Source, js_string,
    object::FunctionObjectBuilder,
    property::{PropertyDescriptor, PropertyKey},
};

use crate::{calls, mends, output};

mod agree;
mod algorithm;
mod brand;
mod call_text;
mod cipher;
mod clone;
pub(crate) mod console;
mod der;
mod digest;
mod ec;
mod encoding;
mod format;
mod hash;
mod headers;
pub(crate) mod inputs;
pub(crate) mod inspect;
mod inspect_kinds;
mod inspect_parts;
mod inspect_text;
mod intl;
mod kdf;
mod key_der;
mod key_secret;
mod keys;
pub(crate) mod later;
mod modes;
pub(crate) mod native;
mod own;
mod random;
pub(crate) mod raw_body;
mod rsa_crypt;
pub(crate) mod run;
mod sign;
mod url;
mod x509;
mod x509_text;
mod zlib;

/// What the others see of the language.
const CAPTURED: &str = include_str!("../prelude/captured.js");

/// The JavaScript parts, in the order they need each other. Their paths are no user's file, so that their frames are not shown.
const PRELUDE: [(&str, &str); 26] = [
    ("flowcell:core", include_str!("../prelude/core.js")),
    ("flowcell:buffer", include_str!("../prelude/buffer.js")),
    ("flowcell:crypto", include_str!("../prelude/crypto.js")),
    ("flowcell:cipher", include_str!("../prelude/cipher.js")),
    ("flowcell:keys", include_str!("../prelude/keys.js")),
    ("flowcell:sign", include_str!("../prelude/sign.js")),
    ("flowcell:subtle", include_str!("../prelude/subtle.js")),
    ("flowcell:url", include_str!("../prelude/url.js")),
    ("flowcell:text", include_str!("../prelude/text.js")),
    ("flowcell:util", include_str!("../prelude/util.js")),
    ("flowcell:console", include_str!("../prelude/console.js")),
    ("flowcell:intl", include_str!("../prelude/intl_locale.js")),
    ("flowcell:intl/number", include_str!("../prelude/intl_number.js")),
    ("flowcell:intl/date", include_str!("../prelude/intl_date.js")),
    ("flowcell:intl/text", include_str!("../prelude/intl_text.js")),
    ("flowcell:intl/names", include_str!("../prelude/intl_names.js")),
    ("flowcell:events", include_str!("../prelude/events.js")),
    ("flowcell:timers", include_str!("../prelude/timers.js")),
    ("flowcell:process", include_str!("../prelude/process.js")),
    ("flowcell:run", include_str!("../prelude/run.js")),
    ("flowcell:kv", include_str!("../prelude/kv.js")),
    ("flowcell:blob", include_str!("../prelude/blob.js")),
    ("flowcell:headers", include_str!("../prelude/headers.js")),
    ("flowcell:body", include_str!("../prelude/body.js")),
    ("flowcell:fetch", include_str!("../prelude/fetch.js")),
    ("flowcell:require", include_str!("../prelude/require.js")),
];

/// Puts every global in place.
pub(crate) fn register(context: &mut Context) -> JsResult<()> {
    inspect::register(context)?;
    output::register(context)?;
    console::register(context)?;
    random::register(context)?;
    raw_body::register(context)?;
    mends::register(context)?;

    // No prototype, here and below: a name that is not there is asked of nobody.
    let native = JsObject::with_null_proto();
    encoding::register(&native, context)?;
    hash::register(&native, context)?;
    cipher::register(&native, context)?;
    kdf::register(&native, context)?;
    sign::register(&native, context)?;
    agree::register(&native, context)?;
    x509::register(&native, context)?;
    rsa_crypt::register(&native, context)?;
    url::register(&native, context)?;
    run::register(&native, context)?;
    call_text::register(&native, context)?;
    brand::register(&native, context)?;
    clone::register(&native, context)?;
    own::register(&native, context)?;
    headers::register(&native, context)?;
    format::register(&native, context)?;
    intl::register(&native, context)?;
    zlib::register(&native, context)?;
    let modules = JsObject::with_null_proto();
    let global: JsValue =
        FunctionObjectBuilder::new(context.realm(), NativeFunction::from_fn_ptr(define_global))
            .name(js_string!("global"))
            .build()
            .into();
    let undefined = JsValue::undefined();
    let captured = function("flowcell:captured", CAPTURED, context)?.call(&undefined, &[], context)?;
    let captured = captured.to_object(context)?;
    let arguments = [native.into(), modules.clone().into(), global];
    for (path, text) in PRELUDE {
        let visible = visible(text, &captured, context)?;
        run_file(path, text, &visible, &arguments, context)?;
    }
    later::register(arguments, &modules, |text, context| visible(text, &captured, context), context)?;
    inputs::register(context);
    keep_tools(context)
}

/// Runs a file of the prelude, which finds what is [`visible`] to it before the globals.
fn run_file(
    path: &str,
    text: &str,
    (names, values): &(String, Vec<JsValue>),
    arguments: &[JsValue; 3],
    context: &mut Context,
) -> JsResult<()> {
    let undefined = JsValue::undefined();
    let text = format!("(function ({names}) {{ const file = {text}\nreturn file; }})");
    let file = function(path, &text, context)?.call(&undefined, values, context)?;
    file.to_object(context)?.call(&undefined, arguments, context)?;
    Ok(())
}

/// The function that a text of ours evaluates to.
fn function(path: &str, text: &str, context: &mut Context) -> JsResult<JsObject> {
    let source = Source::from_bytes(text).with_path(Path::new(path));
    Script::parse(source, None, context)?.evaluate(context)?.to_object(context)
}

/// Globals that cannot be parameters, or that stay what they are. Of `Symbol`, Boa loses the place when a class names a member by it
/// two functions further in; the files ask it at their start only.
const NOT_CAPTURED: [&str; 6] = ["undefined", "NaN", "Infinity", "eval", "globalThis", "Symbol"];

/// What a file of the prelude sees instead of the globals, as far as its text names it: `captured`, and each global as it is now. Names
/// and values.
fn visible(text: &str, captured: &JsObject, context: &mut Context) -> JsResult<(String, Vec<JsValue>)> {
    let global = context.global_object();
    let (mut names, mut values) = (String::new(), Vec::new());
    for (holder, hidden_by) in [(captured, None), (&global, Some(captured))] {
        for key in holder.own_property_keys(context)? {
            let PropertyKey::String(name) = &key else { continue };
            let name = name.to_std_string_lossy();
            let hidden = match hidden_by {
                Some(other) => other.has_own_property(key.clone(), context)?,
                None => false,
            };
            let usable = inspect_text::is_identifier(&name) && text.contains(&name);
            if hidden || !usable || NOT_CAPTURED.contains(&name.as_str()) {
                continue;
            }
            if !names.is_empty() {
                names.push(',');
            }
            names.push_str(&name);
            values.push(holder.get(key, context)?);
        }
    }
    Ok((names, values))
}

/// What a module's function finds in its second argument beside `steps`, `env` and `scopes`.
const TOOLS: [&str; 8] = ["secrets", "kv", "fetch", "sleep", "respond", "step", "run", "console"];

thread_local! {
    static KEPT_TOOLS: RefCell<Vec<(JsString, JsValue)>> = const { RefCell::new(Vec::new()) };
}

fn keep_tools(context: &mut Context) -> JsResult<()> {
    let global = context.global_object();
    for name in TOOLS {
        let value = global.get(JsString::from(name), context)?;
        KEPT_TOOLS.with_borrow_mut(|tools| tools.push((JsString::from(name), value)));
    }
    Ok(())
}

/// The second argument of a module's function.
pub(crate) fn tools(context: &mut Context) -> JsValue {
    let tools = JsObject::with_object_proto(context.intrinsics());
    inputs::attach(&tools, 1);
    inputs::attach(&tools, 2);
    inputs::attach(&tools, 3);
    KEPT_TOOLS.with_borrow(|kept| {
        for (name, value) in kept {
            let value = PropertyDescriptor::builder().value(value.clone());
            tools.insert_property(name.clone(), value.writable(true).enumerable(true).configurable(true));
        }
    });
    tools.into()
}

/// Before each `prepare` and `call`: forgets everything of the run before. `open` says whether host calls can be made.
pub(crate) fn begin(open: bool, context: &mut Context) {
    random::reseed();
    calls::begin(open);
    run::begin();
    inputs::begin(context);
    mends::begin();
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
