//! `orch cancel`, `pause`, `resume`, `approve`, `reject`: a word to a run.

use clap::Args;

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::spec::JsonFlag;
use super::status;
use crate::api::request::Reject;
use crate::api::view::RunSummary;
use crate::domain::run::RunState;

/// The arguments.
#[derive(Debug, Args)]
pub(crate) struct SteerArgs {
    /// The run: its id, either end of it, or @last
    #[arg(value_name = "RUN")]
    run: String,
    #[command(flatten)]
    json: JsonFlag,
}

/// The arguments of `orch reject`.
#[derive(Debug, Args)]
pub(crate) struct RejectArgs {
    /// The run: its id, either end of it, or @last
    #[arg(value_name = "RUN")]
    run: String,
    /// Why, for whoever reads it later
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    comment: String,
    #[command(flatten)]
    json: JsonFlag,
}

/// Asks a run to stop.
///
/// # Errors
/// Here and below: where the daemon does not answer, there is no such run, or it does not stand
/// where this makes sense.
pub(crate) async fn cancel(context: &Context, args: &SteerArgs) -> Result<Exit, CliError> {
    let run = context.client().await?.cancel_run(&args.run).await?;
    print(context, &run, "is being cancelled", args.json)
}

/// Asks a run to stop after the stage that executes.
pub(crate) async fn pause(context: &Context, args: &SteerArgs) -> Result<Exit, CliError> {
    let run = context.client().await?.pause_run(&args.run).await?;
    print(context, &run, "will pause after this stage", args.json)
}

/// Lets a run go on.
pub(crate) async fn resume(context: &Context, args: &SteerArgs) -> Result<Exit, CliError> {
    let run = context.client().await?.resume_run(&args.run).await?;
    print(context, &run, "goes on", args.json)
}

/// Consents to what a run waits for.
pub(crate) async fn approve(context: &Context, args: &SteerArgs) -> Result<Exit, CliError> {
    let run = context.client().await?.approve_run(&args.run).await?;
    print(context, &run, "is approved", args.json)
}

/// Refuses what a run waits for.
pub(crate) async fn reject(context: &Context, args: &RejectArgs) -> Result<Exit, CliError> {
    let reject = Reject { comment: args.comment.clone() };
    let run = context.client().await?.reject_run(&args.run, &reject).await?;
    print(context, &run, "is rejected", args.json)
}

fn print(
    context: &Context,
    run: &RunSummary,
    what: &str,
    json: JsonFlag,
) -> Result<Exit, CliError> {
    let ui = context.ui();
    if json.json {
        ui.json(run)?;
        return Ok(Exit::Succeeded);
    }
    let id = run.id.short();
    // Where it is there already, the state itself is the news.
    match &run.state {
        RunState::Ended { outcome, .. } => ui.line(&format!("run {id}: {}", outcome.name()))?,
        RunState::Waiting { .. } => {
            ui.line(&format!("run {id}: {}", status::of_state(&run.state).1))?;
        }
        RunState::Queued { .. } | RunState::Active(_) | RunState::Ending { .. } => {
            ui.line(&format!("run {id} {what}"))?;
        }
    }
    Ok(Exit::Succeeded)
}
