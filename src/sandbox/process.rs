//! Processes of the host, without a container: only for what its user trusts.
//!
//! Each lives under a keeper of its own, which is this same program started as `orch __keep`: it
//! leads a session of its own, so that it survives the daemon, writes the output to a file with
//! times, and the exit code when there is one. Everything about a process lies in one folder
//! under its name.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use super::{Exit, Found, LaunchSpec, OutputFrame, Readiness, Sandbox, SandboxError};
use crate::domain::event::OutputCursor;

pub mod keeper;
mod record;

use record::Record;

/// How long a keeper may take to say that it has begun.
const BEGIN: Duration = Duration::from_secs(10);

/// Processes whose folders lie below one root.
pub struct ProcessSandbox {
    root: PathBuf,
    keeper: PathBuf,
}

impl ProcessSandbox {
    /// Processes with their folders below `root`; `keeper` is this program, as it can be started.
    pub fn new(root: PathBuf, keeper: PathBuf) -> Self {
        Self { root, keeper }
    }

    fn record(&self, name: &str) -> Record {
        Record::new(self.root.join(name))
    }

    fn existing(&self, name: &str) -> Result<Record, SandboxError> {
        let record = self.record(name);
        if record.is_there() { Ok(record) } else { Err(SandboxError::NotFound(name.to_owned())) }
    }
}

fn failed(action: &str, name: &str) -> impl Fn(io::Error) -> SandboxError {
    let action = format!("{action} the process {name}");
    move |error| SandboxError::Failed { action: action.clone(), source: Box::new(error) }
}

#[async_trait]
impl Sandbox for ProcessSandbox {
    async fn check(&self, _image: &str) -> Result<Readiness, SandboxError> {
        Ok(Readiness { engine: "processes of this host".to_owned() })
    }

    async fn provide(
        &self,
        _image: &str,
        _told: &(dyn Fn(String) + Send + Sync),
    ) -> Result<(), SandboxError> {
        Ok(())
    }

    async fn launch(&self, spec: &LaunchSpec) -> Result<(), SandboxError> {
        let record = self.record(&spec.name);
        if record.is_there() {
            return Ok(());
        }
        let action = failed("start", &spec.name);
        record.write_spec(spec).map_err(&action)?;
        let log = fs::File::create(record.keeper_log()).map_err(&action)?;
        let mut keeper = tokio::process::Command::new(&self.keeper)
            .arg0("orch")
            .arg(keeper::COMMAND)
            .arg(record.folder())
            .env_clear()
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(&action)?)
            .stderr(log)
            .current_dir("/")
            .spawn()
            .map_err(&action)?;
        let identity_file = record.identity_file();
        let begun = record::wait_for(&identity_file, &record, BEGIN);
        tokio::select! {
            begun = begun => begun.map_err(&action)?,
            ended = keeper.wait() => {
                let code = ended.map_err(&action)?;
                // A short life may be over before we look; or another keeper has it.
                if !record.exit_file().exists() && !record.claim_file().exists() {
                    let words = fs::read_to_string(record.keeper_log()).unwrap_or_default();
                    return Err(action(io::Error::other(format!("{code}: {}", words.trim()))));
                }
            }
        }
        // Its end is read from the file; this only keeps it from staying behind as a zombie.
        tokio::spawn(async move { keeper.wait().await });
        Ok(())
    }

    async fn find(&self, instance: &str) -> Result<Vec<Found>, SandboxError> {
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed("list", "sandboxes")(error)),
        };
        let mut found = Vec::new();
        for entry in entries.flatten() {
            let record = Record::new(entry.path());
            let Ok(spec) = record.read_spec() else { continue };
            if spec.owner.instance == instance {
                found.push(Found {
                    name: spec.name,
                    run: Some(spec.owner.run),
                    running: record.live_keeper().is_some(),
                });
            }
        }
        Ok(found)
    }

    async fn output(
        &self,
        name: &str,
        from: OutputCursor,
    ) -> Result<BoxStream<'static, Result<OutputFrame, SandboxError>>, SandboxError> {
        let record = self.existing(name)?;
        record::follow(record, from).map_err(failed("read the output of", name))
    }

    async fn wait(&self, name: &str) -> Result<Exit, SandboxError> {
        let record = self.existing(name)?;
        if let Some(keeper) = record.live_keeper() {
            wait_for_end(keeper).await.map_err(failed("wait for", name))?;
        }
        if let Some(exit) = record.exit() {
            return Ok(exit);
        }
        // Its keeper is gone and cannot tell its end any more. What it still does, nobody wants:
        // the same may be begun anew in its place.
        kill(&record).await.map_err(failed("stop", name))?;
        Err(SandboxError::NotFound(name.to_owned()))
    }

    async fn stop(&self, name: &str, grace: Duration) -> Result<(), SandboxError> {
        let record = self.record(name);
        let Some(child) = record.live_child() else { return Ok(()) };
        signal(child, Signal::TERM);
        if tokio::time::timeout(grace, wait_for_end(child)).await.is_err() {
            signal(child, Signal::KILL);
            wait_for_end(child).await.map_err(failed("stop", name))?;
        }
        if let Some(keeper) = record.live_keeper() {
            wait_for_end(keeper).await.map_err(failed("stop", name))?;
        }
        Ok(())
    }

    async fn remove(&self, name: &str) -> Result<(), SandboxError> {
        let record = self.record(name);
        if !record.folder().exists() {
            return Ok(());
        }
        kill(&record).await.map_err(failed("stop", name))?;
        fs::remove_dir_all(record.folder()).map_err(failed("remove", name))
    }
}

/// Ends the process, and waits until its keeper has written that down.
async fn kill(record: &Record) -> io::Result<()> {
    if let Some(child) = record.live_child() {
        signal(child, Signal::KILL);
        wait_for_end(child).await?;
    }
    if let Some(keeper) = record.live_keeper() {
        wait_for_end(keeper).await?;
    }
    Ok(())
}

/// Signals the process and everything that it started in its group; the keeper is not in it.
fn signal(child: i32, signal: Signal) {
    if let Some(group) = Pid::from_raw(child) {
        // It may have ended in this moment, which is what we want.
        let _gone_already = kill_process_group(group, signal);
    }
}

/// Waits until a process that need not be our child has ended.
async fn wait_for_end(pid: i32) -> io::Result<()> {
    let Some(pid) = Pid::from_raw(pid) else { return Ok(()) };
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(descriptor) => {
            record::readable(descriptor)?.readable().await?.retain_ready();
            Ok(())
        }
        // It is gone.
        Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
