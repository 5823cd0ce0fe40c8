//! One script in one context: check, prepare, call, resume. The order of work behind the exports.
//!
//! Called by `exports.rs` and by the tests. Knows no pointers and performs no I/O.

use std::path::Path;

use boa_engine::{
    Context, JsObject, JsResult, JsValue, Module, Script, Source, builtins::promise::PromiseState, js_string,
    object::builtins::JsPromise,
};
use serde_json::json;

use crate::{
    apis, calls, common,
    failure::{Code, Failure},
    frame::Answer,
    host::Level,
    input, jobs, modules, output, realm,
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

/// What a call waits for.
enum Running {
    /// The promise of an async function.
    Promise(JsPromise),
    /// What the script gave already; calls that it made may be outstanding.
    Value(JsValue),
    /// The script failed, and something that it wrote before is not done yet.
    Failed(Failure),
}

/// What the host hands to a call; all but the body are JSON.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// `context` without its body.
    pub context: &'a [u8],
    /// The request's body.
    pub raw_body: &'a [u8],
    /// Outputs of the steps before.
    pub steps: &'a [u8],
    /// Environment variables.
    pub env: &'a [u8],
    /// The loops around the step, each with `item` and `index`.
    pub scopes: &'a [u8],
    /// Secrets by name.
    pub secrets: &'a [u8],
    /// `{"run","workflow","step","attempt","secrets_listed"}`.
    pub meta: &'a [u8],
}

