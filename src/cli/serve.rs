//! `flowcell serve`: runs the server.

use std::{io::IsTerminal, path::PathBuf};

use anyhow::Context;
use clap::Args;
use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::Verdict;
use crate::{
    app::App,
    config::{Config, Flags, LogFormat},
};

#[derive(Args)]
pub(super) struct Arguments {
    /// A file of settings, in TOML. Each setting can also be given as FLOWCELL_SECTION_KEY.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Where to listen [default: 127.0.0.1:8080]; port 0 lets the system choose. `unix:PATH` is a Unix socket.
    #[arg(long)]
    listen: Option<String>,
    /// The folder of everything durable [default: ./data].
    #[arg(long)]
    data: Option<PathBuf>,
    /// The folder that holds workflow folders [default: ./workflows].
    #[arg(long)]
    workflows: Option<PathBuf>,
    /// A folder of plugins: .wasm files that are installed at the start.
    #[arg(long)]
    plugins: Option<PathBuf>,
}

pub(super) fn execute(arguments: Arguments) -> anyhow::Result<Verdict> {
    let Arguments { config, listen, data, workflows, plugins } = arguments;
    // This comes before the first thread, because a thread inherits this from the one that starts it.
    rustix::thread::set_no_new_privs(true).context("the process cannot be kept from new privileges")?;
    let config = Config::load(&Flags { config, listen, data, workflows, plugins }, std::env::vars())?;
    start_log(&config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        // Before the long part of the start: a reload that comes early must not kill.
        let mut hangup = signal(SignalKind::hangup())?;
        let app = App::start(&config).await?;
        // Not earlier: the sandbox opens a file of `/proc/self` at its start. From here on that folder belongs to root.
        close_memory().context("the process cannot be closed to others")?;
        let url = app.url();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        // Scripts and people wait for this line. It comes when connections are accepted and signals are handled.
        say!("flowcell listens on {url}");
        if let Some(admin) = app.admin_url() {
            say!("the console and the API are on {admin}");
        }
        if app.needs_setup() {
            // What a journal keeps must open nothing.
            let link = if std::io::stdout().is_terminal() { app.setup_link() } else { None };
            match link {
                Some(link) => say!("nobody can log in to the console yet; the first person does so once with {link}"),
                None => say!("nobody can log in to the console yet; `flowcell admin setup-link` prints a link for the first person"),
            }
        }
        let reload = app.reload();
        let stop = async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => break,
                    _ = terminate.recv() => break,
                    _ = hangup.recv() => {
                        tracing::info!("SIGHUP: looking at workflows and certificates now; settings are read at the next start");
                        reload.notify_waiters();
                    }
                }
            }
            tracing::info!("stopping: finishing what was accepted");
        };
        app.serve(stop).await?;
        Ok(Verdict::Yes)
    })
}

/// Closes the memory of this process, because it holds the secrets. No other program of the same user can look into it,
/// and none of it is written to a core file.
fn close_memory() -> std::io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}

fn start_log(config: &Config) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.log_level)
        .map_err(|error| anyhow::anyhow!("log.level: `{}` is not a filter: {error}", config.log_level))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).with_target(false).init(),
        LogFormat::Json => builder.json().init(),
    }
    Ok(())
}
