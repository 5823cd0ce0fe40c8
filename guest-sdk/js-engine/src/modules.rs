//! The modules that a script imports: files that the host handed to `prepare`, libraries among them, and what is built in.
//!
//! Nothing is loaded from anywhere else. A file is parsed once for a prepared script; names are resolved as the README says.
//! Called by Boa through [`Loader`], by `engine.rs`, and by `require`.

use std::{cell::RefCell, path::Path, rc::Rc};

use boa_engine::{
    Context, JsError, JsNativeError, JsObject, JsResult, JsString, JsValue, Module, Source,
    builtins::promise::PromiseState,
    js_string,
    module::{ModuleLoader, ModuleRequest, Referrer, SyntheticModuleInitializer},
    property::PropertyKey,
};

use crate::{
    common,
    failure::{Code, Failure},
    imports, paths, refused, source,
    stack::{self, FileId},
};

/// The folder of libraries, whose files bare specifiers name.
const LIBRARIES: &str = "libraries/";

#[derive(Default)]
struct Modules {
    /// The modules by what they were loaded from.
    loaded: Vec<(Target, Module)>,
    /// Files whose modules are loaded with all that they import.
    ready: Vec<FileId>,
    /// What `require` knows by name.
    built_in: Option<JsObject>,
    /// The syntax error or the missing file that made the last load fail.
    failure: Option<Failure>,
}

thread_local! {
    static MODULES: RefCell<Modules> = RefCell::default();
}

/// What a specifier means.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Target {
    BuiltIn(String),
    File(FileId),
}

/// Keeps what `require` knows: an object of modules by name.
pub(crate) fn set_built_in(modules: JsObject) {
    MODULES.with_borrow_mut(|state| state.built_in = Some(modules));
}

/// Forgets the modules of the script before.
pub(crate) fn clear() {
    MODULES.with_borrow_mut(|state| {
        state.loaded.clear();
        state.ready.clear();
        state.failure = None;
    });
    common::clear();
    refused::clear();
}

/// Takes the failure behind the last load that failed.
pub(crate) fn take_failure() -> Option<Failure> {
    MODULES.with_borrow_mut(|state| state.failure.take())
}

/// The names of what is built in.
fn built_in_names(context: &mut Context) -> Vec<String> {
    let Some(modules) = MODULES.with_borrow(|state| state.built_in.clone()) else {
        return Vec::new();
    };
    let keys = modules.own_property_keys(context).unwrap_or_default();
    keys.iter()
        .filter_map(|key| match key {
            PropertyKey::String(name) => Some(name.to_std_string_lossy()),
            PropertyKey::Index(_) | PropertyKey::Symbol(_) => None,
        })
        .collect()
}

fn resolve(importer: &str, specifier: &str, context: &mut Context) -> Result<Target, String> {
    if specifier.starts_with("./") || specifier.starts_with("../") || matches!(specifier, "." | "..") {
        return paths::relative(importer, specifier)
            .map(Target::File)
            .ok_or_else(|| "there is no such file in the workflow's folder".to_owned());
    }
    if specifier.starts_with('/') || specifier.contains("://") {
        return Err(
            "only files of the workflow's folder, libraries and built-in modules can be imported".to_owned()
        );
    }
    let bare = specifier.strip_prefix("node:").unwrap_or(specifier);
    let built_in = built_in_names(context);
    if built_in.iter().any(|name| name == bare) {
        return Ok(Target::BuiltIn(bare.to_owned()));
    }
    if let Some(instead) = instead_of(bare) {
        return Err(format!("it is a module of Node.js that scripts do not have: {instead}"));
    }
    [".js", ".mjs", ".cjs", ""]
        .iter()
        .find_map(|end| stack::find_file(&format!("{LIBRARIES}{specifier}{end}")))
        .map(Target::File)
        .ok_or_else(|| {
            let names = built_in.join(", ");
            format!("it is neither in libraries/ (`flowcell bundle {specifier}` puts it there) nor built in ({names})")
        })
}

/// What takes the place of a module of Node.js that a sandbox cannot have. The host's `script/resolve.rs` says the same.
fn instead_of(name: &str) -> Option<&'static str> {
    Some(match name {
        "fs" | "fs/promises" => {
            "there are no files; `kv` keeps values, and `import data from './data.json'` reads a file of the workflow"
        }
        "http" | "https" | "http2" => "`fetch` makes requests",
        "net" | "tls" | "dgram" | "dns" | "dns/promises" => {
            "there are no sockets; `fetch` makes requests, other protocols are steps or plugins"
        }
        "child_process" | "cluster" | "worker_threads" => {
            "there are no processes and no threads; a plugin does work of its own"
        }
        "vm" | "module" | "repl" | "inspector" | "v8" => "code comes from files: `import` or `require` one",
        "readline" | "tty" => "there is no terminal; `console.log` writes to the run's log",
        "async_hooks" | "diagnostics_channel" | "domain" | "trace_events" | "wasi" => {
            "nothing takes its place"
        }
        _ => return None,
    })
}

