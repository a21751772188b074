//! `orch restore`: the store as it was when it was backed up.

use std::io;
use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::output::age;
use super::spec::JsonFlag;
use super::table::print_fields;
use super::transfer;
use crate::daemon::transfer::{Input, Restore, RestoreDone, Summary};

/// The arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
The backup goes into the store that the settings name, on SQLite or MongoDB, wherever it came from.
It is checked before anything is written, and what was written is checked again before it takes the
place of the old store. Whoever is interrupted still has the old one, and may begin again.

No daemon may run meanwhile. Runs that were going on when the backup was made are looked for by the
next daemon. Not in a backup: repository caches, workspaces, artifacts' files, settings, and the key
of the secrets; put the key back before the daemon starts.

Examples:
  orch restore orch-backup-2026-02-01T030000Z.jsonl
  orch restore --force FILE       # keeps the store that is there under another name
  zstd -dc FILE.zst | orch restore -")]
pub(crate) struct RestoreArgs {
    /// The backup, or - for the standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Keep a store that is there under another name, and put the backup in its place
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    json: JsonFlag,
}

/// A store that was restored, for programs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    store: String,
    backup: Origin,
    #[serde(flatten)]
    summary: &'a Summary,
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<String>,
}

/// Where a backup came from.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Origin {
    at: Timestamp,
    version: String,
    from: String,
}

/// Restores a backup.
///
/// # Errors
/// Where the store would not be as it was.
pub(crate) async fn run(context: &Context, args: &RestoreArgs) -> Result<Exit, CliError> {
    let ui = context.ui();
    let from = if args.file.as_os_str() == "-" {
        if transfer::is_terminal(&io::stdin()) {
            return Err(CliError::usage("nobody types a backup")
                .hint("name a file, or send it, as in `zstd -dc FILE | orch restore -`"));
        }
        Input::Stream(Box::new(io::stdin()))
    } else {
        Input::File(args.file.clone())
    };
    let (paths, into) = transfer::configured(context)?;
    let store = into.to_string();
    let told = transfer::told(ui, transfer::is_terminal(&io::stderr()));
    let order = Restore { from, into, paths, force: args.force };
    let done = crate::daemon::transfer::restore(order, told).await;
    ui.status(None);
    let RestoreDone { head, summary, kept } = done?;
    let kept = kept.map(|path| path.display().to_string());
    if args.json.json {
        let backup = Origin { at: head.at, version: head.version, from: head.from };
        ui.json(&Told { store, backup, summary: &summary, kept })?;
        return Ok(Exit::Succeeded);
    }
    let [documents, events, checksum] = transfer::fields(&summary);
    let made = format!("{}, by orch {}", age(head.at, Timestamp::now()), head.version);
    let kept = kept.unwrap_or_default();
    print_fields(
        &ui,
        &[("restored", store), ("made", made), documents, events, checksum, ("kept", kept)],
    )?;
    Ok(Exit::Succeeded)
}
