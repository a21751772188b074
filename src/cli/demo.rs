//! `orch demo`: a small program with a bug, mended before one's eyes. It has a home, a daemon and
//! a repository of its own, and leaves nothing behind.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use clap::Args;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

use self::sample::Sample;
use super::context::Context;
use super::error::{CliError, ErrorKind};
use super::exit::Exit;
use super::output::{Channel, Role, Ui, one_line};
use super::spec::word;
use crate::api::client::Client;
use crate::config::paths::Paths;
use crate::domain::envelope::EnvelopeStatus;
use crate::domain::limits::SandboxKind;

mod docker;
mod sample;

/// How long the run may take to end once it is cancelled.
const CANCEL_LIMIT: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(50);

/// The arguments.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Where stages execute [default: docker, where it answers]
    #[arg(long, value_name = "KIND", value_parser = word::<SandboxKind>())]
    sandbox: Option<SandboxKind>,
    /// Keep the folder, to look around in it
    #[arg(long)]
    keep: bool,
}

/// Shows orch at work.
///
/// # Errors
/// Where the bug was not mended, verified and delivered.
pub(crate) async fn run(context: &Context, args: &DemoArgs) -> Result<Exit, CliError> {
    let folder = make_folder(context)?;
    let stage = Stage::new(context, &folder);
    let result = match &stage {
        Ok(stage) => Box::pin(until_stopped(stage.play(context, args))).await,
        Err(error) => Err(error.clone()),
    };
    let cleared = match &stage {
        Ok(stage) => Box::pin(stage.clear(context.ui(), args.keep)).await,
        Err(_) => remove(&folder),
    };
    let exit = result?;
    cleared?;
    Ok(exit)
}

/// The play, unless somebody stops it.
async fn until_stopped(
    play: impl Future<Output = Result<Exit, CliError>>,
) -> Result<Exit, CliError> {
    let take =
        |kind| signal(kind).map_err(|error| CliError::internal("cannot listen to signals", &error));
    let mut interrupt = take(SignalKind::interrupt())?;
    let mut terminate = take(SignalKind::terminate())?;
    let mut hang_up = take(SignalKind::hangup())?;
    tokio::select! {
        result = play => result,
        _ = interrupt.recv() => Err(stopped()),
        _ = terminate.recv() => Err(stopped()),
        _ = hang_up.recv() => Err(stopped()),
    }
}

fn stopped() -> CliError {
    CliError::new(ErrorKind::Cancelled, "the demo was stopped")
}

/// Where the demo plays.
struct Stage {
    folder: PathBuf,
    sample: Sample,
    /// The context of everything that plays: its home is inside of the folder.
    context: Context,
    paths: Paths,
    program: PathBuf,
}

impl Stage {
    fn new(context: &Context, folder: &Path) -> Result<Self, CliError> {
        let mut own = context.with("ORCH_HOME", folder.join("home"));
        // The engine that the user has chosen is the demo's too; its other settings are not.
        let host = context.settings(&[])?.settings.docker.host;
        if !host.is_empty() {
            own = own.with("ORCH_DOCKER_HOST", host);
        }
        let program = std::env::current_exe()
            .map_err(|error| CliError::internal("cannot tell where orch lies", &error))?;
        Ok(Self {
            folder: folder.to_owned(),
            sample: Sample::make(&folder.join("calculator"))?,
            paths: own.paths()?,
            context: own,
            program,
        })
    }

    async fn play(&self, context: &Context, args: &DemoArgs) -> Result<Exit, CliError> {
        let ui = context.ui();
        let sandbox = self.sandbox(&ui, args).await?;

        scene(&ui, "A small calculator, and its test, which fails:")?;
        let test = self.sample.test()?;
        for line in test.lines() {
            ui.line(&format!("    {}", one_line(line)))?;
        }

        scene(&ui, "orch mends it in a sandbox, has it checked, and delivers a branch:")?;
        let arguments = [
            "run",
            "--harness",
            "script",
            "--sandbox",
            sandbox.name(),
            "--repo",
            self.sample.folder(),
            "--prompt",
            sample::FIX,
            "--verify",
            sample::CHECK,
            "--publish",
            "branch",
        ];
        let code = self.orch(&ui, &arguments).await?;
        if code != Some(i32::from(Exit::Succeeded.code())) {
            let what = match code {
                Some(code) => format!("the run did not succeed (exit {code})"),
                None => "the run was killed".to_owned(),
            };
            let told = CliError::new(ErrorKind::Failed, what);
            return Err(match sandbox {
                SandboxKind::Docker => {
                    told.hint("without containers: `orch demo --sandbox process`")
                }
                SandboxKind::Process => told,
            });
        }

        scene(&ui, "What it changed:")?;
        self.orch(&ui, &["diff", "@last"]).await?;

        let envelope = Client::new(&self.paths.socket).envelope("@last").await?;
        if envelope.status != EnvelopeStatus::Succeeded {
            return Err(CliError::new(ErrorKind::Failed, "the fix was not verified"));
        }
        let git = envelope
            .git
            .ok_or_else(|| CliError::new(ErrorKind::Failed, "the run delivered no branch"))?;
        scene(&ui, "The branch is in the repository, and nothing else in it was touched:")?;
        for line in self.sample.branches(&git.branch, &git.head)?.lines() {
            ui.line(&format!("    {}", one_line(line)))?;
        }
        scene(&ui, "That is all. Now in a repository of your own:")?;
        ui.line("    orch run --prompt 'make test'")?;
        Ok(Exit::Succeeded)
    }

