//! `orch task`: what can be run again.

use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::output::{Role, Ui, age};
use super::project::{archived_mark, cap};
use super::prompt::{PromptFlags, STDIN};
use super::spec::{JsonFlag, PriorityFlag, SpecFlags, word};
use super::table::{Table, print_fields};
use crate::api::request::{Archive, NewTask};
use crate::config::draft::TaskDraft;
use crate::config::settings::Settings;
use crate::config::words::{self, TriggerWord};
use crate::domain::schedule::{MisfirePolicy, OverlapPolicy};
use crate::domain::slug::{RepositoryPath, TaskPath};
use crate::domain::task::{InvalidTask, Task, TaskKind};

/// The arguments.
#[derive(Debug, Args)]
pub(crate) struct TaskArgs {
    #[command(subcommand)]
    command: TaskCommand,
}

/// What to do with tasks.
#[derive(Debug, Subcommand)]
enum TaskCommand {
    /// Make a task
    Create(Box<CreateArgs>),
    /// List tasks
    List {
        /// Only those of one repository
        #[arg(value_name = "PROJECT/REPO")]
        repository: Option<RepositoryPath>,
        /// The archived ones too
        #[arg(long)]
        archived: bool,
        #[command(flatten)]
        json: JsonFlag,
    },
    /// Show a task
    Show {
        /// Its address
        #[arg(value_name = "PROJECT/REPO/TASK")]
        path: TaskPath,
        #[command(flatten)]
        json: JsonFlag,
    },
    /// Put a task away; its history stays
    Archive {
        /// Its address
        #[arg(value_name = "PROJECT/REPO/TASK")]
        path: TaskPath,
        /// Take it back
        #[arg(long)]
        undo: bool,
        #[command(flatten)]
        json: JsonFlag,
    },
}

/// The arguments of `orch task create`.
#[derive(Debug, Args)]
struct CreateArgs {
    /// Its address
    #[arg(value_name = "PROJECT/REPO/TASK")]
    path: TaskPath,
    /// Read the prompt from standard input
    #[arg(value_name = "-", value_parser = [STDIN], hide_possible_values = true)]
    stdin: Option<String>,
    #[command(flatten)]
    prompt: PromptFlags,
    #[command(flatten)]
    spec: SpecFlags,
    #[command(flatten)]
    trigger: TriggerFlags,
    #[command(flatten)]
    priority: PriorityFlag,
    /// How many of its runs may be active at once
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    max_active: Option<u32>,
    #[command(flatten)]
    json: JsonFlag,
}

/// What makes the task run.
#[derive(Debug, Args)]
#[command(next_help_heading = "What makes it run")]
struct TriggerFlags {
    /// What makes it run [default: one-shot, or cron with --schedule]
    #[arg(long, value_name = "KIND", value_parser = word::<TriggerWord>())]
    kind: Option<TriggerWord>,
    /// When: minute hour day month weekday, such as '0 3 * * 1-5'
    #[arg(long, value_name = "CRON")]
    schedule: Option<String>,
    /// The schedule's time zone, such as Europe/Berlin [default: UTC]
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// What happens to times that were missed [default: run-once]
    #[arg(long, value_name = "POLICY", value_parser = word::<MisfirePolicy>())]
    misfire: Option<MisfirePolicy>,
    /// What happens while the previous run still goes [default: skip]
    #[arg(long, value_name = "POLICY", value_parser = word::<OverlapPolicy>())]
    overlap: Option<OverlapPolicy>,
    /// An event that makes it run; can be repeated [default: any that is addressed to it]
    #[arg(long, value_name = "EVENT")]
    on: Vec<String>,
    /// A task that must have succeeded before; can be repeated
    #[arg(long, value_name = "PROJECT/REPO/TASK")]
    depends_on: Vec<TaskPath>,
}

/// Makes, lists, shows or archives tasks.
///
/// # Errors
/// Where the task makes no sense, or the daemon does not answer or refuses.
pub(crate) async fn run(context: &Context, args: TaskArgs) -> Result<Exit, CliError> {
    let ui = context.ui();
    match args.command {
        TaskCommand::Create(args) => {
            let json = args.json;
            let new = args.into_request(context)?;
            let task = context.client().await?.create_task(&new).await?;
            print_done(&ui, &task, "created", json)?;
            warn_of_trigger(&ui, &task);
            if !json.json {
                ui.hint(&format!("run it with `orch run {}`", task.path));
            }
        }
        TaskCommand::List { repository, archived, json } => {
            let tasks = context.client().await?.tasks(repository.as_ref(), archived).await?;
            print_list(&ui, &tasks, json)?;
        }
        TaskCommand::Show { path, json } => {
            let task = context.client().await?.task(&path).await?;
            if json.json { ui.json(&task)? } else { print_one(&ui, &task)? }
        }
        TaskCommand::Archive { path, undo, json } => {
            let archive = Archive { archived: !undo };
            let task = context.client().await?.archive_task(&path, archive).await?;
            print_done(&ui, &task, if undo { "taken back" } else { "archived" }, json)?;
        }
    }
    Ok(Exit::Succeeded)
}

