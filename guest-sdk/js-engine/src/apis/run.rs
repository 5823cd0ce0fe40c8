//! What belongs to one call: host calls, secrets, what the host says about the run, and the moment it began.
//!
//! `begin` forgets all of it; nothing here lasts from one call to the next, so that a copy of the memory made before can be called.

use std::cell::{Cell, RefCell};

use boa_engine::{Context, JsArgs, JsNativeError, JsObject, JsResult, JsString, JsValue};

use super::{
    inputs,
    native::{coded, define, text_argument},
};
use crate::{calls, common, host, input, modules, output, stack};

#[derive(Default)]
struct Run {
    secrets: Vec<u8>,
    meta: Vec<u8>,
    indentation: usize,
}

thread_local! {
    static RUN: RefCell<Run> = RefCell::default();
    /// Counts entries, so that the prelude can tell what it kept from an earlier one.
    static NUMBER: Cell<u32> = const { Cell::new(0) };
    /// When the call began, in milliseconds since the epoch.
    static STARTED: Cell<f64> = const { Cell::new(0.0) };
}

/// Forgets the call before.
pub(crate) fn begin() {
    NUMBER.set(NUMBER.get().wrapping_add(1));
    RUN.with_borrow_mut(|run| {
        run.secrets.clear();
        run.meta.clear();
        run.indentation = 0;
    });
}

/// Keeps what the host hands to a call.
pub(crate) fn set(secrets: &[u8], meta: &[u8]) {
    RUN.with_borrow_mut(|run| {
        run.secrets.extend_from_slice(secrets);
        run.meta.extend_from_slice(meta);
    });
}

/// Starts the clock of `performance.now()`.
pub(crate) fn start_clock() {
    STARTED.set(host::now());
}

/// Spaces before each line of the console.
pub(crate) fn indentation() -> usize {
    RUN.with_borrow(|run| run.indentation)
}

pub(crate) fn register(target: &JsObject, context: &mut Context) -> JsResult<()> {
    define(
        target,
        &[
            ("hostCall", host_call),
            ("giveUp", give_up),
            ("entry", |_, _, _| Ok(NUMBER.get().into())),
            ("secrets", |_, _, context| RUN.with_borrow(|run| parse(&run.secrets, "secrets", context))),
            ("meta", |_, _, context| RUN.with_borrow(|run| parse(&run.meta, "meta", context))),
            ("started", |_, _, _| Ok(STARTED.get().into())),
            ("now", |_, _, _| Ok(host::now().into())),
            ("indent", indent),
            ("strictJson", strict_json),
            ("parseJson", parse_json),
            ("builtIn", |_, args, context| {
                modules::set_built_in(args.get_or_undefined(0).to_object(context)?);
                common::set_require_of(args.get_or_undefined(1).to_object(context)?);
                Ok(JsValue::undefined())
            }),
            ("requireFile", |_, args, context| {
                let specifier = text_argument(args, 0, context)?;
                let importer = importer(args, context)?;
                Ok(modules::require(&specifier, &importer, context)?.unwrap_or_default())
            }),
            ("missingModule", |_, args, context| {
                let specifier = text_argument(args, 0, context)?;
                let importer = importer(args, context)?;
                Ok(JsString::from(modules::missing_message(&specifier, &importer, context).as_str()).into())
            }),
            ("env", |_, _, context| inputs::value(inputs::ENV, context)),
        ],
        context,
    )
}

/// The second argument: the file that asks for a module; else the script itself.
fn importer(args: &[JsValue], context: &mut Context) -> JsResult<String> {
    match args.get_or_undefined(1) {
        value if value.is_undefined() => Ok(stack::file_name(0)),
        _ => text_argument(args, 1, context),
    }
}

fn parse(json: &[u8], name: &str, context: &mut Context) -> JsResult<JsValue> {
    if json.is_empty() {
        return Ok(JsObject::with_object_proto(context.intrinsics()).into());
    }
    input::parse(json, context).map_err(|error| {
        let message = format!("the input `{name}` is not JSON: {error}");
        JsNativeError::syntax().with_message(message).into()
    })
}

/// `hostCall(op, argumentsJson, done, failed)`: the key of the call.
fn host_call(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let (op, arguments) = (text_argument(args, 0, context)?, text_argument(args, 1, context)?);
    let (Some(done), Some(failed)) =
        (args.get_or_undefined(2).as_object(), args.get_or_undefined(3).as_object())
    else {
        return Err(JsNativeError::typ().with_message("hostCall takes two functions").into());
    };
    calls::make(op.clone(), arguments, done, failed).map(JsValue::from).ok_or_else(|| {
        let what = match op.as_str() {
            "timer" => "timers are".to_owned(),
            op => format!("`{}` is", op.split('.').next().unwrap_or(op)),
        };
        let message =
            format!("{what} not available while a module loads: use it inside the exported function");
        JsNativeError::error().with_message(message).into()
    })
}

fn give_up(_: &JsValue, args: &[JsValue], _: &mut Context) -> JsResult<JsValue> {
    if let Some(key) = args.get_or_undefined(0).as_number() {
        calls::give_up(key as u32);
    }
    Ok(JsValue::undefined())
}

/// `indent(by)`: moves the console's text in or out.
fn indent(_: &JsValue, args: &[JsValue], _: &mut Context) -> JsResult<JsValue> {
    let by = args.get_or_undefined(0).as_number().unwrap_or(0.0);
    RUN.with_borrow_mut(|run| run.indentation = (run.indentation as f64 + by).clamp(0.0, 40.0) as usize);
    Ok(JsValue::undefined())
}

/// `strictJson(value, what)`: JSON that loses nothing, `undefined` as `null`; else a TypeError that says where and what.
fn strict_json(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let what = text_argument(args, 1, context)?;
    let json = strict_text(args.get_or_undefined(0), &what, context)?;
    Ok(JsString::from(json.as_str()).into())
}

/// The value as JSON that loses nothing.
///
/// # Errors
/// What a getter or `toJSON` threw, or a TypeError that says where and what cannot be JSON.
pub(crate) fn strict_text(value: &JsValue, what: &str, context: &mut Context) -> JsResult<String> {
    match output::strict_json(value, what, context) {
        Ok(json) => Ok(String::from_utf8(json).expect("the writer writes UTF-8")),
        Err(output::Unwritten::Thrown(error)) => Err(error),
        Err(output::Unwritten::Invalid(message)) => {
            Err(coded(JsNativeError::typ(), "ERR_INVALID_ARG_VALUE", message, context))
        }
    }
}

/// `parseJson(text)`: as the engine reads what the host says.
fn parse_json(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = text_argument(args, 0, context)?;
    parse(text.as_bytes(), "text", context)
}
