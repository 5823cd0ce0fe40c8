//! Answers whose body is never sent: a status without a body that has one. Called by `flowcell check`, which warns of them.

use serde_json::Value;

use crate::model::{FieldError, ResponseSpec, Step, StepKind, Workflow};

/// The statuses that have no body (RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5).
const BODILESS: [u64; 3] = [204, 205, 304];

/// A warning for each such answer, in the order of the steps.
pub(super) fn all(workflow: &Workflow) -> Vec<FieldError> {
    let mut found = Vec::new();
    for (trigger, webhook) in workflow.webhooks() {
        let answer = webhook.response.as_ref();
        found.extend(answer.and_then(|answer| unsent(answer, &format!("{}.response", trigger.at))));
    }
    in_steps(&workflow.steps, "steps", &mut found);
    found
}

fn in_steps(steps: &[Step], path: &str, found: &mut Vec<FieldError>) {
    for (index, step) in steps.iter().enumerate() {
        let path = format!("{path}[{index}]");
        if let StepKind::Response(answer) = &step.kind {
            found.extend(unsent(answer, &path));
        }
        for branch in step.branches() {
            in_steps(branch.steps, &format!("{path}.{}", branch.field), found);
        }
    }
}

fn unsent(answer: &ResponseSpec, path: &str) -> Option<FieldError> {
    let status = answer.status.as_ref().and_then(Value::as_u64).filter(|status| BODILESS.contains(status))?;
    let body = match (&answer.json, &answer.text) {
        (Some(_), _) => "json",
        (None, Some(_)) => "text",
        (None, None) => return None,
    };
    let message = format!(
        "an answer with status {status} has no body, so `{body}` is never sent; remove it, or take another status"
    );
    Some(FieldError::new(format!("{path}.{body}"), message))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_without_a_body_that_has_one_is_told() {
        let answer = |id: &str, status: Value, body: &str| json!({ "id": id, "type": "response", "status": status, body: "x" });
        let workflow = Workflow::from_value(json!({
            "key": "a",
            "trigger": { "type": "webhook", "response": { "status": 204, "json": null } },
            "steps": [
                answer("a", json!(205), "text"),
                answer("b", json!(200), "text"),
                answer("c", json!("{{$context.data.s}}"), "text"),
                { "id": "d", "type": "condition", "if": "true", "then": [answer("e", json!(304), "json")] },
                { "id": "f", "type": "response", "status": 204 },
            ],
        }));
        let found: Vec<String> = all(&workflow.unwrap()).into_iter().map(|warning| warning.path).collect();
        assert_eq!(found, ["trigger.response.json", "steps[0].text", "steps[3].then[0].json"]);
    }
}
