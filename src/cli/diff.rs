//! `orch diff`: what a run changed. Piped it is the patch byte for byte, fit for `git apply`; on
//! a terminal it is made safe to look at.

use std::io::{self, IsTerminal};

use clap::Args;

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::output::{Channel, Role};
use super::spec::JsonFlag;
use crate::domain::text::printable;

/// The arguments.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The run: its id, either end of it, or @last
    #[arg(value_name = "RUN")]
    run: String,
    #[command(flatten)]
    json: JsonFlag,
}

/// Prints a diff.
///
/// # Errors
/// Where the daemon does not answer, or the run has no diff.
pub(crate) async fn run(context: &Context, args: &DiffArgs) -> Result<Exit, CliError> {
    let client = context.client().await?;
    let diff = client.diff(&args.run).await?;
    let ui = context.ui();
    if args.json.json {
        ui.json(&diff)?;
    } else if diff.patch.is_empty() {
        ui.note("the run changed nothing");
    } else if io::stdout().is_terminal() {
        for line in diff.patch.lines() {
            ui.line(&ui.paint(Channel::Result, role(line), &printable(line)))?;
        }
    } else {
        ui.raw(diff.patch.as_bytes())?;
    }
    Ok(Exit::Succeeded)
}

fn role(line: &str) -> Role {
    if line.starts_with("+++") || line.starts_with("---") || line.starts_with("diff ") {
        return Role::Heading;
    }
    match line.as_bytes().first() {
        Some(b'+') => Role::Good,
        Some(b'-') => Role::Bad,
        Some(b'@') => Role::Busy,
        Some(_) | None => Role::Plain,
    }
}
