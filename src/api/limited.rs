//! Tokens that see some workflows only: those whose keys begin with a prefix.

use http::StatusCode;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::rights::{About, Found};
use crate::{
    engine::Engine,
    http::Problem,
    model::{QuestionId, RequestId, RunId},
    store::tables,
};

/// Decides whether a request is about workflows with the prefix.
///
/// # Errors
/// The refusal, when it is about others or about the whole server.
pub(super) async fn check(engine: &Engine, found: &Found<'_>, prefix: &str) -> Result<(), Problem> {
    let place = |name: &str| {
        let text = found.place(name).unwrap_or_default();
        percent_decode_str(text).decode_utf8_lossy().into_owned()
    };
    let workflow = match found.row.about {
        About::Self_ | About::List(_) => return Ok(()),
        About::Server => {
            let detail = format!(
                "this token is limited to workflows that begin with `{prefix}`; this is about the whole server"
            );
            return Err(Problem::new(StatusCode::FORBIDDEN, "token_limited", detail));
        }
        About::Workflow => Some(place("key")),
        About::Run => match place("id").parse::<RunId>() {
            Ok(run) => of_run(engine, run).await?,
            Err(_) => None,
        },
        About::Question => match place("id").parse::<QuestionId>() {
            Ok(question) => of_run(engine, question.run).await?,
            Err(_) => None,
        },
        About::Request => match place("id").parse::<RequestId>() {
            Ok(request) => {
                let line = tables::requests::get(&**engine.store(), request).await?;
                line.and_then(|line| line.workflow).map(|workflow| workflow.to_string())
            }
            Err(_) => None,
        },
    };
    if workflow.is_some_and(|workflow| workflow.starts_with(prefix)) {
        return Ok(());
    }
    let detail = format!("this token is limited to workflows that begin with `{prefix}`");
    Err(Problem::new(StatusCode::FORBIDDEN, "token_limited", detail))
}

async fn of_run(engine: &Engine, run: RunId) -> Result<Option<String>, Problem> {
    let head = tables::runs::head(&**engine.store(), run).await?;
    Ok(head.map(|head| head.workflow.to_string()))
}

/// The answer with those lines of a list that are about workflows with the prefix.
pub(super) fn lines(mut answer: Value, list: &str, prefix: &str) -> Value {
    let is_seen = |line: &Value| {
        let key = line.get("workflow").or_else(|| line.get("key")).and_then(Value::as_str);
        key.is_some_and(|key| key.starts_with(prefix))
    };
    match answer.get_mut(list).and_then(Value::as_array_mut) {
        Some(lines) => lines.retain(is_seen),
        None => return Value::Null,
    }
    answer
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_keeps_the_lines_of_its_workflows_alone() {
        let answer = json!({
            "runs": [{ "workflow": "shop-a" }, { "workflow": "bank" }, { "key": "shop-b" }, {}, { "workflow": null }],
            "next": "run_1",
        });
        let kept = lines(answer, "runs", "shop-");
        assert_eq!(kept, json!({ "runs": [{ "workflow": "shop-a" }, { "key": "shop-b" }], "next": "run_1" }));
        assert_eq!(lines(json!({ "other": [1] }), "runs", "shop-"), Value::Null);
    }
}
