//! The session of the console: log in, log out, who am I; the setup of the first person; where somebody is logged in.

use axum::{
    Extension, Json,
    extract::{Path, Query, State, rejection::QueryRejection},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    input, site,
    who::{Access, Caller, Desk, Told},
};
use crate::{
    http::Problem,
    model::{Actor, PersonName, Right},
    people::{Changes, Entered, PeopleError, Present},
    steps,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    name: String,
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Setup {
    token: String,
    name: PersonName,
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    new_password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Whose {
    /// Whether an admin asks for those of everybody.
    #[serde(default)]
    all: bool,
}

/// `GET /api/v1/session`
pub(super) async fn show(State(desk): State<Desk>, Extension(access): Extension<Access>) -> Json<Value> {
    Json(session(&desk, &access))
}

/// `POST /api/v1/session` with `{"name", "password"}`: 200 and the cookie.
pub(super) async fn log_in(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    body: input::Body,
) -> Result<Response, Problem> {
    let Login { name, password } = input::fields(body)?;
    Ok(match desk.people.log_in(&name, password, &caller.of_people()).await {
        Ok(entered) => {
            let told = Told {
                by: Some(Actor::Person { name: entered.person.name.clone() }),
                target: Some(entered.person.name.to_string()),
                ..Told::default()
            };
            told.by(welcomed(&desk, entered, &caller, StatusCode::OK))
        }
        Err(error) => {
            // What stands in the field of the name may be a password, so only names that somebody has are written down.
            let known = name.parse::<PersonName>().ok();
            let people = desk.people.list().await.unwrap_or_default();
            let known = known.filter(|name| people.iter().any(|person| person.name == *name));
            let target = known.map_or("somebody unknown".to_owned(), |name| name.to_string());
            let told = Told { target: Some(target), ..Told::default() };
            told.by(Problem::from(error).into_response())
        }
    })
}

/// `DELETE /api/v1/session`: 204. A token has no session, and nothing ends.
pub(super) async fn log_out(
    State(desk): State<Desk>,
    Extension(access): Extension<Access>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Problem> {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Some(session) = access.session {
        desk.people.log_out(session.digest).await?;
        response.headers_mut().insert(header::SET_COOKIE, site::forget_cookie(caller.https));
    }
    Ok(response)
}

/// `POST /api/v1/session/password` with `{"password", "new_password"}`: 200 and a new session; all others end.
pub(super) async fn set_password(
    State(desk): State<Desk>,
    Extension(access): Extension<Access>,
    Extension(caller): Extension<Caller>,
    body: input::Body,
) -> Result<Response, Problem> {
    let NewPassword { new_password } = input::fields(body)?;
    let Some(Present { person, .. }) = access.session else {
        return Err(Problem::bad_request(
            "a token has no password; `PATCH /api/v1/people/{name}` sets that of a person",
        ));
    };
    let changes = Changes { password: Some(new_password), ..Changes::default() };
    let (_, person) = desk.people.change(&person.name, changes).await?;
    let cookie = desk.people.renew(&person.name, &caller.of_people()).await?;
    Ok(welcomed(&desk, Entered { person, cookie }, &caller, StatusCode::OK))
}

/// `POST /api/v1/setup` with `{"token", "name", "password"}`: 201, the first person, and the cookie.
pub(super) async fn set_up(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    body: input::Body,
) -> Result<Response, Problem> {
    let Setup { token, name, password } = input::fields(body)?;
    let entered = desk.people.set_up(&token, name, password, &caller.of_people()).await?;
    tracing::info!(name = %entered.person.name, "the first person was made");
    let told = Told {
        by: Some(Actor::Person { name: entered.person.name.clone() }),
        target: Some(entered.person.name.to_string()),
        ..Told::default()
    };
    Ok(told.by(welcomed(&desk, entered, &caller, StatusCode::CREATED)))
}

/// `POST /api/v1/setup/link`: `{"url"}`, which makes the first person; the one before is no longer valid.
pub(super) async fn link(State(desk): State<Desk>) -> Result<Json<Value>, Problem> {
    let secret = desk.people.setup_link()?;
    Ok(Json(json!({ "url": setup_url(&desk.url, secret.as_str()) })))
}

/// Where the first person is made. The secret stands in the fragment, which no browser sends.
pub(super) fn setup_url(url: &str, secret: &str) -> String {
    format!("{url}/setup#{secret}")
}

/// `GET /api/v1/sessions?all=`: where the caller is logged in, or everybody.
pub(super) async fn list(
    State(desk): State<Desk>,
    Extension(access): Extension<Access>,
    query: Result<Query<Whose>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(Whose { all }) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    let own = own(&access);
    let of = if all && access.may(Right::Admin) { None } else { own };
    // A token is logged in nowhere.
    let sessions =
        if of.is_none() && !access.may(Right::Admin) { Vec::new() } else { desk.people.sessions(of).await? };
    let current = access.session.as_ref().map(Present::id);
    let lines: Vec<Value> = sessions
        .iter()
        .map(|(id, session)| {
            json!({
                "id": id,
                "person": session.person,
                "created": steps::timestamp(session.created_ms),
                "seen": steps::timestamp(session.seen_ms),
                "address": session.address,
                "agent": session.agent,
                "current": current.as_ref() == Some(id),
            })
        })
        .collect();
    Ok(Json(json!({ "sessions": lines })))
}

/// `DELETE /api/v1/sessions/{id}`: 204. Admins end those of everybody.
pub(super) async fn end(
    State(desk): State<Desk>,
    Extension(access): Extension<Access>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let of = if access.may(Right::Admin) { None } else { own(&access) };
    if of.is_none() && !access.may(Right::Admin) {
        return Err(PeopleError::UnknownSession(id.chars().take(16).collect()).into());
    }
    let person = desk.people.end_session(&id, of).await?;
    let told = Told { target: Some(format!("{person} {id}")), ..Told::default() };
    Ok(told.by(StatusCode::NO_CONTENT.into_response()))
}

fn own(access: &Access) -> Option<&PersonName> {
    access.session.as_ref().map(|session| &session.person.name)
}

/// The answer to somebody who was let in: the session, and its cookie.
pub(super) fn welcomed(desk: &Desk, entered: Entered, caller: &Caller, status: StatusCode) -> Response {
    let Entered { person, cookie } = entered;
    let session_of = Access::person(Present { person, digest: cookie.digest() });
    let mut response = (status, Json(session(desk, &session_of))).into_response();
    let cookie: HeaderValue = site::set_cookie(cookie.as_str(), caller.https);
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    response
}

fn session(desk: &Desk, access: &Access) -> Value {
    json!({
        "user": {
            "name": access.name,
            "role": access.role,
            "payloads": access.may(Right::PayloadsRead),
            "rights": access.rights.iter().collect::<Vec<_>>(),
            "prefix": access.prefix,
        },
        "csrf": null,
        "server": {
            "version": env!("CARGO_PKG_VERSION"),
            "setup": desk.people.need_setup(),
            "public_url": &*desk.public_url,
        },
    })
}
