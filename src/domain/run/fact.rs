//! What a run can be told. A fact carries what the world knows; what follows from it is decided
//! by the run's transitions.

use serde::{Deserialize, Serialize};

use super::Deadline;
use crate::domain::stage::{Stage, StageResult};

/// Something that happened, as a run is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// It was given a slot.
    Dispatched,
    /// The sandbox of a stage is up.
    StageRunning {
        /// Which stage.
        stage: Stage,
        /// Which execution of it.
        attempt: u32,
    },
    /// A stage ended.
    StageEnded(StageReport),
    /// What ran a stage is gone, and its end with it.
    StageLost {
        /// Which stage.
        stage: Stage,
        /// Which execution of it.
        attempt: u32,
    },
    /// A deadline passed.
    DeadlinePassed(Deadline),
    /// The time of a retry has come.
    RetryDue,
    /// A person wants it to stop.
    CancelRequested,
    /// A person wants it to stop after the stage that executes.
    PauseRequested,
    /// A person wants it to go on.
    ResumeRequested,
    /// A person consents.
    Approved,
    /// A person refuses.
    Rejected {
        /// In their words.
        comment: String,
    },
    /// It is not to run at all.
    SkipRequested,
    /// Its ends are tied.
    Settled,
}

/// What the world reports of a stage that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageReport {
    /// Which stage.
    pub stage: Stage,
    /// Which execution of it.
    pub attempt: u32,
    /// The exit code, where something ran.
    pub exit: Option<i32>,
    /// The commit that the workspace was made from, told by Prepare.
    pub base: Option<String>,
    /// How it ended.
    pub result: StageResult,
}

/// Why a stage is being stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "by", content = "limit")]
pub enum StopReason {
    /// A person asked.
    Cancel,
    /// A deadline passed.
    Deadline(Deadline),
}
