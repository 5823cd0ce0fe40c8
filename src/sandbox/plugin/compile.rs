//! Compiling uploaded modules, in a process of its own that has limits.
//!
//! A compiler that reads what strangers wrote may need endless time and memory, or have a hole; so it is a child: this
//! same binary, with little memory, processor time and no environment, that reads the module on stdin and writes machine
//! code to stdout. Its output is kept in the cache under a MAC (see `cache`), and nothing else is ever loaded. A module that
//! finds a hole in the compiler has a process that can open no file and no socket and start no program (see `confine`).

use std::{
    io::{self, Read, Write},
    path::PathBuf,
    process::{ExitCode, Stdio},
    sync::Once,
    time::Duration,
};

use rustix::process::{Resource, Rlimit, Signal, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wasmtime::Engine;
use wit_component::ComponentEncoder;

use super::{
    PluginError,
    bounds::config,
    confine::close_kernel,
    outline::{Outline, SIZE_MOST},
};
use crate::model::{ByteSize, PluginKind};

/// Address space of the child.
const MEMORY: u64 = 3 << 30;
/// Processor time of the child, seconds.
const CPU_S: u64 = 120;
/// Time that the parent gives it, more than the processor time: the machine may be busy.
const TIME: Duration = Duration::from_secs(300);
/// The most machine code that is read of it.
const CODE_MOST: u64 = 1 << 30;
/// The most of its complaints.
const ERROR_MOST: u64 = 16 << 10;
/// The hidden command that makes this binary the child.
pub const COMMAND: &str = "compile-plugin";

/// What the child says before the reason when it has no filter of system calls.
const OPEN: &str = "no filter: ";
/// Whether the log has it.
static TOLD: Once = Once::new();

/// The process that compiles uploaded modules.
#[derive(Debug, Clone)]
pub enum Compiler {
    /// In a child: this binary, which knows [`COMMAND`].
    Child(PathBuf),
    /// In this process; for modules of one's own.
    Here,
}

/// Machine code of a module that [`Outline::read`] has let through.
pub(super) async fn compile(compiler: &Compiler, bytes: &[u8]) -> Result<Vec<u8>, PluginError> {
    match compiler {
        Compiler::Here => here(bytes),
        Compiler::Child(program) => in_child(program, bytes).await,
    }
}

/// Compiles a module in this process, which is the confined one.
fn here(bytes: &[u8]) -> Result<Vec<u8>, PluginError> {
    let outline = Outline::read(bytes)?;
    let invalid = |why: String| PluginError::Invalid { why };
    let engine =
        Engine::new(&config()).map_err(|error| PluginError::Compiler { why: format!("{error:#}") })?;
    match outline.kind {
        PluginKind::Command => engine.precompile_module(bytes),
        PluginKind::Component if outline.embedded => {
            let component = embedded(bytes).map_err(|error| invalid(told(&error)))?;
            // What its type section says is looked at like any component.
            Outline::read(&component)?;
            engine.precompile_component(&component)
        }
        PluginKind::Component => engine.precompile_component(bytes),
    }
    .map_err(|error| invalid(format!("{error:#}")))
}

fn told(error: &impl std::fmt::Debug) -> String {
    format!("{error:?}").lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(": ")
}

/// The component that a core module with a component's type in it stands for.
fn embedded(bytes: &[u8]) -> Result<Vec<u8>, impl std::fmt::Debug + use<>> {
    use wasi_preview1_component_adapter_provider::{
        WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
    };
    ComponentEncoder::default()
        .validate(false)
        .module(bytes)
        .and_then(|encoder| {
            encoder.adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)
        })
        .and_then(|mut encoder| encoder.encode())
}

