//! `console`: one log import a message, formatted as Node formats it.
//!
//! A message goes out whole: the host cuts it where it marks the cut, so that the beginning of a secret at the end of a line is masked too.
//! An ordinary object of the script's own realm; the host caps the number of lines. `prelude/console.js` adds what is not a log level.

use boa_engine::{
    Context, JsResult, JsValue, NativeFunction, js_string, object::ObjectInitializer, property::Attribute,
};

use super::{format::format, native::Native, run};
use crate::host::{self, Level};

pub(crate) fn register(context: &mut Context) -> JsResult<()> {
    let methods: [(_, Native); 6] = [
        (js_string!("log"), |_, args, context| print(Level::Info, args, context)),
        (js_string!("info"), |_, args, context| print(Level::Info, args, context)),
        (js_string!("debug"), |_, args, context| print(Level::Debug, args, context)),
        (js_string!("trace"), |_, args, context| print(Level::Debug, args, context)),
        (js_string!("warn"), |_, args, context| print(Level::Warn, args, context)),
        (js_string!("error"), |_, args, context| print(Level::Error, args, context)),
    ];
    let mut console = ObjectInitializer::new(context);
    for (name, method) in methods {
        console.function(NativeFunction::from_fn_ptr(method), name, 0);
    }
    let console = console.build();
    context.register_global_property(
        js_string!("console"),
        console,
        Attribute::WRITABLE | Attribute::CONFIGURABLE,
    )?;
    Ok(())
}

fn print(level: Level, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let message = format(args, context)?;
    match run::indentation() {
        0 => emit(level, &message),
        width => {
            let margin = " ".repeat(width);
            emit(level, &format!("{margin}{}", message.replace('\n', &format!("\n{margin}"))));
        }
    }
    Ok(JsValue::undefined())
}

/// Hands one message to the host.
pub(crate) fn emit(level: Level, message: &str) {
    host::log(level, message);
}
