//! `plugin`: an uploaded Wasm module in the sandbox.

use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::Value;

use super::{
    Attempt, Calls, Executed, Output, OutputSchema, RetryHint, Scope, code::attempt_seed,
    code_source::CodeSource, filled, unfilled,
};
use crate::{
    model::{
        CallNote, CodeLimits, ErrorCode, FieldError, JsonText, Limits, PluginHash, PluginPin, PluginRef,
        PluginStep, RunError, Stdio, Wait,
    },
    sandbox::{Allowed, Conclusion, Plugin, PluginCall, PluginEngine, PluginFacts, SandboxError, Share},
    template::{Budget, JsonTemplate, Path, Template},
};

/// The most of a plugin's `config` and `args` together, bytes.
const MAX_SETTINGS: usize = 1 << 20;

/// What its inputs and outputs must be.
#[derive(Debug, Default)]
pub struct Schemas {
    /// Checked before it is called.
    pub input: Option<OutputSchema>,
    /// The schema that the output is checked against.
    pub output: Option<OutputSchema>,
}

/// An installed plugin, as it may be used now.
#[derive(Clone)]
pub struct UsablePlugin {
    /// The compiled plugin.
    pub plugin: Arc<Plugin>,
    /// Which it is, for people: name, version and hash.
    pub label: String,
    /// What the operator granted to the plugin.
    pub allowed: Arc<Allowed>,
    /// Its limits, where the step sets none.
    pub limits: CodeLimits,
    /// What its inputs and outputs must be.
    pub schemas: Arc<Schemas>,
}

/// Where installed plugins are found.
pub trait PluginSource: Send + Sync {
    /// The engine that plugins run on.
    fn engine(&self) -> &PluginEngine;

    /// What a reference means at this moment; nothing when no such plugin is installed.
    fn pin(&self, reference: &PluginRef) -> Option<PluginPin>;

    /// The secrets that whoever installed the plugin lets it read, by name.
    fn granted_secrets(&self, reference: &PluginRef) -> Vec<String>;

    /// A plugin ready to be called: the bytes that were pinned, or those that `reference` means now.
    ///
    /// # Errors
    /// `plugin_missing`, or why it cannot be compiled any more.
    fn usable<'a>(
        &'a self,
        reference: &'a PluginRef,
        pinned: Option<PluginHash>,
    ) -> BoxFuture<'a, Result<UsablePlugin, RunError>>;
}

/// A use of a plugin whose templates are parsed.
#[derive(Debug)]
pub struct PluginUse {
    reference: PluginRef,
    input: JsonTemplate,
    config: JsonTemplate,
    args: Vec<Template>,
    stdin: Stdio,
    stdout: Stdio,
    limits: CodeLimits,
    share: Share,
}

pub(super) fn compile(spec: &PluginStep, path: &str, code: &dyn CodeSource) -> Result<PluginUse, FieldError> {
    let wrong = |field: &str, why: String| FieldError::new(format!("{path}.{field}"), why);
    let json = |field: &str, value: &Value| {
        JsonTemplate::compile(value).map_err(|error| wrong(field, error.to_string()))
    };
    let args = spec.args.iter().enumerate().map(|(index, text)| {
        Template::parse(text).map_err(|error| wrong(&format!("args[{index}]"), error.to_string()))
    });
    Ok(PluginUse {
        reference: spec.plugin.clone(),
        input: json("input", &spec.input)?,
        config: json("config", &spec.config)?,
        args: args.collect::<Result<_, _>>()?,
        stdin: spec.stdin,
        stdout: spec.stdout,
        limits: spec.limits,
        share: code.share(),
    })
}

impl PluginUse {
    pub(super) fn reference(&self) -> &PluginRef {
        &self.reference
    }

    pub(super) fn references(&self) -> Vec<&Path> {
        let json = self.input.references().into_iter().chain(self.config.references());
        json.chain(self.args.iter().flat_map(Template::references)).collect()
    }
}

