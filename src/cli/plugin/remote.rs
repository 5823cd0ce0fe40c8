//! The commands that talk to a server: upload, list, grant, revoke, limit, remove.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use http::Method;
use serde_json::{Map, Value, json};

use super::{Named, read, text_of};
use crate::{
    cli::{
        Verdict,
        client::{self, Server},
        print::{self, Json},
        table::{self, Cell, Format, Table},
        terminal,
    },
    model::{Capability, CodeLimits, PluginName},
};

#[derive(Args)]
pub(super) struct Upload {
    /// The .wasm file.
    file: PathBuf,
    /// Grant a capability at once, as in http:api.example.com. Can be given several times.
    #[arg(long = "grant", value_name = "CAPABILITY")]
    grants: Vec<Capability>,
    /// Grant everything that the plugin asks for.
    #[arg(long)]
    grant_all: bool,
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    out: Json,
    #[command(flatten)]
    server: Server,
}

#[derive(Args)]
pub(super) struct List {
    #[command(flatten)]
    format: Format,
    /// Show one plugin, with its versions.
    name: Option<PluginName>,
    #[command(flatten)]
    server: Server,
}

#[derive(Args)]
pub(super) struct Grant {
    /// The plugin's name.
    name: PluginName,
    /// The capabilities to grant: http:HOST, kv:PREFIX, secret:NAME.
    #[arg(required_unless_present = "all")]
    capabilities: Vec<Capability>,
    /// Grant everything that the plugin asks for.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    out: Json,
    #[command(flatten)]
    server: Server,
}

#[derive(Args)]
pub(super) struct Revoke {
    /// The plugin's name.
    name: PluginName,
    /// The capabilities to revoke.
    #[arg(required_unless_present = "all")]
    capabilities: Vec<Capability>,
    /// Revoke all grants.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    out: Json,
    #[command(flatten)]
    server: Server,
}

#[derive(Args)]
pub(super) struct Limit {
    /// The plugin's name.
    name: PluginName,
    /// Limits, as in memory=64MiB timeout=5s fuel=4000000000. Without any, the defaults apply again.
    #[arg(value_name = "NAME=VALUE")]
    limits: Vec<String>,
    #[command(flatten)]
    out: Json,
    #[command(flatten)]
    server: Server,
}

#[derive(Args)]
pub(super) struct Remove {
    /// The plugin, as NAME or NAME@1.2.3.
    plugin: String,
    #[command(flatten)]
    out: Json,
    #[command(flatten)]
    server: Server,
}

/// Turns typed limits into the JSON of a step.
pub(super) fn limits(typed: &[String]) -> anyhow::Result<Value> {
    let mut limits = Map::new();
    for limit in typed {
        let (name, value) = limit
            .split_once('=')
            .ok_or_else(|| anyhow::anyhow!("`{limit}`: write a limit as NAME=VALUE, as in memory=64MiB"))?;
        let value = value.parse::<u64>().map_or_else(|_| Value::from(value), Value::from);
        let alone = Value::Object(Map::from_iter([(name.to_owned(), value.clone())]));
        serde_json::from_value::<CodeLimits>(alone).map_err(|error| anyhow::anyhow!("`{limit}`: {error}"))?;
        limits.insert(name.to_owned(), value);
    }
    let limits = Value::Object(limits);
    let parsed: CodeLimits =
        serde_json::from_value(limits.clone()).map_err(|error| anyhow::anyhow!("limits: {error}"))?;
    match parsed.violation() {
        Some((field, why)) => anyhow::bail!("limits: {field} {why}"),
        None => Ok(limits),
    }
}

pub(super) async fn upload(upload: &Upload) -> anyhow::Result<Verdict> {
    let bytes = read(&upload.file)?;
    let query = match upload.named.both() {
        Some((name, version)) => format!("?name={name}&version={version}").replace('+', "%2B"),
        None => String::new(),
    };
    let answer = upload.server.upload(&format!("/api/v1/plugins{query}"), bytes).await?;
    let version = &answer["version"];
    let name = text_of(&version["name"]);
    let mut plugin = answer["plugin"].clone();
    let mut grants: Vec<Value> = upload.grants.iter().map(|grant| json!(grant)).collect();
    if upload.grant_all {
        grants.extend(version["capabilities"].as_array().cloned().unwrap_or_default());
    }
    if !grants.is_empty() {
        let granted = send_grants(&upload.server, Method::POST, &name, json!(grants)).await;
        plugin = granted.with_context(|| format!("{name} is installed, but it was granted nothing"))?;
    }
    let told = || {
        let named = format!("{name}@{}  {}", text_of(&version["version"]), text_of(&version["hash"]));
        [named].into_iter().chain(missing(&plugin)).collect::<Vec<_>>().join("\n")
    };
    upload.out.show(&json!({ "plugin": plugin, "version": version }), told)?;
    Ok(Verdict::Yes)
}

/// What a plugin asks for and has not been granted.
fn missing(plugin: &Value) -> Option<String> {
    let missing = joined(&plugin["missing"]);
    let name = text_of(&plugin["name"]);
    (!missing.is_empty()).then(|| {
        format!(
            "It asks for {missing}, which it has not been granted. If it should have that:\n  flowcell plugin grant {name} {missing}"
        )
    })
}

