//! Runs a program that reads what strangers wrote, and lets it see one folder.
//!
//! This is a hidden command: this binary starts itself, gives up the powers that the program must not have, and becomes
//! the program. On Linux it uses Landlock (kernel 5.13), which closes files outside the folder, and TCP since 6.7.
//! Where the kernel has no Landlock, the caller must check which files the program read.

use std::{
    ffi::OsString,
    io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context;
use clap::Args;

use crate::app;

pub(super) const COMMAND: &str = "confined";

/// Processor time that the program may use, seconds.
const CPU_S: u64 = 300;

#[derive(Args)]
pub(super) struct Arguments {
    /// The only folder that the program may read and write.
    folder: PathBuf,
    program: PathBuf,
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// A command that runs `program` in `folder`, with nothing else in reach and without variables.
pub(super) fn command(folder: &Path, program: &Path) -> io::Result<Command> {
    let mut command = if cfg!(target_os = "linux") {
        let mut command = Command::new(app::this_program()?);
        command.arg(COMMAND).arg(folder).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir(folder).env_clear().env("TMPDIR", folder);
    Ok(command)
}

/// Becomes the program. Returns only when that fails.
pub(super) fn execute(arguments: &Arguments) -> anyhow::Error {
    let Arguments { folder, program, arguments } = arguments;
    match give_up_powers(folder, program) {
        Ok(()) => {}
        Err(error) => return error,
    }
    anyhow::Error::new(Command::new(program).args(arguments).exec())
        .context(format!("{} does not start", program.display()))
}

fn give_up_powers(folder: &Path, program: &Path) -> anyhow::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    for (resource, most) in [(Resource::Cpu, CPU_S), (Resource::Core, 0)] {
        let hard = getrlimit(resource).maximum;
        let most = Some(hard.map_or(most, |hard| hard.min(most)));
        setrlimit(resource, Rlimit { current: most, maximum: most }).context("no limits can be set")?;
    }
    #[cfg(target_os = "linux")]
    confine(folder, program).context("the program cannot be confined to the folder")?;
    #[cfg(not(target_os = "linux"))]
    let _ = (folder, program);
    Ok(())
}

#[cfg(target_os = "linux")]
fn confine(folder: &Path, program: &Path) -> Result<(), landlock::RulesetError> {
    use landlock::{
        ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetCreatedAttr, path_beneath_rules,
    };
    // An older kernel ignores the parts that it does not know. The caller checks in any case which files the program
    // read.
    let all = AccessFs::from_all(ABI::V5);
    Ruleset::default()
        .handle_access(all)?
        .handle_access(AccessNet::from_all(ABI::V4))?
        .create()?
        .add_rules(path_beneath_rules([folder], all))?
        .add_rules(path_beneath_rules([program], AccessFs::Execute | AccessFs::ReadFile))?
        .restrict_self()?;
    Ok(())
}
