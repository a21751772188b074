//! `orch daemon`: the engine in the foreground, or started, stopped and shown in the background.

use std::fs;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;
use tracing_subscriber::EnvFilter;

use super::context::Context;
use super::error::{CliError, ErrorKind};
use super::exit::Exit;
use super::output::age;
use super::spec::JsonFlag;
use super::start::{self, Started};
use super::table::print_fields;
use crate::api::client::{Client, ClientError};
use crate::api::transport::SocketProblem;
use crate::api::view::{Health, Standby, Stats};
use crate::config::layers;
use crate::daemon::{AlreadyRunning, NoRecord, Start};

/// How long a daemon may take to leave: stages that are being read need a moment.
const STOP_LIMIT: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

/// The arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Without a subcommand the daemon runs in the foreground, as service managers and containers want
it. SIGTERM makes it leave; what runs goes on and is adopted by the next one.")]
pub(crate) struct DaemonArgs {
    #[command(subcommand)]
    command: Option<DaemonCommand>,
    /// A setting that goes over file and environment, such as run.timeout=1h; can be repeated
    #[arg(long = "set", value_name = "SETTING=VALUE")]
    settings: Vec<String>,
    /// Leave the session of the caller, as the background needs it
    #[arg(long, hide = true)]
    own_session: bool,
}

/// What to do with the daemon in the background.
#[derive(Debug, Subcommand)]
enum DaemonCommand {
    /// Start it in the background, if none runs
    Start,
    /// Stop it; what runs goes on, and the next daemon adopts it
    Stop,
    /// Show whether it runs, and what it carries
    Status {
        #[command(flatten)]
        json: JsonFlag,
    },
}

impl DaemonArgs {
    /// Whether the daemon itself is asked for.
    pub(crate) fn is_foreground(&self) -> bool {
        self.command.is_none()
    }
}

/// Whether a daemon runs, for programs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    running: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<Health>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<Stats>,
}

/// Runs the daemon in the foreground.
///
/// # Errors
/// Where the settings cannot be used, or the daemon ends with an error.
pub(crate) fn foreground(context: &Context, args: &DaemonArgs) -> Result<Exit, CliError> {
    if args.own_session {
        // It fails only where the process leads a group, and then has left the caller's already.
        rustix::process::setsid().ok();
    }
    let mut flags = Vec::new();
    for flag in &args.settings {
        flags.push(layers::read_flag(flag)?);
    }
    let settings = context.settings(&flags)?.settings;
    write_log(&settings.log.level)?;
    let reloading = context.clone();
    let start = Start {
        paths: context.paths()?,
        settings,
        environment: context.environment().clone(),
        reload: Box::new(move || match reloading.settings(&flags) {
            Ok(loaded) => Ok(loaded.settings),
            Err(error) => Err(anyhow::anyhow!(error.headline())),
        }),
    };
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| CliError::internal("cannot start", &error))?;
    let outcome = runtime.block_on(crate::daemon::run(start));
    // What still executes lets go of its sandbox; nothing that must last is under way.
    runtime.shutdown_background();
    outcome.map(|()| Exit::Succeeded).map_err(|error| refusal(&error))
}

/// The daemon's own log goes to standard error, where the service manager, or the one who started
/// it in the background, keeps it.
fn write_log(level: &str) -> Result<(), CliError> {
    // The libraries below speak only when something is wrong with them.
    let filter = EnvFilter::try_new(format!("warn,orch={level}"))
        .map_err(|error| CliError::internal("cannot use the log level", &error))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .try_init()
        .map_err(|error| CliError::internal("cannot write a log", error.as_ref()))
}