fn joined(capabilities: &Value) -> String {
    let texts = client::list(capabilities).iter().filter_map(Value::as_str);
    terminal::safe(&texts.collect::<Vec<_>>().join(" "))
}

async fn send_grants(server: &Server, method: Method, name: &str, grants: Value) -> anyhow::Result<Value> {
    server.send(method, &format!("/api/v1/plugins/{name}/grants"), Some(&json!({ "grants": grants }))).await
}

pub(super) async fn list(list: &List) -> anyhow::Result<Verdict> {
    let path =
        list.name.as_ref().map_or("/api/v1/plugins".to_owned(), |name| format!("/api/v1/plugins/{name}"));
    let page = list.server.get(&path).await?;
    if list.format.json {
        print::json(&page)?;
    } else if list.name.is_some() {
        say!("{}", shown(&page));
        let mut table = Table::new(&["VERSION", "SIZE", "UPLOADED", "HASH"]);
        for version in client::list(&page["versions"]) {
            table.row(vec![
                Cell::of(&version["version"]),
                Cell::number(table::bytes(version["size"].as_u64().unwrap_or_default())),
                Cell::time(&version["uploaded"], list.format),
                Cell::id(&version["hash"]),
            ]);
        }
        table.print("no versions");
    } else {
        let mut table = Table::new(&["PLUGIN", "KIND", "SIZE", "CAPABILITIES"]);
        for plugin in client::list(&page["plugins"]) {
            table.row(vec![
                Cell::text(&reference(plugin)),
                Cell::of(&plugin["kind"]),
                Cell::number(table::bytes(plugin["size"].as_u64().unwrap_or_default())),
                Cell::text(&powers(plugin)),
            ]);
        }
        table.print("no plugins");
    }
    Ok(Verdict::Yes)
}

/// The plugin's name and newest version.
fn reference(plugin: &Value) -> String {
    let newest = client::list(&plugin["versions"]).last();
    let newest = newest.map(|version| version.as_str().or(version["version"].as_str()).unwrap_or("-"));
    format!("{}@{}", text_of(&plugin["name"]), terminal::safe(newest.unwrap_or("-")))
}

/// What the plugin may do, and what it asks for beyond that.
fn powers(plugin: &Value) -> String {
    let (granted, missing) = (joined(&plugin["granted"]), joined(&plugin["missing"]));
    match (granted.is_empty(), missing.is_empty()) {
        (true, true) => "no capabilities".to_owned(),
        (false, true) => format!("granted: {granted}"),
        (true, false) => format!("NOT granted: {missing}"),
        (false, false) => format!("granted: {granted}; NOT granted: {missing}"),
    }
}

fn shown(plugin: &Value) -> String {
    let size = table::bytes(plugin["size"].as_u64().unwrap_or_default());
    format!("{}  {}  {size}  {}", reference(plugin), text_of(&plugin["kind"]), powers(plugin))
}

pub(super) async fn grant(grant: &Grant) -> anyhow::Result<Verdict> {
    let name = grant.name.as_str();
    let grants = if grant.all {
        grant.server.get(&format!("/api/v1/plugins/{name}")).await?["asks"].clone()
    } else {
        json!(grant.capabilities)
    };
    let plugin = send_grants(&grant.server, Method::POST, name, grants).await?;
    grant.out.show(&plugin, || shown(&plugin))?;
    Ok(Verdict::Yes)
}

pub(super) async fn revoke(revoke: &Revoke) -> anyhow::Result<Verdict> {
    let grants = if revoke.all { json!([]) } else { json!(revoke.capabilities) };
    let plugin = send_grants(&revoke.server, Method::DELETE, revoke.name.as_str(), grants).await?;
    revoke.out.show(&plugin, || shown(&plugin))?;
    Ok(Verdict::Yes)
}

pub(super) async fn limit(limit: &Limit) -> anyhow::Result<Verdict> {
    let path = format!("/api/v1/plugins/{}/limits", limit.name);
    let plugin = limit.server.send(Method::PUT, &path, Some(&limits(&limit.limits)?)).await?;
    let set = plugin["limits"].as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    let set: Vec<String> = set
        .map(|(name, value)| format!("{name}={}", value.as_str().map_or(value.to_string(), str::to_owned)))
        .collect();
    let told = || if set.is_empty() { "the defaults".to_owned() } else { terminal::safe(&set.join(" ")) };
    limit.out.show(&plugin, told)?;
    Ok(Verdict::Yes)
}

pub(super) async fn remove(remove: &Remove) -> anyhow::Result<Verdict> {
    let (name, version) = match remove.plugin.split_once('@') {
        Some((name, version)) => (name, Some(version)),
        None => (remove.plugin.as_str(), None),
    };
    let name: PluginName = name.parse()?;
    let path = match version {
        Some(version) => {
            let version = semver::Version::parse(version).map_err(|error| {
                anyhow::anyhow!("`{version}` is not a whole version, such as 1.2.3: {error}")
            })?;
            format!("/api/v1/plugins/{name}/versions/{}", version.to_string().replace('+', "%2B"))
        }
        None => format!("/api/v1/plugins/{name}"),
    };
    remove.server.send(Method::DELETE, &path, None).await?;
    remove.out.show(&json!({ "removed": remove.plugin }), String::new)?;
    Ok(Verdict::Yes)
}
