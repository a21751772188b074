//! The git program, with nothing of the user's environment and configuration but what it needs to
//! reach the user's own repositories.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

/// How long one call may take; a first fetch of a large repository is slow.
const LIMIT: Duration = Duration::from_secs(30 * 60);

/// The most that is taken of what git prints, such as a patch,
const MAX_OUTPUT: usize = 64 << 20;
/// and of what it says about it.
const MAX_WORDS: usize = 256 << 10;

/// What git gets of the environment: where programs are, and what ssh needs.
#[derive(Debug, Clone, Default)]
pub struct HostEnv {
    /// Names and values.
    pub variables: Vec<(&'static str, OsString)>,
}

impl HostEnv {
    /// The variables that are handed on.
    pub const NAMES: [&'static str; 4] = ["PATH", "HOME", "SSH_AUTH_SOCK", "USER"];

    /// Takes them from an environment.
    pub fn from(env: impl Fn(&str) -> Option<OsString>) -> Self {
        let variables =
            Self::NAMES.into_iter().filter_map(|name| Some((name, env(name)?))).collect();
        Self { variables }
    }

    /// One of them.
    pub fn get(&self, name: &str) -> Option<&OsString> {
        self.variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

/// git refused, or could not be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to {action}")]
pub struct GitError {
    /// What was to be done.
    pub action: String,
    /// What git said.
    pub words: String,
    /// What a person can do.
    pub hints: Vec<String>,
}

impl GitError {
    pub(super) fn io(action: &str, error: &io::Error) -> Self {
        Self { action: action.to_owned(), words: error.to_string(), hints: Vec::new() }
    }

    pub(super) fn refused(why: &str) -> Self {
        Self { action: "take the result over".into(), words: why.to_owned(), hints: Vec::new() }
    }

    /// Whether another git, such as one that a daemon before us had started, holds what this one
    /// needs. It will let go.
    pub(super) fn is_locked_out(&self) -> bool {
        ["cannot lock ref", ".lock': File exists", "reference already exists", "is locked"]
            .iter()
            .any(|sign| self.words.contains(sign))
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

/// How git is called on the host.
pub struct Git {
    config: PathBuf,
    env: HostEnv,
}

/// Our own in place of the user's. A source belongs to whom it may: the user named it. Objects of
/// a cache are never thrown away, because workspaces share them.
const CONFIG: &str = "[safe]\n\tdirectory = *\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n\
                      [core]\n\tsharedRepository = 0644\n[advice]\n\tdetachedHead = false\n";

impl Git {
    pub(super) fn new(data: &Path, env: HostEnv) -> io::Result<Self> {
        let config = data.join("gitconfig");
        std::fs::write(&config, CONFIG)?;
        Ok(Self { config, env })
    }

    /// Runs git and returns what it printed, without the end of the line.
    pub(super) async fn run(&self, action: &str, arguments: &[&str]) -> Result<String, GitError> {
        let bytes = self.raw(action, arguments).await?;
        Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
    }

    /// The same on a bare repository.
    pub(super) async fn bare(
        &self,
        repository: &Path,
        action: &str,
        arguments: &[&str],
    ) -> Result<String, GitError> {
        let bytes = self.bare_raw(repository, action, arguments).await?;
        Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
    }

    /// The same, with what it printed as it is.
    pub(super) async fn bare_raw(
        &self,
        repository: &Path,
        action: &str,
        arguments: &[&str],
    ) -> Result<Vec<u8>, GitError> {
        let place = format!("--git-dir={}", repository.display());
        let mut all = vec![place.as_str()];
        all.extend(arguments);
        self.raw(action, &all).await
    }

    async fn raw(&self, action: &str, arguments: &[&str]) -> Result<Vec<u8>, GitError> {
        let mut command = Command::new("git");
        command
            .args(arguments)
            .env_clear()
            .envs(self.env.variables.iter().map(|(name, value)| (name, value)))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", &self.config)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes")
            .env("LC_ALL", "C")
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => GitError::io(action, &error).hint("install git"),
            _ => GitError::io(action, &error),
        })?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let talking = async {
            // What was written in a sandbox decides how much git has to say; we decide how much
            // of it is taken.
            let (out, words) =
                tokio::join!(bounded(stdout, MAX_OUTPUT), bounded(stderr, MAX_WORDS));
            let (out, words) = (out?, words?);
            if out.len() > MAX_OUTPUT {
                return Ok((None, out, words));
            }
            Ok((Some(child.wait().await?), out, words))
        };
        // A call that nobody waits for any more ends by itself: killed, it would leave its locks.
        let (status, out, words) = match tokio::time::timeout(LIMIT, talking).await {
            Err(_) => {
                child.start_kill().ok();
                let words = format!("git did not end within {} min", LIMIT.as_secs() / 60);
                return Err(GitError { action: action.to_owned(), words, hints: Vec::new() });
            }
            Ok(Err(error)) => return Err(GitError::io(action, &error)),
            Ok(Ok(said)) => said,
        };
        let Some(status) = status else {
            child.start_kill().ok();
            let words = format!("git printed more than {} MiB", MAX_OUTPUT >> 20);
            return Err(GitError { action: action.to_owned(), words, hints: Vec::new() });
        };
        if status.success() {
            return Ok(out);
        }
        let words = String::from_utf8_lossy(&words);
        Err(GitError {
            action: action.to_owned(),
            words: crate::domain::text::excerpt(words.trim(), 2_000),
            hints: Vec::new(),
        })
    }
}

/// All that comes, up to a little more than the limit. What comes after that is not read.
async fn bounded(from: Option<impl AsyncRead + Unpin>, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        from.take(limit as u64 + 1).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}
