//! The command line: a client of the API. One file for each command; what they share is beside
//! them: `args` (what can be typed), `context` (where it runs), `output` (the only place that
//! prints), `error` and `exit` (how it ends).

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use self::args::{Arguments, Command};
use self::context::Context;
use self::error::CliError;
use self::exit::Exit;

mod apply;
mod args;
mod backup;
mod completions;
mod config;
mod context;
mod daemon;
mod demo;
mod diff;
mod error;
mod exit;
mod findings;
mod logs;
mod migrate;
mod output;
mod place;
mod project;
mod prompt;
mod repository;
mod restore;
mod run;
mod runs;
mod show;
mod spec;
mod start;
mod status;
mod steer;
mod table;
mod task;
mod terminal;
mod transfer;

/// Runs one command line; the first argument is the program's name.
pub fn run(
    args: impl IntoIterator<Item = OsString>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> ExitCode {
    let context = Context::new(environment);
    let ui = context.ui();
    let parsed = args::command()
        .try_get_matches_from(args)
        .and_then(|matches| Arguments::from_arg_matches(&matches));
    let result = match parsed {
        Ok(arguments) => dispatch(&context, arguments),
        Err(error) => ui.usage(&error.format(&mut Arguments::command())),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(error) => {
            ui.error(&error);
            error.exit().into()
        }
    }
}

fn dispatch(context: &Context, arguments: Arguments) -> Result<Exit, CliError> {
    let Some(command) = arguments.command else {
        return terminal::open(context);
    };
    match command {
        // The daemon and the terminal interface bring a runtime of their own.
        Command::Daemon(args) if args.is_foreground() => daemon::foreground(context, &args),
        Command::Completions(args) => completions::run(context, &args),
        Command::Config(args) => config::run(context, &args),
        command => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error| CliError::internal("cannot start", &error))?;
            let result = runtime.block_on(Box::pin(answer(context, command)));
            // A thread that still waits for a line of input must not hold up the end.
            runtime.shutdown_background();
            result
        }
    }
}

async fn answer(context: &Context, command: Command) -> Result<Exit, CliError> {
    match command {
        Command::Run(args) => run::run(context, *args).await,
        Command::Runs(args) => runs::run(context, &args).await,
        Command::Show(args) => show::run(context, &args).await,
        Command::Logs(args) => logs::run(context, &args).await,
        Command::Diff(args) => diff::run(context, &args).await,
        Command::Cancel(args) => steer::cancel(context, &args).await,
        Command::Pause(args) => steer::pause(context, &args).await,
        Command::Resume(args) => steer::resume(context, &args).await,
        Command::Approve(args) => steer::approve(context, &args).await,
        Command::Reject(args) => steer::reject(context, &args).await,
        Command::Findings(args) => findings::run(context, &args).await,
        Command::Project(args) => project::run(context, args).await,
        Command::Repo(args) => repository::run(context, args).await,
        Command::Task(args) => task::run(context, args).await,
        Command::Apply(args) => apply::run(context, &args).await,
        Command::Demo(args) => demo::run(context, &args).await,
        Command::Daemon(args) => daemon::run(context, args).await,
        Command::Backup(args) => backup::run(context, &args).await,
        Command::Restore(args) => restore::run(context, &args).await,
        Command::Migrate(args) => migrate::run(context, &args).await,
        Command::Completions(args) => completions::run(context, &args),
        Command::Config(args) => config::run(context, &args),
    }
}

#[cfg(test)]
mod tests;
