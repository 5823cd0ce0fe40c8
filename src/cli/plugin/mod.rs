//! `flowcell plugin`: begins a plugin, inspects it, tests it, and uploads it to a server.

mod inspect;
mod new;
mod remote;
mod trial;

use std::path::Path;

use anyhow::Context;
use clap::{Args, Subcommand};
use semver::Version;

use super::{Verdict, local::Local, small_runtime, terminal, waiting};
use crate::{
    engine::Uploaded,
    files,
    model::{ByteSize, PluginName},
    sandbox::PLUGIN_SIZE_MOST,
};

#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Begin a plugin: make a folder with a source that builds.
    New(new::New),
    /// Show what a file is: world, imports, capabilities, size, and the fuel of its examples.
    Inspect(inspect::Inspect),
    /// Run a file on an input, or on its own examples, as a step would.
    Test(trial::Trial),
    /// Install a file on a server.
    Upload(remote::Upload),
    /// List the plugins of a server, with their grants.
    List(remote::List),
    /// Grant what a plugin asks for.
    Grant(remote::Grant),
    /// Revoke grants.
    Revoke(remote::Revoke),
    /// Set the limits of a plugin's calls, for steps that set none.
    Limit(remote::Limit),
    /// Remove a plugin, or one version of it.
    Remove(remote::Remove),
}

pub(super) fn execute(arguments: &Arguments) -> anyhow::Result<Verdict> {
    match &arguments.command {
        Command::New(new) => new::execute(new),
        Command::Inspect(inspect) => runtime()?.block_on(inspect::execute(inspect)),
        Command::Test(trial) => runtime()?.block_on(trial::execute(trial)),
        Command::Upload(upload) => small_runtime()?.block_on(remote::upload(upload)),
        Command::List(list) => small_runtime()?.block_on(remote::list(list)),
        Command::Grant(grant) => small_runtime()?.block_on(remote::grant(grant)),
        Command::Revoke(revoke) => small_runtime()?.block_on(remote::revoke(revoke)),
        Command::Limit(limit) => small_runtime()?.block_on(remote::limit(limit)),
        Command::Remove(remove) => small_runtime()?.block_on(remote::remove(remove)),
    }
}

/// A runtime with timers and threads, because plugins are compiled and called in it.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// The name of a command module. Components say their own.
#[derive(Args)]
struct Named {
    /// The name of a command module; components have their own.
    #[arg(long, requires = "version")]
    name: Option<PluginName>,
    /// The version of a command module.
    #[arg(long, requires = "name", value_name = "X.Y.Z")]
    version: Option<Version>,
}

impl Named {
    fn both(&self) -> Option<(PluginName, Version)> {
        self.name.clone().zip(self.version.clone())
    }
}

/// The file of a plugin. It is read whole, so a device or a disk image must not be taken for one.
fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let most = PLUGIN_SIZE_MOST;
    files::named(file, most.as_bytes())
        .with_context(|| format!("a plugin is one .wasm file of at most {most}, as your build made it"))
}

/// Installs a file in memory. A command without a name gets the name of its file.
async fn taken_in(local: &Local, file: &Path, bytes: &[u8], named: &Named) -> anyhow::Result<Uploaded> {
    let named = match named.both() {
        Some(named) => Some(named),
        None if crate::sandbox::Outline::read(bytes)?.kind == crate::model::PluginKind::Command => {
            let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            Some((stem.parse().unwrap_or("command".parse()?), Version::new(0, 0, 0)))
        }
        None => None,
    };
    let _compiling = waiting::sign("compiling the plugin");
    Ok(local.plugins().upload(bytes, named, 0).await?)
}

/// A number with spaces between groups of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}

fn text_of(value: &serde_json::Value) -> String {
    terminal::safe(value.as_str().unwrap_or("-"))
}

/// Bytes, written as people write limits.
fn limit_of(bytes: u64) -> String {
    ByteSize::from_bytes(bytes).to_string()
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_are_readable() {
        let shown = [0, 12, 999, 1_000, 1_234_567].map(super::grouped);
        assert_eq!(shown, ["0", "12", "999", "1 000", "1 234 567"]);
    }
}
