//! A task: what can be run, and how.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::id::{RepositoryId, TaskId};
use super::limits::{
    ApprovalProfile, ArtifactPolicy, Caps, Priority, PublishPolicy, RetryPolicy, SandboxProfile,
    Timeouts,
};
use super::schedule::{InvalidSchedule, Schedule};
use super::size::ByteSize;
use super::slug::TaskPath;

/// The shape of stored tasks.
pub const TASK_SCHEMA: u32 = 1;

/// The longest instructions. Longer ones belong in a file of the repository.
pub const MAX_INSTRUCTIONS: ByteSize = ByteSize::from_mib(1);
/// The most commands of one kind.
pub const MAX_COMMANDS: usize = 100;

/// What makes a task run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum TaskKind {
    /// A person.
    OneShot,
    /// Its schedule.
    Cron {
        /// When.
        schedule: Schedule,
    },
    /// Something that happened outside.
    Event {
        /// Which events, by name; none means any that is addressed to the task.
        #[serde(default)]
        on: Vec<String>,
    },
}

impl TaskKind {
    /// The name as it is stored and typed.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::OneShot => "oneShot",
            Self::Cron { .. } => "cron",
            Self::Event { .. } => "event",
        }
    }
}

/// The adapter that runs the instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HarnessKind {
    /// The instructions are a shell script.
    Script,
}

impl HarnessKind {
    /// Every harness.
    pub const ALL: [Self; 1] = [Self::Script];

    /// The name as it is stored and typed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Script => "script",
        }
    }
}

/// How a task is carried out. A run keeps its own copy, so that later edits do not change it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskSpec {
    /// The adapter.
    pub harness: HarnessKind,
    /// The model, where the harness has a choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The prompt; for `script`, the script.
    pub instructions: String,
    /// Commands that make the workspace ready, after the repository's own.
    #[serde(default)]
    pub setup: Vec<String>,
    /// Commands that decide "done".
    #[serde(default)]
    pub verify: Vec<String>,
    /// For `script`: commands that mend what the checks complain of, such as a formatter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub solve: Vec<String>,
    /// Deadlines.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// What is tried again.
    #[serde(default)]
    pub retry: RetryPolicy,
    /// When a person is asked.
    pub approval: ApprovalProfile,
    /// Where it executes.
    pub sandbox: SandboxProfile,
    /// What is kept.
    #[serde(default)]
    pub artifacts: ArtifactPolicy,
    /// What goes first.
    pub priority: Priority,
    /// Where the result goes.
    pub publish: PublishPolicy,
}

