//! What can be typed.

use clap::{CommandFactory, Parser, Subcommand};

use super::apply::ApplyArgs;
use super::backup::BackupArgs;
use super::completions::CompletionsArgs;
use super::config::ConfigArgs;
use super::daemon::DaemonArgs;
use super::demo::DemoArgs;
use super::diff::DiffArgs;
use super::exit::Exit;
use super::findings::FindingsArgs;
use super::logs::LogsArgs;
use super::migrate::MigrateArgs;
use super::project::ProjectArgs;
use super::repository::RepoArgs;
use super::restore::RestoreArgs;
use super::run::RunArgs;
use super::runs::RunsArgs;
use super::show::ShowArgs;
use super::steer::{RejectArgs, SteerArgs};
use super::task::TaskArgs;

/// The subcommands as the help shows them.
const GROUPS: &[(&str, &[&str])] = &[
    ("Run", &["run", "runs", "show", "logs", "diff"]),
    ("Decide", &["approve", "reject", "cancel", "pause", "resume", "findings"]),
    ("Describe", &["project", "repo", "task", "apply"]),
    ("Operate", &["daemon", "backup", "restore", "migrate", "config", "completions", "demo"]),
];

const HELP: &str = "\
{about}

Usage: orch [COMMAND]

Without a command, the terminal interface opens.

{subcommands-by-group}
Options:
{options}

A RUN is an id, either end of one, or @last. Tasks are addressed as project/repo/task.
The daemon starts by itself when it is first needed.

Exit codes:
{exit-codes}";

/// Runs coding agents the way a good CI runs builds: isolated, scheduled, bounded, watched and
/// recoverable
#[derive(Debug, Parser)]
#[command(name = "orch", version, max_term_width = 100, infer_long_args = false)]
pub(crate) struct Arguments {
    /// What to do; the terminal interface opens without it.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Every subcommand.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a task, or a prompt on a repository, and follow it live
    Run(Box<RunArgs>),
    /// List runs, the newest first
    Runs(RunsArgs),
    /// Show how a run went
    Show(ShowArgs),
    /// Print the log of a run
    Logs(LogsArgs),
    /// Print what a run changed in its repository
    Diff(DiffArgs),
    /// Consent to what a run waits for
    Approve(SteerArgs),
    /// Refuse what a run waits for, and end it
    Reject(RejectArgs),
    /// Stop a run
    Cancel(SteerArgs),
    /// Stop a run after the stage that executes, until it is resumed
    Pause(SteerArgs),
    /// Let a paused run go on
    Resume(SteerArgs),
    /// List what a person must look at
    Findings(FindingsArgs),
    /// Projects: umbrellas over repositories
    Project(ProjectArgs),
    /// Repositories that runs are made from
    Repo(RepoArgs),
    /// Tasks: what can be run again
    Task(TaskArgs),
    /// Make or change tasks from files
    Apply(ApplyArgs),
    /// Run the daemon here, or start, stop and show the one in the background
    Daemon(DaemonArgs),
    /// Write all that orch knows into one file
    Backup(BackupArgs),
    /// Make everything as it was when it was backed up
    Restore(RestoreArgs),
    /// Take everything into another store: a file, or a MongoDB database
    Migrate(MigrateArgs),
    /// Show, check and edit the settings
    Config(ConfigArgs),
    /// Print completions for a shell
    Completions(CompletionsArgs),
    /// See orch mend a small program, from a failing test to a branch
    Demo(DemoArgs),
}

/// The whole command line, with its help.
pub(crate) fn command() -> clap::Command {
    let command = Arguments::command();
    let help = HELP
        .replace("{subcommands-by-group}", &subcommands(&command))
        .replace("{exit-codes}", &exit_codes());
    command.help_template(help)
}

fn subcommands(command: &clap::Command) -> String {
    let mut text = String::new();
    for (title, names) in GROUPS {
        text.push_str(&format!("{title}:\n"));
        for name in *names {
            let about = command.find_subcommand(name).and_then(clap::Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            text.push_str(&format!("  {name:<13}{about}\n"));
        }
        text.push('\n');
    }
    text
}

fn exit_codes() -> String {
    let lines = Exit::ALL.iter().map(|exit| format!("  {:<5}{}", exit.code(), exit.meaning()));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
