//! The audit: who did what to what, when, from where, and whether it happened. An entry is written
//! once.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::id::{
    AuditId, ContextId, FindingId, ProjectId, ProviderConfigId, RepositoryId, RunId, SecretId,
    TaskId, WorkerId,
};

/// The shape of stored entries of the audit.
pub const AUDIT_SCHEMA: u32 = 1;

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Actor {
    /// A person, or a program on behalf of one.
    Person {
        /// By which name they are known to us.
        name: String,
    },
    /// The agent of a run.
    Run {
        /// Which.
        run: RunId,
    },
    /// Orch itself, by a schedule or a rule.
    Orch,
}

/// From where it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Origin {
    /// The socket on this host.
    Socket,
    /// The network, with a token.
    Tcp {
        /// The address of the other side.
        peer: String,
    },
    /// A webhook.
    Webhook {
        /// The address of the other side.
        peer: String,
    },
    /// Nobody asked: it follows from a schedule or a rule.
    Orch,
}

/// What was done. A closed list, as those of states are: who adds a thing that can be done is led
/// by the compiler to where its name belongs, and nobody looks for a misspelt one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AuditAction {
    /// It was made; of a run, started.
    Create,
    /// It was changed.
    Edit,
    /// It was put away.
    Archive,
    /// It was taken out again.
    Unarchive,
    /// A run was stopped for good.
    Cancel,
    /// A run was stopped for a while.
    Pause,
    /// It went on.
    Resume,
    /// A person consented.
    Approve,
    /// A person refused.
    Reject,
    /// The daemon was asked to end.
    Shutdown,
}

/// What it was done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "id")]
pub enum Subject {
    /// A project.
    Project(ProjectId),
    /// A repository.
    Repository(RepositoryId),
    /// A task.
    Task(TaskId),
    /// A run.
    Run(RunId),
    /// A finding.
    Finding(FindingId),
    /// A worker.
    Worker(WorkerId),
    /// A provider config.
    ProviderConfig(ProviderConfigId),
    /// A context.
    Context(ContextId),
    /// A secret.
    Secret(SecretId),
    /// The daemon.
    Daemon,
}

/// `kind/id`, by which the entries about one thing are found.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Project(id) => write!(f, "project/{id}"),
            Self::Repository(id) => write!(f, "repository/{id}"),
            Self::Task(id) => write!(f, "task/{id}"),
            Self::Run(id) => write!(f, "run/{id}"),
            Self::Finding(id) => write!(f, "finding/{id}"),
            Self::Worker(id) => write!(f, "worker/{id}"),
            Self::ProviderConfig(id) => write!(f, "providerConfig/{id}"),
            Self::Context(id) => write!(f, "context/{id}"),
            Self::Secret(id) => write!(f, "secret/{id}"),
            Self::Daemon => f.write_str("daemon"),
        }
    }
}

/// Whether it happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum AuditOutcome {
    /// It did.
    Done,
    /// It did not.
    Refused {
        /// Why.
        why: String,
    },
}

/// One thing that somebody did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// The shape that this document has.
    pub schema: u32,
    /// Always 1: what was done does not change.
    pub version: u64,
    /// Its identity.
    pub id: AuditId,
    /// Who.
    pub actor: Actor,
    /// What.
    pub action: AuditAction,
    /// To what.
    pub subject: Subject,
    /// From where.
    pub origin: Origin,
    /// Whether it happened.
    pub outcome: AuditOutcome,
    /// When.
    pub at: Timestamp,
}

#[cfg(test)]
mod tests;
