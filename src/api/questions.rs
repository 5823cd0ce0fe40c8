//! The questions that runs ask people: those that are open, and their answers.

use std::net::SocketAddr;

use axum::{
    Json, Router,
    extract::{ConnectInfo, Path, Query, State, rejection::QueryRejection},
    middleware,
    routing::{get, post},
};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    door::{Door, authorize},
    input, page_size,
};
use crate::{
    engine::Engine,
    gateway::Gateway,
    http::Problem,
    model::{OpenQuestion, QuestionId, WorkflowKey},
    run_view, steps,
};

/// Who answered, when the request names nobody.
const SOMEBODY: &str = "API";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    workflow: Option<WorkflowKey>,
    before: Option<String>,
    limit: Option<usize>,
}

/// What answers a question.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    #[serde(default)]
    answer: Value,
    #[serde(default)]
    comment: Value,
    /// Who answers, for the output's `by`.
    #[serde(default)]
    name: Value,
}

/// The routes of questions.
pub(super) fn router(engine: Engine, gateway: Gateway, door: &Door) -> Router {
    Router::new()
        .route("/api/v1/questions", get(list))
        .route("/api/v1/questions/{id}", get(show))
        .route("/api/v1/questions/{id}/answer", post(answer))
        .layer(middleware::from_fn_with_state(door.clone(), authorize))
        .with_state((engine, gateway))
}

/// `GET /api/v1/questions?workflow=&before=&limit=`: those that are open, of the newest runs first.
async fn list(
    State((engine, _)): State<(Engine, Gateway)>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    let before: Option<QuestionId> = query.before.as_deref().map(input::parsed).transpose()?;
    let limit = page_size(query.limit);
    let page = engine.questions(query.workflow.as_ref(), before.as_ref(), limit).await?;
    let questions: Vec<_> = page.items.iter().map(|(id, question)| line(&engine, id, question)).collect();
    Ok(Json(json!({ "questions": questions, "next": page.next })))
}

/// `GET /api/v1/questions/{id}`
async fn show(
    State((engine, _)): State<(Engine, Gateway)>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let id: QuestionId = input::parsed(&id)?;
    let question = engine.question(&id).await?;
    Ok(Json(line(&engine, &id, &question)))
}

/// `POST /api/v1/questions/{id}/answer` with `{"answer", "comment"?, "name"?}`: 202 with the run, which goes on.
async fn answer(
    State((engine, gateway)): State<(Engine, Gateway)>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: input::Body,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let id: QuestionId = input::parsed(&id)?;
    let Answer { answer, comment, name } = input::fields(body)?;
    let name = if name.is_null() { SOMEBODY.into() } else { name };
    let fields = json!({ "answer": answer, "comment": comment, "name": name });
    engine.answer(&id, &fields, &gateway.client(peer.ip(), &headers).to_string()).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "run_id": id.run }))))
}

/// A question as operators see it. Its page's address is a credential and not part of it.
fn line(engine: &Engine, id: &QuestionId, open: &OpenQuestion) -> Value {
    let mut line = json!({
        "id": id,
        "run": id.run,
        "workflow": open.workflow,
        "step": open.step.step,
        "at": open.step.at,
    });
    if let (Some(line), Value::Object(question)) = (line.as_object_mut(), open.question.to_json()) {
        line.extend(question);
    }
    line["since"] = steps::timestamp(open.since_ms).into();
    line["until"] = open.due_ms.map(steps::timestamp).into();
    run_view::masked(line, &engine.vault().redactor())
}
