//! Things as the daemon would tell them, made by the rules of the domain.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::harness::now;
use crate::api::view::{LogEntry, LogPage, RunSummary, Stats};
use crate::domain::event::LogSource;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::finding::{FINDING_SCHEMA, Finding, FindingKind, FindingState, Severity};
use crate::domain::id::Id;
use crate::domain::limits::{ApprovalProfile, PublishPolicy};
use crate::domain::project::Project;
use crate::domain::repository::Repository;
use crate::domain::run::{Fact, NewRun, Run, StageReport};
use crate::domain::stage::{Stage, StageResult};
use crate::domain::task::{HarnessKind, Task, TaskKind, TaskSpec};
use crate::tui::model::Snapshot;

/// So many seconds before the time on the screen.
pub(super) fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

/// An id that is ordered by `number` and looks like a real one.
fn id<K>(number: u32) -> Id<K> {
    let tail = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 2;
    Id::from_uuid(Uuid::from_u128((u128::from(number) << 80) | u128::from(tail)))
}

/// A house with people in it.
pub(super) struct World {
    pub(super) snapshot: Snapshot,
    made: u32,
}

impl World {
    pub(super) fn empty() -> Self {
        Self { snapshot: Snapshot::default(), made: 0 }
    }

    fn next<K>(&mut self) -> Id<K> {
        self.made += 1;
        id(self.made)
    }

    pub(super) fn project(&mut self, slug: &str) {
        let id = self.next();
        self.snapshot.projects.push(Project::new(id, slug.parse().unwrap(), ago(90_000)));
    }

    pub(super) fn repository(&mut self, path: &str) {
        let id = self.next();
        let path: crate::domain::slug::RepositoryPath = path.parse().unwrap();
        let project = self.snapshot.projects.iter().find(|p| p.slug == path.project).unwrap().id;
        let source = format!("/srv/git/{}.git", path.repository);
        let repository = Repository::new(id, project, path, source, ago(90_000));
        self.snapshot.repositories.push(repository);
    }

    pub(super) fn task(&mut self, path: &str) -> &mut Task {
        let id = self.next();
        let path: crate::domain::slug::TaskPath = path.parse().unwrap();
        let of = path.repository_path();
        let repository = self.snapshot.repositories.iter().find(|r| r.path == of).unwrap().id;
        let spec = TaskSpec::new(HarnessKind::Script, "cargo test");
        self.snapshot.tasks.push(Task::new(id, repository, path, spec, ago(80_000)));
        self.snapshot.tasks.last_mut().unwrap()
    }

    /// A run of a task as it is after facts, each with the seconds since the run was made.
    pub(super) fn run(&mut self, path: &str, age: i64, facts: &[(i64, Fact)]) -> RunSummary {
        let id = self.next();
        let path: crate::domain::slug::TaskPath = path.parse().unwrap();
        let task = self.snapshot.tasks.iter().find(|task| task.path == path).unwrap();
        let of = path.repository_path();
        let repository = self.snapshot.repositories.iter().find(|r| r.path == of).unwrap();
        let new = NewRun {
            id,
            project: repository.project,
            repository: repository.id,
            task: task.id,
            path,
            spec: task.spec.clone(),
            repository_setup: Vec::new(),
            source: repository.source.clone(),
            base_branch: None,
            idempotency_key: None,
        };
        let mut run = Run::create(new, ago(age));
        for (seconds, fact) in facts {
            run = run.apply(fact, ago(age - seconds)).unwrap().run;
        }
        let summary = RunSummary::from(&run);
        self.snapshot.runs.push(summary.clone());
        summary
    }

    pub(super) fn finding(
        &mut self,
        kind: FindingKind,
        severity: Severity,
        run: &RunSummary,
        title: &str,
        age: i64,
    ) {
        let id = self.next();
        self.snapshot.findings.push(Finding {
            schema: FINDING_SCHEMA,
            version: 1,
            id,
            fingerprint: title.to_owned(),
            state: FindingState::New,
            severity,
            kind,
            title: title.to_owned(),
            detail: None,
            suggestion: "read the log".to_owned(),
            repository: Some(run.repository),
            task: Some(run.path.clone()),
            run: Some(run.id),
            count: 1,
            first_at: ago(age),
            last_at: ago(age),
        });
    }

    /// One project, one repository, one task, nothing run yet.
    pub(super) fn small() -> Self {
        let mut world = Self::empty();
        world.project("demo");
        world.repository("demo/sample");
        world.task("demo/sample/hello");
        world
    }

