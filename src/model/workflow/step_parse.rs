//! JSON into steps; see `value::fields` for how errors keep their field.

use serde_json::Value;

use super::{
    flow::Retry,
    http_step::HttpStep,
    page::Page,
    plain_step::{CallbackStep, CodeStep},
    step::{
        ConditionStep, LoopSource, LoopStep, OnError, ParallelBranch, ParallelStep, Step, StepKind,
        SwitchCase, SwitchStep, When,
    },
};
use crate::model::value::{
    CodeLimits, ConditionExpr, FieldError, PluginStep, Span, StepId, WAIT_CAP,
    condition::condition,
    fields::{Object, join, kind_of, object, only_known, required, take, typed},
    response::response,
};

pub(super) fn steps(value: Value, path: &str) -> Result<Vec<Step>, FieldError> {
    let Value::Array(items) = value else {
        return Err(FieldError::new(path, format!("expected an array of steps, found {}", kind_of(&value))));
    };
    items.into_iter().enumerate().map(|(index, item)| step(item, &format!("{path}[{index}]"))).collect()
}

fn step(value: Value, path: &str) -> Result<Step, FieldError> {
    let mut fields = object(value, path)?;
    let id: StepId = required(&mut fields, path, "id")?;
    let title = take(&mut fields, path, "title")?.unwrap_or_default();
    let retry = fields.shift_remove("retry").map(|value| retry(value, path)).transpose()?;
    let on_error =
        fields.shift_remove("on_error").map_or(Ok(OnError::Fail), |value| on_error(value, path))?;
    let output_schema = fields.shift_remove("output_schema").filter(|schema| !schema.is_null());
    let kind: String = required(&mut fields, path, "type")?;
    // A callback's timeout is that of its wait, a request's its own.
    let timeout: Option<Span> = match kind.as_str() {
        "wait_for_callback" | "http" => None,
        _ => take(&mut fields, path, "timeout")?,
    };
    let kind = match kind.as_str() {
        "code" => StepKind::Code(code(fields, path)?),
        "condition" => StepKind::Condition(condition_step(fields, path)?),
        "response" => StepKind::Response(response(Value::Object(fields), path)?),
        "set" => StepKind::Set(typed(Value::Object(fields), path)?),
        "switch" => StepKind::Switch(switch(fields, path)?),
        "end" => StepKind::End(typed(Value::Object(fields), path)?),
        "loop" => StepKind::Loop(each(fields, path)?),
        "break" => only_known(&fields, path, &[]).map(|()| StepKind::Break)?,
        "continue" => only_known(&fields, path, &[]).map(|()| StepKind::Continue)?,
        "parallel" => StepKind::Parallel(parallel(fields, path)?),
        "delay" => StepKind::Delay(typed(Value::Object(fields), path)?),
        "wait_until" => StepKind::WaitUntil(typed(Value::Object(fields), path)?),
        "wait_for_callback" => StepKind::WaitForCallback(callback(fields, path)?),
        "subflow" => StepKind::Subflow(typed(Value::Object(fields), path)?),
        "query" => StepKind::Query(typed(Value::Object(fields), path)?),
        "http" => StepKind::Http(Box::new(http(fields, path)?)),
        "plugin" => StepKind::Plugin(plugin(fields, path)?),
        other => {
            let message = format!("unknown step type `{other}`; known are {}", TYPES.join(", "));
            return Err(FieldError::new(join(path, "type"), message));
        }
    };
    let step = Step { id, title, retry, timeout, on_error, output_schema, kind };
    fits(&step, path)?;
    Ok(step)
}

/// Every step type.
const TYPES: [&str; 17] = [
    "code",
    "condition",
    "switch",
    "set",
    "response",
    "end",
    "loop",
    "break",
    "continue",
    "parallel",
    "delay",
    "wait_until",
    "wait_for_callback",
    "subflow",
    "http",
    "query",
    "plugin",
];

