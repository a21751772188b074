//! `orch` without a command: the terminal interface.

use std::io::{self, IsTerminal};

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;

/// Opens the terminal interface.
///
/// # Errors
/// Where there is no terminal to open it on.
pub(crate) fn open(context: &Context) -> Result<Exit, CliError> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(CliError::usage("the terminal interface needs a terminal")
            .hint("use a command such as `orch runs`; `orch --help` lists them"));
    }
    connect(context)
}

/// The one place that knows the interface itself.
fn connect(context: &Context) -> Result<Exit, CliError> {
    let _settings = context.settings(&[])?;
    Err(CliError::usage("this build has no terminal interface")
        .hint("use a command such as `orch runs`; `orch --help` lists them"))
}