async fn in_child(program: &std::path::Path, bytes: &[u8]) -> Result<Vec<u8>, PluginError> {
    let failed = |error: io::Error| PluginError::Compiler { why: format!("{}: {error}", program.display()) };
    let mut child = tokio::process::Command::new(program)
        .arg(COMMAND)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let (mut stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        if let Some(stdin) = &mut stdin {
            // A child that ended says why itself.
            let _ = stdin.write_all(bytes).await;
        }
        drop(stdin.take());
    };
    let (mut code, mut complaint) = (Vec::new(), Vec::new());
    let read = async {
        if let Some(stdout) = stdout {
            stdout.take(CODE_MOST + 1).read_to_end(&mut code).await?;
        }
        Ok::<_, io::Error>(())
    };
    let hear = async {
        if let Some(stderr) = stderr {
            stderr.take(ERROR_MOST).read_to_end(&mut complaint).await?;
        }
        Ok::<_, io::Error>(())
    };
    let done = tokio::time::timeout(TIME, async {
        let ((), read, heard) = tokio::join!(write, read, hear);
        read.and(heard)?;
        child.wait().await
    });
    let limit = |what: String| Err(PluginError::CompileLimit { what });
    let status = match done.await {
        Ok(status) => status.map_err(failed)?,
        Err(_) => return limit(format!("took longer than {}s", TIME.as_secs())),
    };
    if code.len() as u64 > CODE_MOST {
        return limit(format!("gave more than {} of machine code", ByteSize::from_bytes(CODE_MOST)));
    }
    let complaint = String::from_utf8_lossy(&complaint);
    if status.success() {
        if let Some(open) = complaint.lines().find_map(|line| line.strip_prefix(OPEN)) {
            TOLD.call_once(|| {
                tracing::warn!("plugins are compiled without a filter of system calls: {open}")
            });
        }
        return Ok(code);
    }
    if let Some(error) = complaint.lines().find_map(|line| serde_json::from_str::<PluginError>(line).ok()) {
        return Err(error);
    }
    use std::os::unix::process::ExitStatusExt;
    let broke = |why: String| Err(PluginError::Invalid { why });
    match status.signal().and_then(Signal::from_named_raw) {
        Some(Signal::XCPU | Signal::KILL) => {
            limit(format!("took more than {CPU_S}s of processor time, or was stopped by the system"))
        }
        Some(Signal::ABORT) if complaint.contains("overflowed its stack") => {
            broke("it is nested too deep".to_owned())
        }
        // An allocation that was refused ends in an abort.
        Some(Signal::ABORT) => limit(format!("took more than {} of memory", ByteSize::from_bytes(MEMORY))),
        Some(signal) => broke(format!("it broke the compiler (signal {})", signal.as_raw())),
        None => {
            let why = complaint.lines().rfind(|line| !line.trim().is_empty());
            Err(PluginError::Compiler { why: why.unwrap_or("it gave no reason").to_owned() })
        }
    }
}

/// What the child does: the whole of its life.
pub fn child() -> ExitCode {
    match compile_stdin() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", serde_json::to_string(&error).expect("texts are always JSON"));
            ExitCode::from(1)
        }
    }
}

fn compile_stdin() -> Result<(), PluginError> {
    let failed = |error: io::Error| PluginError::Compiler { why: error.to_string() };
    give_up_powers().map_err(failed)?;
    if let Err(why) = close_kernel() {
        eprintln!("{OPEN}{why}");
    }
    let mut bytes = Vec::new();
    io::stdin().lock().take(SIZE_MOST.as_bytes() + 1).read_to_end(&mut bytes).map_err(failed)?;
    // Deep nesting needs stack, and the main thread's depends on the system.
    let compiling =
        std::thread::Builder::new().stack_size(64 << 20).spawn(move || here(&bytes)).map_err(failed)?;
    let broken = |_| PluginError::Invalid { why: "it broke the compiler".to_owned() };
    let code = compiling.join().map_err(broken)??;
    io::stdout().lock().write_all(&code).map_err(failed)
}

/// Sets the limits of this process, for good.
fn give_up_powers() -> io::Result<()> {
    rustix::thread::set_no_new_privs(true)?;
    for (resource, most) in [
        (Resource::As, MEMORY),
        (Resource::Cpu, CPU_S),
        (Resource::Core, 0),
        (Resource::Fsize, 0),
        (Resource::Nofile, 16),
    ] {
        let hard = rustix::process::getrlimit(resource).maximum;
        let most = Some(hard.map_or(most, |hard| hard.min(most)));
        setrlimit(resource, Rlimit { current: most, maximum: most })?;
    }
    // It ends when its parent does: nobody reads what it writes. Others come first meanwhile.
    let _ = rustix::process::nice(5);
    Ok(())
}
