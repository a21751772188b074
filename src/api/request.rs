//! What clients ask for.

use serde::{Deserialize, Serialize};

use crate::domain::limits::{Caps, Priority};
use crate::domain::slug::{RepositoryPath, Slug, TaskPath};
use crate::domain::task::{TaskKind, TaskSpec};

/// The largest body that is read: instructions of the largest size, escaped, and room.
pub const MAX_BODY: usize = 8 << 20;

/// A project to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewProject {
    /// Its name in addresses.
    pub slug: Slug,
    /// What it is, for people.
    #[serde(default)]
    pub title: String,
    /// The customer that it is for.
    #[serde(default)]
    pub customer: Option<String>,
    /// What its repositories together may use.
    #[serde(default)]
    pub caps: Caps,
}

/// A repository to be made known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewRepository {
    /// Its address.
    pub path: RepositoryPath,
    /// Where it is cloned from: an absolute path or a URL.
    pub source: String,
    /// The branch that runs start from.
    #[serde(default)]
    pub branch: Option<String>,
    /// Commands that make a fresh clone ready.
    #[serde(default)]
    pub setup: Vec<String>,
    /// What its tasks together may use.
    #[serde(default)]
    pub caps: Caps,
}

/// A task to be made, or to take the place of the one with this address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewTask {
    /// Its address.
    pub path: TaskPath,
    /// What makes it run.
    pub trigger: TaskKind,
    /// How it is carried out.
    pub spec: TaskSpec,
    /// Tasks that must have succeeded before.
    #[serde(default)]
    pub depends_on: Vec<TaskPath>,
    /// How many of its runs may be active at once.
    #[serde(default)]
    pub caps: Caps,
}

/// Whether a thing is to be put away or taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Archive {
    /// True puts it away, false takes it back.
    pub archived: bool,
}

/// A run to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewRun {
    /// Of what.
    pub of: RunTarget,
    /// What goes first; the task's own where it is not given.
    #[serde(default)]
    pub priority: Option<Priority>,
    /// A key under which asking again finds the same run.
    #[serde(default)]
    pub idempotency_key: Option<String>,
}

/// What a run is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum RunTarget {
    /// A task that is known.
    Task(TaskPath),
    /// Something said on the spot, on a repository that is made known if it is not.
    AdHoc {
        /// Where the repository is cloned from: an absolute path or a URL.
        source: String,
        /// What to do.
        spec: Box<TaskSpec>,
    },
}

/// A refusal with a reason.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Reject {
    /// In a person's words.
    #[serde(default)]
    pub comment: String,
}
