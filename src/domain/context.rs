//! A context: what is told to runs besides their task, and carried from one to the next. Every
//! change is a revision of its own, so that two can be compared and none is lost.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::audit::Actor;
use super::id::{ContextId, RepositoryId, RunId, TaskId};
use super::size::ByteSize;
use super::slug::Slug;

/// The shape of stored contexts.
pub const CONTEXT_SCHEMA: u32 = 1;

/// The longest text of a context; as long as a prompt may be.
pub const MAX_CONTEXT: ByteSize = ByteSize::from_mib(1);

/// Which runs are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "id")]
pub enum ContextScope {
    /// One run.
    Run(RunId),
    /// The runs of a task.
    Task(TaskId),
    /// The runs in a repository.
    Repository(RepositoryId),
    /// All runs.
    Global,
}

impl fmt::Display for ContextScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(id) => write!(f, "run/{id}"),
            Self::Task(id) => write!(f, "task/{id}"),
            Self::Repository(id) => write!(f, "repository/{id}"),
            Self::Global => f.write_str("global"),
        }
    }
}

/// One revision of a context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Context {
    /// The shape that this document has.
    pub schema: u32,
    /// Grows with each write; a write that does not name the current one is refused.
    pub version: u64,
    /// The identity of this revision.
    pub id: ContextId,
    /// Which runs are told.
    pub scope: ContextScope,
    /// Its name in the scope.
    pub name: Slug,
    /// Which revision this is, from 1.
    pub revision: u64,
    /// What is told.
    pub text: String,
    /// Who wrote it.
    pub by: Actor,
    /// When.
    pub created_at: Timestamp,
}

/// More text than a context may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the context has {}, more than the {} that runs can be told; shorten it",
    .0.rounded(), MAX_CONTEXT.rounded()
)]
pub struct ContextTooLong(ByteSize);

impl Context {
    /// The first revision of a context.
    ///
    /// # Errors
    /// [`ContextTooLong`].
    pub fn new(
        id: ContextId,
        scope: ContextScope,
        name: Slug,
        text: String,
        by: Actor,
        now: Timestamp,
    ) -> Result<Self, ContextTooLong> {
        let length = ByteSize::from_bytes(text.len() as u64);
        if length > MAX_CONTEXT {
            return Err(ContextTooLong(length));
        }
        Ok(Self {
            schema: CONTEXT_SCHEMA,
            version: 1,
            id,
            scope,
            name,
            revision: 1,
            text,
            by,
            created_at: now,
        })
    }

    /// The revision after this one. Of two that follow the same one, only one can be stored; the
    /// other has to look at it first.
    ///
    /// # Errors
    /// [`ContextTooLong`].
    pub fn revised(
        &self,
        id: ContextId,
        text: String,
        by: Actor,
        now: Timestamp,
    ) -> Result<Self, ContextTooLong> {
        let first = Self::new(id, self.scope, self.name.clone(), text, by, now)?;
        Ok(Self { revision: self.revision + 1, ..first })
    }

    /// `scope/name@revision`: a revision is written once.
    pub fn entry(&self) -> String {
        format!("{}/{}@{}", self.scope, self.name, self.revision)
    }
}

#[cfg(test)]
mod tests;
