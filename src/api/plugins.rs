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
    Door, authorize,
    input::{Body, bytes, fields, parsed},
};
use crate::{
    engine::{Installed, Plugins, PluginsError, Ports},
    http::Problem,
    model::{Capability, CodeLimits, PluginName, PluginVersion},
    sandbox::PLUGIN_SIZE_MOST,
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
    let Query(named) = named.map_err(|error| Problem::bad_request(error.body_text()))?;
    let named = match (named.name, named.version) {
        (Some(name), Some(version)) => Some((parsed(&name)?, parsed(&version)?)),
        (None, None) => None,
        _ => return Err(Problem::bad_request("give `name` and `version`, or neither of them")),
    };
    let body = bytes(body)?;
    let uploaded = shelf.plugins.upload(&body, named, shelf.ports.now_ms()).await?;
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
    Problem::from(PluginsError::Unknown { name: name.to_string() })
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
    let missing = || Problem::from(PluginsError::Unknown { name: format!("{name}@{version}") });
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
    let module = shelf.plugins.module(found.hash).await?;
    let module = module.ok_or_else(|| unknown(&name))?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, http::HeaderValue::from_static("application/wasm"));
    let file = format!("attachment; filename=\"{name}-{version}.wasm\"");
    headers.insert(
        header::CONTENT_DISPOSITION,
        file.parse().map_err(|_| Problem::bad_request("no name for a file"))?,
    );
    Ok((headers, module).into_response())
}

/// `POST /api/v1/plugins/{name}/grants` with `{"grants": ["http:api.example.com"]}`
async fn grant(
    State(shelf): State<Shelf>,
    Path(name): Path<String>,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let Grants { grants } = fields(body)?;
    let installed = shelf.plugins.grant(&parsed(&name)?, &grants).await?;
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
    let installed = shelf.plugins.revoke(&parsed(&name)?, &grants).await?;
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
    let installed = shelf.plugins.limit(&parsed(&name)?, limits).await?;
    Ok(Json(plugin_json(&installed)))
}

/// `DELETE /api/v1/plugins/{name}`
async fn remove(State(shelf): State<Shelf>, Path(name): Path<String>) -> Result<StatusCode, Problem> {
    let name = parsed(&name)?;
    let versions = shelf.plugins.remove(&name, None).await?;
    tracing::info!(%name, versions, "a plugin was removed");
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/v1/plugins/{name}/versions/{version}`
async fn remove_version(
    State(shelf): State<Shelf>,
    Path((name, version)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let (name, version, _) = one_version(&shelf, &name, &version)?;
    shelf.plugins.remove(&name, Some(&version)).await?;
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