/// Why `require` finds no module of that name.
pub(crate) fn missing_message(specifier: &str, importer: &str, context: &mut Context) -> String {
    let why = resolve(importer, specifier, context).err().unwrap_or_default();
    format!("Cannot find module '{specifier}': {why}")
}

/// The module of an import, loaded once.
fn load(importer: &str, specifier: &str, context: &mut Context) -> JsResult<Module> {
    let target =
        resolve(importer, specifier, context).map_err(|why| missing(importer, specifier, &why, context))?;
    let known = MODULES.with_borrow(|state| {
        state.loaded.iter().find(|(other, _)| *other == target).map(|(_, module)| module.clone())
    });
    if let Some(module) = known {
        return Ok(module);
    }
    let module = match &target {
        Target::BuiltIn(name) => built_in(name, context)?,
        Target::File(file) if common::is_value(*file) => common::module(*file, context)?,
        Target::File(file) => parse(*file, context).map_err(|failure| {
            let (line, column) = failure.position.unwrap_or((1, 1));
            let message = format!("{} ({}:{line}:{column})", failure.message, failure.file);
            note_failure(failure);
            JsError::from(JsNativeError::syntax().with_message(message))
        })?,
    };
    MODULES.with_borrow_mut(|state| state.loaded.push((target, module.clone())));
    Ok(module)
}

/// Keeps the failure behind a load that fails.
pub(crate) fn note_failure(failure: Failure) {
    MODULES.with_borrow_mut(|state| state.failure = Some(failure));
}

/// The error of an import that leads nowhere; its place is kept for the failure.
fn missing(importer: &str, specifier: &str, why: &str, context: &mut Context) -> JsError {
    let file = stack::find_file(importer).unwrap_or(0);
    let place = stack::with_source(file, |source| imports::place(specifier, source));
    let at = place.map_or_else(String::new, |(line, column)| format!(":{line}:{column}"));
    let message = format!("Cannot find module '{specifier}', imported by {importer}{at}: {why}");
    let before = stack::set_current(file);
    let failure = Failure::new(Code::SyntaxError, "Error", message.clone(), place);
    stack::set_current(before);
    if let Some(place) = place {
        refused::note(&message, file, place);
    }
    MODULES.with_borrow_mut(|state| state.failure = Some(failure));
    crate::apis::native::coded(JsNativeError::error(), "ERR_MODULE_NOT_FOUND", message, context)
}

/// Parses a file as a module.
///
/// # Errors
/// Its syntax error, in its own lines.
pub(crate) fn parse(file: FileId, context: &mut Context) -> Result<Module, Failure> {
    let name = stack::file_name(file);
    let text = stack::with_source(file, str::to_owned);
    let before = stack::set_current(file);
    let mut read =
        |text: &str| Module::parse(Source::from_bytes(text).with_path(Path::new(&name)), None, context);
    let module = read(&source::module_text(&text)).or_else(|error| match source::rewritten_module(&text) {
        Some(text) => read(&text),
        None => Err(error),
    });
    let module = module.map_err(|error| match source::parse_module(&text, false) {
        Err(failure) => failure,
        Ok(_) => Failure::from_js(error, context),
    });
    stack::set_current(before);
    module
}

/// A built-in module: what `require` gives as the default export, and its properties by name.
fn built_in(name: &str, context: &mut Context) -> JsResult<Module> {
    let modules =
        MODULES.with_borrow(|state| state.built_in.clone()).expect("the prelude sets what is built in");
    let value = modules.get(JsString::from(name), context)?;
    let object = value.to_object(context)?;
    let mut names = vec![js_string!("default")];
    for key in object.own_property_keys(context)? {
        let enumerable = object
            .borrow()
            .properties()
            .get(&key)
            .is_some_and(|property| property.enumerable() == Some(true));
        match key {
            PropertyKey::String(name) if enumerable && name != js_string!("default") => names.push(name),
            PropertyKey::String(_) | PropertyKey::Index(_) | PropertyKey::Symbol(_) => {}
        }
    }
    let steps = SyntheticModuleInitializer::from_copy_closure_with_captures(
        |module, (object, names): &(JsObject, Vec<JsString>), context| {
            module.set_export(&js_string!("default"), object.clone().into())?;
            for name in &names[1..] {
                let own = object.borrow().properties().get(&name.clone().into());
                let runs = own.is_some_and(|own| own.value().is_none());
                let value = if runs && !may_be_read(&name.to_std_string_lossy()) {
                    // What runs when it is asked for would make each script that imports the module larger.
                    JsValue::undefined()
                } else {
                    object.get(name.clone(), context)?
                };
                module.set_export(name, value)?;
            }
            Ok(())
        },
        (object, names.clone()),
    );
    Ok(Module::synthetic(&names, steps, None, None, context))
}

