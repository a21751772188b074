//! What the daemon answers where it is not a stored document as it is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::event::LogSource;
use crate::domain::failure::Failure;
use crate::domain::id::{ProjectId, RepositoryId, RunId, TaskId};
use crate::domain::limits::{Priority, SandboxKind};
use crate::domain::run::{Run, RunState};
use crate::domain::slug::TaskPath;
use crate::domain::stage::{Stage, StageRecord};
use crate::domain::task::HarnessKind;

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The things.
    pub items: Vec<T>,
    /// Where the next page begins, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// The daemon's version.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// Since when.
    pub started_at: Timestamp,
    /// Where its record is.
    pub home: String,
    /// What separates its containers from another daemon's.
    pub instance: String,
    /// The record's address, without its password.
    #[serde(default)]
    pub store: String,
    /// Who leads instead, where this one stands by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standby: Option<Standby>,
}

/// The daemon that leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Standby {
    /// Its instance and host.
    pub leader: String,
    /// Until when, if it does not renew its lease; `None` until it leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// A run without its instructions, for lists and news.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunSummary {
    /// Its identity.
    pub id: RunId,
    /// The version of the run that this tells of.
    pub version: u64,
    /// The project.
    pub project: ProjectId,
    /// The repository.
    pub repository: RepositoryId,
    /// The task.
    pub task: TaskId,
    /// The task's address.
    pub path: TaskPath,
    /// The adapter.
    pub harness: HarnessKind,
    /// Container or process.
    pub sandbox: SandboxKind,
    /// What goes first.
    pub priority: Priority,
    /// Where it stands.
    #[serde(flatten)]
    pub state: RunState,
    /// Its timeline.
    pub stages: Vec<StageRecord>,
    /// How often Solve was begun.
    pub solve_rounds: u32,
    /// Whether it will stop after the stage that executes.
    pub pause_requested: bool,
    /// The failure that brought it where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl From<&Run> for RunSummary {
    fn from(run: &Run) -> Self {
        Self {
            id: run.id(),
            version: run.version(),
            project: run.project(),
            repository: run.repository(),
            task: run.task(),
            path: run.path().clone(),
            harness: run.spec().harness,
            sandbox: run.spec().sandbox.kind,
            priority: run.spec().priority,
            state: run.state().clone(),
            stages: run.stages().to_vec(),
            solve_rounds: run.solve_rounds(),
            pause_requested: run.is_pause_requested(),
            failure: run.failure().cloned(),
            created_at: run.created_at(),
            updated_at: run.updated_at(),
        }
    }
}

/// One line of a run's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogEntry {
    /// Its number in the run's whole log, from 1.
    pub line: u64,
    /// When it was printed.
    pub at: Timestamp,
    /// The stage that printed it.
    pub stage: Stage,
    /// Standard output or standard error.
    pub source: LogSource,
    /// The text, as the stage printed it.
    pub text: String,
}

/// A piece of a run's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogPage {
    /// The lines.
    pub lines: Vec<LogEntry>,
    /// How many lines the log has so far.
    pub total: u64,
    /// The number of the last event that this page takes into account: follow from there.
    pub seq: u64,
}

/// A run's changes to its repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Diff {
    /// The commit that it started from.
    pub base: String,
    /// The commit that it ended at.
    pub head: String,
    /// As `git diff` prints it.
    pub patch: String,
}

/// How the host is and what it carries.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// Busy share of the processors, in percent; none where it cannot be told yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_percent: Option<u32>,
    /// Used share of the memory, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_percent: Option<u32>,
    /// Runs that execute.
    pub active: u64,
    /// Runs that wait for a slot.
    pub queued: u64,
    /// Runs that wait for a person.
    pub needs_person: u64,
}
