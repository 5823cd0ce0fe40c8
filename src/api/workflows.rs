//! The installed workflows.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use crate::engine::Engine;

/// `GET /api/v1/workflows`
pub(super) async fn list(State(engine): State<Engine>) -> Json<Value> {
    let workflows: Vec<_> = engine
        .catalog()
        .all()
        .iter()
        .map(|definition| {
            let workflow = &definition.workflow;
            json!({
                "key": workflow.key,
                "title": workflow.title,
                "enabled": workflow.enabled,
                "version": definition.version,
                "path": format!("/api/webhooks/{}", workflow.key),
            })
        })
        .collect();
    Json(json!({ "workflows": workflows }))
}
