//! A run: one execution of a task, and the only rules by which its state may change.
//!
//! ```text
//!            ┌────────────── retry, resume, approval ─────────────┐
//!            ▼                                                    │
//!  Queued(stage) ─▶ Active(stage) ─▶ Active … ─▶ Ending(outcome) ─┼▶ Ended(outcome)
//!                        └──────────▶ Waiting(reason) ────────────┘
//! ```
//!
//! A run that waits holds no slot: it comes back through `Queued`. `Ending` is the durable record
//! that the outcome is decided while its ends are still being tied (result collected, envelope
//! written); a crash in between repeats those steps and never takes the decision again.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::duration::HumanDuration;
use super::failure::{Failure, FailureClass};
use super::id::{ProjectId, RepositoryId, RunId, TaskId};
use super::slug::TaskPath;
use super::stage::{Stage, StageRecord};
use super::task::TaskSpec;

mod fact;
mod transition;

pub use fact::{Fact, StageReport, StopReason};
pub use transition::{Refused, RunEffect, Transition};

/// The shape of stored runs.
pub const RUN_SCHEMA: u32 = 1;

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "state")]
pub enum RunState {
    /// It waits for a slot.
    Queued {
        /// The stage that comes next.
        next: Stage,
        /// Since when.
        since: Timestamp,
    },
    /// A stage executes.
    Active(ActiveStage),
    /// It waits for something else than a slot.
    Waiting {
        /// For what.
        #[serde(flatten)]
        reason: WaitReason,
        /// Since when.
        since: Timestamp,
    },
    /// How it ends is decided; its ends are being tied.
    Ending {
        /// How.
        #[serde(flatten)]
        outcome: Outcome,
        /// Since when.
        since: Timestamp,
    },
    /// It is over. Nothing changes any more.
    Ended {
        /// How.
        #[serde(flatten)]
        outcome: Outcome,
        /// Since when.
        since: Timestamp,
    },
}

/// The stage that executes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActiveStage {
    /// Which.
    pub stage: Stage,
    /// Which execution of it, from 1.
    pub attempt: u32,
    /// When it was begun.
    pub since: Timestamp,
    /// Whether its sandbox is known to be up.
    pub running: bool,
    /// When it is stopped, whatever it does.
    pub deadline: Timestamp,
    /// Which limit that deadline comes from.
    pub limit: Deadline,
    /// Why it is being stopped, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopping: Option<StopReason>,
}

/// What a run can wait for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "why")]
pub enum WaitReason {
    /// For a person's consent, to go on with a stage.
    Approval {
        /// The stage that comes next.
        next: Stage,
    },
    /// For a person, because it could not be solved.
    Review,
    /// For a time, to try a stage again.
    Retry {
        /// The stage that comes next.
        next: Stage,
        /// The time.
        until: Timestamp,
    },
    /// For a person, who stopped it.
    Paused {
        /// The stage that comes next.
        next: Stage,
    },
}

/// How a run can end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "outcome")]
pub enum Outcome {
    /// All stages passed.
    Succeeded,
    /// One did not.
    Failed {
        /// Why.
        class: FailureClass,
    },
    /// A person stopped or refused it.
    Cancelled,
    /// A deadline passed.
    TimedOut {
        /// Which one.
        deadline: Deadline,
    },
    /// It was not to run at all.
    Skipped,
}

impl Outcome {
    /// The word for people.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed { .. } => "failed",
            Self::Cancelled => "cancelled",
            Self::TimedOut { .. } => "timed out",
            Self::Skipped => "skipped",
        }
    }
}

/// A limit in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Deadline {
    /// Of one stage.
    Stage,
    /// Of all stages together.
    Total,
    /// Without output.
    Idle,
}

impl Deadline {
    /// The word for people, as in "the stage timeout".
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stage => "stage",
            Self::Total => "total",
            Self::Idle => "idle",
        }
    }
}

/// What a new run is made of.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// Its identity.
    pub id: RunId,
    /// The project.
    pub project: ProjectId,
    /// The repository.
    pub repository: RepositoryId,
    /// The task.
    pub task: TaskId,
    /// The task's address.
    pub path: TaskPath,
    /// What is to be done.
    pub spec: TaskSpec,
    /// The repository's setup commands, which come before the task's own.
    pub repository_setup: Vec<String>,
    /// Where the repository is cloned from.
    pub source: String,
    /// The branch that it starts from; `None` is whatever the source calls HEAD.
    pub base_branch: Option<String>,
    /// A key under which asking again finds this run instead of making another.
    pub idempotency_key: Option<String>,
}

