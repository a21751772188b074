//! What happened in a run: one numbered fact after another, from 1, without a gap. The number is
//! the cursor of every reader. Logs are events too.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::failure::Failure;
use super::id::RunId;
use super::run::{Deadline, Outcome, WaitReason};
use super::stage::{Stage, StageResult};

/// One fact about a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunEvent {
    /// The run that it belongs to.
    pub run: RunId,
    /// Its number in the run.
    pub seq: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

impl RunEvent {
    /// The piece of log that it is, if it is one.
    pub fn chunk(&self) -> Option<&LogChunk> {
        match &self.kind {
            EventKind::Log { chunk } => Some(chunk),
            EventKind::Created
            | EventKind::Queued { .. }
            | EventKind::StageBegun { .. }
            | EventKind::StageRunning { .. }
            | EventKind::StageEnded { .. }
            | EventKind::StageLost { .. }
            | EventKind::CancelRequested
            | EventKind::DeadlinePassed { .. }
            | EventKind::PauseRequested
            | EventKind::PauseWithdrawn
            | EventKind::Waiting { .. }
            | EventKind::Approved
            | EventKind::Rejected { .. }
            | EventKind::Ending { .. }
            | EventKind::Ended { .. }
            | EventKind::Note { .. } => None,
        }
    }
}

/// What can happen in a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "event")]
pub enum EventKind {
    /// The run was accepted.
    Created,
    /// It waits for a slot, to go on with this stage.
    Queued {
        /// The stage that comes next.
        next: Stage,
    },
    /// A stage was begun.
    StageBegun {
        /// Which.
        stage: Stage,
        /// Which execution of it.
        attempt: u32,
    },
    /// The sandbox of the stage is up.
    StageRunning {
        /// Which.
        stage: Stage,
        /// Which execution of it.
        attempt: u32,
    },
    /// A stage ended.
    StageEnded {
        /// Which.
        stage: Stage,
        /// Which execution of it.
        attempt: u32,
        /// The exit code, where something ran.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exit: Option<i32>,
        /// How.
        #[serde(flatten)]
        result: StageResult,
    },
    /// What ran a stage is gone without a trace of its end.
    StageLost {
        /// Which.
        stage: Stage,
        /// Which execution of it.
        attempt: u32,
    },
    /// A person asked to stop.
    CancelRequested,
    /// A deadline passed; the stage is being stopped.
    DeadlinePassed {
        /// Which one.
        deadline: Deadline,
    },
    /// A person asked to stop after the stage that runs.
    PauseRequested,
    /// A person took the pause back.
    PauseWithdrawn,
    /// The run waits, and holds no slot.
    Waiting {
        /// For what.
        #[serde(flatten)]
        reason: WaitReason,
        /// The failure that led here, if one did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
    },
    /// A person consented.
    Approved,
    /// A person refused.
    Rejected {
        /// In their words.
        comment: String,
    },
    /// How it ends is decided; its ends are being tied.
    Ending {
        /// How.
        #[serde(flatten)]
        outcome: Outcome,
    },
    /// It is over.
    Ended {
        /// How.
        #[serde(flatten)]
        outcome: Outcome,
    },
    /// Something that orch wants a reader of the log to know.
    Note {
        /// In one line.
        text: String,
    },
    /// Output.
    Log {
        /// The lines.
        #[serde(flatten)]
        chunk: LogChunk,
    },
}

/// Where a line of a log came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LogSource {
    /// The standard output of the stage.
    #[serde(rename = "o")]
    Stdout,
    /// Its standard error.
    #[serde(rename = "e")]
    Stderr,
}

impl LogSource {
    /// The name as it is shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// One line: milliseconds since the first line of its chunk, its source, its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine(pub u32, pub LogSource, pub String);

/// How far the raw output of one execution of a stage has been read, per stream; the place to go
/// on from after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutputCursor {
    /// Bytes of standard output.
    pub stdout: u64,
    /// Bytes of standard error.
    pub stderr: u64,
}

impl OutputCursor {
    /// The count of one stream.
    pub fn stream(&mut self, source: LogSource) -> &mut u64 {
        match source {
            LogSource::Stdout => &mut self.stdout,
            LogSource::Stderr => &mut self.stderr,
        }
    }
}

/// Some lines of a run's log, stored together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogChunk {
    /// The stage that printed them.
    pub stage: Stage,
    /// Which execution of it.
    pub attempt: u32,
    /// The number of the first line in the run's whole log, from 1.
    pub first_line: u64,
    /// The lines.
    pub lines: Vec<LogLine>,
    /// Where the raw output stands after them.
    pub cursor: OutputCursor,
    /// A checksum over this chunk's text and the checksum of the chunk before: a piece that is
    /// missing or changed breaks the chain.
    pub checksum: String,
}

impl LogChunk {
    /// The number that the next line will have.
    pub fn next_line(&self) -> u64 {
        self.first_line + self.lines.len() as u64
    }

    /// The number of its last line, if it has lines and begins right after this one.
    pub fn follows(&self, last_line: u64) -> Option<u64> {
        let is_next = self.first_line == last_line + 1 && !self.lines.is_empty();
        is_next.then(|| self.next_line() - 1)
    }
}
