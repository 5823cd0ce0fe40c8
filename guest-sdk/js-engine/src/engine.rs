//! One script in one context: check, prepare, call. The order of work behind the exports.
//!
//! Called by `exports.rs` and by the tests. Knows no pointers and performs no I/O.

use std::path::Path;

use boa_engine::{
    Context, JsObject, JsResult, JsString, JsValue, Module, Script, Source, builtins::promise::PromiseState,
    js_string, object::builtins::JsPromise, property::PropertyDescriptor,
};

use crate::{
    apis,
    failure::{Code, Failure},
    frame::Answer,
    host::Level,
    input, output, realm,
    source::{self, BODY_PREFIX, BODY_SUFFIX, Form},
    stack, warmup,
};

/// What `prepare` left for `call`.
enum Prepared {
    /// The body's function, or the default export.
    Function { function: JsObject, takes_tools: bool },
    /// A default export that is not a function.
    Value(JsValue),
}

/// A context and at most one prepared script.
pub struct Engine {
    context: Context,
    prepared: Option<Prepared>,
}

impl Default for Engine {
    fn default() -> Self {
        Self::new()
    }
}

impl Engine {
    /// Builds the context with every global and warms it up. Costs milliseconds: the snapshot pays it once.
    #[must_use]
    pub fn new() -> Self {
        let mut engine = Self { context: realm::build(), prepared: None };
        warmup::run(&mut engine);
        engine
    }

    /// Drops the prepared script and everything of its run.
    pub(crate) fn forget(&mut self) {
        self.prepared = None;
        for name in ["context", "steps", "env"] {
            apis::set_global(JsString::from(name), JsValue::undefined(), &mut self.context);
        }
        apis::begin();
        apis::raw_body::clear();
        stack::set_user_file("", "", 0);
    }

    /// Parses only; the payload is `{"form":"body"}` or `{"form":"module"}`.
    pub fn check(&mut self, file: &[u8], source: &[u8]) -> Answer {
        let source = source::clean(&String::from_utf8_lossy(source));
        stack::set_user_file(&String::from_utf8_lossy(file), &source, 0);
        answer(source::detect(&source).map(|form| format!("{{\"form\":\"{}\"}}", form.name()).into_bytes()))
    }

    /// Parses and compiles; the top level of a module runs.
    pub fn prepare(&mut self, file: &[u8], form: &[u8], source: &[u8]) -> Answer {
        let file = String::from_utf8_lossy(file);
        let source = source::clean(&String::from_utf8_lossy(source));
        let form = Form::from_name(form).expect("the host passes a form that check named");
        self.prepared = None;
        apis::begin();
        realm::take_unhandled();
        answer(self.prepare_form(&file, form, &source).map(|prepared| {
            self.prepared = Some(prepared);
            Vec::new()
        }))
    }

    fn prepare_form(&mut self, file: &str, form: Form, source: &str) -> Result<Prepared, Failure> {
        match form {
            Form::Body => {
                stack::set_user_file(file, source, BODY_PREFIX.len() as u32);
                let wrapped = format!("{BODY_PREFIX}{source}{BODY_SUFFIX}");
                let text = Source::from_bytes(&wrapped).with_path(Path::new(file));
                let function = Script::parse(text, None, &mut self.context)
                    .and_then(|script| script.evaluate(&mut self.context))
                    .map_err(|error| match source::parse_body(source) {
                        Err(failure) => failure,
                        Ok(()) => Failure::from_js(error, &mut self.context),
                    })?;
                match function.as_object() {
                    Some(function) if function.is_callable() => {
                        Ok(Prepared::Function { function, takes_tools: false })
                    }
                    _ => Err(source::parse_body(source).err().unwrap_or_else(|| {
                        Failure::new(
                            Code::SyntaxError,
                            "SyntaxError",
                            "this is not the body of a function",
                            None,
                        )
                    })),
                }
            }
            Form::Module => {
                stack::set_user_file(file, source, 0);
                let module = self.parse_module(file, &source::module_text(source)).or_else(|error| {
                    match source::rewritten_module(source) {
                        Some(text) => self.parse_module(file, &text),
                        None => Err(error),
                    }
                });
                let module = module.map_err(|error| match source::parse_module(source) {
                    Err(failure) => failure,
                    Ok(()) => Failure::from_js(error, &mut self.context),
                })?;
                let evaluated = module.load_link_evaluate(&mut self.context);
                self.settle(&evaluated)?;
                self.refuse_unhandled()?;
                self.default_export(&module)
            }
        }
    }

    fn parse_module(&mut self, file: &str, text: &str) -> JsResult<Module> {
        Module::parse(Source::from_bytes(text).with_path(Path::new(file)), None, &mut self.context)
    }