    async fn sandbox(&self, ui: &Ui, args: &DemoArgs) -> Result<SandboxKind, CliError> {
        if let Some(kind) = args.sandbox {
            return Ok(kind);
        }
        let host = self.context.settings(&[])?.settings.docker.host;
        let from_environment =
            self.context.variable("DOCKER_HOST").map(|host| host.to_string_lossy().into_owned());
        match docker::answers(&host, from_environment.as_deref()).await {
            Ok(()) => Ok(SandboxKind::Docker),
            Err(why) => {
                let why = one_line(&why);
                let loud = format!(
                    "!! Docker does not answer ({why}): the demo runs as a plain process, WITHOUT a container !!"
                );
                ui.note(&ui.paint(Channel::Talk, Role::Warning, &loud));
                Ok(SandboxKind::Process)
            }
        }
    }

    /// Runs orch itself, as a person would, and returns its exit code.
    async fn orch(&self, ui: &Ui, arguments: &[&str]) -> Result<Option<i32>, CliError> {
        let shown: Vec<String> = arguments.iter().map(|word| sample::quoted(word)).collect();
        let command = format!("    $ orch {}", shown.join(" "));
        ui.line(&ui.paint(Channel::Result, Role::Busy, &command))?;
        let status = Command::new(&self.program)
            .args(arguments)
            .env_clear()
            .envs(self.context.environment())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .status()
            .await
            .map_err(|error| CliError::internal("cannot start orch", &error))?;
        Ok(status.code())
    }

    /// Ends what still runs, stops the daemon, and removes the folder.
    async fn clear(&self, ui: Ui, keep: bool) -> Result<(), CliError> {
        let client = Client::new(&self.paths.socket);
        if client.health().await.is_ok() {
            end_run(&client).await;
            let status = Command::new(&self.program)
                .args(["daemon", "stop"])
                .env_clear()
                .envs(self.context.environment())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .kill_on_drop(true)
                .status()
                .await;
            if !status.is_ok_and(|status| status.success()) {
                ui.warn("the daemon of the demo could not be stopped");
                ui.hint(&format!("its folder is {}", self.folder.display()));
            }
        }
        if keep {
            ui.note(&format!("kept: {}", self.folder.display()));
            ui.hint(&format!("ORCH_HOME={} orch runs", self.folder.join("home").display()));
            return Ok(());
        }
        remove(&self.folder)
    }
}

/// Cancels the newest run and waits until it has ended, so that no sandbox of it is left.
async fn end_run(client: &Client) {
    let deadline = Instant::now() + CANCEL_LIMIT;
    let mut asked = false;
    while Instant::now() < deadline {
        match client.run("@last").await {
            Ok(run) if run.outcome().is_none() => {}
            // It has ended, there is none, or nobody is left to ask.
            Ok(_) | Err(_) => return,
        }
        if !asked {
            asked = client.cancel_run("@last").await.is_ok();
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn scene(ui: &Ui, text: &str) -> Result<(), CliError> {
    ui.line("")?;
    ui.line(&ui.paint(Channel::Result, Role::Heading, text))
}

/// A short path: the socket lies below it, and sockets have room for 107 bytes.
fn make_folder(context: &Context) -> Result<PathBuf, CliError> {
    let id = uuid::Uuid::now_v7().simple().to_string();
    let name = format!("orch-demo-{}", &id[id.len() - 8..]);
    let chosen = context
        .variable("TMPDIR")
        .map(PathBuf::from)
        .filter(|folder| folder.is_absolute() && folder.as_os_str().len() < 60);
    let folder = chosen.unwrap_or_else(|| PathBuf::from("/tmp")).join(name);
    DirBuilder::new().mode(0o700).create(&folder).map_err(|error| {
        CliError::new(ErrorKind::Failed, format!("cannot make {}", folder.display()))
            .because(&error)
            .hint("TMPDIR says where temporary folders are made")
    })?;
    Ok(folder)
}

fn remove(folder: &Path) -> Result<(), CliError> {
    fs::remove_dir_all(folder).map_err(|error| {
        CliError::new(ErrorKind::Failed, format!("cannot remove {}", folder.display()))
            .because(&error)
            .hint(format!("remove it with `rm -rf {}`", folder.display()))
    })
}
