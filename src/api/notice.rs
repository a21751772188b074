//! News: what changed, for readers who keep a picture. A reader that missed some, because it was
//! away too long or too slow, is told to start over.

use serde::{Deserialize, Serialize};

use super::view::RunSummary;
use crate::domain::finding::Finding;
use crate::domain::id::RunId;
use crate::domain::project::Project;
use crate::domain::repository::Repository;
use crate::domain::task::Task;

/// One change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "notice")]
pub enum Notice {
    /// A run was made or changed.
    Run {
        /// As it is now.
        run: Box<RunSummary>,
    },
    /// A run's log grew.
    Log {
        /// The run.
        run: RunId,
        /// The number of its last event.
        seq: u64,
        /// The number of its last line.
        line: u64,
    },
    /// A project was made or changed.
    Project {
        /// As it is now.
        project: Box<Project>,
    },
    /// A repository was made or changed.
    Repository {
        /// As it is now.
        repository: Box<Repository>,
    },
    /// A task was made or changed.
    Task {
        /// As it is now.
        task: Box<Task>,
    },
    /// A finding was made or changed.
    Finding {
        /// As it is now.
        finding: Box<Finding>,
    },
    /// Some news are lost for this reader: it has to read everything anew.
    Reset,
}

impl Notice {
    /// The name of the change, for filters.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Run { .. } => "run",
            Self::Log { .. } => "log",
            Self::Project { .. } => "project",
            Self::Repository { .. } => "repository",
            Self::Task { .. } => "task",
            Self::Finding { .. } => "finding",
            Self::Reset => "reset",
        }
    }
}