/// The task that a draft and a prompt make, checked as far as that goes without the daemon.
///
/// # Errors
/// The first thing that makes no sense.
pub(crate) fn request(
    path: TaskPath,
    draft: &TaskDraft,
    prompt: String,
    settings: &Settings,
) -> Result<NewTask, CliError> {
    let trigger = draft.trigger()?;
    let spec = draft.spec(settings, prompt)?;
    spec.validate()?;
    match &trigger {
        TaskKind::Cron { schedule } => {
            schedule.validate(Timestamp::now()).map_err(InvalidTask::from)?;
        }
        TaskKind::OneShot | TaskKind::Event { .. } => {}
    }
    Ok(NewTask { path, trigger, spec, depends_on: draft.depends_on.clone(), caps: draft.caps()? })
}

impl CreateArgs {
    fn into_request(self, context: &Context) -> Result<NewTask, CliError> {
        let prompt = self.prompt.read(self.stdin.is_some())?;
        let settings = context.settings(&[])?.settings;
        let draft = TaskDraft {
            kind: self.trigger.kind,
            schedule: self.trigger.schedule,
            timezone: self.trigger.timezone,
            misfire: self.trigger.misfire,
            overlap: self.trigger.overlap,
            on: self.trigger.on,
            depends_on: self.trigger.depends_on,
            priority: self.priority.priority,
            max_active: self.max_active,
            ..self.spec.draft()
        };
        request(self.path, &draft, prompt, &settings)
    }
}

fn print_done(ui: &Ui, task: &Task, done: &str, json: JsonFlag) -> Result<(), CliError> {
    if json.json { ui.json(task) } else { ui.line(&format!("task {} {done}", task.path)) }
}

/// Schedules and events are kept and checked; what fires them is not part of this version, and a
/// person who waits for them has to know.
pub(crate) fn warn_of_trigger(ui: &Ui, task: &Task) {
    match task.kind {
        TaskKind::OneShot => {}
        TaskKind::Cron { .. } | TaskKind::Event { .. } => ui.warn(&format!(
            "this version keeps the {} of {} and does not start it by itself yet",
            if matches!(task.kind, TaskKind::Cron { .. }) { "schedule" } else { "events" },
            task.path
        )),
    }
}

fn print_list(ui: &Ui, tasks: &[Task], json: JsonFlag) -> Result<(), CliError> {
    if json.json {
        return ui.json(&tasks);
    }
    if tasks.is_empty() {
        ui.note("there is no task yet");
        ui.hint("make one with `orch task create PROJECT/REPO/TASK --prompt TEXT`");
        return Ok(());
    }
    let now = Timestamp::now();
    let mut table = Table::new(&["TASK", "KIND", "HARNESS", "SANDBOX", "NEXT", "CHANGED", ""]);
    for task in tasks {
        table.row([
            (Role::Heading, task.path.to_string()),
            (Role::Plain, words::of_wire_name(task.kind.name())),
            (Role::Plain, task.spec.harness.name().to_owned()),
            (Role::Plain, task.spec.sandbox.kind.name().to_owned()),
            (Role::Plain, next_due(&task.kind, now)),
            (Role::Faint, age(task.updated_at, now)),
            (Role::Faint, archived_mark(task.archived_at)),
        ]);
    }
    table.print(ui)
}

fn print_one(ui: &Ui, task: &Task) -> Result<(), CliError> {
    let now = Timestamp::now();
    let depends_on: Vec<String> = task.depends_on.iter().map(ToString::to_string).collect();
    let (schedule, events) = match &task.kind {
        TaskKind::OneShot => (String::new(), String::new()),
        TaskKind::Cron { schedule } => {
            (format!("{} ({})", schedule.cron, schedule.timezone), String::new())
        }
        TaskKind::Event { on } => (String::new(), on.join(", ")),
    };
    let spec = &task.spec;
    print_fields(
        ui,
        &[
            ("task", task.path.to_string()),
            ("kind", words::of_wire_name(task.kind.name())),
            ("schedule", schedule),
            ("next", next_due(&task.kind, now)),
            ("on", events),
            ("depends on", depends_on.join(", ")),
            ("harness", spec.harness.name().to_owned()),
            ("sandbox", spec.sandbox.kind.name().to_owned()),
            ("image", spec.sandbox.image.clone()),
            ("network", spec.sandbox.network.name().to_owned()),
            ("setup", spec.setup.join("; ")),
            ("verify", spec.verify.join("; ")),
            ("solve", spec.solve.join("; ")),
            ("timeout", format!("{}, idle {}", spec.timeouts.total, spec.timeouts.idle)),
            ("at once", cap(&task.caps)),
            ("changed", age(task.updated_at, now)),
            ("archived", task.archived_at.map(|at| age(at, now)).unwrap_or_default()),
        ],
    )?;
    ui.line("")?;
    for line in crate::domain::text::printable(&spec.instructions).lines() {
        ui.line(line)?;
    }
    Ok(())
}

fn next_due(kind: &TaskKind, now: Timestamp) -> String {
    match kind {
        TaskKind::Cron { schedule } => match schedule.next_after(now) {
            Ok(next) => format!("{next:.0}"),
            Err(_) => "never".to_owned(),
        },
        TaskKind::OneShot | TaskKind::Event { .. } => String::new(),
    }
}
