//! CommonJS and JSON files: what `require` gives for them, and the modules that `import` finds.
//!
//! A `.cjs` file is CommonJS, and a `.js` or `.ts` file that speaks of `exports` and has no import or export declaration. It is evaluated
//! when it is first asked for. An `import` of it evaluates it while the importing module loads, because its names must be known then.
//! Called by `modules.rs` and `engine.rs`.

use std::{cell::RefCell, path::Path};

use boa_engine::{
    Context, JsError, JsNativeError, JsObject, JsResult, JsString, JsValue, Module, Script, Source,
    js_string, module::SyntheticModuleInitializer, property::PropertyKey,
};

use crate::{
    failure::{Code, Failure},
    modules, source,
    stack::{self, FileId},
};

/// What stands before a CommonJS file, on its first line.
pub(crate) const PREFIX: &str = "(function (exports, require, module, __filename, __dirname) {";
const SUFFIX: &str = "\n})";

#[derive(Default)]
struct State {
    /// The `module` of each file that was asked for.
    modules: Vec<(FileId, JsObject)>,
    /// Makes the `require` of a file of that name.
    require_of: Option<JsObject>,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

/// Keeps what makes a file's `require`.
pub(crate) fn set_require_of(make: JsObject) {
    STATE.with_borrow_mut(|state| state.require_of = Some(make));
}

/// Forgets the files of the script before.
pub(crate) fn clear() {
    STATE.with_borrow_mut(|state| state.modules.clear());
}

/// Whether a file is CommonJS or JSON, and no module.
pub(crate) fn is_value(file: FileId) -> bool {
    stack::is_value(file, |name, text| name.ends_with(".json") || source::is_common(name, text))
}

/// The `module.exports` of a file, evaluated once; as far as it is there while the file itself runs.
///
/// # Errors
/// A syntax error, or what the file threw. It is evaluated anew when it is asked for again.
pub(crate) fn exports(file: FileId, context: &mut Context) -> JsResult<JsValue> {
    let known = STATE.with_borrow(|state| {
        state.modules.iter().find(|(other, _)| *other == file).map(|(_, module)| module.clone())
    });
    if let Some(module) = known {
        return module.get(js_string!("exports"), context);
    }
    let module = JsObject::with_object_proto(context.intrinsics());
    let name = stack::file_name(file);
    if name.ends_with(".json") {
        let value = json(file, context)?;
        module.create_data_property(js_string!("exports"), value.clone(), context)?;
        STATE.with_borrow_mut(|state| state.modules.push((file, module)));
        return Ok(value);
    }
    let function = compiled(file, context)?;
    let own = JsObject::with_object_proto(context.intrinsics());
    let path = format!("/{name}");
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let folder = if folder.is_empty() { "/" } else { folder };
    let [path_text, folder] = [path.as_str(), folder].map(|text| JsValue::from(JsString::from(text)));
    module.create_data_property(js_string!("exports"), own.clone(), context)?;
    module.create_data_property(js_string!("id"), path_text.clone(), context)?;
    module.create_data_property(js_string!("filename"), path_text.clone(), context)?;
    module.create_data_property(js_string!("loaded"), false, context)?;
    let make = STATE.with_borrow(|state| state.require_of.clone()).expect("the prelude sets it");
    let require = make.call(&JsValue::undefined(), &[JsString::from(name.as_str()).into()], context)?;
    STATE.with_borrow_mut(|state| state.modules.push((file, module.clone())));
    let arguments = [own.clone().into(), require, module.clone().into(), path_text, folder];
    let before = stack::set_current(file);
    let done = function.call(&own.into(), &arguments, context);
    stack::set_current(before);
    if let Err(error) = done {
        STATE.with_borrow_mut(|state| state.modules.retain(|(other, _)| *other != file));
        return Err(error);
    }
    module.set(js_string!("loaded"), true, false, context)?;
    module.get(js_string!("exports"), context)
}

/// The function that a CommonJS file is the body of.
fn compiled(file: FileId, context: &mut Context) -> JsResult<JsObject> {
    let name = stack::file_name(file);
    let text = stack::with_source(file, str::to_owned);
    stack::set_prefix(file, PREFIX.len() as u32);
    let wrapped = format!("{PREFIX}{text}{SUFFIX}");
    let read = Source::from_bytes(&wrapped).with_path(Path::new(&name));
    let before = stack::set_current(file);
    let checked = source::parse_common(&text);
    stack::set_current(before);
    if let Err(failure) = checked {
        return Err(refused(failure));
    }
    Script::parse(read, None, context)?.evaluate(context)?.to_object(context)
}

/// The error of a file that cannot be read; its place is kept for the failure.
fn refused(failure: Failure) -> JsError {
    let (line, column) = failure.position.unwrap_or((1, 1));
    let message = format!("{} ({}:{line}:{column})", failure.message, failure.file);
    modules::note_failure(failure);
    JsNativeError::syntax().with_message(message).into()
}

fn json(file: FileId, context: &mut Context) -> JsResult<JsValue> {
    let text = stack::with_source(file, str::to_owned);
    crate::input::parse(text.as_bytes(), context).map_err(|error| {
        let before = stack::set_current(file);
        let place = match error.line() {
            0 => None,
            line => Some((line as u32, error.column().max(1) as u32)),
        };
        let failure =
            Failure::new(Code::SyntaxError, "SyntaxError", format!("this is not JSON: {error}"), place);
        stack::set_current(before);
        refused(failure)
    })
}

/// The module that `import` finds: `default` and `module.exports` are the whole value; a CommonJS file's own properties have their names.
pub(crate) fn module(file: FileId, context: &mut Context) -> JsResult<Module> {
    let value = exports(file, context)?;
    let is_json = stack::file_name(file).ends_with(".json");
    let mut names = vec![js_string!("default"), js_string!("module.exports")];
    if let Some(object) = value.as_object().filter(|_| !is_json) {
        for key in object.own_property_keys(context)? {
            if let PropertyKey::String(name) = key
                && !names.contains(&name)
            {
                names.push(name);
            }
        }
    }
    let steps = SyntheticModuleInitializer::from_copy_closure_with_captures(
        |module, (value, names): &(JsValue, Vec<JsString>), context| {
            for name in &names[..2] {
                module.set_export(name, value.clone())?;
            }
            if let Some(object) = value.as_object() {
                for name in &names[2..] {
                    let value = object.get(name.clone(), context)?;
                    module.set_export(name, value)?;
                }
            }
            Ok(())
        },
        (value, names.clone()),
    );
    Ok(Module::synthetic(&names, steps, None, None, context))
}

/// What a script that is CommonJS exports by default: `module.exports`, or its `default` if it was compiled from a module.
pub(crate) fn default_export(file: FileId, context: &mut Context) -> JsResult<JsValue> {
    let value = exports(file, context)?;
    if let Some(object) = value.as_object()
        && object.get(js_string!("__esModule"), context)?.to_boolean()
        && object.has_property(js_string!("default"), context)?
    {
        return object.get(js_string!("default"), context);
    }
    Ok(value)
}
