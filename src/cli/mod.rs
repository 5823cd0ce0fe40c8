//! The commands, one file each. The only place that turns errors into exit codes:
//!
//! - 0: done.
//! - 1: the answer is no (a fixture differs, a workflow is wrong, a server refuses).
//! - 2: it could not be tried; one line says what to do.

#[macro_use]
mod print;
mod problems;
mod questions;

mod admin;
mod backup;
mod bundle;
mod check;
mod client;
mod confined;
mod envelopes;
mod fixtures;
mod given;
mod kv;
mod local;
mod man;
mod new;
mod plugin;
mod requests;
mod run;
mod runs;
mod samples;
mod schema;
mod secrets;
mod send;
mod serve;
mod sync;
mod table;
mod terminal;
mod test;
mod tokens;
mod types;
mod unsent_bodies;
mod waiting;
mod workflows;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::{
    app::LoadError,
    sandbox::{COMPILE_COMMAND, compile_child},
};

/// Receives webhooks, runs workflows in a sandbox, and answers.
#[derive(Parser)]
#[command(name = "flowcell", version, about, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve webhooks.
    Serve(serve::Arguments),
    /// Run one workflow once, in memory, and print the run as JSON.
    Run(run::Arguments),
    /// Run the fixtures beside each workflow; exit with 1 on a difference.
    Test(test::Arguments),
    /// Validate workflows; errors name the file, line and field.
    Check(check::Arguments),
    /// Send a sample event with a correct signature.
    Send(send::Arguments),
    /// Show the runs of a server; start, cancel and repeat runs.
    Runs(runs::Arguments),
    /// Write the workflows of a server as folders.
    Pull(sync::Pull),
    /// Publish workflow folders to a server.
    Push(sync::Push),
    /// Show what differs between workflow folders and a server.
    Diff(sync::Diff),
    /// List, pause and resume the workflows of a server; show their revisions and roll them back.
    Workflows(workflows::Arguments),
    /// List the questions that runs ask people, and answer them.
    Questions(questions::Arguments),
    /// Show the request log of a server.
    Requests(requests::Arguments),
    /// Write everything durable to one file, also while the server runs.
    Backup(backup::Backup),
    /// Make a data folder from a backup.
    Restore(backup::Restore),
    /// Set, list and remove a server's secrets.
    Secrets(secrets::Arguments),
    /// Make, list and revoke tokens of a server's API.
    Tokens(tokens::Arguments),
    /// Set up the first person, list people, reset a password.
    Admin(admin::Arguments),
    /// Make, inspect and test plugins; upload them to a server and grant what they ask for.
    Plugin(plugin::Arguments),
    /// Show, set and delete the values that scripts keep on a server.
    Kv(kv::Arguments),
    /// Make libraries for scripts from npm packages.
    Bundle(bundle::Arguments),
    /// Print the JSON Schema of workflow.json, or of the outputs of steps.
    Schema(schema::Arguments),
    /// Make a workflow folder to begin with.
    New(new::Arguments),
    /// Print a script that completes flowcell's commands in a shell.
    Completions(man::Completions),
    /// Write man pages, one a command, into a folder.
    Man(man::Pages),
    /// Write TypeScript declarations for editors: the globals, and what each workflow reads.
    Types(types::Arguments),
    /// Compile a plugin from stdin to stdout, under limits. The server calls this.
    #[command(hide = true, name = COMPILE_COMMAND)]
    CompilePlugin,
    /// Run a program that sees only one folder. `bundle` calls this.
    #[command(hide = true, name = confined::COMMAND)]
    Confined(confined::Arguments),
}

/// The result of a command; it becomes the exit code.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Yes,
    No,
}

