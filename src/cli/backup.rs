//! `orch backup`: the store as one file.

use std::io;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::spec::JsonFlag;
use super::table::print_fields;
use super::transfer;
use crate::daemon::transfer::{Backup, BackupDone, Output, Summary, TransferError};
use crate::domain::size::ByteSize;

/// The arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
The file holds every project, repository, task, run, log, finding, and the sealed secrets, one JSON
object on each line, with a checksum of the content. It is private, and appears under its name only
when it is whole. A daemon may run meanwhile, unless it leads on MongoDB.

Not in it: repository caches, the workspaces of runs, artifacts' files, the settings, and the key of
the secrets, without which nobody can open them. Keep the key elsewhere.

Examples:
  orch backup
  orch backup /mnt/backups/
  orch backup --force latest.jsonl
  orch backup - | zstd | ssh host 'cat > orch.jsonl.zst'")]
pub(crate) struct BackupArgs {
    /// The file, a folder, or - for the standard output; without it a new file in this folder
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Write over a file that is there
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    json: JsonFlag,
}

/// A backup, for programs.
#[derive(Debug, Serialize)]
struct Told<'a> {
    path: String,
    bytes: u64,
    #[serde(flatten)]
    summary: &'a Summary,
}

/// Writes a backup.
///
/// # Errors
/// Where it would not be whole.
pub(crate) async fn run(context: &Context, args: &BackupArgs) -> Result<Exit, CliError> {
    let ui = context.ui();
    let to = match &args.file {
        Some(file) if file.as_os_str() == "-" => {
            if args.json.json {
                return Err(CliError::usage("the backup is all of the standard output")
                    .hint("leave `--json` out: the last line of the backup says the same"));
            }
            if transfer::is_terminal(&io::stdout()) {
                return Err(CliError::usage("a terminal is no place for a backup")
                    .hint("name a file, or send it on, as in `orch backup - | zstd > FILE`"));
            }
            Output::Stream(ui.stream())
        }
        Some(path) => Output::File { path: path.clone(), overwrite: args.force },
        None => Output::File { path: PathBuf::from("."), overwrite: args.force },
    };
    let (paths, from) = transfer::configured(context)?;
    let name = from.to_string();
    let told = transfer::told(ui, transfer::is_terminal(&io::stderr()));
    let done = crate::daemon::transfer::backup(Backup { from, paths, to }, told).await;
    ui.status(None);
    let BackupDone { path, bytes, summary } = done.map_err(|error| {
        let is_there = matches!(error, TransferError::Exists(_));
        let error = CliError::from(error);
        if is_there { error.hint("`--force` writes over a file") } else { error }
    })?;
    let Some(path) = path else {
        for (field, text) in transfer::fields(&summary) {
            ui.note(&format!("{field}: {text}"));
        }
        return Ok(Exit::Succeeded);
    };
    let path = std::path::absolute(&path).unwrap_or(path).display().to_string();
    if args.json.json {
        ui.json(&Told { path, bytes, summary: &summary })?;
        return Ok(Exit::Succeeded);
    }
    let size = ByteSize::from_bytes(bytes).rounded();
    let [documents, events, checksum] = transfer::fields(&summary);
    print_fields(
        &ui,
        &[("backup", path), ("of", name), ("size", size), documents, events, checksum],
    )?;
    Ok(Exit::Succeeded)
}
