//! `flowcell completions` and `flowcell man`: what shells and `man` want to know of the commands.

use std::{fs, path::PathBuf};

use anyhow::Context;
use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;

use super::{Verdict, print};

#[derive(Args)]
pub(super) struct Completions {
    /// The shell. bash: `source <(flowcell completions bash)`.
    shell: Shell,
}

#[derive(Args)]
pub(super) struct Pages {
    /// The folder to write into, such as /usr/local/share/man/man1.
    folder: PathBuf,
}

pub(super) fn completions(completions: &Completions) -> anyhow::Result<Verdict> {
    let mut script = Vec::new();
    clap_complete::generate(completions.shell, &mut visible(), "flowcell", &mut script);
    print::line(format_args!("{}", String::from_utf8(script)?.trim_end()));
    Ok(Verdict::Yes)
}

pub(super) fn pages(pages: &Pages) -> anyhow::Result<Verdict> {
    let folder = &pages.folder;
    let cannot = || format!("cannot write man pages into {}", folder.display());
    fs::create_dir_all(folder).with_context(cannot)?;
    let mut command = visible();
    command.build();
    let mut written = 0;
    page(&command, "flowcell", folder, &mut written).with_context(cannot)?;
    say!(
        "{}: {written} pages; `man {}` shows the first",
        folder.display(),
        folder.join("flowcell.1").display()
    );
    Ok(Verdict::Yes)
}

/// The command without the subcommands that it only gives itself.
fn visible() -> Command {
    let whole = super::Arguments::command();
    let mut visible = Command::new("flowcell").version(env!("CARGO_PKG_VERSION"));
    if let Some(about) = whole.get_about() {
        visible = visible.about(about.clone());
    }
    visible.subcommands(whole.get_subcommands().filter(|command| !command.is_hide_set()).cloned())
}

/// Writes the page of a command and those of its subcommands: `flowcell-runs-list.1`.
fn page(command: &Command, name: &str, folder: &std::path::Path, written: &mut usize) -> std::io::Result<()> {
    // A page is called by its whole name, and clap wants that for ever.
    let named = command.clone().name(name.to_owned().leak() as &'static str).display_name(name);
    let mut text = Vec::new();
    clap_mangen::Man::new(named).render(&mut text)?;
    fs::write(folder.join(format!("{name}.1")), text)?;
    *written += 1;
    let mut inner = command.get_subcommands().filter(|inner| inner.get_name() != "help");
    inner.try_for_each(|inner| page(inner, &format!("{name}-{}", inner.get_name()), folder, written))
}