    /// A day at work.
    pub(super) fn busy() -> Self {
        let mut world = Self::empty();
        for project in ["acme", "globex", "initech"] {
            world.project(project);
        }
        for path in ["acme/api", "acme/infra", "acme/web", "globex/shop"] {
            world.repository(path);
        }
        for name in ["bump-dependencies", "docs-sweep", "fix-tests", "lint-fix", "pr-review"] {
            let task = world.task(&format!("acme/api/{name}"));
            task.spec.verify = vec!["cargo test".to_owned()];
            task.spec.solve = vec!["cargo fix".to_owned()];
            task.spec.publish = PublishPolicy::Branch;
            task.spec.approval = ApprovalProfile::BeforePublish;
        }
        world.task("acme/api/nightly-audit").kind =
            TaskKind::Cron { schedule: "0 3 * * *".parse().unwrap() };
        world.task("acme/api/triage").kind = TaskKind::Event { on: vec!["push".to_owned()] };
        world.task("acme/web/a11y");
        world.task("globex/shop/coupons");

        let fact = Fact::Dispatched;
        let passed = [(0, fact), (4, done(Stage::Prepare, 1)), (376, done(Stage::Implement, 1))];
        world.run(
            "acme/api/bump-dependencies",
            9_000,
            &[
                &passed[..],
                &[
                    (500, done(Stage::Verify, 1)),
                    (600, Fact::Approved),
                    (600, Fact::Dispatched),
                    (603, done(Stage::Publish, 1)),
                    (604, Fact::Settled),
                ],
            ]
            .concat(),
        );
        let review = world.run(
            "acme/api/pr-review",
            1_900,
            &[&passed[..2], &[(40, failed(Stage::Implement, 1)), (41, Fact::Settled)]].concat(),
        );
        let approval = world.run(
            "acme/api/docs-sweep",
            1_100,
            &[&passed[..], &[(480, done(Stage::Verify, 1))]].concat(),
        );
        world.run("acme/api/lint-fix", 30, &[]);
        world.run("globex/shop/coupons", 400, &passed[..1]);
        world.run("acme/web/a11y", 200, &passed[..2]);
        world.run("acme/api/fix-tests", 513, &passed);

        let text = "pr-review: cargo test exited with 101";
        world.finding(FindingKind::FailedRun, Severity::High, &review, text, 1_859);
        let text = "docs-sweep waits for your consent to publish";
        world.finding(FindingKind::Approval, Severity::High, &approval, text, 620);
        let text = "a container without a run was left behind on this host: orch-9k3fpq-verify-1";
        world.finding(FindingKind::Orphan, Severity::Low, &review, text, 90_000);
        world.snapshot.stats = Stats {
            cpu_percent: Some(61),
            memory_percent: Some(8),
            active: 3,
            queued: 1,
            needs_person: 1,
        };
        world
    }

    /// The newest run of a task.
    pub(super) fn run_of(&self, path: &str) -> RunSummary {
        let found = self.snapshot.runs.iter().rev().find(|run| run.path.to_string() == path);
        found.unwrap().clone()
    }
}

pub(super) fn done(stage: Stage, attempt: u32) -> Fact {
    let result = StageResult::Passed;
    Fact::StageEnded(StageReport { stage, attempt, exit: Some(0), base: None, result })
}

pub(super) fn failed(stage: Stage, attempt: u32) -> Fact {
    let failure = Failure::new(FailureClass::Command, "`cargo test -p parser` exited with 101");
    let result = StageResult::Failed { failure };
    Fact::StageEnded(StageReport { stage, attempt, exit: Some(101), base: None, result })
}

/// The end of a log that has `total` lines.
pub(super) fn log(total: u64) -> LogPage {
    let said = [
        (Stage::Prepare, LogSource::Stderr, "Cloning into 'workspace'..."),
        (Stage::Prepare, LogSource::Stdout, "HEAD is now at 1f00d42 parser: nested lists"),
        (Stage::Implement, LogSource::Stdout, "I'll start with the failing test in src/parser.rs"),
        (Stage::Implement, LogSource::Stdout, "edit src/parser.rs  +14 −3"),
        (Stage::Implement, LogSource::Stderr, "warning: unused variable `depth`"),
        (Stage::Verify, LogSource::Stdout, "running 214 tests"),
        (Stage::Verify, LogSource::Stdout, "test parser::nested ... ok"),
        (Stage::Verify, LogSource::Stdout, "test parser::日本語 ... ok"),
        (
            Stage::Verify,
            LogSource::Stdout,
            "test parser::a_very_long_name_that_goes_on_and_on_until_no_terminal_in_the_world_has_\
             room_for_all_of_it_and_then_some_more_because_logs_are_like_that ... ok",
        ),
    ];
    let count = total.min(40);
    let mut lines = Vec::new();
    for at in 0..count {
        let index = usize::try_from(at).unwrap() * said.len() / 40;
        let (stage, source, text) = said[index.min(said.len() - 1)];
        let line = total - count + at + 1;
        let at = ago(500 - i64::try_from(at).unwrap() * 9);
        lines.push(LogEntry { line, at, stage, source, text: text.to_owned() });
    }
    LogPage { lines, total, seq: 20 }
}
