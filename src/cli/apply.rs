//! `orch apply`: tasks from files. All files are read before the first one is sent, and a task
//! is sent after those that it waits for.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::error::{CliError, ErrorKind};
use super::exit::Exit;
use super::output::{Channel, Role};
use super::prompt::STDIN;
use super::spec::JsonFlag;
use super::task;
use crate::api::client::Client;
use crate::api::problem::ProblemKind;
use crate::api::request::NewTask;
use crate::config::settings::Settings;
use crate::config::task_file;
use crate::domain::slug::TaskPath;
use crate::domain::task::{MAX_INSTRUCTIONS, Task};

/// The prompt at its longest, and room for the front matter.
const MAX_FILE: u64 = MAX_INSTRUCTIONS.as_bytes() + (64 << 10);

/// The arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
A task file is Markdown; its front matter is TOML between lines of `+++`, its body is the prompt:

  +++
  task = \"web/shop/nightly\"
  schedule = \"0 3 * * 1-5\"
  timezone = \"Europe/Berlin\"
  verify = [\"make test\"]
  publish = \"branch\"
  +++
  make update")]
pub(crate) struct ApplyArgs {
    /// Task files; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The address, where the file does not say it
    #[arg(long, value_name = "PROJECT/REPO/TASK")]
    task: Option<TaskPath>,
    #[command(flatten)]
    json: JsonFlag,
}

/// What became of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Change {
    Created,
    Changed,
    Unchanged,
}

impl Change {
    const fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
        }
    }
}

/// What became of a task, for programs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Applied {
    change: Change,
    task: Task,
}

/// Makes or changes tasks.
///
/// # Errors
/// Where a file cannot be used, or the daemon does not answer or refuses.
pub(crate) async fn run(context: &Context, args: &ApplyArgs) -> Result<Exit, CliError> {
    let settings = context.settings(&[])?.settings;
    let mut wanted = Vec::new();
    for file in &args.files {
        let new = read(file, args.task.as_ref(), &settings)?;
        if wanted.iter().any(|other: &NewTask| other.path == new.path) {
            let what = format!("{}: another file describes {} too", file.display(), new.path);
            return Err(CliError::usage(what).hint("give each file a `task` of its own"));
        }
        wanted.push(new);
    }
    let ui = context.ui();
    let client = context.client().await?;
    let mut applied = Vec::new();
    for new in in_order(wanted) {
        let done = apply(&client, &new).await?;
        if done.change != Change::Unchanged {
            task::warn_of_trigger(&ui, &done.task);
        }
        if !args.json.json {
            let role = match done.change {
                Change::Created | Change::Changed => Role::Good,
                Change::Unchanged => Role::Faint,
            };
            let word = ui.paint(Channel::Result, role, &format!("{:<9}", done.change.word()));
            ui.line(&format!("{word} {}", done.task.path))?;
        }
        applied.push(done);
    }
    if args.json.json {
        ui.json(&applied)?;
    }
    Ok(Exit::Succeeded)
}

async fn apply(client: &Client, new: &NewTask) -> Result<Applied, CliError> {
    let known = match client.task(&new.path).await {
        Ok(task) => task,
        Err(error) if error.kind() == Some(ProblemKind::NotFound) => {
            return Ok(Applied { change: Change::Created, task: client.create_task(new).await? });
        }
        Err(error) => return Err(error.into()),
    };
    if known.archived_at.is_some() {
        let what = format!("{} is archived", new.path);
        return Err(CliError::new(ErrorKind::Conflict, what)
            .hint(format!("take it back with `orch task archive --undo {}`", new.path)));
    }
    if is_same(&known, new) {
        return Ok(Applied { change: Change::Unchanged, task: known });
    }
    let task = client.put_task(new, Some(known.version)).await?;
    Ok(Applied { change: Change::Changed, task })
}

fn is_same(known: &Task, new: &NewTask) -> bool {
    known.kind == new.trigger
        && known.spec == new.spec
        && known.depends_on == new.depends_on
        && known.caps == new.caps
}

/// A task after those of the others that it waits for; what waits in a circle comes last, for
/// the daemon to refuse.
fn in_order(mut waiting: Vec<NewTask>) -> Vec<NewTask> {
    let mut ordered = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let paths: Vec<TaskPath> = waiting.iter().map(|task| task.path.clone()).collect();
        let (blocked, ready): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|task| {
            task.depends_on.iter().any(|wanted| *wanted != task.path && paths.contains(wanted))
        });
        if ready.is_empty() {
            ordered.extend(blocked);
            return ordered;
        }
        ordered.extend(ready);
        waiting = blocked;
    }
    ordered
}

fn read(file: &Path, address: Option<&TaskPath>, settings: &Settings) -> Result<NewTask, CliError> {
    let is_stdin = file.as_os_str() == STDIN;
    let name = if is_stdin { "standard input".to_owned() } else { file.display().to_string() };
    let text = read_text(file, &name)?;
    let parsed = task_file::parse(&text).map_err(|error| {
        let told = CliError::usage(format!("{name}:{}: {}", error.line, error.why));
        match error.hint {
            Some(hint) => told.hint(hint),
            None => told,
        }
    })?;
    let path = match (parsed.draft.task.clone(), address) {
        (Some(said), Some(flag)) if said != *flag => {
            let what = format!("{name} says it is {said}, and --task says {flag}");
            return Err(CliError::usage(what).hint("leave one of them out"));
        }
        (Some(said), _) => said,
        (None, Some(flag)) => flag.clone(),
        (None, None) => {
            return Err(CliError::usage(format!("{name} does not say which task it is"))
                .hint("write `task = \"project/repo/task\"` into it, or use --task"));
        }
    };
    task::request(path, &parsed.draft, parsed.prompt, settings).map_err(|error| error.about(&name))
}

fn read_text(file: &Path, name: &str) -> Result<String, CliError> {
    let cannot = |error: &io::Error| {
        let kind = match error.kind() {
            io::ErrorKind::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::Usage,
        };
        CliError::new(kind, format!("cannot read {name}")).because(error)
    };
    let mut bytes = Vec::new();
    let read = if file.as_os_str() == STDIN {
        io::stdin().lock().take(MAX_FILE + 1).read_to_end(&mut bytes)
    } else {
        fs::File::open(file).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes))
    };
    read.map_err(|error| cannot(&error))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(CliError::usage(format!("{name} is longer than a task file may be"))
            .hint("put long text into a file of the repository and name it in the prompt"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        CliError::usage(format!("{name}:{line}: the text is not UTF-8"))
    })
}

#[cfg(test)]
mod tests;