/// Refuses common fields where they could mean nothing.
fn fits(step: &Step, path: &str) -> Result<(), FieldError> {
    let wrong = |field: &str, message: &str| Err(FieldError::new(join(path, field), message));
    // Whether an attempt can fail and another one differ, whether its output is its author's, whether nothing of it can fail.
    let (once, has_own_output, bare) = match &step.kind {
        StepKind::Code(_) | StepKind::Http(_) | StepKind::Plugin(_) => (true, true, false),
        StepKind::Set(_) | StepKind::Query(_) => (false, true, false),
        StepKind::Subflow(subflow) => (subflow.wait, false, false),
        StepKind::Break | StepKind::Continue | StepKind::End(_) => (false, false, true),
        StepKind::Condition(_)
        | StepKind::Switch(_)
        | StepKind::Response(_)
        | StepKind::Loop(_)
        | StepKind::Parallel(_)
        | StepKind::Delay(_)
        | StepKind::WaitUntil(_)
        | StepKind::WaitForCallback(_) => (false, false, false),
    };
    if step.retry.is_some() && !once {
        return wrong(
            "retry",
            "this step type gives the same result each time; put `retry` on the step inside that can fail",
        );
    }
    if step.timeout.is_some() && !once {
        return wrong("timeout", "this step type needs no timeout; put it on the step that can take long");
    }
    if step.output_schema.is_some() && !has_own_output {
        return wrong(
            "output_schema",
            "only code, http, plugin, query and set steps have outputs to be checked",
        );
    }
    if step.timeout.is_some_and(|timeout| timeout > TIMEOUT_CAP || timeout.as_millis() == 0) {
        return wrong("timeout", &format!("one attempt may take 1ms to {TIMEOUT_CAP}"));
    }
    if bare && !matches!(step.on_error, OnError::Fail) {
        return wrong("on_error", "this step cannot fail in a way that could be handled");
    }
    Ok(())
}

/// The longest attempt of one step.
const TIMEOUT_CAP: Span = Span::from_millis(3_600_000);

/// `3` is short for `{"attempts": 3}`.
fn retry(value: Value, path: &str) -> Result<Retry, FieldError> {
    let path = join(path, "retry");
    let retry = match value {
        Value::Number(attempts) => {
            let attempts = attempts.as_u64().and_then(|attempts| u32::try_from(attempts).ok());
            Retry { attempts: attempts.unwrap_or(0), ..Retry::default() }
        }
        value => typed(value, &path)?,
    };
    if !(1..=20).contains(&retry.attempts) {
        return Err(FieldError::new(join(&path, "attempts"), "a step has 1 to 20 attempts"));
    }
    if !(1.0..=10.0).contains(&retry.factor) {
        return Err(FieldError::new(join(&path, "factor"), "the factor is 1 to 10"));
    }
    if retry.max > Span::from_millis(86_400_000) {
        return Err(FieldError::new(join(&path, "max"), "1d is the most"));
    }
    Ok(retry)
}

fn on_error(value: Value, path: &str) -> Result<OnError, FieldError> {
    let path = join(path, "on_error");
    match value {
        Value::String(word) if word == "fail" => Ok(OnError::Fail),
        Value::String(word) if word == "continue" => Ok(OnError::Continue),
        Value::Array(_) => steps(value, &path).map(OnError::Steps),
        _ => Err(FieldError::new(path, "expected \"fail\", \"continue\" or an array of steps")),
    }
}

