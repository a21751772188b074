//! The ledger of due times. Each has its row before anything is dispatched, and in the end the row
//! says which run it became or why there is none: a schedule cannot fail silently.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::duration::HumanDuration;
use super::id::{DueTimeId, RunId, TaskId};
use super::schedule::{InvalidSchedule, MisfirePolicy, Schedule};

/// The shape of stored schedules.
pub const TASK_SCHEDULE_SCHEMA: u32 = 1;

/// The shape of stored due times.
pub const DUE_TIME_SCHEMA: u32 = 1;

/// When a task is due, and how far the ledger has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskSchedule {
    /// The shape that this document has.
    pub schema: u32,
    /// Grows with each write; a write that does not name the current one is refused.
    pub version: u64,
    /// The task. Its id is the identity of this document too.
    pub task: TaskId,
    /// When the task is due.
    pub schedule: Schedule,
    /// Whether its due times become runs. Those of a schedule that is paused are left out.
    pub active: bool,
    /// The first due time that has no row yet; `None` where no date fits any more, or the task was
    /// put away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_due: Option<Timestamp>,
    /// When a due time last became a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_fired_at: Option<Timestamp>,
    /// When this last changed.
    pub updated_at: Timestamp,
}

impl TaskSchedule {
    /// The schedule of a task, from its first due time after `now` on.
    ///
    /// # Errors
    /// [`InvalidSchedule`] where it could never fire.
    pub fn new(task: TaskId, schedule: Schedule, now: Timestamp) -> Result<Self, InvalidSchedule> {
        let first = schedule.next_after(now)?;
        Ok(Self {
            schema: TASK_SCHEDULE_SCHEMA,
            version: 1,
            task,
            schedule,
            active: true,
            next_due: Some(first),
            last_fired_at: None,
            updated_at: now,
        })
    }

    /// The rows of the due times up to `now` that have none yet, the oldest first and at most
    /// `limit`, and this schedule as it is once they are written. Nothing has to be written where
    /// there are none. Of those that are older than `patience` the misfire policy decides.
    ///
    /// The rows go first, so that a crash in between computes them again; one that is there by then
    /// stays as it is.
    ///
    /// # Errors
    /// [`InvalidSchedule`] where the schedule cannot be read any more.
    pub fn advance(
        &self,
        now: Timestamp,
        patience: HumanDuration,
        limit: usize,
    ) -> Result<(Self, Vec<DueTime>), InvalidSchedule> {
        let mut rows = Vec::new();
        let mut next = self.next_due;
        while let Some(due) = next.filter(|due| *due <= now && rows.len() < limit) {
            next = self.following(due)?;
            let has_later = next.is_some_and(|later| later <= now);
            let was_missed = HumanDuration::between(due, now) > patience;
            let state = self.first_state(was_missed, has_later, now);
            rows.push(DueTime { state, ..DueTime::new(self.task, due, now) });
        }
        let advanced =
            Self { version: self.version + 1, next_due: next, updated_at: now, ..self.clone() };
        Ok((advanced, rows))
    }

    fn following(&self, due: Timestamp) -> Result<Option<Timestamp>, InvalidSchedule> {
        match self.schedule.next_after(due) {
            Ok(next) => Ok(Some(next)),
            Err(InvalidSchedule::Never(_)) => Ok(None),
            Err(unreadable @ (InvalidSchedule::Expression { .. } | InvalidSchedule::Zone(_))) => {
                Err(unreadable)
            }
        }
    }

    fn first_state(&self, was_missed: bool, has_later: bool, now: Timestamp) -> DueState {
        let left_out = |reason| DueState::LeftOut { reason, settled_at: now };
        if !self.active {
            return left_out(LeftOutReason::Paused);
        }
        if !was_missed {
            return DueState::Due;
        }
        match self.schedule.misfire {
            MisfirePolicy::Skip => left_out(LeftOutReason::Misfire),
            MisfirePolicy::RunOnce if has_later => left_out(LeftOutReason::Superseded),
            MisfirePolicy::RunOnce | MisfirePolicy::RunAll => DueState::Due,
        }
    }
}

/// What became of a due time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "state")]
pub enum DueState {
    /// Nothing yet.
    Due,
    /// A run was made.
    Fired {
        /// Which.
        run: RunId,
        /// When.
        settled_at: Timestamp,
    },
    /// There is no run.
    LeftOut {
        /// Why.
        #[serde(flatten)]
        reason: LeftOutReason,
        /// When that was decided.
        settled_at: Timestamp,
    },
}

/// Why a due time has no run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "why")]
pub enum LeftOutReason {
    /// It passed while nobody could act on it, and the policy leaves such times out.
    Misfire,
    /// It passed while nobody could act on it, and one run is made for it and later ones.
    Superseded,
    /// The previous run was still going, and the policy leaves such times out.
    Overlap,
    /// The schedule was paused.
    Paused,
    /// The task was put away.
    Archived,
    /// The run was not accepted.
    Refused {
        /// In which words.
        message: String,
    },
}

/// The row of one due time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DueTime {
    /// The shape that this document has.
    pub schema: u32,
    /// Grows with each write; a write that does not name the current one is refused.
    pub version: u64,
    /// Its identity, which follows from the task and the time.
    pub id: DueTimeId,
    /// The task.
    pub task: TaskId,
    /// The time.
    pub due: Timestamp,
    /// When the row was written.
    pub created_at: Timestamp,
    #[serde(flatten)]
    state: DueState,
}

/// A row that is settled never changes again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the due time {0} is settled already")]
pub struct AlreadySettled(String);

impl DueTime {
    /// The row of a due time of which nothing has become yet.
    pub fn new(task: TaskId, due: Timestamp, now: Timestamp) -> Self {
        Self {
            schema: DUE_TIME_SCHEMA,
            version: 1,
            id: task.at(due),
            task,
            due,
            created_at: now,
            state: DueState::Due,
        }
    }

    /// What became of it.
    pub fn state(&self) -> &DueState {
        &self.state
    }

    /// Whether nothing has become of it yet.
    pub fn is_open(&self) -> bool {
        self.settled_at().is_none()
    }

    /// When it was settled.
    pub fn settled_at(&self) -> Option<Timestamp> {
        match &self.state {
            DueState::Due => None,
            DueState::Fired { settled_at, .. } | DueState::LeftOut { settled_at, .. } => {
                Some(*settled_at)
            }
        }
    }

    /// `task@time`. However many write it, one row has it; the run that it becomes bears it as its
    /// idempotency key, so that there is one run too.
    pub fn moment(&self) -> String {
        format!("{}@{}", self.task, self.due)
    }

    /// The row after it became a run.
    ///
    /// # Errors
    /// [`AlreadySettled`].
    pub fn fired(&self, run: RunId, now: Timestamp) -> Result<Self, AlreadySettled> {
        self.settle(DueState::Fired { run, settled_at: now })
    }

    /// The row after it was decided that there is no run.
    ///
    /// # Errors
    /// [`AlreadySettled`].
    pub fn left_out(&self, reason: LeftOutReason, now: Timestamp) -> Result<Self, AlreadySettled> {
        self.settle(DueState::LeftOut { reason, settled_at: now })
    }

    fn settle(&self, state: DueState) -> Result<Self, AlreadySettled> {
        if !self.is_open() {
            return Err(AlreadySettled(self.moment()));
        }
        Ok(Self { version: self.version + 1, state, ..self.clone() })
    }
}

#[cfg(test)]
mod tests;
