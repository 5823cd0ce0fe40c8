//! People: a list, and how they are added, changed and removed. Whoever does it with a session gives the own password as `password`; the
//! password of the person is `new_password`.

use axum::{
    Extension, Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    input, session,
    who::{Access, Caller, Desk, Told},
};
use crate::{
    http::Problem,
    model::{PersonName, Role},
    people::{Changes, Entered, NewPerson},
    steps,
    store::tables::people::PersonRecord,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Add {
    name: PersonName,
    role: Role,
    #[serde(default)]
    payloads: bool,
    new_password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    role: Option<Role>,
    payloads: Option<bool>,
    new_password: Option<String>,
}

/// `GET /api/v1/people`
pub(super) async fn list(State(desk): State<Desk>) -> Result<Json<Value>, Problem> {
    let people: Vec<Value> = desk.people.list().await?.iter().map(line).collect();
    Ok(Json(json!({ "people": people })))
}

/// `POST /api/v1/people` with `{"name", "role", "payloads"?, "new_password"}`: 201 with the line of the list.
pub(super) async fn add(State(desk): State<Desk>, body: input::Body) -> Result<Response, Problem> {
    let Add { name, role, payloads, new_password } = input::fields(body)?;
    let person = desk.people.add(NewPerson { name, role, payloads, password: new_password }).await?;
    tracing::info!(name = %person.name, role = %person.role, "a person was added");
    let told =
        Told { target: Some(person.name.to_string()), after: Some(digest(&person)), ..Told::default() };
    Ok(told.by((StatusCode::CREATED, Json(line(&person))).into_response()))
}

/// `PATCH /api/v1/people/{name}` with `{"role"?, "payloads"?, "new_password"?}`: the line of the list. The person's sessions end; who
/// changes the own account gets a new one.
pub(super) async fn change(
    State(desk): State<Desk>,
    Extension(access): Extension<Access>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    body: input::Body,
) -> Result<Response, Problem> {
    let name: PersonName = input::parsed(&name)?;
    let Change { role, payloads, new_password } = input::fields(body)?;
    let changes = Changes { role, payloads, password: new_password };
    let (before, after) = desk.people.change(&name, changes).await?;
    tracing::info!(%name, role = %after.role, "a person was changed");
    let mut response = Json(line(&after)).into_response();
    let is_self = access.session.is_some_and(|session| session.person.name == name);
    if is_self && before != after {
        let cookie = desk.people.renew(&name, &caller.of_people()).await?;
        let entered = Entered { person: after.clone(), cookie };
        let welcomed = session::welcomed(&desk, entered, &caller, StatusCode::OK);
        response.headers_mut().extend(
            welcomed
                .headers()
                .get(http::header::SET_COOKIE)
                .map(|cookie| (http::header::SET_COOKIE, cookie.clone())),
        );
    }
    let told = Told { before: Some(digest(&before)), after: Some(digest(&after)), ..Told::default() };
    Ok(told.by(response))
}

/// `DELETE /api/v1/people/{name}`: 204. The person's sessions end; tokens that the person made stay.
pub(super) async fn remove(State(desk): State<Desk>, Path(name): Path<String>) -> Result<Response, Problem> {
    let name: PersonName = input::parsed(&name)?;
    let before = desk.people.remove(&name).await?;
    tracing::info!(%name, "a person was removed");
    let told = Told { before: Some(digest(&before)), ..Told::default() };
    Ok(told.by(StatusCode::NO_CONTENT.into_response()))
}

fn line(person: &PersonRecord) -> Value {
    json!({
        "name": person.name,
        "role": person.role,
        "payloads": person.payloads || person.role.sees_payloads(),
        "created": steps::timestamp(person.created_ms),
        "password_set": steps::timestamp(person.password_ms),
        "seen": person.seen_ms.map(steps::timestamp),
    })
}

/// What the audit log has of a person: nothing of the password but when it was set.
fn digest(person: &PersonRecord) -> [u8; 32] {
    let facts = json!([person.name, person.role, person.payloads, person.password_ms]);
    Sha256::digest(facts.to_string()).into()
}
