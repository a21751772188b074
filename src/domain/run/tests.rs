//! What tests of a run share: a fixed beginning of time, ids by number, and a [`Story`] that
//! brings a run to where a test needs it by telling it facts.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{Fact, NewRun, Run, RunState, StageReport, Transition};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::id::Id;
use crate::domain::limits::PublishPolicy;
use crate::domain::stage::{Stage, StageResult};
use crate::domain::task::{HarnessKind, TaskSpec};

mod matrix;
mod model;
mod rules;

/// Compares text with a file of `/snapshots`. Accept a change with `INSTA_UPDATE=always`.
macro_rules! snapshot {
    ($name:expr, $text:expr) => {
        insta::with_settings!({
            snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"),
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!($name, $text);
        })
    };
}
pub(crate) use snapshot;

/// So many milliseconds after the beginning of 2026.
pub(crate) fn at(millis: i64) -> Timestamp {
    let start = Timestamp::from_second(1_767_225_600).unwrap();
    start + SignedDuration::from_millis(millis)
}

/// An id by number, the same in every test.
pub(crate) fn id<K>(number: u128) -> Id<K> {
    Id::from_uuid(Uuid::from_u128(0x019b_7640_0000_7000_8000_0000_0000_0000 | number))
}

/// A script with checks, with something that may mend what they complain of, whose branch is
/// pushed: it can go through every stage.
pub(crate) fn full_spec() -> TaskSpec {
    TaskSpec {
        verify: vec!["cargo test".to_owned()],
        solve: vec!["cargo fmt".to_owned()],
        publish: PublishPolicy::Branch,
        ..TaskSpec::new(HarnessKind::Script, "echo done > out.txt")
    }
}

pub(crate) fn new_run(spec: TaskSpec) -> NewRun {
    NewRun {
        id: id(4),
        project: id(1),
        repository: id(2),
        task: id(3),
        path: "acme/web/tidy".parse().unwrap(),
        spec,
        repository_setup: Vec::new(),
        source: "/srv/git/web.git".to_owned(),
        base_branch: None,
        idempotency_key: None,
    }
}

pub(crate) fn failed(class: FailureClass) -> StageResult {
    StageResult::Failed { failure: Failure::new(class, format!("{class} happened")) }
}

/// A run and its clock, which goes on by a second with each fact.
#[derive(Debug, Clone)]
pub(crate) struct Story {
    pub(crate) run: Run,
    pub(crate) now: Timestamp,
}

impl Story {
    pub(crate) fn new(spec: TaskSpec) -> Self {
        Self { run: Run::create(new_run(spec), at(0)), now: at(0) }
    }

    /// A run that passed or failed its way to `stage`, which has just begun.
    pub(crate) fn until(stage: Stage, spec: TaskSpec) -> Self {
        let mut story = Self::new(spec).then(&Fact::Dispatched);
        while story.current().0 != stage {
            let result = match (story.current().0, stage) {
                (Stage::Verify, Stage::Solve) => failed(FailureClass::Verify),
                _ => StageResult::Passed,
            };
            story = story.ends(result);
        }
        story
    }

    /// What the fact makes of the run, a second later.
    pub(crate) fn tell(&self, fact: &Fact) -> Transition {
        let after = self.now + SignedDuration::from_secs(1);
        match self.run.apply(fact, after) {
            Ok(transition) => transition,
            Err(refused) => panic!("{fact:?} is refused in {:?}: {refused}", self.run.state()),
        }
    }

    /// The story after a fact that the run takes.
    pub(crate) fn then(&self, fact: &Fact) -> Self {
        let run = self.tell(fact).run;
        Self { now: run.updated_at(), run }
    }

    /// The story after its stage ended.
    pub(crate) fn ends(&self, result: StageResult) -> Self {
        self.then(&self.report(result))
    }

    /// The story after the sandbox of its stage vanished.
    pub(crate) fn loses(&self) -> Self {
        let (stage, attempt) = self.current();
        self.then(&Fact::StageLost { stage, attempt })
    }

    /// The story when the time of its retry has come.
    pub(crate) fn retries(&self) -> Self {
        self.later(3600).then(&Fact::RetryDue).then(&Fact::Dispatched)
    }

    /// The same, so many seconds later.
    pub(crate) fn later(&self, seconds: i64) -> Self {
        Self { run: self.run.clone(), now: self.now + SignedDuration::from_secs(seconds) }
    }

    /// The stage that executes, or else the one that did last.
    pub(crate) fn current(&self) -> (Stage, u32) {
        match self.run.state() {
            RunState::Active(active) => (active.stage, active.attempt),
            RunState::Queued { .. }
            | RunState::Waiting { .. }
            | RunState::Ending { .. }
            | RunState::Ended { .. } => self
                .run
                .stages()
                .last()
                .map_or((Stage::Prepare, 1), |last| (last.stage, last.attempt)),
        }
    }

    /// The report that its stage ended.
    pub(crate) fn report(&self, result: StageResult) -> Fact {
        let (stage, attempt) = self.current();
        let exit = match &result {
            StageResult::Passed => Some(0),
            StageResult::Failed { .. } => Some(1),
            StageResult::Stopped => None,
        };
        let base = (stage == Stage::Prepare && result == StageResult::Passed)
            .then(|| "1f3a9c0d5b7e2468ace013579bdf02468ace1357".to_owned());
        Fact::StageEnded(StageReport { stage, attempt, exit, base, result })
    }
}
