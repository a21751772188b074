//! `orch show`: how one run went, or stands.

use clap::Args;

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::run::result;
use super::spec::JsonFlag;

/// The arguments.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The run: its id, either end of it, or @last
    #[arg(value_name = "RUN")]
    run: String,
    #[command(flatten)]
    json: JsonFlag,
}

/// Shows a run; as JSON its envelope, or the run itself as long as it has none.
///
/// # Errors
/// Where the daemon does not answer, or there is no such run.
pub(crate) async fn run(context: &Context, args: &ShowArgs) -> Result<Exit, CliError> {
    let client = context.client().await?;
    let report = result::fetch_by(context, &client, &args.run).await?;
    report.print(&context.ui(), args.json.json)?;
    Ok(Exit::Succeeded)
}