    fn default_export(&mut self, module: &Module) -> Result<Prepared, Failure> {
        let namespace = module.namespace(&mut self.context);
        let key = js_string!("default");
        let found = namespace
            .has_property(key.clone(), &mut self.context)
            .and_then(|found| match found {
                true => namespace.get(key, &mut self.context).map(Some),
                false => Ok(None),
            })
            .map_err(|error| Failure::from_js(error, &mut self.context))?;
        let Some(value) = found else {
            return Err(source::no_default_export());
        };
        Ok(match value.as_object() {
            Some(function) if function.is_callable() => Prepared::Function { function, takes_tools: true },
            _ => Prepared::Value(value),
        })
    }

    /// Runs the prepared script once and drains the job queue; the payload is its output.
    pub fn call(&mut self, context: &[u8], raw_body: &[u8], steps: &[u8], env: &[u8]) -> Answer {
        apis::begin();
        realm::take_unhandled();
        answer(self.run(context, raw_body, steps, env))
    }

    fn run(&mut self, context: &[u8], raw_body: &[u8], steps: &[u8], env: &[u8]) -> Result<Vec<u8>, Failure> {
        let input = self.read(context, "context")?;
        let steps = self.read(steps, "steps")?;
        let env = self.read(env, "env")?;
        if let Some(object) = input.as_object() {
            apis::raw_body::attach(&object, raw_body, &mut self.context);
        }
        for (name, value) in [("context", &input), ("steps", &steps), ("env", &env)] {
            apis::set_global(JsString::from(name), value.clone(), &mut self.context);
        }
        let value = match self.prepared.as_ref().expect("the host calls prepare before call") {
            Prepared::Value(value) => value.clone(),
            Prepared::Function { function, takes_tools } => {
                let function = function.clone();
                let arguments = match takes_tools {
                    true => vec![input, self.tools(steps, env)],
                    false => Vec::new(),
                };
                let result = function
                    .call(&JsValue::undefined(), &arguments, &mut self.context)
                    .map_err(|error| Failure::from_js(error, &mut self.context))?;
                match result.as_object().map(JsPromise::from_object) {
                    Some(Ok(promise)) => self.settle(&promise)?,
                    _ => {
                        self.drain()?;
                        result
                    }
                }
            }
        };
        let json = output::to_json(&value, &mut self.context)?;
        self.refuse_unhandled()?;
        Ok(json)
    }

    /// Fails for the first rejection that nobody handled, as Node ends the process; further ones are logged.
    fn refuse_unhandled(&mut self) -> Result<(), Failure> {
        let mut first = None;
        for promise in realm::take_unhandled() {
            let state = JsPromise::from_object(promise.upcast()).map(|promise| promise.state());
            let Ok(PromiseState::Rejected(reason)) = state else {
                continue;
            };
            if first.is_none() {
                first = Some(Failure::from_thrown(&reason, None, &mut self.context));
            } else {
                let reason = apis::inspect::inspect(&reason, &mut self.context);
                apis::console::emit(Level::Warn, &format!("Unhandled promise rejection: {reason}"));
            }
        }
        first.map_or(Ok(()), Err)
    }

    fn read(&mut self, json: &[u8], name: &str) -> Result<JsValue, Failure> {
        input::parse(json, &mut self.context).map_err(|error| {
            let message = format!("the input `{name}` is not JSON: {error}");
            Failure::new(Code::ScriptError, "SyntaxError", message, None)
        })
    }

    /// The second argument of a module's function.
    fn tools(&mut self, steps: JsValue, env: JsValue) -> JsValue {
        let tools = JsObject::with_object_proto(self.context.intrinsics());
        let global = self.context.global_object();
        let console = global.get(js_string!("console"), &mut self.context).unwrap_or_default();
        for (name, value) in [("steps", steps), ("env", env), ("console", console)] {
            tools.insert_property(
                JsString::from(name),
                PropertyDescriptor::builder().value(value).writable(true).enumerable(true).configurable(true),
            );
        }
        tools.into()
    }

    /// Drains the queue and returns what the promise became.
    fn settle(&mut self, promise: &JsPromise) -> Result<JsValue, Failure> {
        self.drain()?;
        match promise.state() {
            PromiseState::Fulfilled(value) => Ok(value),
            PromiseState::Rejected(reason) => Err(Failure::from_thrown(&reason, None, &mut self.context)),
            PromiseState::Pending => {
                // Most likely why nothing settles it.
                self.refuse_unhandled()?;
                Err(Failure::new(
                    Code::PromiseNeverSettled,
                    "Error",
                    "the script awaits a promise that nothing can settle any more",
                    None,
                ))
            }
        }
    }

    fn drain(&mut self) -> Result<(), Failure> {
        let drained: JsResult<()> = self.context.run_jobs();
        drained.map_err(|error| Failure::from_js(error, &mut self.context))
    }
}

fn answer(result: Result<Vec<u8>, Failure>) -> Answer {
    match result {
        Ok(payload) => Answer::Ok(payload),
        Err(failure) => Answer::Error(failure.to_json()),
    }
}
