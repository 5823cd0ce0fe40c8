//! JSON into steps; see `workflow_parse` for how errors keep their field.

use serde_json::Value;

use super::{
    ids::StepId,
    limits::CodeLimits,
    step::{CodeStep, ConditionExpr, ConditionStep, ResponseSpec, Step, StepKind, SwitchCase, SwitchStep},
    workflow_parse::{FieldError, Object, join, kind_of, object, only_known, required, take, typed},
};

pub(super) fn response(value: Value, path: &str) -> Result<ResponseSpec, FieldError> {
    let spec: ResponseSpec = typed(value, path)?;
    if spec.json.is_some() && spec.text.is_some() {
        return Err(FieldError::new(path, "give `json` or `text`, not both"));
    }
    if let Some(Value::Number(status)) = &spec.status
        && !status.as_u64().is_some_and(|status| (200..600).contains(&status))
    {
        return Err(FieldError::new(join(path, "status"), "a status is a number from 200 to 599"));
    }
    Ok(spec)
}

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
    let kind: String = required(&mut fields, path, "type")?;
    let kind = match kind.as_str() {
        "code" => StepKind::Code(code(fields, path)?),
        "condition" => StepKind::Condition(condition(fields, path)?),
        "response" => StepKind::Response(response(Value::Object(fields), path)?),
        "set" => StepKind::Set(typed(Value::Object(fields), path)?),
        "switch" => StepKind::Switch(switch(fields, path)?),
        "end" => StepKind::End(typed(Value::Object(fields), path)?),
        other => {
            let message =
                format!("unknown step type `{other}`; known are code, condition, switch, set, response, end");
            return Err(FieldError::new(join(path, "type"), message));
        }
    };
    Ok(Step { id, title, kind })
}

fn code(fields: Object, path: &str) -> Result<CodeStep, FieldError> {
    let code: CodeStep = typed(Value::Object(fields), path)?;
    let limits: CodeLimits = code.limits;
    if let Some((field, message)) = limits.violation() {
        return Err(FieldError::new(join(path, &format!("limits.{field}")), message));
    }
    let plain =
        !code.file.is_empty() && !code.file.contains(['/', '\\', '\0']) && !code.file.starts_with('.');
    if !plain || !code.file.ends_with(".js") {
        return Err(FieldError::new(join(path, "file"), "name a .js file in the workflow's own folder"));
    }
    Ok(code)
}

fn condition(mut fields: Object, path: &str) -> Result<ConditionStep, FieldError> {
    only_known(&fields, path, &["if", "then", "else"])?;
    let test = test(&mut fields, path)?;
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
        Ok(SwitchCase { test: test(&mut fields, &path)?, then: branch(&mut fields, &path, "then")? })
    });
    Ok(SwitchStep {
        cases: cases.collect::<Result<_, FieldError>>()?,
        otherwise: branch(&mut fields, path, "else")?,
    })
}

fn test(fields: &mut Object, path: &str) -> Result<ConditionExpr, FieldError> {
    let test: Value = required(fields, path, "if")?;
    typed(test, &join(path, "if")).map_err(|error| {
        FieldError::new(
            error.path,
            "expected CEL as a string, or {\"all\": […]}, {\"any\": […]}, {\"not\": …} or {\"left\": …, \"op\": …, \"right\": …} \
             with an op of == != > >= < <= includes not_includes starts_with ends_with exists not_exists",
        )
    })
}

fn branch(fields: &mut Object, path: &str, name: &str) -> Result<Vec<Step>, FieldError> {
    fields.shift_remove(name).map_or(Ok(Vec::new()), |value| steps(value, &join(path, name)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_step_type_is_read_and_every_error_names_its_field() {
        let read = |step: Value| steps(json!([step]), "steps").map(|_| ()).map_err(|error| error.path);
        let good = [
            json!({"id": "a", "type": "set", "values": null}),
            json!({"id": "a", "type": "end", "status": "failed", "message": "m"}),
            json!({"id": "a", "type": "switch", "cases": [{"if": "true", "then": [
                {"id": "b", "type": "end", "status": "succeeded"}]}, {"if": {"all": []}}], "else": []}),
        ];
        for step in good {
            assert_eq!(read(step.clone()), Ok(()), "{step}");
        }
        let bad = [
            (json!({"id": "a", "type": "set"}), "steps[0]"),
            (json!({"id": "a", "type": "set", "values": 1, "value": 2}), "steps[0].value"),
            (json!({"id": "a", "type": "end"}), "steps[0]"),
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