fn each(mut fields: Object, path: &str) -> Result<LoopStep, FieldError> {
    only_known(&fields, path, &["over", "while", "limit", "iteration_error", "steps"])?;
    let source = match (fields.shift_remove("over"), fields.contains_key("while")) {
        (Some(over), false) => LoopSource::Over(over),
        (None, true) => LoopSource::While(test(&mut fields, path, "while")?),
        (Some(_), true) => return Err(FieldError::new(path, "give `over` or `while`, not both")),
        (None, false) => return Err(FieldError::new(path, "`over` is missing, or `while`")),
    };
    let limit = take(&mut fields, path, "limit")?.unwrap_or_else(LoopStep::default_limit);
    if !(1..=LoopStep::LIMIT_CAP).contains(&limit) {
        let message = format!("a loop has 1 to {} iterations", LoopStep::LIMIT_CAP);
        return Err(FieldError::new(join(path, "limit"), message));
    }
    let iteration_error = take(&mut fields, path, "iteration_error")?.unwrap_or_default();
    let steps = steps(required(&mut fields, path, "steps")?, &join(path, "steps"))?;
    Ok(LoopStep { source, limit, iteration_error, steps })
}

fn parallel(mut fields: Object, path: &str) -> Result<ParallelStep, FieldError> {
    only_known(&fields, path, &["mode", "branches"])?;
    let mode = take(&mut fields, path, "mode")?.unwrap_or_default();
    let branches: Vec<Value> = required(&mut fields, path, "branches")?;
    if !(1..=50).contains(&branches.len()) {
        return Err(FieldError::new(join(path, "branches"), "a parallel step has 1 to 50 branches"));
    }
    let branches = branches.into_iter().enumerate().map(|(index, branch)| {
        let path = format!("{path}.branches[{index}]");
        let mut fields = object(branch, &path)?;
        only_known(&fields, &path, &["steps"])?;
        Ok(ParallelBranch { steps: steps(required(&mut fields, &path, "steps")?, &join(&path, "steps"))? })
    });
    Ok(ParallelStep { mode, branches: branches.collect::<Result<_, FieldError>>()? })
}

fn http(fields: Object, path: &str) -> Result<HttpStep, FieldError> {
    let mut fields = fields;
    // Read apart, for an error that says how a condition is written.
    let ok = condition(&mut fields, path, "ok")?;
    let http: HttpStep = typed(Value::Object(fields), path)?;
    http.check(path)?;
    Ok(HttpStep { ok, ..http })
}

fn callback(mut fields: Object, path: &str) -> Result<CallbackStep, FieldError> {
    only_known(&fields, path, &["timeout", "page"])?;
    let timeout: Span = take(&mut fields, path, "timeout")?.unwrap_or_else(CallbackStep::default_timeout);
    if timeout > WAIT_CAP || timeout.as_millis() == 0 {
        return Err(FieldError::new(join(path, "timeout"), format!("a wait takes 1ms to {WAIT_CAP}")));
    }
    let page = fields.shift_remove("page").filter(|page| !page.is_null());
    let page = page.map(|page| Page::read(page, &join(path, "page"))).transpose()?;
    Ok(CallbackStep { timeout, page })
}

/// `break` and `continue` stand inside a loop, and not across the branches of a `parallel` step.
pub(super) fn loops_are_around(steps: &[Step], path: &str, inside: bool) -> Result<(), FieldError> {
    for (index, step) in steps.iter().enumerate() {
        let path = format!("{path}[{index}]");
        if matches!(step.kind, StepKind::Break | StepKind::Continue) && !inside {
            let message = "there is no loop around this step, or a parallel step stands between them";
            return Err(FieldError::new(join(&path, "type"), message));
        }
        for branch in step.branches() {
            let inside = match branch.when {
                When::Iteration => true,
                When::AtOnce => false,
                When::Output(_) | When::Error => inside,
            };
            loops_are_around(branch.steps, &join(&path, &branch.field), inside)?;
        }
    }
    Ok(())
}

fn within_caps(limits: &CodeLimits, path: &str) -> Result<(), FieldError> {
    match limits.violation() {
        Some((field, message)) => Err(FieldError::new(join(path, &format!("limits.{field}")), message)),
        None => Ok(()),
    }
}

