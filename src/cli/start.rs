//! Starting the daemon in the background: on demand, as every command that needs it does, or by
//! `orch daemon start`.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::context::Context;
use super::error::{CliError, ErrorKind};
use crate::api::client::{Client, ClientError};
use crate::api::transport::SocketProblem;
use crate::api::view::Health;
use crate::config::paths::Paths;
use crate::domain::text::printable;

/// How long a new daemon may take until it answers.
const START_LIMIT: Duration = Duration::from_secs(10);
/// How long another daemon may take to answer after ours gave way to it, or to be gone.
const YIELD_LIMIT: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(20);
/// The flag by which a daemon in the background is told to leave the caller's session.
pub(crate) const OWN_SESSION: &str = "--own-session";
/// What is shown of the words of a daemon that did not start.
const TAIL_LINES: usize = 20;
const TAIL_BYTES: u64 = 16 << 10;

/// Whether there was something to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Started {
    /// A daemon answered already.
    Before,
    /// This process started it.
    Now,
}

/// The daemon that answers, started if none does; `flags` go to the one that is started.
///
/// # Errors
/// Where the socket cannot be used, or no daemon answers in time.
pub(crate) async fn reach(
    context: &Context,
    flags: &[String],
) -> Result<(Client, Started), CliError> {
    let paths = context.paths()?;
    let client = Client::new(&paths.socket);
    let patience = Instant::now() + YIELD_LIMIT;
    loop {
        match client.health().await {
            Ok(health) => {
                warn_of_other_version(context, &health);
                return Ok((client, Started::Before));
            }
            Err(ClientError::Unreachable(SocketProblem::NobodyListens(_))) => break,
            // One that is dying in this moment still takes connections, and drops them.
            Err(ClientError::Broken(_)) if Instant::now() < patience => {
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    // Settings that cannot be used are told here, and not in the daemon's file.
    context.settings(&[])?;
    let (child, output) = spawn(context, &paths, flags)?;
    wait_until_it_answers(&client, child, &output).await?;
    Ok((client, Started::Now))
}

fn warn_of_other_version(context: &Context, health: &Health) {
    let mine = env!("CARGO_PKG_VERSION");
    if health.version != mine {
        context.ui().warn(&format!("the daemon is orch {}, this is orch {mine}", health.version));
        context.ui().hint("`orch daemon stop` lets the next command start the new one");
    }
}

/// The file with what daemons in the background print.
pub(crate) fn output_file(paths: &Paths) -> PathBuf {
    paths.state.join("daemon.out")
}

/// What a daemon printed since it was started.
struct Output {
    path: PathBuf,
    from: u64,
}

fn spawn(context: &Context, paths: &Paths, flags: &[String]) -> Result<(Child, Output), CliError> {
    let cannot = |what: String, error: &std::io::Error| {
        CliError::new(ErrorKind::Unavailable, what)
            .because(error)
            .hint("ORCH_HOME says where orch's files lie; check that you may write there")
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&paths.state)
        .map_err(|error| cannot(format!("cannot make {}", paths.state.display()), &error))?;
    let path = output_file(paths);
    let open = || OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
    let opened = open().and_then(|out| Ok((out.metadata()?.len(), out.try_clone()?, out)));
    let (from, out, err) =
        opened.map_err(|error| cannot(format!("cannot write {}", path.display()), &error))?;
    let program = std::env::current_exe()
        .map_err(|error| cannot("cannot tell where the program orch lies".to_owned(), &error))?;
    let child = Command::new(program)
        .args(["daemon", OWN_SESSION])
        .args(flags.iter().flat_map(|flag| ["--set", flag]))
        .env_clear()
        .envs(context.environment())
        // The daemon must not hold on to the folder that the caller happens to be in.
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err)
        .spawn()
        .map_err(|error| cannot("cannot start the daemon".to_owned(), &error))?;
    Ok((child, Output { path, from }))
}

async fn wait_until_it_answers(
    client: &Client,
    mut child: Child,
    output: &Output,
) -> Result<(), CliError> {
    let mut deadline = Instant::now() + START_LIMIT;
    let mut ended = None;
    loop {
        let Err(problem) = client.health().await else { return Ok(()) };
        if ended.is_none()
            && let Ok(Some(status)) = child.try_wait()
        {
            // Two that start at the same time: one gives way, and the other answers soon.
            ended = Some(status);
            deadline = deadline.min(Instant::now() + YIELD_LIMIT);
        }
        if Instant::now() >= deadline {
            let what = match ended {
                Some(status) => format!("the daemon ended before it answered ({status})"),
                None => format!("the daemon did not answer within {} s", START_LIMIT.as_secs()),
            };
            let error = CliError::new(ErrorKind::Unavailable, what).because(&problem);
            return Err(told_with_last_words(error, output));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn told_with_last_words(mut error: CliError, output: &Output) -> CliError {
    for line in tail(&output.path, output.from) {
        error = error.hint(format!("the daemon said: {line}"));
    }
    error
        .hint(format!("all that it printed is in {}", output.path.display()))
        .hint("`orch daemon` runs it in the foreground, where it can be watched")
}

fn tail(path: &Path, from: u64) -> Vec<String> {
    let length = fs::metadata(path).map(|found| found.len()).unwrap_or(from);
    let start = from.max(length.saturating_sub(TAIL_BYTES));
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|mut file| {
        file.seek(SeekFrom::Start(start))?;
        file.take(TAIL_BYTES).read_to_end(&mut bytes)
    });
    if read.is_err() {
        return Vec::new();
    }
    let text = printable(&String::from_utf8_lossy(&bytes));
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].iter().map(|&line| line.to_owned()).collect()
}
