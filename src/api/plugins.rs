//! Plugins: upload, list, grant, limit, remove.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Path, Query, State, rejection::QueryRejection},
    http::HeaderMap,
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use http::{StatusCode, header};
use semver::Version;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Door, authorize, bad_request,
    input::{Body, bytes, fields, parsed},
    store_problem,
};
use crate::{
    engine::{Installed, Plugins, PluginsError, Ports},
    gateway::Problem,
    model::{Capability, CodeLimits, PluginName, PluginVersion},
    sandbox::{PLUGIN_SIZE_MOST, PluginError},
    steps,
};

/// What the handlers work with.
#[derive(Clone)]
struct Shelf {
    plugins: Arc<Plugins>,
    ports: Arc<dyn Ports>,
}

/// The routes, which need the token.
pub(super) fn router(plugins: Arc<Plugins>, ports: Arc<dyn Ports>, door: &Door) -> Router {
    // One byte more, so that the module's own error tells of its size.
    let body_most = PLUGIN_SIZE_MOST.as_usize() + 1;
    Router::new()
        .route("/api/v1/plugins", get(list).post(upload))
        .route("/api/v1/plugins/{name}", get(show).delete(remove))
        .route("/api/v1/plugins/{name}/grants", post(grant).delete(revoke))
        .route("/api/v1/plugins/{name}/limits", put(limit))
        .route("/api/v1/plugins/{name}/versions/{version}", get(version).delete(remove_version))
        .route("/api/v1/plugins/{name}/versions/{version}/module", get(module))
        .layer(DefaultBodyLimit::max(body_most))
        .layer(middleware::from_fn_with_state(door.with_bodies_of(body_most), authorize))
        .with_state(Shelf { plugins, ports })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: Option<String>,
    version: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Grants {
    grants: Vec<Capability>,
}

/// `POST /api/v1/plugins` with the module as the body; `?name=…&version=…` for commands
async fn upload(
    State(shelf): State<Shelf>,
    named: Result<Query<Named>, QueryRejection>,
    body: Body,
) -> Result<Response, Problem> {
    let Query(named) = named.map_err(|error| bad_request(error.body_text()))?;
    let named = match (named.name, named.version) {
        (Some(name), Some(version)) => Some((parsed(&name)?, parsed(&version)?)),
        (None, None) => None,
        _ => return Err(bad_request("give `name` and `version`, or neither of them")),
    };
    let body = bytes(body)?;
    let uploaded = shelf.plugins.upload(&body, named, shelf.ports.now_ms()).await.map_err(problem)?;
    let description = &uploaded.version.description;
    if uploaded.new {
        tracing::info!(name = %description.name, version = %description.version, hash = %uploaded.version.hash, "a plugin was installed");
    }
    let installed = shelf.plugins.installed(&description.name).ok_or_else(|| unknown(&description.name))?;
    let status = if uploaded.new { StatusCode::CREATED } else { StatusCode::OK };
    let shown = json!({ "version": version_json(&uploaded.version), "plugin": plugin_json(&installed) });
    Ok((status, Json(shown)).into_response())
}

/// `GET /api/v1/plugins`
async fn list(State(shelf): State<Shelf>) -> Json<Value> {
    let plugins: Vec<Value> = shelf.plugins.list().iter().map(plugin_json).collect();
    Json(json!({ "plugins": plugins }))
}

fn unknown(name: &PluginName) -> Problem {
    problem(PluginsError::Unknown { name: name.to_string() })
}

/// `GET /api/v1/plugins/{name}`
async fn show(State(shelf): State<Shelf>, Path(name): Path<String>) -> Result<Json<Value>, Problem> {
    let name = parsed(&name)?;
    let installed = shelf.plugins.installed(&name).ok_or_else(|| unknown(&name))?;
    let versions: Vec<Value> = installed.versions.iter().map(|version| version_json(version)).collect();
    let mut shown = plugin_json(&installed);
    shown["versions"] = json!(versions);
    Ok(Json(shown))
}

fn one_version(
    shelf: &Shelf,
    name: &str,
    version: &str,
) -> Result<(PluginName, Version, Arc<PluginVersion>), Problem> {
    let (name, version): (PluginName, Version) = (parsed(name)?, parsed(version)?);
    let installed = shelf.plugins.installed(&name).into_iter().flat_map(|installed| installed.versions);
    let found = installed.into_iter().find(|found| found.description.version == version);
    let missing = || problem(PluginsError::Unknown { name: format!("{name}@{version}") });
    let found = found.ok_or_else(missing)?;
    Ok((name, version, found))
}

/// `GET /api/v1/plugins/{name}/versions/{version}`
async fn version(
    State(shelf): State<Shelf>,
    Path((name, version)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    one_version(&shelf, &name, &version).map(|(_, _, found)| Json(version_json(&found)))
}

/// `GET /api/v1/plugins/{name}/versions/{version}/module`
async fn module(
    State(shelf): State<Shelf>,
    Path((name, version)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (name, version, found) = one_version(&shelf, &name, &version)?;
    let module = shelf.plugins.module(found.hash).await.map_err(store_problem)?;
    let module = module.ok_or_else(|| unknown(&name))?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, http::HeaderValue::from_static("application/wasm"));
    let file = format!("attachment; filename=\"{name}-{version}.wasm\"");
    headers.insert(header::CONTENT_DISPOSITION, file.parse().map_err(|_| bad_request("no name for a file"))?);
    Ok((headers, module).into_response())
}

/// `POST /api/v1/plugins/{name}/grants` with `{"grants": ["http:api.example.com"]}`
async fn grant(
    State(shelf): State<Shelf>,
    Path(name): Path<String>,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let Grants { grants } = fields(body)?;
    let installed = shelf.plugins.grant(&parsed(&name)?, &grants).await.map_err(problem)?;
    tracing::info!(name, grants = shown(&grants), "a plugin was granted capabilities");
    Ok(Json(plugin_json(&installed)))
}

/// `DELETE /api/v1/plugins/{name}/grants` with `{"grants": […]}`; an empty list takes all away
async fn revoke(
    State(shelf): State<Shelf>,
    Path(name): Path<String>,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let Grants { grants } = fields(body)?;
    let installed = shelf.plugins.revoke(&parsed(&name)?, &grants).await.map_err(problem)?;
    tracing::info!(name, grants = shown(&grants), "capabilities of a plugin were revoked");
    Ok(Json(plugin_json(&installed)))
}

/// `PUT /api/v1/plugins/{name}/limits` with `{"memory": "64MiB"}`
async fn limit(
    State(shelf): State<Shelf>,
    Path(name): Path<String>,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let limits: CodeLimits = fields(body)?;
    let installed = shelf.plugins.limit(&parsed(&name)?, limits).await.map_err(problem)?;
    Ok(Json(plugin_json(&installed)))
}

/// `DELETE /api/v1/plugins/{name}`
async fn remove(State(shelf): State<Shelf>, Path(name): Path<String>) -> Result<StatusCode, Problem> {
    let name = parsed(&name)?;
    let versions = shelf.plugins.remove(&name, None).await.map_err(problem)?;
    tracing::info!(%name, versions, "a plugin was removed");
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/v1/plugins/{name}/versions/{version}`
async fn remove_version(
    State(shelf): State<Shelf>,
    Path((name, version)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let (name, version, _) = one_version(&shelf, &name, &version)?;
    shelf.plugins.remove(&name, Some(&version)).await.map_err(problem)?;
    tracing::info!(%name, %version, "a version of a plugin was removed");
    Ok(StatusCode::NO_CONTENT)
}

fn shown(grants: &[Capability]) -> String {
    grants.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// A plugin as lists show it.
fn plugin_json(installed: &Installed) -> Value {
    let asks = installed.asks();
    let granted = &installed.settings.grants;
    let missing: Vec<&Capability> =
        asks.iter().filter(|asked| !granted.iter().any(|grant| grant.covers(asked))).collect();
    let versions: Vec<String> =
        installed.versions.iter().map(|version| version.description.version.to_string()).collect();
    let newest = installed.versions.last();
    json!({
        "name": installed.name,
        "title": newest.map(|newest| newest.description.title.as_str()),
        "kind": newest.map(|newest| newest.kind),
        "size": newest.map(|newest| newest.size),
        "versions": versions,
        "asks": asks,
        "granted": granted,
        "missing": missing,
        "limits": installed.settings.limits,
    })
}

fn version_json(version: &PluginVersion) -> Value {
    let description = &version.description;
    json!({
        "name": description.name,
        "version": description.version,
        "title": description.title,
        "kind": version.kind,
        "hash": version.hash,
        "size": version.size,
        "uploaded": steps::timestamp(version.uploaded_ms),
        "capabilities": description.capabilities,
        "input_schema": description.input_schema,
        "output_schema": description.output_schema,
        "examples": description.examples,
    })
}

/// Status and stable code of what was not done.
fn problem(error: PluginsError) -> Problem {
    let (status, code) = match &error {
        PluginsError::Module(module) => match module {
            PluginError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, module.code()),
            PluginError::Compiler { .. } => (StatusCode::INTERNAL_SERVER_ERROR, module.code()),
            PluginError::NotWasm { .. } | PluginError::Text | PluginError::Precompiled => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, module.code())
            }
            PluginError::Invalid { .. }
            | PluginError::TooMany { .. }
            | PluginError::ForbiddenImport { .. }
            | PluginError::MissingExport { .. }
            | PluginError::WrongWorld { .. }
            | PluginError::CompileLimit { .. }
            | PluginError::Describe { .. }
            | PluginError::DescribeFailed(_) => (StatusCode::UNPROCESSABLE_ENTITY, module.code()),
        },
        PluginsError::Exists { .. } => (StatusCode::CONFLICT, "plugin_exists"),
        PluginsError::Unnamed => (StatusCode::BAD_REQUEST, "plugin_unnamed"),
        PluginsError::OtherName { .. } => (StatusCode::BAD_REQUEST, "plugin_named_otherwise"),
        PluginsError::TooMany { .. } => (StatusCode::CONFLICT, "plugins_full"),
        PluginsError::Unknown { .. } => (StatusCode::NOT_FOUND, "plugin_unknown"),
        PluginsError::NotAsked { .. } => (StatusCode::CONFLICT, "capability_not_asked"),
        PluginsError::NotGranted { .. } => (StatusCode::CONFLICT, "capability_not_granted"),
        PluginsError::Limits { .. } => return bad_request(error.to_string()),
        PluginsError::Damaged { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "plugin_damaged"),
        PluginsError::Store(error) => return store_problem(error.clone()),
    };
    if status.is_server_error() {
        tracing::error!(%error, "the API could not work on a plugin");
    }
    Problem::new(status, code, error.to_string())
}