/// One execution of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    schema: u32,
    version: u64,
    id: RunId,
    project: ProjectId,
    repository: RepositoryId,
    task: TaskId,
    path: TaskPath,
    source: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base_branch: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    idempotency_key: Option<String>,
    spec: TaskSpec,
    #[serde(flatten)]
    state: RunState,
    #[serde(default)]
    pause_requested: bool,
    #[serde(default)]
    solve_rounds: u32,
    #[serde(default)]
    retries: u32,
    #[serde(default)]
    losses: u32,
    #[serde(default)]
    attempts: BTreeMap<Stage, u32>,
    #[serde(default)]
    active_time: HumanDuration,
    #[serde(default)]
    stages: Vec<StageRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Run {
    /// A run as it begins: queued, or waiting for consent if the task asks for it.
    pub fn create(new: NewRun, now: Timestamp) -> Self {
        let mut spec = new.spec;
        let mut setup = new.repository_setup;
        setup.append(&mut spec.setup);
        spec.setup = setup;
        let state = match spec.approval {
            super::limits::ApprovalProfile::BeforeStart => RunState::Waiting {
                reason: WaitReason::Approval { next: Stage::Prepare },
                since: now,
            },
            super::limits::ApprovalProfile::None
            | super::limits::ApprovalProfile::BeforePublish => {
                RunState::Queued { next: Stage::Prepare, since: now }
            }
        };
        Self {
            schema: RUN_SCHEMA,
            version: 1,
            id: new.id,
            project: new.project,
            repository: new.repository,
            task: new.task,
            path: new.path,
            source: new.source,
            base_branch: new.base_branch,
            idempotency_key: new.idempotency_key,
            spec,
            state,
            pause_requested: false,
            solve_rounds: 0,
            retries: 0,
            losses: 0,
            attempts: BTreeMap::new(),
            active_time: HumanDuration::default(),
            stages: Vec::new(),
            failure: None,
            base: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// Its identity.
    pub fn id(&self) -> RunId {
        self.id
    }

    /// The version of this document.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The project.
    pub fn project(&self) -> ProjectId {
        self.project
    }

    /// The repository.
    pub fn repository(&self) -> RepositoryId {
        self.repository
    }

    /// The task.
    pub fn task(&self) -> TaskId {
        self.task
    }

    /// The task's address.
    pub fn path(&self) -> &TaskPath {
        &self.path
    }

    /// What is to be done.
    pub fn spec(&self) -> &TaskSpec {
        &self.spec
    }

    /// Where the repository is cloned from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The branch that it starts from; `None` is whatever the source calls HEAD.
    pub fn base_branch(&self) -> Option<&str> {
        self.base_branch.as_deref()
    }

    /// The key under which asking again finds this run.
    pub fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    /// Where it stands.
    pub fn state(&self) -> &RunState {
        &self.state
    }

    /// Its timeline.
    pub fn stages(&self) -> &[StageRecord] {
        &self.stages
    }

    /// The failure that brought it where it is, if one did.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// The commit that it started from, once that is known.
    pub fn base(&self) -> Option<&str> {
        self.base.as_deref()
    }

    /// How often Solve was begun for a failed verification.
    pub fn solve_rounds(&self) -> u32 {
        self.solve_rounds
    }

    /// Whether it will stop after the stage that executes.
    pub fn is_pause_requested(&self) -> bool {
        self.pause_requested
    }

    /// When it was made.
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// When it last changed.
    pub fn updated_at(&self) -> Timestamp {
        self.updated_at
    }

    /// The branch that its work is on.
    pub fn branch(&self) -> String {
        format!("agent/{}/{}/{}", self.path.repository, self.path.task, self.id)
    }

    /// Whether it holds a slot: a stage executes, or its ends are being tied.
    pub fn holds_slot(&self) -> bool {
        match self.state {
            RunState::Active(_) | RunState::Ending { .. } => true,
            RunState::Queued { .. } | RunState::Waiting { .. } | RunState::Ended { .. } => false,
        }
    }

    /// The outcome, once it is over.
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.state {
            RunState::Ended { outcome, .. } => Some(outcome),
            RunState::Queued { .. }
            | RunState::Active(_)
            | RunState::Waiting { .. }
            | RunState::Ending { .. } => None,
        }
    }

    /// Whether a person has to decide before it goes on.
    pub fn needs_person(&self) -> bool {
        match &self.state {
            RunState::Waiting { reason, .. } => match reason {
                WaitReason::Approval { .. } | WaitReason::Review => true,
                WaitReason::Retry { .. } | WaitReason::Paused { .. } => false,
            },
            RunState::Queued { .. }
            | RunState::Active(_)
            | RunState::Ending { .. }
            | RunState::Ended { .. } => false,
        }
    }

    /// How long it took, or takes so far.
    pub fn wall_time(&self, now: Timestamp) -> HumanDuration {
        let until =
            if self.outcome().is_some() { self.updated_at } else { now.max(self.updated_at) };
        HumanDuration::between(self.created_at, until)
    }
}

#[cfg(test)]
pub(crate) mod tests;
