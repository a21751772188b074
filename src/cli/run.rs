//! `orch run`: one run, followed live, ending with its result.

use clap::Args;

use super::context::Context;
use super::error::{CliError, unheard};
use super::exit::Exit;
use super::output::{Channel, Role};
use super::place;
use super::prompt::{PromptFlags, STDIN};
use super::spec::{PriorityFlag, SpecFlags};
use crate::api::client::Client;
use crate::api::request::{NewRun, RunTarget};
use crate::domain::run::Run;
use crate::domain::slug::TaskPath;

pub(crate) mod follow;
mod interrupt;
mod live;
pub(crate) mod result;

use self::live::End;

/// The arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  orch run --prompt 'make test'                         in the repository you stand in
  orch run --repo ~/src/shop --file fix.sh --verify 'make test' --publish branch
  orch run web/shop/nightly                             a task that is kept
  git diff | orch run --sandbox process -               the prompt comes from standard input

Ctrl-C asks once whether to detach or to cancel; without a terminal it cancels.")]
pub(crate) struct RunArgs {
    /// The task as project/repo/task, or `-` for a prompt on standard input
    #[arg(value_name = "TASK")]
    target: Option<String>,
    /// The repository: a path or a URL [default: the one around the current folder]
    #[arg(long, value_name = "PATH|URL")]
    repo: Option<String>,
    #[command(flatten)]
    prompt: PromptFlags,
    #[command(flatten)]
    spec: SpecFlags,
    #[command(flatten)]
    priority: PriorityFlag,
    /// A key under which the same command finds the same run again
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Print the id and leave; the run goes on
    #[arg(long)]
    detach: bool,
    /// Print the result as JSON on stdout, and what happens on stderr
    #[arg(long)]
    json: bool,
}

/// Makes the run and follows it.
///
/// # Errors
/// Where it cannot be made or followed; a run that fails is no error.
pub(crate) async fn run(context: &Context, args: RunArgs) -> Result<Exit, CliError> {
    let (detach, json) = (args.detach, args.json);
    let new = args.into_request(context)?;
    let client = context.client().await?;
    let run = client.create_run(&new).await?;
    if detach {
        return print_handle(context, &run, json);
    }
    watch(context, &client, &run, json).await
}

/// Follows a run and ends as it does.
async fn watch(
    context: &Context,
    client: &Client,
    run: &Run,
    json: bool,
) -> Result<Exit, CliError> {
    let ui = context.ui();
    let channel = if json { Channel::Talk } else { Channel::Result };
    let about =
        format!("run {} · {} · {}", run.id().short(), run.path(), run.spec().sandbox.kind.name());
    unheard(ui.say(channel, &ui.paint(channel, Role::Faint, &about)))?;
    let end = Box::pin(live::follow(context, client, run.id(), channel)).await?;
    match end {
        End::Ended(_) | End::NeedsPerson => {
            let report = result::fetch(context, client, run.id()).await?;
            unheard(report.print(&ui, json))?;
            Ok(report.exit())
        }
        End::Detached { exit } => {
            let id = run.id().short();
            ui.note(&format!("detached; the run {id} goes on"));
            ui.hint(&format!(
                "follow it with `orch logs {id} -f`, stop it with `orch cancel {id}`"
            ));
            if json {
                ui.json(&client.run(&run.id().to_string()).await?)?;
            }
            Ok(exit)
        }
    }
}

fn print_handle(context: &Context, run: &Run, json: bool) -> Result<Exit, CliError> {
    if json {
        context.ui().json(run)?;
    } else {
        context.ui().line(&run.id().to_string())?;
    }
    Ok(Exit::Succeeded)
}

impl RunArgs {
    fn into_request(self, context: &Context) -> Result<NewRun, CliError> {
        let priority = self.priority.priority;
        let idempotency_key = self.idempotency_key.clone();
        let of = match self.target.as_deref() {
            Some(task) if task != STDIN => RunTarget::Task(self.task(task)?),
            Some(_) => self.ad_hoc(context, true)?,
            None => self.ad_hoc(context, false)?,
        };
        Ok(NewRun { of, priority, idempotency_key })
    }

    /// A task that is kept says by itself what it is.
    fn task(&self, text: &str) -> Result<TaskPath, CliError> {
        let task = text.parse::<TaskPath>().map_err(|error| {
            CliError::usage(error.to_string())
                .hint("`orch task list` shows every task; for a prompt, write `--prompt TEXT`")
        })?;
        let repo = self.repo.as_ref().map(|_| "--repo");
        if let Some(flag) = repo.or_else(|| self.prompt.used()).or_else(|| self.spec.used()) {
            let what = format!("`{flag}` does not go with a task, which brings its own");
            return Err(CliError::usage(what)
                .hint(format!("leave `{flag}` out, or leave `{task}` out for a run on the spot"))
                .hint("a task is changed with `orch apply`"));
        }
        Ok(task)
    }

    fn ad_hoc(self, context: &Context, from_stdin: bool) -> Result<RunTarget, CliError> {
        let source = match &self.repo {
            Some(text) => place::source(text)?,
            None => place::here()?,
        };
        let uncommitted = place::uncommitted(&source);
        if uncommitted > 0 {
            let (noun, verb) = if uncommitted == 1 { ("change", "is") } else { ("changes", "are") };
            context.ui().warn(&format!(
                "{uncommitted} uncommitted {noun} in {source} {verb} not part of the run"
            ));
        }
        let prompt = self.prompt.read(from_stdin)?;
        let settings = context.settings(&[])?.settings;
        let spec = self.spec.draft().spec(&settings, prompt)?;
        spec.validate()?;
        Ok(RunTarget::AdHoc { source, spec: Box::new(spec) })
    }
}
