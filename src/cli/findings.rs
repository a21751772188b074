//! `orch findings`: what a person must look at.

use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::output::{Role, age};
use super::spec::JsonFlag;
use super::table::Table;
use crate::domain::finding::Severity;

/// The arguments.
#[derive(Debug, Args)]
pub(crate) struct FindingsArgs {
    #[command(subcommand)]
    command: Option<FindingsCommand>,
    #[command(flatten)]
    json: JsonFlag,
}

/// What to do with findings.
#[derive(Debug, Subcommand)]
enum FindingsCommand {
    /// List the open ones, the newest first
    List {
        #[command(flatten)]
        json: JsonFlag,
    },
}

/// Lists findings.
///
/// # Errors
/// Where the daemon does not answer.
pub(crate) async fn run(context: &Context, args: &FindingsArgs) -> Result<Exit, CliError> {
    let json = match &args.command {
        Some(FindingsCommand::List { json }) => json.json || args.json.json,
        None => args.json.json,
    };
    let findings = context.client().await?.findings().await?;
    let ui = context.ui();
    if json {
        ui.json(&findings)?;
        return Ok(Exit::Succeeded);
    }
    if findings.is_empty() {
        ui.note("nothing needs you");
        return Ok(Exit::Succeeded);
    }
    let now = Timestamp::now();
    let mut table = Table::new(&["SEVERITY", "KIND", "WHAT", "RUN", "TIMES", "LAST", "NEXT"]);
    for finding in &findings {
        let role = match finding.severity {
            Severity::High => Role::Bad,
            Severity::Medium => Role::Warning,
            Severity::Low => Role::Plain,
        };
        table.row([
            (role, finding.severity.name().to_owned()),
            (Role::Plain, finding.kind.name().to_owned()),
            (Role::Plain, finding.title.clone()),
            (Role::Heading, finding.run.map(|run| run.short()).unwrap_or_default()),
            (Role::Plain, finding.count.to_string()),
            (Role::Faint, age(finding.last_at, now)),
            (Role::Plain, finding.suggestion.clone()),
        ]);
    }
    table.print(&ui)?;
    Ok(Exit::Succeeded)
}
