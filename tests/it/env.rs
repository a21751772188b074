//! A hermetic orch: an empty environment, a home of its own below a short path, and its daemon
//! stopped at the end.

use std::error::Error;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::wait::wait_for;

/// The longest that a command may take; what is asked for is small.
const COMMAND_LIMIT: Duration = Duration::from_secs(120);

/// The longest that a daemon may take to be gone.
const END_LIMIT: Duration = Duration::from_secs(60);

/// The settings that cases of both sandboxes share: an image that is there without being built.
const CONFIG: &str = "[run]\nimage = \"debian:bookworm-slim\"\ntimeout = \"5m\"\n";

/// A home for orch, and a repository to work on.
pub(crate) struct Env {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) command: String,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Env {
    /// A new home, with nothing in it but settings.
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        // Below /tmp whatever TMPDIR says: the socket's path has 107 bytes.
        let folder = tempfile::Builder::new().prefix("orch-").tempdir_in("/tmp")?;
        fs::create_dir(folder.path().join("home"))?;
        fs::write(folder.path().join("home/config.toml"), CONFIG)?;
        Ok(Self { folder, variables: Vec::new() })
    }

    /// The same with another variable.
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// Where everything of this case lies.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file below the folder.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf, Box<dyn Error>> {
        let path = self.folder().join(name);
        fs::write(&path, text)?;
        Ok(path)
    }

    /// A git repository with one commit, made on the first call.
    pub(crate) fn repository(&self) -> Result<PathBuf, Box<dyn Error>> {
        let folder = self.folder().join("repo");
        if folder.exists() {
            return Ok(folder);
        }
        fs::create_dir(&folder)?;
        fs::write(folder.join("README"), "hello\n")?;
        self.git(&["init", "--quiet", "--initial-branch", "main"])?;
        self.git(&["add", "README"])?;
        self.git(&["commit", "--quiet", "--message", "First"])?;
        Ok(folder)
    }

    /// Runs git in the repository and returns what it printed.
    pub(crate) fn git(&self, arguments: &[&str]) -> Result<String, Box<dyn Error>> {
        let output = Command::new("git")
            .args(arguments)
            .current_dir(self.folder().join("repo"))
            .env_clear()
            .env("PATH", path())
            .env("HOME", "/nonexistent")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_AUTHOR_NAME", "test")
            .env("GIT_AUTHOR_EMAIL", "test@orch.invalid")
            .env("GIT_COMMITTER_NAME", "test")
            .env("GIT_COMMITTER_EMAIL", "test@orch.invalid")
            .output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// The command, not started yet: in the repository if there is one, with nothing on stdin.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let repository = self.folder().join("repo");
        let here = if repository.exists() { repository } else { self.folder().to_owned() };
        let mut command = Command::new(env!("CARGO_BIN_EXE_orch"));
        command
            .args(arguments)
            .current_dir(here)
            .env_clear()
            .env("PATH", path())
            .env("HOME", "/nonexistent")
            .env("ORCH_HOME", self.folder().join("home"))
            .envs(docker_host())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Sends a signal such as `-9` to this home's daemon, and returns its process.
    pub(crate) fn signal_daemon(&self, name: &str) -> Result<u64, Box<dyn Error>> {
        let status = self.orch(&["daemon", "status", "--json"])?.exits(0).json()?;
        let pid = status["health"]["pid"].as_u64().ok_or("no process in the status")?;
        assert!(Command::new("kill").args([name, &pid.to_string()]).status()?.success());
        Ok(pid)
    }

    /// Kills this home's daemon, and waits until it is gone.
    pub(crate) fn kill_daemon(&self) -> Result<(), Box<dyn Error>> {
        wait_for_end_of(self.signal_daemon("-9")?)
    }

    /// Runs orch to its end.
    pub(crate) fn orch<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Result<Said, Box<dyn Error>> {
        self.orch_with(arguments, None)
    }

    /// Runs orch to its end, with bytes on its standard input.
    pub(crate) fn orch_reading<S: AsRef<OsStr>>(
        &self,
        arguments: &[S],
        input: &[u8],
    ) -> Result<Said, Box<dyn Error>> {
        self.orch_with(arguments, Some(input.to_vec()))
    }

    fn orch_with<S: AsRef<OsStr>>(
        &self,
        arguments: &[S],
        input: Option<Vec<u8>>,
    ) -> Result<Said, Box<dyn Error>> {
        let words: Vec<String> =
            arguments.iter().map(|word| word.as_ref().to_string_lossy().into_owned()).collect();
        let mut command = self.command(arguments);
        if input.is_some() {
            command.stdin(Stdio::piped());
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
            // It may stop reading early, which is what some cases are about.
            thread::spawn(move || stdin.write_all(&input).ok());
        }
        let pid = child.id();
        let waiting = thread::spawn(move || child.wait_with_output());
        let ended = wait_for(&format!("orch {}", words.join(" ")), COMMAND_LIMIT, || {
            if waiting.is_finished() { Ok(()) } else { Err(format!("process {pid} runs")) }
        });
        if let Err(error) = ended {
            Command::new("kill").args(["-9", &pid.to_string()]).status()?;
            return Err(error.into());
        }
        let output: Output = waiting.join().map_err(|_panic| "the waiting thread panicked")??;
        Ok(Said {
            command: words.join(" "),
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout)?,
            stderr: String::from_utf8(output.stderr)?,
        })
    }
}

/// Waits until a process is gone; one that only waits to be buried is.
pub(crate) fn wait_for_end_of(pid: u64) -> Result<(), Box<dyn Error>> {
    wait_for("the daemon to be gone", END_LIMIT, || {
        match fs::read_to_string(format!("/proc/{pid}/stat")) {
            Ok(stat) if !stat.contains(") Z ") => Err(stat),
            _ => Ok(()),
        }
    })?;
    Ok(())
}

impl Drop for Env {
    fn drop(&mut self) {
        // A daemon that does not leave shows in the next look at the machine, not here.
        self.command(&["daemon", "stop"]).stdout(Stdio::null()).stderr(Stdio::null()).status().ok();
        // A case that failed half-way may have left containers, which would go on without us.
        let script = "test -e \"$0\" || exit 0; \
                      docker ps -aq --filter label=orch.instance=$(cat \"$0\") | xargs -r docker rm -f";
        let instance = self.folder().join("home/data/instance");
        Command::new("sh")
            .args([OsStr::new("-c"), OsStr::new(script), instance.as_os_str()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .ok();
    }
}

impl Said {
    /// Fails with everything that was said unless the exit code is this one.
    #[track_caller]
    pub(crate) fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "orch {}: {self:#?}", self.command);
        self
    }

    /// Fails unless stderr contains the text.
    #[track_caller]
    pub(crate) fn tells(&self, text: &str) -> &Self {
        assert!(self.stderr.contains(text), "stderr lacks {text:?}: {self:#?}");
        self
    }

    /// Fails unless stdout contains the text.
    #[track_caller]
    pub(crate) fn prints(&self, text: &str) -> &Self {
        assert!(self.stdout.contains(text), "stdout lacks {text:?}: {self:#?}");
        self
    }

    /// The one JSON document on stdout.
    pub(crate) fn json(&self) -> Result<Value, Box<dyn Error>> {
        serde_json::from_str(&self.stdout).map_err(|error| format!("{error}: {self:#?}").into())
    }
}

/// Programs are found as the caller finds them.
fn path() -> String {
    std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned())
}

/// The engine that the machine's owner has chosen.
fn docker_host() -> Option<(String, String)> {
    let host = std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty())?;
    Some(("DOCKER_HOST".to_owned(), host))
}
