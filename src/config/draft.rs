//! A task as it is written down, by flags or in a file: whatever is not said is left to the
//! settings. Both ways of writing end here, so that they cannot differ.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::settings::{RunSettings, Settings};
use super::words::{self, TriggerWord};
use crate::domain::duration::HumanDuration;
use crate::domain::limits::{
    ApprovalProfile, ArtifactPolicy, Caps, NetworkProfile, Priority, PublishPolicy, RetryPolicy,
    SandboxKind, SandboxProfile, Timeouts,
};
use crate::domain::schedule::{MisfirePolicy, OverlapPolicy, Schedule};
use crate::domain::size::ByteSize;
use crate::domain::slug::TaskPath;
use crate::domain::task::{HarnessKind, TaskKind, TaskSpec};

/// What was said of a task, without its prompt. The names of the fields are the keys of a task
/// file.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TaskDraft {
    /// The address.
    pub task: Option<TaskPath>,
    /// What makes it run.
    #[serde(deserialize_with = "words::deserialize")]
    pub kind: Option<TriggerWord>,
    /// The cron expression.
    pub schedule: Option<String>,
    /// The schedule's time zone.
    pub timezone: Option<String>,
    /// What happens to missed times.
    #[serde(deserialize_with = "words::deserialize")]
    pub misfire: Option<MisfirePolicy>,
    /// What happens when the previous run is still going.
    #[serde(deserialize_with = "words::deserialize")]
    pub overlap: Option<OverlapPolicy>,
    /// The events that make it run.
    pub on: Vec<String>,
    /// The adapter.
    #[serde(deserialize_with = "words::deserialize")]
    pub harness: Option<HarnessKind>,
    /// The model.
    pub model: Option<String>,
    /// Commands that make the workspace ready.
    pub setup: Vec<String>,
    /// Commands that decide "done".
    pub verify: Vec<String>,
    /// Commands that mend what the checks complain of.
    pub solve: Vec<String>,
    /// Container or process.
    #[serde(deserialize_with = "words::deserialize")]
    pub sandbox: Option<SandboxKind>,
    /// The image of containers.
    pub image: Option<String>,
    /// What stages may reach.
    #[serde(deserialize_with = "words::deserialize")]
    pub network: Option<NetworkProfile>,
    /// The memory of a container.
    pub memory: Option<ByteSize>,
    /// The processors of a container.
    pub cpus: Option<f64>,
    /// The processes of a container.
    pub pids: Option<u32>,
    /// The output of one stage.
    pub log: Option<ByteSize>,
    /// Variables for the commands.
    pub env: BTreeMap<String, String>,
    /// Deadlines.
    pub timeouts: TimeoutsDraft,
    /// What is tried again.
    pub retry: RetryDraft,
    /// When a person is asked.
    #[serde(deserialize_with = "words::deserialize")]
    pub approve: Option<ApprovalProfile>,
    /// What goes first.
    #[serde(deserialize_with = "words::deserialize")]
    pub priority: Option<Priority>,
    /// Where the result goes.
    #[serde(deserialize_with = "words::deserialize")]
    pub publish: Option<PublishPolicy>,
    /// Patterns of files to keep.
    pub artifacts: Vec<String>,
    /// Tasks that must have succeeded before.
    pub depends_on: Vec<TaskPath>,
    /// How many of its runs may be active at once.
    pub max_active: Option<u32>,
}

/// Deadlines, as far as they were said.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TimeoutsDraft {
    /// For Prepare.
    pub prepare: Option<HumanDuration>,
    /// For Implement.
    pub implement: Option<HumanDuration>,
    /// For each Verify.
    pub verify: Option<HumanDuration>,
    /// For each Solve.
    pub solve: Option<HumanDuration>,
    /// For Publish.
    pub publish: Option<HumanDuration>,
    /// For all stages together.
    pub total: Option<HumanDuration>,
    /// Without any output.
    pub idle: Option<HumanDuration>,
}

/// Retries, as far as they were said.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetryDraft {
    /// How often a stage may be attempted in all.
    pub max_attempts: Option<u32>,
    /// The wait before the second attempt.
    pub backoff: Option<HumanDuration>,
    /// The longest wait.
    pub max_backoff: Option<HumanDuration>,
}

/// A draft that makes no task.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// A cron task without its time.
    #[error("a cron task needs a schedule, such as `0 3 * * 1-5`")]
    NoSchedule,
    /// Something that this kind of task has no use for.
    #[error("`{0}` is only for {1} tasks")]
    OutOfPlace(&'static str, &'static str),
    /// Processors that cannot be given.
    #[error("cpus is {0}; give a number above 0 and up to 1024")]
    Cpus(String),
    /// Memory that no container starts with.
    #[error("memory is {0}; no container starts with less than 6MiB")]
    Memory(ByteSize),
    /// A bound that nothing could run under.
    #[error("`{0}` is 0, so that nothing could run; give at least 1")]
    Zero(&'static str),
    /// A variable that cannot be set.
    #[error("`{0}` cannot be the name of a variable")]
    Variable(String),
}

impl TaskDraft {
    /// How the task is carried out; what the draft leaves open comes from the settings.
    ///
    /// # Errors
    /// [`DraftError`] where a bound makes no sense.
    pub fn spec(&self, settings: &Settings, prompt: String) -> Result<TaskSpec, DraftError> {
        Ok(TaskSpec {
            harness: self.harness.unwrap_or(HarnessKind::Script),
            model: self.model.clone(),
            instructions: prompt,
            setup: self.setup.clone(),
            verify: self.verify.clone(),
            solve: self.solve.clone(),
            timeouts: self.timeouts.over(&settings.run.timeouts()),
            retry: self.retry.over(&RetryPolicy::default()),
            approval: self.approve.unwrap_or(ApprovalProfile::None),
            sandbox: self.profile(&settings.run)?,
            artifacts: ArtifactPolicy { paths: self.artifacts.clone() },
            priority: self.priority.unwrap_or(Priority::Normal),
            publish: self.publish.unwrap_or(PublishPolicy::None),
        })
    }