pub(super) async fn execute(
    step: &PluginUse,
    scope: &Scope<'_>,
    plugins: &dyn PluginSource,
    attempt: &Attempt,
    calls: Calls<'_>,
) -> Result<Executed, SandboxError> {
    let facts = scope.facts();
    let pinned = facts.plugins.iter().find(|pin| pin.reference == step.reference).map(|pin| pin.hash);
    let usable = match plugins.usable(&step.reference, pinned).await {
        Ok(usable) => usable,
        Err(error) => return Ok(Executed::failed(error)),
    };
    let note = CallNote {
        op: "plugin".to_owned(),
        target: usable.label.clone(),
        error: None,
        at_ms: attempt.now_ms,
        took_us: 0,
    };
    let executed = match prepare(step, scope, &usable, attempt) {
        Ok(call) => {
            let ended = plugins
                .engine()
                .run(PluginCall { history: calls.history, ..call }, &step.share, calls.host)
                .await?;
            let result = match ended.outcome.conclusion {
                Conclusion::Output(output) => promised(&usable.schemas, output).map(Output::Value),
                Conclusion::Failed(error) => Err(error),
                Conclusion::Sleeps(until_ms) => {
                    Ok(Output::Wait { wait: Wait::Script, due_ms: Some(until_ms) })
                }
            };
            let plain = Executed::plain(result);
            Executed {
                again: if ended.hopeless { RetryHint::Never } else { plain.again },
                logs: ended.outcome.logs,
                log_truncated: ended.outcome.log_truncated,
                usage: Some(ended.outcome.usage),
                ..plain
            }
        }
        Err(error) => Executed::failed(error),
    };
    Ok(Executed { calls: vec![note], ..executed })
}

/// The call, once its input is what the plugin takes.
fn prepare(
    step: &PluginUse,
    scope: &Scope<'_>,
    usable: &UsablePlugin,
    attempt: &Attempt,
) -> Result<PluginCall, RunError> {
    let facts = scope.facts();
    let input = filled("input", &step.input, scope, Limits::CAP.output).map_err(as_input)?;
    if step.stdin == Stdio::Text && !input.as_str().starts_with('"') {
        let message = "with `stdin: \"text\"` the input must be a text; make it one, or leave `stdin` out";
        return Err(RunError::new(ErrorCode::PluginInput, message));
    }
    if let Some(schema) = &usable.schemas.input {
        schema.check(&input).map_err(|wrong| {
            let message = format!("the input is not what {} takes: {wrong}", usable.label);
            RunError::new(ErrorCode::PluginInput, message)
        })?;
    }
    let mut budget = Budget::new(MAX_SETTINGS);
    let config =
        step.config.value(scope, &mut budget).map_err(|error| as_input(unfilled("config", error)))?;
    let config = match config.into_owned() {
        Value::Object(config) => config,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return Err(RunError::new(ErrorCode::PluginInput, "`config` must be an object"));
        }
    };
    let args = step.args.iter().map(|text| text.render_text(scope, &mut budget)).collect::<Result<_, _>>();
    let args = args.map_err(|error| as_input(unfilled("args", error)))?;
    Ok(PluginCall {
        config,
        args,
        stdin: step.stdin,
        stdout: step.stdout,
        facts: PluginFacts {
            run: facts.run_id.clone(),
            workflow: facts.workflow.to_string(),
            step: scope.instance().to_owned(),
            attempt: attempt.number,
            idempotency_key: attempt.idempotency_key.clone(),
        },
        allowed: Arc::clone(&usable.allowed),
        limits: step.limits.or(&usable.limits).resolve(),
        now_ms: attempt.now_ms,
        seed: attempt_seed(facts, scope.instance(), attempt.number),
        ..PluginCall::of(Arc::clone(&usable.plugin), input)
    })
}

/// The code that a plugin's input has, whatever is wrong with it.
fn as_input(error: RunError) -> RunError {
    RunError { code: ErrorCode::PluginInput, ..error }
}

/// The output, if it is what the plugin itself says it is.
fn promised(schemas: &Schemas, output: JsonText) -> Result<JsonText, RunError> {
    if let Some(schema) = &schemas.output {
        schema.check(&output).map_err(|wrong| {
            let message = format!("the output is not what the plugin's own schema says: {wrong}");
            RunError::new(ErrorCode::SchemaMismatch, message)
        })?;
    }
    Ok(output)
}
