//! A finding: something a person must look at.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::id::{FindingId, RepositoryId, RunId};
use super::slug::TaskPath;

/// The shape of stored findings.
pub const FINDING_SCHEMA: u32 = 1;

/// How far a person has come with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FindingState {
    /// Nobody has looked.
    New,
    /// Somebody has.
    Acknowledged,
    /// Somebody is at it.
    InProgress,
    /// Done.
    Resolved,
    /// Not to be done.
    Ignored,
}

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Work stands still, or something is at risk.
    High,
    /// It should be looked at.
    Medium,
    /// Good to know.
    Low,
}

impl Severity {
    /// The name as it is shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

/// What sort of thing it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FindingKind {
    /// A run failed.
    FailedRun,
    /// A run waits for consent.
    Approval,
    /// A run could not be solved and waits for a person.
    Review,
    /// A container of ours had no run that it belonged to.
    Orphan,
}

impl FindingKind {
    /// The name as it is shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FailedRun => "failed run",
            Self::Approval => "approval",
            Self::Review => "review",
            Self::Orphan => "orphan",
        }
    }
}

/// Something a person must look at: what happened, where, why probably, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The shape that this document has.
    pub schema: u32,
    /// Grows with each write; a write that does not name the current one is refused.
    pub version: u64,
    /// Its identity.
    pub id: FindingId,
    /// What is the same about all occurrences that are counted together.
    pub fingerprint: String,
    /// How far a person has come with it.
    pub state: FindingState,
    /// How much it matters.
    pub severity: Severity,
    /// What sort of thing it is.
    pub kind: FindingKind,
    /// What happened, in one line.
    pub title: String,
    /// Why, probably; such as the end of a log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What to do next.
    pub suggestion: String,
    /// The repository where it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<RepositoryId>,
    /// The task that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskPath>,
    /// The run that showed it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// How often it occurred.
    pub count: u64,
    /// When it first occurred.
    pub first_at: Timestamp,
    /// When it last occurred.
    pub last_at: Timestamp,
}

impl Finding {
    /// The same finding after it occurred once more: counted, told anew, and open again if
    /// somebody had thought it done.
    pub fn seen_again(&self, latest: &Self) -> Self {
        let reopened = match self.state {
            FindingState::Resolved => FindingState::New,
            FindingState::New
            | FindingState::Acknowledged
            | FindingState::InProgress
            | FindingState::Ignored => self.state,
        };
        Self {
            version: self.version + 1,
            id: self.id,
            state: reopened,
            count: self.count + 1,
            first_at: self.first_at,
            last_at: self.last_at.max(latest.last_at),
            ..latest.clone()
        }
    }

    /// Whether it still wants a person.
    pub const fn is_open(&self) -> bool {
        match self.state {
            FindingState::New | FindingState::Acknowledged | FindingState::InProgress => true,
            FindingState::Resolved | FindingState::Ignored => false,
        }
    }
}

#[cfg(test)]
mod tests;
