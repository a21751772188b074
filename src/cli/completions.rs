//! `orch completions`: what a shell needs to complete command lines.

use clap::Args;
use clap_complete::Shell;

use super::args;
use super::context::Context;
use super::error::CliError;
use super::exit::Exit;

/// The arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  orch completions bash > ~/.local/share/bash-completion/completions/orch
  orch completions zsh > ~/.zfunc/_orch
  orch completions fish > ~/.config/fish/completions/orch.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Prints completions.
///
/// # Errors
/// Where they cannot be written.
pub(crate) fn run(context: &Context, args: &CompletionsArgs) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut args::command(), "orch", &mut script);
    context.ui().raw(&script)?;
    Ok(Exit::Succeeded)
}