/// A task that cannot be accepted, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTask {
    /// Nothing to do.
    #[error("the task has no instructions; give a prompt")]
    NoInstructions,
    /// Too much text.
    #[error(
        "the prompt has {}, more than the {} that a task may carry; \
         put the text into a file of the repository and name the file in the prompt",
        .0.rounded(), MAX_INSTRUCTIONS.rounded()
    )]
    InstructionsTooLong(ByteSize),
    /// Too many commands.
    #[error("{kind} has {count} commands, more than {MAX_COMMANDS}; put them into a script")]
    TooManyCommands {
        /// Which list.
        kind: &'static str,
        /// How many.
        count: usize,
    },
    /// A blank command would pass without checking anything.
    #[error("a command of {0} is blank; remove it or write what it should do")]
    BlankCommand(&'static str),
    /// No stage could run.
    #[error("the timeout `{0}` is zero, so that nothing could run; give a positive one")]
    ZeroTimeout(&'static str),
    /// No bound at all.
    #[error("the sandbox's `{0}` is zero; give a positive limit")]
    NoBound(&'static str),
    /// Not even one attempt.
    #[error("max_attempts is 0, so that nothing could run; give at least 1")]
    NoAttempts,
    /// A bad schedule.
    #[error(transparent)]
    Schedule(#[from] InvalidSchedule),
    /// A NUL byte cannot be handed to a program.
    #[error("{0} contains a NUL byte, which no program can be given")]
    Nul(&'static str),
}

impl TaskSpec {
    /// A task that runs `instructions` with everything else at its default.
    pub fn new(harness: HarnessKind, instructions: impl Into<String>) -> Self {
        Self {
            harness,
            model: None,
            instructions: instructions.into(),
            setup: Vec::new(),
            verify: Vec::new(),
            solve: Vec::new(),
            timeouts: Timeouts::default(),
            retry: RetryPolicy::default(),
            approval: ApprovalProfile::None,
            sandbox: SandboxProfile::default(),
            artifacts: ArtifactPolicy::default(),
            priority: Priority::Normal,
            publish: PublishPolicy::None,
        }
    }

    /// Whether failed checks can be given to something that may mend them. A script would only
    /// do the same again, so it needs commands of its own for that.
    pub fn can_solve(&self) -> bool {
        match self.harness {
            HarnessKind::Script => !self.solve.is_empty(),
        }
    }

    /// Checks what types alone do not say.
    ///
    /// # Errors
    /// The first defect, as [`InvalidTask`].
    pub fn validate(&self) -> Result<(), InvalidTask> {
        if self.instructions.trim().is_empty() {
            return Err(InvalidTask::NoInstructions);
        }
        let length = ByteSize::from_bytes(self.instructions.len() as u64);
        if length > MAX_INSTRUCTIONS {
            return Err(InvalidTask::InstructionsTooLong(length));
        }
        if self.instructions.contains('\0') {
            return Err(InvalidTask::Nul("the prompt"));
        }
        let lists = [("setup", &self.setup), ("verify", &self.verify), ("solve", &self.solve)];
        for (kind, commands) in lists {
            if commands.len() > MAX_COMMANDS {
                return Err(InvalidTask::TooManyCommands { kind, count: commands.len() });
            }
            if commands.iter().any(|command| command.trim().is_empty()) {
                return Err(InvalidTask::BlankCommand(kind));
            }
            if commands.iter().any(|command| command.contains('\0')) {
                return Err(InvalidTask::Nul(kind));
            }
        }
        if let Some(name) = self.timeouts.zero_limit() {
            return Err(InvalidTask::ZeroTimeout(name));
        }
        let bounds = [
            ("memory", self.sandbox.memory.as_bytes()),
            ("milliCpus", u64::from(self.sandbox.milli_cpus)),
            ("pids", u64::from(self.sandbox.pids)),
            ("log", self.sandbox.log.as_bytes()),
        ];
        // An engine takes zero for "without a limit".
        if let Some((name, _)) = bounds.into_iter().find(|(_, limit)| *limit == 0) {
            return Err(InvalidTask::NoBound(name));
        }
        if self.retry.max_attempts == 0 {
            return Err(InvalidTask::NoAttempts);
        }
        Ok(())
    }
}

/// What can be run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// The shape that this document has.
    pub schema: u32,
    /// Grows with each write; a write that does not name the current one is refused.
    pub version: u64,
    /// Its identity.
    pub id: TaskId,
    /// The repository that it works on.
    pub repository: RepositoryId,
    /// Its address.
    pub path: TaskPath,
    /// What makes it run.
    #[serde(rename = "trigger")]
    pub kind: TaskKind,
    /// How it is carried out.
    pub spec: TaskSpec,
    /// Tasks that must have succeeded before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<TaskPath>,
    /// How many of its runs may be active at once.
    #[serde(default)]
    pub caps: Caps,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was put away; its history stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<Timestamp>,
}

impl Task {
    /// A new one-shot task.
    pub fn new(
        id: TaskId,
        repository: RepositoryId,
        path: TaskPath,
        spec: TaskSpec,
        now: Timestamp,
    ) -> Self {
        Self {
            schema: TASK_SCHEMA,
            version: 1,
            id,
            repository,
            path,
            kind: TaskKind::OneShot,
            spec,
            depends_on: Vec::new(),
            caps: Caps::default(),
            created_at: now,
            updated_at: now,
            archived_at: None,
        }
    }

    /// Checks the specification and, for cron tasks, that the schedule fires after `now`.
    ///
    /// # Errors
    /// The first defect, as [`InvalidTask`].
    pub fn validate(&self, now: Timestamp) -> Result<(), InvalidTask> {
        self.spec.validate()?;
        match &self.kind {
            TaskKind::Cron { schedule } => {
                schedule.validate(now)?;
                Ok(())
            }
            TaskKind::OneShot | TaskKind::Event { .. } => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
