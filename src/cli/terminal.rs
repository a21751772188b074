//! `orch` without a command: the terminal interface.

use std::io::{self, IsTerminal};

use jiff::tz::TimeZone;

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use crate::tui::Options;
use crate::tui::theme::{Depth, Theme};

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

fn connect(context: &Context) -> Result<Exit, CliError> {
    let settings = context.settings(&[])?.settings.tui;
    let variable = |name: &str| context.variable(name)?.to_str().map(str::to_owned);
    let theme = Theme::load(&settings.theme, Depth::of_environment(variable)).map_err(|error| {
        CliError::usage("cannot use the theme")
            .because(&error)
            .hint("tui.theme names a built-in theme or a file: orch config edit")
    })?;
    let options = Options {
        theme,
        is_ascii: settings.ascii,
        time_zone: TimeZone::system(),
        reports: context.paths()?.state,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| CliError::internal("cannot start", &error))?;
    let outcome = runtime.block_on(async {
        let client = context.client().await?;
        crate::tui::run(client, options)
            .await
            .map_err(|error| CliError::internal("the terminal interface broke", &error))
    });
    // The reader of the keyboard waits for a key that nobody will press.
    runtime.shutdown_background();
    outcome.map(|()| Exit::Succeeded)
}
