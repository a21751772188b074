//! What of a run is put before a person, and under which fingerprint occurrences are counted
//! together.

use jiff::Timestamp;

use crate::domain::finding::{FINDING_SCHEMA, Finding, FindingKind, FindingState, Severity};
use crate::domain::id::{FindingId, RepositoryId, RunId};
use crate::domain::run::{Outcome, Run, RunState, WaitReason};
use crate::domain::slug::TaskPath;

/// A finding that has no identity yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What is the same about all occurrences that are counted together.
    pub fingerprint: String,
    /// How much it matters.
    pub severity: Severity,
    /// What sort of thing it is.
    pub kind: FindingKind,
    /// What happened, in one line.
    pub title: String,
    /// Why, probably.
    pub detail: Option<String>,
    /// What to do next.
    pub suggestion: String,
    /// Where.
    pub repository: Option<RepositoryId>,
    /// Which task.
    pub task: Option<TaskPath>,
    /// Which run.
    pub run: Option<RunId>,
    /// When.
    pub at: Timestamp,
}

impl Report {
    /// The finding, as it is the first time.
    pub fn into_finding(self, id: FindingId) -> Finding {
        Finding {
            schema: FINDING_SCHEMA,
            version: 1,
            id,
            fingerprint: self.fingerprint,
            state: FindingState::New,
            severity: self.severity,
            kind: self.kind,
            title: self.title,
            detail: self.detail,
            suggestion: self.suggestion,
            repository: self.repository,
            task: self.task,
            run: self.run,
            count: 1,
            first_at: self.at,
            last_at: self.at,
        }
    }
}

/// The fingerprint of a run that waits for a person. There is one for each run, because each
/// decision is one of its own.
pub fn waiting_fingerprint(run: RunId) -> String {
    format!("waiting:{run}")
}

/// What a person should see of a run that has just come into its state.
pub fn of_run(run: &Run, now: Timestamp) -> Option<Report> {
    let name = &run.path().task;
    let (fingerprint, severity, kind, title, suggestion) = match run.state() {
        RunState::Ended { outcome, .. } => {
            let title = match outcome {
                Outcome::Succeeded | Outcome::Cancelled | Outcome::Skipped => return None,
                Outcome::Failed { .. } | Outcome::TimedOut { .. } => {
                    let why = run.failure().map_or("without a reason", |f| f.message.as_str());
                    format!("{name} {}: {why}", outcome.name())
                }
            };
            let class = run.failure().map_or("none", |failure| failure.class.name());
            let suggestion =
                run.failure().map_or_else(String::new, |failure| failure.suggestion.clone());
            let fingerprint = format!("failed:{}:{class}", run.task());
            (fingerprint, Severity::High, FindingKind::FailedRun, title, suggestion)
        }
        RunState::Waiting { reason, .. } => {
            let (kind, title, suggestion) = match reason {
                WaitReason::Approval { next } => (
                    FindingKind::Approval,
                    format!("{name} waits for your consent to {next}"),
                    format!("orch approve {0}, or orch reject {0}", run.id().short()),
                ),
                WaitReason::Review => (
                    FindingKind::Review,
                    format!("{name} could not be solved in {} rounds", run.solve_rounds()),
                    format!(
                        "read orch diff {0}; then orch approve, resume or reject {0}",
                        run.id().short()
                    ),
                ),
                WaitReason::Retry { .. } | WaitReason::Paused { .. } => return None,
            };
            (waiting_fingerprint(run.id()), Severity::High, kind, title, suggestion)
        }
        RunState::Queued { .. } | RunState::Active(_) | RunState::Ending { .. } => return None,
    };
    Some(Report {
        fingerprint,
        severity,
        kind,
        title,
        detail: run.failure().and_then(|failure| failure.detail.clone()),
        suggestion,
        repository: Some(run.repository()),
        task: Some(run.path().clone()),
        run: Some(run.id()),
        at: now,
    })
}