/// Whether the script may read an export of a module of ours: it names it, or it takes the module whole.
fn may_be_read(export: &str) -> bool {
    let takes_all = |source: &str| {
        source.contains("import(")
            || source.split('*').skip(1).any(|rest| rest.trim_start().starts_with(['a', 'f']))
    };
    stack::with_sources(|sources| sources.iter().any(|source| source.contains(export) || takes_all(source)))
}

/// What `require` gives for a file; `None` if it is no file. Of a module: what it exports as `module.exports` (a bundled CommonJS
/// package), else its default export if that is all, else its namespace.
///
/// # Errors
/// What the file's top level threw, or that it waits for something.
pub(crate) fn require(specifier: &str, importer: &str, context: &mut Context) -> JsResult<Option<JsValue>> {
    let Ok(Target::File(file)) = resolve(importer, specifier, context) else {
        return Ok(None);
    };
    if common::is_value(file) {
        return common::exports(file, context).map(Some);
    }
    let known = MODULES.with_borrow(|state| state.ready.contains(&file));
    let module = load(importer, specifier, context)?;
    if !known {
        // What it imports in its turn. Nothing waits for the host here: loading is done when the queue is empty.
        let loaded = module.load(context);
        context.run_jobs()?;
        if let PromiseState::Rejected(reason) = loaded.state() {
            return Err(JsError::from_opaque(reason));
        }
    }
    module.link(context)?;
    let evaluated = module.evaluate(context)?;
    match evaluated.state() {
        PromiseState::Fulfilled(_) => {}
        PromiseState::Rejected(reason) => return Err(JsError::from_opaque(reason)),
        PromiseState::Pending => {
            let message = format!(
                "require('{specifier}'): it has a top-level `await`; write `await import('{specifier}')`"
            );
            return Err(JsNativeError::error().with_message(message).into());
        }
    }
    MODULES.with_borrow_mut(|state| state.ready.push(file));
    let namespace = module.namespace(context);
    let names = namespace.own_property_keys(context)?;
    let names: Vec<_> = names.iter().filter(|key| matches!(key, PropertyKey::String(_))).collect();
    let [default, whole] = ["default", "module.exports"].map(|name| PropertyKey::from(JsString::from(name)));
    Ok(Some(match names.as_slice() {
        names if names.contains(&&whole) => namespace.get(whole, context)?,
        [only] if **only == default => namespace.get(default, context)?,
        _ => namespace.into(),
    }))
}

/// The modules of the files that `require` may ask for: everything for a body, libraries for a module.
pub(crate) fn required(everything: bool, context: &mut Context) -> JsResult<Vec<Module>> {
    let mut out = Vec::new();
    for file in 1..stack::file_count() {
        let name = stack::file_name(file);
        if common::is_value(file) {
            continue;
        }
        if everything || name.starts_with(LIBRARIES) {
            out.push(load("", &format!("./{name}"), context)?);
            MODULES.with_borrow_mut(|state| state.ready.push(file));
        }
    }
    Ok(out)
}

/// Evaluates the CommonJS files among those that `require` may ask for. What one throws is thrown again where it is asked for.
pub(crate) fn required_values(everything: bool, context: &mut Context) {
    for file in 1..stack::file_count() {
        if common::is_value(file) && (everything || stack::file_name(file).starts_with(LIBRARIES)) {
            drop(common::exports(file, context));
            drop(take_failure());
        }
    }
}

/// See the module documentation.
pub(crate) struct Loader;

impl ModuleLoader for Loader {
    async fn load_imported_module(
        self: Rc<Self>,
        referrer: Referrer,
        request: ModuleRequest,
        context: &RefCell<&mut Context>,
    ) -> JsResult<Module> {
        let specifier = request.specifier().to_std_string_lossy();
        let importer = referrer.path().map(|path| path.to_string_lossy().into_owned());
        let importer = importer.unwrap_or_else(|| stack::file_name(0));
        load(&importer, &specifier, &mut context.borrow_mut())
    }

    fn init_import_meta(self: Rc<Self>, import_meta: &JsObject, module: &Module, context: &mut Context) {
        if let Some(path) = module.path() {
            let url = JsString::from(format!("file:///{}", path.display()).as_str());
            // An ordinary new object: nothing can refuse it.
            let _ = import_meta.create_data_property(js_string!("url"), url, context);
        }
    }
}