fn plugin(fields: Object, path: &str) -> Result<PluginStep, FieldError> {
    let plugin: PluginStep = typed(Value::Object(fields), path)?;
    within_caps(&plugin.limits, path)?;
    // A template alone may give the whole object.
    if !plugin.config.is_object() && !plugin.config.is_string() {
        return Err(FieldError::new(join(path, "config"), "expected an object"));
    }
    Ok(plugin)
}

fn code(fields: Object, path: &str) -> Result<CodeStep, FieldError> {
    let code: CodeStep = typed(Value::Object(fields), path)?;
    within_caps(&code.limits, path)?;
    let plain = !code.file.contains(['\\', '\0'])
        && code.file.split('/').all(|part| !part.is_empty() && !part.starts_with('.'));
    let is_code = [".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"].iter().any(|end| code.file.ends_with(end))
        && ![".d.ts", ".d.mts", ".d.cts"].iter().any(|end| code.file.ends_with(end));
    if !plain || !is_code {
        let message = "name a .js, .mjs, .cjs, .ts, .mts or .cts file in the workflow's own folder";
        return Err(FieldError::new(join(path, "file"), message));
    }
    Ok(code)
}

fn condition_step(mut fields: Object, path: &str) -> Result<ConditionStep, FieldError> {
    only_known(&fields, path, &["if", "then", "else"])?;
    let test = test(&mut fields, path, "if")?;
    let then = branch(&mut fields, path, "then")?;
    let otherwise = branch(&mut fields, path, "else")?;
    Ok(ConditionStep { test, then, otherwise })
}

fn switch(mut fields: Object, path: &str) -> Result<SwitchStep, FieldError> {
    only_known(&fields, path, &["cases", "else"])?;
    let cases: Vec<Value> = required(&mut fields, path, "cases")?;
    if cases.is_empty() {
        return Err(FieldError::new(join(path, "cases"), "give at least one case"));
    }
    let cases = cases.into_iter().enumerate().map(|(index, case)| {
        let path = format!("{path}.cases[{index}]");
        let mut fields = object(case, &path)?;
        only_known(&fields, &path, &["if", "then"])?;
        Ok(SwitchCase { test: test(&mut fields, &path, "if")?, then: branch(&mut fields, &path, "then")? })
    });
    Ok(SwitchStep {
        cases: cases.collect::<Result<_, FieldError>>()?,
        otherwise: branch(&mut fields, path, "else")?,
    })
}

fn test(fields: &mut Object, path: &str, field: &str) -> Result<ConditionExpr, FieldError> {
    condition(fields, path, field)?.ok_or_else(|| FieldError::new(path, format!("`{field}` is missing")))
}