impl Verdict {
    /// `Yes` when both are.
    fn and(self, other: Self) -> Self {
        if self == Self::Yes { other } else { self }
    }
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let arguments = Arguments::try_parse().unwrap_or_else(|error| without_hidden(error).exit());
    let result = match arguments.command {
        Command::Serve(arguments) => serve::execute(arguments),
        Command::Run(arguments) => run::execute(&arguments),
        Command::Test(arguments) => test::execute(&arguments),
        Command::Check(arguments) => check::execute(&arguments),
        Command::Send(arguments) => send::execute(&arguments),
        Command::Runs(arguments) => runs::execute(&arguments),
        Command::Pull(arguments) => sync::pull(&arguments),
        Command::Push(arguments) => sync::push(&arguments),
        Command::Diff(arguments) => sync::diff(&arguments),
        Command::Workflows(arguments) => workflows::execute(&arguments),
        Command::Questions(arguments) => questions::execute(&arguments),
        Command::Requests(arguments) => requests::execute(&arguments),
        Command::Backup(arguments) => backup::backup(&arguments),
        Command::Restore(arguments) => backup::restore(&arguments),
        Command::Secrets(arguments) => secrets::execute(&arguments),
        Command::Tokens(arguments) => tokens::execute(&arguments),
        Command::Admin(arguments) => admin::execute(&arguments),
        Command::Kv(arguments) => kv::execute(&arguments),
        Command::Plugin(arguments) => plugin::execute(&arguments),
        Command::CompilePlugin => return compile_child(),
        Command::Confined(arguments) => Err(confined::execute(&arguments)),
        Command::Bundle(arguments) => bundle::execute(&arguments),
        Command::Schema(arguments) => schema::execute(&arguments),
        Command::Types(arguments) => types::execute(&arguments),
        Command::New(arguments) => new::execute(&arguments),
        Command::Completions(arguments) => man::completions(&arguments),
        Command::Man(arguments) => man::pages(&arguments),
    };
    match result {
        Ok(Verdict::Yes) => ExitCode::SUCCESS,
        Ok(Verdict::No) => ExitCode::from(1),
        Err(error) => {
            tell!("flowcell: {}", one_line(&error));
            if let Some(frame) = error.downcast_ref::<LoadError>().and_then(LoadError::frame) {
                tell!("{frame}");
            }
            ExitCode::from(2)
        }
    }
}

/// A mistake on the command line, without a proposal of commands that are not for people.
fn without_hidden(mut error: clap::Error) -> clap::Error {
    use clap::error::{ContextKind, ContextValue};
    let known = Arguments::command();
    let is_hidden = |name: &String| known.find_subcommand(name).is_some_and(clap::Command::is_hide_set);
    match error.get(ContextKind::SuggestedSubcommand) {
        Some(ContextValue::Strings(names)) => {
            let shown: Vec<String> = names.iter().filter(|name| !is_hidden(name)).cloned().collect();
            if shown.is_empty() {
                error.remove(ContextKind::SuggestedSubcommand);
            } else {
                error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(shown));
            }
        }
        Some(ContextValue::String(name)) if is_hidden(name) => {
            error.remove(ContextKind::SuggestedSubcommand);
        }
        Some(_) | None => {}
    }
    error
}

/// An error with its causes on one line. Many of our messages already quote their cause; such a cause is not printed
/// twice.
fn one_line(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |told, cause| {
        if told.is_empty() {
            cause
        } else if told.contains(&cause) {
            told
        } else {
            format!("{told}: {cause}")
        }
    })
}

/// A runtime for commands that make only a few requests.
fn small_runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// Commands without `--json`, with the reason.
    const WITHOUT: [(&str, &str); 3] = [
        ("serve", "it serves until it is stopped; its log is JSON with log.format"),
        ("completions", "what it prints is a script for a shell"),
        ("man", "what it writes are pages for people"),
    ];

    fn leaves(command: &clap::Command, path: &str, found: &mut Vec<(String, bool)>) {
        let inner: Vec<_> = command
            .get_subcommands()
            .filter(|inner| !inner.is_hide_set() && inner.get_name() != "help")
            .collect();
        if inner.is_empty() {
            let has_json = command.get_arguments().any(|argument| argument.get_long() == Some("json"));
            found.push((path.trim_start().to_owned(), has_json));
        }
        for inner in inner {
            leaves(inner, &format!("{path} {}", inner.get_name()), found);
        }
    }

    #[test]
    fn every_command_prints_json_or_says_why_not() {
        let mut found = Vec::new();
        leaves(&Arguments::command(), "", &mut found);
        assert!(found.len() > 30, "{found:?}");
        let without: Vec<_> = found.iter().filter(|(_, json)| !json).map(|(name, _)| name.as_str()).collect();
        let mut expected = WITHOUT.map(|(name, _)| name);
        let mut without = without;
        without.sort_unstable();
        expected.sort_unstable();
        assert_eq!(without, expected);
    }
}