    /// What makes the task run. A schedule alone says that it is a cron task.
    ///
    /// # Errors
    /// [`DraftError`] where schedule and kind do not go together.
    pub fn trigger(&self) -> Result<TaskKind, DraftError> {
        let implied = match &self.schedule {
            Some(_) => TriggerWord::Cron,
            None => TriggerWord::OneShot,
        };
        let kind = self.kind.unwrap_or(implied);
        if kind != TriggerWord::Cron {
            let said = [
                (self.schedule.is_some(), "schedule"),
                (self.timezone.is_some(), "timezone"),
                (self.misfire.is_some(), "misfire"),
                (self.overlap.is_some(), "overlap"),
            ];
            if let Some((_, name)) = said.into_iter().find(|(is_said, _)| *is_said) {
                return Err(DraftError::OutOfPlace(name, "cron"));
            }
        }
        if kind != TriggerWord::Event && !self.on.is_empty() {
            return Err(DraftError::OutOfPlace("on", "event"));
        }
        match kind {
            TriggerWord::OneShot => Ok(TaskKind::OneShot),
            TriggerWord::Event => Ok(TaskKind::Event { on: self.on.clone() }),
            TriggerWord::Cron => {
                let schedule = Schedule {
                    cron: self.schedule.clone().ok_or(DraftError::NoSchedule)?,
                    timezone: self.timezone.clone().unwrap_or_else(|| "UTC".to_owned()),
                    misfire: self.misfire.unwrap_or_default(),
                    overlap: self.overlap.unwrap_or_default(),
                };
                Ok(TaskKind::Cron { schedule })
            }
        }
    }

    /// The task's own cap.
    ///
    /// # Errors
    /// [`DraftError`] where it is zero.
    pub fn caps(&self) -> Result<Caps, DraftError> {
        match self.max_active {
            Some(0) => Err(DraftError::Zero("max_active")),
            Some(_) | None => Ok(Caps { max_active: self.max_active }),
        }
    }

    fn profile(&self, settings: &RunSettings) -> Result<SandboxProfile, DraftError> {
        let base = settings.profile();
        if let Some(cpus) = self.cpus.filter(|cpus| !(*cpus > 0.0 && *cpus <= 1024.0)) {
            return Err(DraftError::Cpus(cpus.to_string()));
        }
        if let Some(memory) = self.memory.filter(|memory| *memory < ByteSize::from_mib(6)) {
            return Err(DraftError::Memory(memory));
        }
        if self.pids == Some(0) {
            return Err(DraftError::Zero("pids"));
        }
        let is_bad = |name: &&String| name.is_empty() || name.contains(['=', '\0']);
        if let Some(name) = self.env.keys().find(is_bad) {
            return Err(DraftError::Variable(name.clone()));
        }
        Ok(SandboxProfile {
            kind: self.sandbox.unwrap_or(base.kind),
            image: self.image.clone().unwrap_or(base.image),
            network: self.network.unwrap_or(base.network),
            memory: self.memory.unwrap_or(base.memory),
            milli_cpus: self.cpus.map_or(base.milli_cpus, to_milli),
            pids: self.pids.unwrap_or(base.pids),
            log: self.log.unwrap_or(base.log),
            env: self.env.clone(),
        })
    }
}

impl TimeoutsDraft {
    /// Who allows the whole more time than Implement has by default means Implement.
    fn over(&self, base: &Timeouts) -> Timeouts {
        let implement = base.implement.max(self.total.unwrap_or_default());
        Timeouts {
            prepare: self.prepare.unwrap_or(base.prepare),
            implement: self.implement.unwrap_or(implement),
            verify: self.verify.unwrap_or(base.verify),
            solve: self.solve.unwrap_or(base.solve),
            publish: self.publish.unwrap_or(base.publish),
            total: self.total.unwrap_or(base.total),
            idle: self.idle.unwrap_or(base.idle),
        }
    }
}

impl RetryDraft {
    fn over(&self, base: &RetryPolicy) -> RetryPolicy {
        RetryPolicy {
            max_attempts: self.max_attempts.unwrap_or(base.max_attempts),
            backoff: self.backoff.unwrap_or(base.backoff),
            max_backoff: self.max_backoff.unwrap_or(base.max_backoff),
        }
    }
}

impl RunSettings {
    /// Where stages execute where a task does not say otherwise.
    pub fn profile(&self) -> SandboxProfile {
        SandboxProfile {
            kind: self.sandbox,
            image: self.image.clone(),
            network: self.network,
            memory: self.memory,
            milli_cpus: to_milli(self.cpus),
            pids: self.pids,
            log: self.log,
            env: BTreeMap::new(),
        }
    }

    /// The deadlines where a task does not say otherwise.
    pub fn timeouts(&self) -> Timeouts {
        Timeouts { total: self.timeout, idle: self.idle_timeout, ..Timeouts::default() }
    }
}

/// Thousandths of a processor. The value was checked to be small and positive before.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to lie between 0 and 1024"
)]
fn to_milli(cpus: f64) -> u32 {
    ((cpus * 1000.0).round() as u32).max(1)
}

#[cfg(test)]
mod tests;