fn branch(fields: &mut Object, path: &str, name: &str) -> Result<Vec<Step>, FieldError> {
    fields.shift_remove(name).map_or(Ok(Vec::new()), |value| steps(value, &join(path, name)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn common_fields_are_refused_where_they_mean_nothing() {
        let read = |step: Value| steps(json!([step]), "steps").map(|_| ()).map_err(|error| error.path);
        let code =
            |field: &str, value: Value| json!({"id": "a", "type": "code", "file": "a.js", field: value});
        for (field, value) in [
            ("retry", json!(3)),
            ("retry", json!({"attempts": 20, "backoff": "1s", "factor": 1.5, "max": "1h", "jitter": false})),
            ("timeout", json!("5s")),
            ("on_error", json!("continue")),
            ("on_error", json!([{"id": "b", "type": "set", "values": 1}])),
            ("output_schema", json!({"type": "object"})),
        ] {
            assert_eq!(read(code(field, value.clone())), Ok(()), "{field} {value}");
        }
        let set = |field: &str, value: Value| json!({"id": "a", "type": "set", "values": 1, field: value});
        let end = json!({"id": "a", "type": "end", "status": "failed", "on_error": "continue"});
        let delay = json!({"id": "a", "type": "delay", "for": "1s", "output_schema": {}});
        for (step, path) in [
            (set("retry", json!(3)), "steps[0].retry"),
            (set("timeout", json!("1s")), "steps[0].timeout"),
            (code("retry", json!(0)), "steps[0].retry.attempts"),
            (code("retry", json!({"attempts": 21})), "steps[0].retry.attempts"),
            (code("retry", json!({"factor": 0.5})), "steps[0].retry.factor"),
            (code("retry", json!({"times": 3})), "steps[0].retry.times"),
            (code("timeout", json!("2h")), "steps[0].timeout"),
            (code("on_error", json!("ignore")), "steps[0].on_error"),
            (end, "steps[0].on_error"),
            (delay, "steps[0].output_schema"),
            (json!({"id": "a", "type": "loop", "steps": []}), "steps[0]"),
            (json!({"id": "a", "type": "loop", "over": 1, "while": "true", "steps": []}), "steps[0]"),
            (json!({"id": "a", "type": "loop", "over": 1, "limit": 0, "steps": []}), "steps[0].limit"),
            (json!({"id": "a", "type": "parallel", "branches": []}), "steps[0].branches"),
            (json!({"id": "a", "type": "wait_for_callback", "timeout": "400d"}), "steps[0].timeout"),
        ] {
            assert_eq!(read(step.clone()), Err(path.to_owned()), "{step}");
        }
    }

    #[test]
    fn break_and_continue_need_a_loop_around_them() {
        let workflow = |steps: Value| {
            let value = json!({"key": "w", "trigger": {"type": "manual"}, "steps": steps});
            crate::model::Workflow::from_value(value).map(|_| ()).map_err(|error| error.path)
        };
        let leave = json!({"id": "b", "type": "break"});
        let each = |inside: Value| json!([{"id": "l", "type": "loop", "over": 1, "steps": [inside]}]);
        let condition = json!({"id": "c", "type": "condition", "if": "true", "then": [leave.clone()]});
        assert_eq!(workflow(each(condition)), Ok(()));
        assert_eq!(workflow(json!([leave.clone()])), Err("steps[0].type".to_owned()));
        let parallel = json!({"id": "p", "type": "parallel", "branches": [{"steps": [leave]}]});
        assert_eq!(workflow(each(parallel)), Err("steps[0].steps[0].branches[0].steps[0].type".to_owned()));
    }

    #[test]
    fn every_step_type_is_read_and_every_error_names_its_field() {
        let read = |step: Value| steps(json!([step]), "steps").map(|_| ()).map_err(|error| error.path);
        let good = [
            json!({"id": "a", "type": "set", "values": null}),
            json!({"id": "a", "type": "end", "status": "failed", "message": "m"}),
            json!({"id": "a", "type": "end"}),
            json!({"id": "a", "type": "switch", "cases": [{"if": "true", "then": [
                {"id": "b", "type": "end", "status": "succeeded"}]}, {"if": {"all": []}}], "else": []}),
        ];
        for step in good {
            assert_eq!(read(step.clone()), Ok(()), "{step}");
        }
        let bad = [
            (json!({"id": "a", "type": "set"}), "steps[0]"),
            (json!({"id": "a", "type": "set", "values": 1, "value": 2}), "steps[0].value"),
            (json!({"id": "a", "type": "end", "status": "ok"}), "steps[0].status"),
            (json!({"id": "a", "type": "switch", "cases": []}), "steps[0].cases"),
            (json!({"id": "a", "type": "switch", "cases": [{"then": []}]}), "steps[0].cases[0]"),
            (json!({"id": "a", "type": "switch", "cases": [{"if": "1", "do": []}]}), "steps[0].cases[0].do"),
            (json!({"id": "a", "type": "switch", "cases": [{"if": 7}]}), "steps[0].cases[0].if"),
            (
                json!({"id": "a", "type": "switch", "cases": [{"if": "true", "then": [{"id": "b", "type": "mail"}]}]}),
                "steps[0].cases[0].then[0].type",
            ),
        ];
        for (step, path) in bad {
            assert_eq!(read(step.clone()), Err(path.to_owned()), "{step}");
        }
    }
}
