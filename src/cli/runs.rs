//! `orch runs`: what has run, and how it ended.

use clap::Args;
use jiff::Timestamp;

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::output::{Role, age, span};
use super::spec::JsonFlag;
use super::status;
use super::table::Table;
use crate::api::view::RunSummary;
use crate::domain::duration::HumanDuration;
use crate::domain::run::RunState;

/// The most that is asked for at once.
const PAGE: usize = 200;

/// The arguments.
#[derive(Debug, Args)]
pub(crate) struct RunsArgs {
    /// How many runs to list
    #[arg(long, value_name = "NUMBER", default_value_t = 20,
          value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    #[command(flatten)]
    json: JsonFlag,
}

/// Lists runs.
///
/// # Errors
/// Where the daemon does not answer.
pub(crate) async fn run(context: &Context, args: &RunsArgs) -> Result<Exit, CliError> {
    let client = context.client().await?;
    let limit = args.limit as usize;
    let mut runs: Vec<RunSummary> = Vec::new();
    let mut cursor: Option<String> = None;
    while runs.len() < limit {
        let page = client.runs(cursor.as_deref(), PAGE.min(limit - runs.len())).await?;
        runs.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let ui = context.ui();
    if args.json.json {
        ui.json(&runs)?;
        return Ok(Exit::Succeeded);
    }
    if runs.is_empty() {
        ui.note("nothing has run yet");
        ui.hint("make a run with `orch run --prompt TEXT`, or see one with `orch demo`");
        return Ok(Exit::Succeeded);
    }
    let now = Timestamp::now();
    let mut table = Table::new(&["RUN", "STATUS", "TASK", "TOOK", "CREATED", "ERROR"]);
    for run in &runs {
        let (role, word) = status::of_state(&run.state);
        let until = match run.state {
            RunState::Ended { since, .. } => since,
            RunState::Queued { .. }
            | RunState::Active(_)
            | RunState::Waiting { .. }
            | RunState::Ending { .. } => now,
        };
        let failure = run.failure.as_ref().map(|failure| failure.message.clone());
        table.row([
            (Role::Heading, run.id.short()),
            (role, word),
            (Role::Plain, run.path.to_string()),
            (Role::Plain, span(HumanDuration::between(run.created_at, until))),
            (Role::Faint, age(run.created_at, now)),
            (Role::Plain, failure.unwrap_or_default()),
        ]);
    }
    table.print(&ui)?;
    if cursor.is_some() {
        ui.hint(&format!("there are more; `orch runs --limit {}`", limit.saturating_mul(5)));
    }
    Ok(Exit::Succeeded)
}
