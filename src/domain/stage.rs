//! The steps of a run, and how one of them ended.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::failure::Failure;

/// A step of a run. Each executes in a sandbox of its own.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Stage {
    /// Makes the workspace and runs the repository's setup commands.
    Prepare,
    /// Runs the harness on the instructions.
    Implement,
    /// Runs the checks that decide "done".
    Verify,
    /// Gives the failed checks back to the harness.
    Solve,
    /// Takes the branch out of the sandbox and to where the policy says.
    Publish,
}

impl Stage {
    /// Every stage, in the order of a run.
    pub const ALL: [Self; 5] =
        [Self::Prepare, Self::Implement, Self::Verify, Self::Solve, Self::Publish];

    /// The name as it is stored, shown and used in names of containers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Implement => "implement",
            Self::Verify => "verify",
            Self::Solve => "solve",
            Self::Publish => "publish",
        }
    }

    /// Whether it can start again after it was lost without counting as an attempt: it has no
    /// effect that a second execution would double.
    pub const fn is_safe_to_repeat(self) -> bool {
        match self {
            Self::Prepare | Self::Verify | Self::Publish => true,
            Self::Implement | Self::Solve => false,
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How a stage ended, as the world reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "result")]
pub enum StageResult {
    /// All of it succeeded.
    Passed,
    /// It ended by itself, without success.
    Failed {
        /// Why.
        failure: Failure,
    },
    /// It was stopped because we asked for it.
    Stopped,
}

/// What became of one execution of a stage; a line of the run's timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StageRecord {
    /// Which stage.
    pub stage: Stage,
    /// Which execution of it, from 1.
    pub attempt: u32,
    /// When it was begun.
    pub started_at: Timestamp,
    /// When it ended; `None` while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// The exit code of what ran in it, where something did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// Whether it succeeded; `None` while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed: Option<bool>,
}
