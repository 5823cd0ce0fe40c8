//! Tokens of the API: made, listed and revoked. The text of one is in the answer that makes it, and nowhere else.

use axum::{
    Extension, Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    input,
    who::{Access, Desk, Told},
};
use crate::{
    http::Problem,
    model::{Actor, Right, Span, TokenId},
    people::{NewToken, TOKEN_LIFE},
    steps,
    store::tables::api_tokens::TokenRecord,
};

/// How a token is said to last for ever.
const NEVER: &str = "never";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Make {
    name: String,
    scopes: Vec<String>,
    prefix: Option<String>,
    /// A time such as `90d`, or `never`.
    expires_in: Option<String>,
}

/// `GET /api/v1/tokens`
pub(super) async fn list(State(desk): State<Desk>) -> Result<Json<Value>, Problem> {
    let tokens: Vec<Value> = desk.people.tokens().await?.iter().map(line).collect();
    Ok(Json(json!({ "tokens": tokens })))
}

/// `POST /api/v1/tokens` with `{"name", "scopes", "prefix"?, "expires_in"?}`: 201 with the line of the list and `token`, the text.
pub(super) async fn make(
    State(desk): State<Desk>,
    Extension(access): Extension<Access>,
    body: input::Body,
) -> Result<Response, Problem> {
    let Make { name, scopes, prefix, expires_in } = input::fields(body)?;
    let scopes = scopes
        .iter()
        .map(|scope| input::parsed_as::<Right>("scopes", scope))
        .collect::<Result<Vec<_>, _>>()?;
    let life = match expires_in.as_deref() {
        None => Some(TOKEN_LIFE),
        Some(NEVER) => None,
        Some(span) => Some(input::parsed_as::<Span>("expires_in", span)?),
    };
    let made_by = match &access.actor {
        Actor::Person { name } => name.to_string(),
        Actor::Token { id } => format!("token {id}"),
        Actor::Machine | Actor::Folder => access.name.clone(),
    };
    let (secret, token) =
        desk.people.make_token(NewToken { title: name, scopes, prefix, life, made_by }).await?;
    tracing::info!(id = %token.id, "a token was made");
    let mut shown = line(&token);
    shown["token"] = secret.text().into();
    let told = Told { target: Some(token.id.to_string()), ..Told::default() };
    Ok(told.by((StatusCode::CREATED, Json(shown)).into_response()))
}

/// `DELETE /api/v1/tokens/{id}`: 204.
pub(super) async fn revoke(State(desk): State<Desk>, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    let id: TokenId = input::parsed(&id)?;
    desk.people.revoke(&id).await?;
    tracing::info!(%id, "a token was revoked");
    Ok(StatusCode::NO_CONTENT)
}

fn line(token: &TokenRecord) -> Value {
    json!({
        "id": token.id,
        "name": token.title,
        "scopes": token.scopes,
        "prefix": token.prefix,
        "made_by": token.made_by,
        "created": steps::timestamp(token.created_ms),
        "expires": token.expires_ms.map(steps::timestamp),
        "used": token.used_ms.map(steps::timestamp),
    })
}
