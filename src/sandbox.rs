//! Where stages execute. Everything inside a sandbox is hostile, everything that comes out of it
//! is input.
//!
//! [`Sandbox`] is one of the two seams of orch, with [`docker`] and [`process`] behind it. What is
//! launched has a name derived from the run, so that launching again finds it, and it outlives
//! the daemon: its output and its exit code can be had afterwards.

use std::path::PathBuf;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::event::{LogSource, OutputCursor};
use crate::domain::id::{ProjectId, RepositoryId, RunId, TaskId};
use crate::domain::limits::NetworkProfile;
use crate::domain::size::ByteSize;

pub mod docker;
pub mod process;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a sandbox did not do as asked. Callers act on the variant.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The engine does not answer.
    #[error("{engine} does not answer")]
    Unreachable {
        /// What was asked, with its address.
        engine: String,
        /// Why it does not answer.
        #[source]
        source: Source,
    },
    /// The engine is there, and we may not speak to it.
    #[error("no permission to use {engine}")]
    Permission {
        /// What was asked, with its address.
        engine: String,
        /// The system's word.
        #[source]
        source: Source,
    },
    /// The image is not on the engine.
    #[error("the image {0} is not there")]
    ImageMissing(String),
    /// What was asked for is not there, or not any more.
    #[error("the sandbox {0} is not there")]
    NotFound(String),
    /// The name belongs to something that is not ours.
    #[error("{0} is the name of something that is not ours; it is left alone")]
    NotOurs(String),
    /// It was refused or went wrong.
    #[error("failed to {action}")]
    Failed {
        /// What was to be done, and to what.
        action: String,
        /// Why it was not.
        #[source]
        source: Source,
    },
}

impl SandboxError {
    /// What a person can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Unreachable { .. } => {
                "start the engine, set docker.host, or choose --sandbox process".to_owned()
            }
            Self::Permission { .. } => {
                "add yourself to the engine's group (usermod -aG docker $USER, then log in \
                 again), or choose --sandbox process"
                    .to_owned()
            }
            Self::ImageMissing(image) => format!("get it first: docker pull {image}"),
            Self::NotFound(_) => "it was removed by somebody else; run again".to_owned(),
            Self::NotOurs(_) => "rename or remove the other one".to_owned(),
            Self::Failed { .. } => "read the engine's words above".to_owned(),
        }
    }

    /// Whether the engine may answer later, so that the same can be asked again.
    pub fn is_away(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Permission { .. } => true,
            Self::ImageMissing(_) | Self::NotFound(_) | Self::NotOurs(_) | Self::Failed { .. } => {
                false
            }
        }
    }
}

/// To whom a sandbox belongs; carried by it as labels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The daemon's instance: two daemons on one engine leave each other's alone.
    pub instance: String,
    /// The project.
    pub project: ProjectId,
    /// The repository.
    pub repository: RepositoryId,
    /// The task.
    pub task: TaskId,
    /// The run.
    pub run: RunId,
    /// The stage, or another step of the run.
    pub step: String,
}

/// A folder of the host that a sandbox sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Where it lies on the host.
    pub host: PathBuf,
    /// Where the sandbox sees it.
    pub inside: PathBuf,
    /// Whether the sandbox may write there.
    pub writable: bool,
}

/// What is to be launched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LaunchSpec {
    /// Its name, unique on the engine and derived from the run.
    pub name: String,
    /// To whom it belongs.
    pub owner: Owner,
    /// The image; without meaning for a process.
    pub image: String,
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// The whole environment.
    pub env: Vec<(String, String)>,
    /// The folder that it starts in, as it sees it.
    pub folder: PathBuf,
    /// What it sees of the host; a process sees everything that the user does.
    pub mounts: Vec<Mount>,
    /// What it may reach.
    pub network: NetworkProfile,
    /// Its memory.
    pub memory: ByteSize,
    /// Its processors, in thousandths.
    pub milli_cpus: u32,
    /// Its processes and threads.
    pub pids: u32,
    /// The user and group inside a container, whose the workspace is.
    pub user: (u32, u32),
}

/// A piece of output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFrame {
    /// Which stream.
    pub source: LogSource,
    /// When it was printed.
    pub at: Timestamp,
    /// What was printed.
    pub bytes: Bytes,
}

impl OutputFrame {
    /// What of it is not known yet, if anything is; `known` shrinks by what was. Both streams are
    /// counted each for itself, because their order among each other is not kept.
    fn unknown(&self, known: &mut OutputCursor) -> Option<Self> {
        let left = known.stream(self.source);
        let skipped = usize::try_from(*left).unwrap_or(usize::MAX).min(self.bytes.len());
        *left -= skipped as u64;
        let bytes = self.bytes.slice(skipped..);
        (!bytes.is_empty()).then_some(Self { bytes, ..*self })
    }
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// The exit code; 128 and the signal's number where a signal ended it.
    pub code: i32,
    /// Whether the memory limit ended it.
    pub out_of_memory: bool,
}

/// A sandbox of ours that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its name.
    pub name: String,
    /// To whom it belongs, as far as it says.
    pub run: Option<RunId>,
    /// Whether something still executes in it.
    pub running: bool,
}

/// Whether, and with what, sandboxes can be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// The engine, its version and address.
    pub engine: String,
}

/// Where stages execute.
#[async_trait]
pub trait Sandbox: Send + Sync {
    /// Whether sandboxes can be made now, with this image.
    async fn check(&self, image: &str) -> Result<Readiness, SandboxError>;

    /// Makes the image, if it is one that orch makes itself and it is not there; each line of
    /// progress goes to `told`. Does nothing for any other image.
    async fn provide(
        &self,
        image: &str,
        told: &(dyn Fn(String) + Send + Sync),
    ) -> Result<(), SandboxError>;

    /// Launches, or finds what was launched under this name before, running or ended. `NotOurs`
    /// where the name is somebody else's.
    async fn launch(&self, spec: &LaunchSpec) -> Result<(), SandboxError>;

    /// All that belong to an instance.
    async fn find(&self, instance: &str) -> Result<Vec<Found>, SandboxError>;

    /// Its output, from a position on, until it has ended and everything was read. Asking again
    /// from the position that was reached gives the rest, without a gap and without a double.
    async fn output(
        &self,
        name: &str,
        from: OutputCursor,
    ) -> Result<BoxStream<'static, Result<OutputFrame, SandboxError>>, SandboxError>;

    /// Waits until it has ended. `NotFound` where it is gone.
    async fn wait(&self, name: &str) -> Result<Exit, SandboxError>;

    /// Asks it to end, and ends it when the grace is over. Does nothing where it has ended.
    async fn stop(&self, name: &str, grace: std::time::Duration) -> Result<(), SandboxError>;

    /// Removes it, whatever it does. Does nothing where it is gone. `NotOurs` where it is not.
    async fn remove(&self, name: &str) -> Result<(), SandboxError>;
}
