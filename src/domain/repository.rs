//! A repository: the unit of operation. Tasks, schedules, findings and history hang on it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::id::{ProjectId, RepositoryId};
use super::limits::Caps;
use super::slug::RepositoryPath;

/// The shape of stored repositories.
pub const REPOSITORY_SCHEMA: u32 = 1;

/// One git repository that runs are made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Repository {
    /// The shape that this document has.
    pub schema: u32,
    /// Grows with each write; a write that does not name the current one is refused.
    pub version: u64,
    /// Its identity.
    pub id: RepositoryId,
    /// The project that it belongs to.
    pub project: ProjectId,
    /// Its address.
    pub path: RepositoryPath,
    /// Where it is cloned from: an absolute path or a URL.
    pub source: String,
    /// The branch that runs start from; `None` is whatever the source calls HEAD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Commands that make a fresh clone ready, for every task.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub setup: Vec<String>,
    /// What its tasks together may use.
    #[serde(default)]
    pub caps: Caps,
    /// When it was made known.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was put away; its history stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<Timestamp>,
}

impl Repository {
    /// A new repository.
    pub fn new(
        id: RepositoryId,
        project: ProjectId,
        path: RepositoryPath,
        source: String,
        now: Timestamp,
    ) -> Self {
        Self {
            schema: REPOSITORY_SCHEMA,
            version: 1,
            id,
            project,
            path,
            source,
            branch: None,
            setup: Vec::new(),
            caps: Caps::default(),
            created_at: now,
            updated_at: now,
            archived_at: None,
        }
    }
}
