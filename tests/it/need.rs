//! What a case may need of the machine, looked for once and for real.

use std::fmt;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use portable_pty::{PtySize, native_pty_system};

use crate::mongodb;

/// The image in which cases run their containers.
const BASE_IMAGE: &str = "debian:bookworm-slim";

/// Long enough for a busy engine, short enough for a person who waits for a dead one.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// Something that has to be there before a case can run.
///
/// A new one is a variant here, a name below, a slot in [`Machine`] and a look at the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// A Docker engine on a unix socket, with the base image.
    Docker,
    /// The git program.
    Git,
    /// A pseudo-terminal of our own.
    Terminal,
    /// The right to act as another user.
    Root,
    /// A MongoDB server that all cases share.
    MongoDb,
    /// A command that starts a MongoDB server, for cases that kill theirs.
    MongoDbCommand,
}

impl fmt::Display for Need {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Docker => "Docker",
            Self::Git => "git",
            Self::Terminal => "a pseudo-terminal",
            Self::Root => "root",
            Self::MongoDb => "a MongoDB server",
            Self::MongoDbCommand => "a command that starts a MongoDB server",
        })
    }
}

/// Why a need is not met, and what a person can do about it.
pub(crate) struct Missing {
    /// Goes on after "because".
    pub(crate) reason: String,
    /// An instruction.
    pub(crate) remedy: &'static str,
}

/// What this machine has; each need is looked for when the first case asks for it.
#[derive(Default)]
pub(crate) struct Machine {
    docker: OnceLock<Result<(), Missing>>,
    git: OnceLock<Result<(), Missing>>,
    terminal: OnceLock<Result<(), Missing>>,
    root: OnceLock<Result<(), Missing>>,
    mongodb: OnceLock<Result<(), Missing>>,
    mongodb_command: OnceLock<Result<(), Missing>>,
}

impl Machine {
    /// Whether the need is met.
    pub(crate) fn has(&self, need: Need) -> Result<(), &Missing> {
        let found = match need {
            Need::Docker => self.docker.get_or_init(look_for_docker),
            Need::Git => self.git.get_or_init(look_for_git),
            Need::Terminal => self.terminal.get_or_init(look_for_terminal),
            Need::Root => self.root.get_or_init(look_for_root),
            Need::MongoDb => self.mongodb.get_or_init(mongodb::look_for_server),
            Need::MongoDbCommand => self.mongodb_command.get_or_init(mongodb::look_for_command),
        };
        found.as_ref().copied()
    }
}

fn look_for_docker() -> Result<(), Missing> {
    let missing = |reason| Missing {
        reason,
        remedy: "run .ci/prepare, or start Docker and pull debian:bookworm-slim",
    };
    match docker_get("/_ping") {
        Ok((200, _)) => {}
        Ok((status, _)) => {
            return Err(missing(format!("Docker did not answer (its ping gave {status})")));
        }
        Err(error) => return Err(missing(format!("Docker did not answer ({error})"))),
    }
    match docker_get(&format!("/images/{BASE_IMAGE}/json")) {
        Ok((200, _)) => Ok(()),
        Ok((status, _)) => {
            Err(missing(format!("Docker does not have the image {BASE_IMAGE} ({status})")))
        }
        Err(error) => Err(missing(format!("Docker stopped answering ({error})"))),
    }
}

fn look_for_git() -> Result<(), Missing> {
    let reason = match Command::new("git").arg("--version").output() {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => format!("git does not work ({})", output.status),
        Err(error) => format!("git cannot be started ({error})"),
    };
    Err(Missing { reason, remedy: "install the package git" })
}

fn look_for_terminal() -> Result<(), Missing> {
    match native_pty_system().openpty(PtySize::default()) {
        Ok(_) => Ok(()),
        Err(error) => Err(Missing {
            reason: format!("no pseudo-terminal could be opened ({error})"),
            remedy: "mount devpts on /dev/pts",
        }),
    }
}

fn look_for_root() -> Result<(), Missing> {
    if rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let reason = "only root can act as another user".to_owned();
    Err(Missing { reason, remedy: "run the tests as root, in a container of their own" })
}

/// Asks the Docker engine for a path; answers with the status and the body.
///
/// HTTP/1.0 by hand: the engine closes after its answer, so that the body is all that follows the
/// head, and the check depends on nothing that it is there to check.
pub(crate) fn docker_get(path: &str) -> io::Result<(u16, String)> {
    let socket = docker_socket()?;
    let named =
        |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", socket.display()));
    let mut stream = UnixStream::connect(&socket).map_err(named)?;
    stream.set_read_timeout(Some(ANSWER_LIMIT))?;
    stream.set_write_timeout(Some(ANSWER_LIMIT))?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(named)?;
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split(' ').nth(1).and_then(|word| word.parse().ok());
    match (status, answer.split_once("\r\n\r\n")) {
        (Some(status), Some((_, body))) => Ok((status, body.to_owned())),
        (_, _) => Err(named(io::Error::other("the answer is not HTTP"))),
    }
}

pub(crate) fn docker_socket() -> io::Result<PathBuf> {
    let host = match std::env::var("DOCKER_HOST") {
        Ok(host) if !host.is_empty() => host,
        Ok(_) | Err(_) => "unix:///var/run/docker.sock".to_owned(),
    };
    match host.strip_prefix("unix://") {
        Some(path) => Ok(PathBuf::from(path)),
        None => Err(io::Error::other(format!("DOCKER_HOST is {host}, not a unix socket"))),
    }
}