/// A context and at most one prepared script.
pub struct Engine {
    context: Context,
    prepared: Option<Prepared>,
    running: Option<Running>,
    /// Before the snapshot, when no import may be called.
    warm: bool,
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
        let mut engine = Self { context: realm::build(), prepared: None, running: None, warm: false };
        warmup::run(&mut engine);
        engine.warm = true;
        engine
    }

    /// Drops the prepared script and everything of its run.
    pub(crate) fn forget(&mut self) {
        self.prepared = None;
        self.begin(false);
        modules::clear();
        stack::set_user_file("", "", 0);
    }

    /// Forgets the run before, wherever it stopped.
    fn begin(&mut self, open: bool) {
        self.running = None;
        apis::begin(open, &mut self.context);
        realm::take_unhandled();
        jobs::clear();
    }

    /// Parses only; the payload is `{"form":"body"|"module","imports":[..],"requires":[..]}`.
    pub fn check(&mut self, file: &[u8], source: &[u8]) -> Answer {
        let source = source::clean(&String::from_utf8_lossy(source));
        stack::set_user_file(&String::from_utf8_lossy(file), &source, 0);
        let name = stack::file_name(0);
        answer(source::detect(&name, &source).map(|(form, found)| {
            json!({ "form": form.name(), "imports": found.imports, "requires": found.requires })
                .to_string()
                .into_bytes()
        }))
    }

    /// Parses and compiles; the top level of a module runs. `files` are names and sources of what the script may import.
    pub fn prepare(&mut self, form: &[u8], file: &[u8], source: &[u8], files: &[(&[u8], &[u8])]) -> Answer {
        let file = String::from_utf8_lossy(file);
        let source = source::clean(&String::from_utf8_lossy(source));
        let form = Form::from_name(form).expect("the host passes a form that check named");
        self.prepared = None;
        self.begin(false);
        modules::clear();
        let prefix = match form {
            Form::Body => BODY_PREFIX.len() as u32,
            Form::Module => 0,
        };
        stack::set_user_file(&file, &source, prefix);
        for (name, source) in files {
            let source = source::clean(&String::from_utf8_lossy(source));
            stack::add_user_file(&String::from_utf8_lossy(name), source);
        }
        stack::with_sources(apis::inputs::note_names);
        let prepared = self.prepare_form(&file, form, &source);
        answer(match prepared {
            Ok(prepared) => {
                self.prepared = Some(prepared);
                Ok(Vec::new())
            }
            // What the loader found out says more than the error that came of it.
            Err(failure) => Err(match modules::take_failure() {
                Some(cause) if failure.message.contains(&cause.message) => cause,
                _ => failure,
            }),
        })
    }

    fn prepare_form(&mut self, file: &str, form: Form, source: &str) -> Result<Prepared, Failure> {
        let sources = stack::with_sources(|sources| apis::later::named(sources));
        apis::later::load_all(&sources, &mut self.context)
            .map_err(|error| Failure::from_js(error, &mut self.context))?;
        self.prepare_required(form)?;
        match form {
            Form::Body => {
                let wrapped = format!("{BODY_PREFIX}{source}{BODY_SUFFIX}");
                let text = Source::from_bytes(&wrapped).with_path(Path::new(file));
                let function = Script::parse(text, None, &mut self.context)
                    .and_then(|script| script.evaluate(&mut self.context))
                    .map_err(|error| match source::parse_body(source) {
                        Err(failure) => failure,
                        Ok(_) => Failure::from_js(error, &mut self.context),
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
            Form::Module if source::is_common_entry(file, source) => {
                let value = common::default_export(0, &mut self.context)
                    .map_err(|error| Failure::from_js(error, &mut self.context))?;
                self.drain()?;
                self.refuse_unhandled()?;
                Ok(prepared(value))
            }
            Form::Module => {
                let module = modules::parse(0, &mut self.context)?;
                let evaluated = module.load_link_evaluate(&mut self.context);
                self.settle(&evaluated)?;
                self.refuse_unhandled()?;
                self.default_export(&module)
            }
        }
    }

    /// Evaluates what `require` may ask for, so that it is there at once, and part of a script image.
    fn prepare_required(&mut self, form: Form) -> Result<(), Failure> {
        let modules = modules::required(form == Form::Body, &mut self.context)
            .map_err(|error| Failure::from_js(error, &mut self.context))?;
        for module in modules {
            let evaluated = module.load_link_evaluate(&mut self.context);
            self.settle(&evaluated)?;
        }
        modules::required_values(form == Form::Body, &mut self.context);
        self.drain()?;
        self.refuse_unhandled()
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
        Ok(prepared(value))
    }

    /// Runs the prepared script until it ends or waits for the host; the payload is its output, or what it waits for.
    pub fn call(&mut self, inputs: &Inputs<'_>) -> Answer {
        self.begin(true);
        if self.warm {
            apis::run::start_clock();
        }
        apis::inputs::set([inputs.context, inputs.steps, inputs.env, inputs.scopes], inputs.raw_body);
        apis::run::set(inputs.secrets, inputs.meta);
        let started = self.start();
        self.advance(started)
    }

    /// Hands one result in and runs on. `outcome` is `ok` or `error`.
    ///
    /// # Panics
    /// When the host names no outstanding call: a bug of the host.
    pub fn resume(&mut self, id: &[u8], outcome: &[u8], payload: &[u8]) -> Answer {
        let id = std::str::from_utf8(id).ok().and_then(|id| id.parse().ok()).expect("the host passes an id");
        let call = calls::take(id).expect("the host resumes an outstanding call");
        if matches!(self.running, Some(Running::Failed(_))) {
            // Nothing of the script runs any more.
            return self.advance(Ok(()));
        }
        let handler = if outcome == b"ok" { call.done } else { call.failed };
        let result = input::parse(payload, &mut self.context)
            .map_err(|error| {
                let message = format!("the result of a host call is not JSON: {error}");
                Failure::new(Code::ScriptError, "SyntaxError", message, None)
            })
            .and_then(|value| {
                handler
                    .call(&JsValue::undefined(), &[value], &mut self.context)
                    .map_err(|error| Failure::from_js(error, &mut self.context))
            });
        self.advance(result.map(drop))
    }

    fn start(&mut self) -> Result<(), Failure> {
        apis::inputs::place(&mut self.context).map_err(|error| Failure::from_js(error, &mut self.context))?;
        let prepared = self.prepared.as_ref().expect("the host calls prepare before call");
        self.running = Some(match prepared {
            Prepared::Value(value) => Running::Value(value.clone()),
            Prepared::Function { function, takes_tools } => {
                let function = function.clone();
                let arguments = match takes_tools {
                    true => {
                        let input = apis::inputs::value(0, &mut self.context)
                            .map_err(|error| Failure::from_js(error, &mut self.context))?;
                        vec![input, apis::tools(&mut self.context)]
                    }
                    false => Vec::new(),
                };
                let result = function
                    .call(&JsValue::undefined(), &arguments, &mut self.context)
                    .map_err(|error| Failure::from_js(error, &mut self.context))?;
                match result.as_object() {
                    Some(object) => self.awaited(object)?,
                    None => Running::Value(result),
                }
            }
        });
        Ok(())
    }

    /// A promise, or what `await` takes for one.
    fn awaited(&mut self, object: JsObject) -> Result<Running, Failure> {
        let object = match JsPromise::from_object(object.clone()) {
            Ok(promise) => return Ok(Running::Promise(promise)),
            Err(_) => object,
        };
        let then = object
            .get(js_string!("then"), &mut self.context)
            .map_err(|error| Failure::from_js(error, &mut self.context))?;
        if !then.is_callable() {
            return Ok(Running::Value(object.into()));
        }
        JsPromise::resolve(object, &mut self.context)
            .map(Running::Promise)
            .map_err(|error| Failure::from_js(error, &mut self.context))
    }

    /// Drains the queue and says how the call stands.
    fn advance(&mut self, entered: Result<(), Failure>) -> Answer {
        let ended = match self.running.take() {
            Some(Running::Failed(failure)) => Err(failure),
            running => {
                self.running = running;
                entered.and_then(|()| self.outcome())
            }
        };
        match ended {
            Ok(None) => Answer::Pending(calls::pending()),
            Ok(Some(output)) => {
                self.running = None;
                calls::begin(false);
                Answer::Ok(output)
            }
            Err(failure) => {
                jobs::clear();
                calls::give_up_all_but_writes();
                if calls::any() {
                    self.running = Some(Running::Failed(failure));
                    return Answer::Pending(calls::pending());
                }
                self.running = None;
                calls::begin(false);
                Answer::Error(failure.to_json())
            }
        }
    }

    /// The output, or `None` while the host has something to do.
    fn outcome(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        self.drain()?;
        let value = match self.running.as_ref().expect("a call is running") {
            Running::Value(value) => Some(value.clone()),
            Running::Failed(_) => None,
            Running::Promise(promise) => match promise.state() {
                PromiseState::Fulfilled(value) => Some(value),
                PromiseState::Rejected(reason) => {
                    return Err(Failure::from_thrown(&reason, None, &mut self.context));
                }
                PromiseState::Pending => None,
            },
        };
        // As in Node: nobody waits for a handler that may come.
        self.refuse_unhandled()?;
        if value.is_some() {
            calls::give_timers_up();
        }
        if calls::any() {
            return Ok(None);
        }
        let Some(value) = value else {
            return Err(never_settled());
        };
        let json = output::to_json(&value, &mut self.context)?;
        self.refuse_unhandled()?;
        Ok(Some(json))
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

    /// Drains the queue and returns what the promise became.
    fn settle(&mut self, promise: &JsPromise) -> Result<JsValue, Failure> {
        self.drain()?;
        match promise.state() {
            PromiseState::Fulfilled(value) => Ok(value),
            PromiseState::Rejected(reason) => Err(Failure::from_thrown(&reason, None, &mut self.context)),
            PromiseState::Pending => {
                // Most likely why nothing settles it.
                self.refuse_unhandled()?;
                Err(never_settled())
            }
        }
    }

    fn drain(&mut self) -> Result<(), Failure> {
        let drained: JsResult<()> = self.context.run_jobs();
        drained.map_err(|error| Failure::from_js(error, &mut self.context))
    }
}

/// What a default export comes to.
fn prepared(value: JsValue) -> Prepared {
    match value.as_object() {
        Some(function) if function.is_callable() => Prepared::Function { function, takes_tools: true },
        _ => Prepared::Value(value),
    }
}

/// Nothing is left that could settle what the script awaits; its place is told where there is no doubt.
fn never_settled() -> Failure {
    let place = stack::with_source(0, source::hanging_await);
    Failure::new(
        Code::PromiseNeverSettled,
        "Error",
        "the script awaits a promise that nothing can settle any more",
        place,
    )
}

fn answer(result: Result<Vec<u8>, Failure>) -> Answer {
    match result {
        Ok(payload) => Answer::Ok(payload),
        Err(failure) => Answer::Error(failure.to_json()),
    }
}