fn refusal(error: &anyhow::Error) -> CliError {
    let causes: &(dyn std::error::Error + 'static) = error.as_ref();
    let hint = if error.is::<AlreadyRunning>() {
        "see it with `orch daemon status`, end it with `orch daemon stop`".to_owned()
    } else if let Some(problem) = error.downcast_ref::<SocketProblem>() {
        problem.hint().to_owned()
    } else if let Some(problem) = error.downcast_ref::<NoRecord>() {
        problem.hint().to_owned()
    } else {
        "ORCH_HOME says where orch's files lie".to_owned()
    };
    CliError::new(ErrorKind::Unavailable, "the daemon cannot go on").because(causes).hint(hint)
}

/// Starts, stops or shows the daemon in the background.
///
/// # Errors
/// Where it cannot be started, reached or stopped.
pub(crate) async fn run(context: &Context, args: DaemonArgs) -> Result<Exit, CliError> {
    match args.command {
        None => foreground(context, &args),
        Some(DaemonCommand::Start) => begin(context, &args.settings).await,
        Some(DaemonCommand::Stop) => stop(context).await,
        Some(DaemonCommand::Status { json }) => status(context, json).await,
    }
}

async fn begin(context: &Context, settings: &[String]) -> Result<Exit, CliError> {
    let mut flags = Vec::new();
    for flag in settings {
        flags.push(layers::read_flag(flag)?);
    }
    context.settings(&flags)?;
    let (client, started) = start::reach(context, settings).await?;
    let health = client.health().await?;
    let word = match started {
        Started::Before => "runs already",
        Started::Now => "started",
    };
    context.ui().line(&format!("the daemon {word} (process {})", health.pid))?;
    if started == Started::Before && !settings.is_empty() {
        context.ui().warn("the one that runs keeps its settings");
    }
    Ok(Exit::Succeeded)
}

async fn stop(context: &Context) -> Result<Exit, CliError> {
    let client = Client::new(context.paths()?.socket);
    let health = match client.health().await {
        Ok(health) => health,
        Err(error) if nobody_listens(&error) => {
            context.ui().line("no daemon runs")?;
            return Ok(Exit::Succeeded);
        }
        Err(error) => return Err(error.into()),
    };
    match client.shut_down().await {
        // It may leave before its answer is out.
        Ok(()) | Err(ClientError::Broken(_) | ClientError::Unreachable(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let deadline = Instant::now() + STOP_LIMIT;
    while is_alive(health.pid) {
        if Instant::now() >= deadline {
            let what = format!(
                "the daemon (process {}) has not left within {} s",
                health.pid,
                STOP_LIMIT.as_secs()
            );
            return Err(CliError::new(ErrorKind::Failed, what).hint(format!(
                "`kill -9 {}` is safe: the next daemon goes on from its record",
                health.pid
            )));
        }
        tokio::time::sleep(PAUSE).await;
    }
    context.ui().line(&format!("the daemon stopped (process {})", health.pid))?;
    Ok(Exit::Succeeded)
}

async fn status(context: &Context, json: JsonFlag) -> Result<Exit, CliError> {
    let ui = context.ui();
    let client = Client::new(context.paths()?.socket);
    let (health, stats) = match client.health().await {
        // Who stands by counts nothing.
        Ok(health) if health.standby.is_some() => (health, None),
        Ok(health) => (health, Some(client.stats().await?)),
        Err(error) if nobody_listens(&error) => {
            if json.json {
                ui.json(&Status { running: false, health: None, stats: None })?;
            } else {
                ui.line("no daemon runs")?;
                ui.hint("it starts by itself when it is needed, or with `orch daemon start`");
            }
            return Ok(Exit::Unavailable);
        }
        Err(error) => return Err(error.into()),
    };
    if json.json {
        ui.json(&Status { running: true, health: Some(health), stats })?;
        return Ok(Exit::Succeeded);
    }
    let now = Timestamp::now();
    let mut fields = vec![
        ("daemon", format!("orch {}, process {}", health.version, health.pid)),
        ("since", age(health.started_at, now)),
        ("home", health.home),
        ("instance", health.instance),
        ("record", health.store),
        ("socket", client.socket().display().to_string()),
    ];
    if let Some(Standby { leader, .. }) = health.standby {
        fields.push(("standing by", format!("{leader} leads")));
    }
    let percent = |share: Option<u32>| share.map(|share| format!("{share} %")).unwrap_or_default();
    if let Some(stats) = stats {
        let Stats { active, queued, needs_person, .. } = stats;
        fields.extend([
            ("runs", format!("{active} active, {queued} queued, {needs_person} for you")),
            ("processors", percent(stats.cpu_percent)),
            ("memory", percent(stats.memory_percent)),
        ]);
    }
    print_fields(&ui, &fields)?;
    Ok(Exit::Succeeded)
}

fn nobody_listens(error: &ClientError) -> bool {
    matches!(error, ClientError::Unreachable(SocketProblem::NobodyListens(_)))
}

/// Whether the process is there; one that only waits to be buried is not.
fn is_alive(pid: u32) -> bool {
    match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => match stat.rsplit_once(')') {
            Some((_, rest)) => !rest.trim_start().starts_with(['Z', 'X']),
            None => true,
        },
        Err(_) => false,
    }
}
