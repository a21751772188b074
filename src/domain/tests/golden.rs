//! Every stored document as it lies on disk. A file of `tests/golden/v1` was written once and must
//! load for ever; that it is still what is written today shows a change of shape.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::api::view::RunSummary;
use crate::domain::envelope::tests::{bare_envelope, full_envelope};
use crate::domain::event::{EventKind, LogChunk, LogLine, LogSource, OutputCursor, RunEvent};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::finding::{FINDING_SCHEMA, Finding, FindingKind, FindingState, Severity};
use crate::domain::limits::{ApprovalProfile, Caps, NetworkProfile, Priority, SandboxKind};
use crate::domain::project::Project;
use crate::domain::repository::Repository;
use crate::domain::run::tests::{Story, at, failed, full_spec, id, new_run};
use crate::domain::run::{Deadline, Fact, Outcome, Run, RunState, StopReason, WaitReason};
use crate::domain::schedule::{MisfirePolicy, OverlapPolicy, Schedule};
use crate::domain::stage::{Stage, StageResult};
use crate::domain::task::{Task, TaskKind, TaskSpec};

mod ledger;
mod record;

/// Compares a document with its file, reads the file, and writes it again.
fn hold<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, document: &T) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1");
    let path = folder.join(format!("{name}.json"));
    let written = serde_json::to_value(document).unwrap();
    if std::env::var_os("ORCH_BLESS").is_some() {
        fs::create_dir_all(&folder).unwrap();
        fs::write(&path, format!("{written:#}\n")).unwrap();
    }
    let renewal = "what is stored has another shape now. Documents of the old one must still load: \
                   keep their file. A new file is written with\n\
                   ORCH_BLESS=1 cargo test --lib golden";
    let Ok(text) = fs::read_to_string(&path) else { panic!("{name}: there is no file; {renewal}") };
    let stored: Value = serde_json::from_str(&text).unwrap();
    let loaded: T =
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}; {renewal}"));
    assert_eq!(&loaded, document, "{name} loads as it was; {renewal}");
    assert_eq!(
        serde_json::to_value(&loaded).unwrap(),
        stored,
        "{name} is written again; {renewal}"
    );
    assert_eq!(written, stored, "{name}; {renewal}");
}

/// Holds documents of one type, and that the names of all their kinds are among them.
fn hold_all<T: Serialize + DeserializeOwned + PartialEq + Debug>(
    prefix: &str,
    kinds: &[&str],
    documents: &[(String, T)],
) {
    let held: BTreeSet<&str> = documents.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(held, kinds.iter().copied().collect(), "kinds of {prefix}");
    assert_eq!(held.len(), documents.len(), "two documents of one kind of {prefix}");
    for (kind, document) in documents {
        hold(&format!("{prefix}-{kind}"), document);
    }
}

fn full_task_spec() -> TaskSpec {
    let mut spec = full_spec();
    spec.model = Some("none".to_owned());
    spec.setup = vec!["npm ci".to_owned()];
    spec.approval = ApprovalProfile::BeforePublish;
    spec.sandbox.kind = SandboxKind::Process;
    spec.sandbox.network = NetworkProfile::None;
    spec.sandbox.env.insert("CI".to_owned(), "1".to_owned());
    spec.artifacts.paths = vec!["target/report/*.xml".to_owned()];
    spec.priority = Priority::High;
    spec
}

#[test]
fn projects() {
    let bare = Project::new(id(1), "acme".parse().unwrap(), at(0));
    hold("project-bare", &bare);
    let full = Project {
        version: 3,
        title: "Acme's shop".to_owned(),
        customer: Some("Acme".to_owned()),
        caps: Caps { max_active: Some(4) },
        updated_at: at(1_500),
        archived_at: Some(at(1_500)),
        ..bare
    };
    hold("project-full", &full);
}

#[test]
fn repositories() {
    let path = "acme/web".parse().unwrap();
    let bare = Repository::new(id(2), id(1), path, "/srv/git/web.git".to_owned(), at(0));
    hold("repository-bare", &bare);
    let full = Repository {
        version: 2,
        branch: Some("main".to_owned()),
        setup: vec!["npm ci".to_owned()],
        caps: Caps { max_active: Some(2) },
        updated_at: at(1_500),
        archived_at: Some(at(1_500)),
        ..bare
    };
    hold("repository-full", &full);
}

#[test]
fn tasks() {
    let kind = |kind: &TaskKind| {
        match kind {
            TaskKind::OneShot => "oneShot",
            TaskKind::Cron { .. } => "cron",
            TaskKind::Event { .. } => "event",
        }
        .to_owned()
    };
    let one_shot = Task::new(id(3), id(2), "acme/web/tidy".parse().unwrap(), full_spec(), at(0));
    let schedule = Schedule {
        cron: "30 2 * * 1-5".to_owned(),
        timezone: "Europe/Berlin".to_owned(),
        misfire: MisfirePolicy::RunAll,
        overlap: OverlapPolicy::CancelPrevious,
    };
    let cron =
        Task { kind: TaskKind::Cron { schedule }, spec: full_task_spec(), ..one_shot.clone() };
    let event = Task {
        kind: TaskKind::Event { on: vec!["push".to_owned()] },
        depends_on: vec!["acme/web/build".parse().unwrap()],
        caps: Caps { max_active: Some(1) },
        archived_at: Some(at(9)),
        ..one_shot.clone()
    };
    let tasks = [one_shot, cron, event].map(|task| (kind(&task.kind), task));
    hold_all("task", &["oneShot", "cron", "event"], &tasks);
}

/// Every name that [`state_kind`] gives.
const STATE_KINDS: &[&str] = &[
    "queued",
    "active",
    "stopping-cancel",
    "stopping-deadline",
    "waiting-approval",
    "waiting-review",
    "waiting-retry",
    "waiting-paused",
    "ending-succeeded",
    "ending-failed",
    "ending-cancelled",
    "ending-timedOut",
    "ending-skipped",
    "ended-succeeded",
    "ended-failed",
    "ended-cancelled",
    "ended-timedOut",
    "ended-skipped",
];

fn state_kind(state: &RunState) -> String {
    match state {
        RunState::Queued { .. } => "queued".to_owned(),
        RunState::Active(active) => match active.stopping {
            None => "active",
            Some(StopReason::Cancel) => "stopping-cancel",
            Some(StopReason::Deadline(_)) => "stopping-deadline",
        }
        .to_owned(),
        RunState::Waiting { reason, .. } => format!("waiting-{}", reason_kind(reason)),
        RunState::Ending { outcome, .. } => format!("ending-{}", outcome_kind(outcome)),
        RunState::Ended { outcome, .. } => format!("ended-{}", outcome_kind(outcome)),
    }
}

fn reason_kind(reason: &WaitReason) -> &'static str {
    match reason {
        WaitReason::Approval { .. } => "approval",
        WaitReason::Review => "review",
        WaitReason::Retry { .. } => "retry",
        WaitReason::Paused { .. } => "paused",
    }
}

fn outcome_kind(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "succeeded",
        Outcome::Failed { .. } => "failed",
        Outcome::Cancelled => "cancelled",
        Outcome::TimedOut { .. } => "timedOut",
        Outcome::Skipped => "skipped",
    }
}

/// A run in each kind of state.
fn runs() -> Vec<Run> {
    let until = |stage| Story::until(stage, full_task_spec());
    let implement = until(Stage::Implement);
    let review = until(Stage::Solve).ends(failed(FailureClass::Auth));
    let stopping = implement.then(&Fact::DeadlinePassed(Deadline::Idle));
    let cancelled = implement.then(&Fact::CancelRequested);
    let ending = [
        review.then(&Fact::Approved).then(&Fact::Dispatched).ends(StageResult::Passed),
        implement.ends(failed(FailureClass::Auth)),
        cancelled.ends(StageResult::Stopped),
        stopping.ends(StageResult::Stopped),
        Story::new(full_spec()).then(&Fact::SkipRequested),
    ];
    let ended = ending.clone().map(|story| story.then(&Fact::Settled));
    let mut stories = vec![
        implement.then(&Fact::PauseRequested),
        cancelled,
        stopping,
        until(Stage::Verify).ends(StageResult::Passed),
        review,
        implement.ends(failed(FailureClass::RateLimit)),
        Story::new(full_spec()).then(&Fact::PauseRequested),
    ];
    stories.extend(ending);
    stories.extend(ended);
    let mut new = new_run(full_spec());
    new.repository_setup = vec!["npm ci".to_owned()];
    new.base_branch = Some("main".to_owned());
    new.idempotency_key = Some("nightly-2026-01-01".to_owned());
    let mut runs = vec![Run::create(new, at(0))];
    runs.extend(stories.into_iter().map(|story| story.run));
    runs
}

#[test]
fn runs_in_every_state() {
    let runs: Vec<_> = runs().into_iter().map(|run| (state_kind(run.state()), run)).collect();
    hold_all("run", STATE_KINDS, &runs);
}

#[test]
fn summaries_of_runs_in_every_state() {
    let summaries: Vec<_> =
        runs().iter().map(|run| (state_kind(run.state()), RunSummary::from(run))).collect();
    hold_all("summary", STATE_KINDS, &summaries);
}

/// Every name that [`event_kind`] gives.
const EVENT_KINDS: &[&str] = &[
    "created",
    "queued",
    "stageBegun",
    "stageRunning",
    "stageEnded-passed",
    "stageEnded-failed",
    "stageEnded-stopped",
    "stageLost",
    "cancelRequested",
    "deadlinePassed",
    "pauseRequested",
    "pauseWithdrawn",
    "waiting-approval",
    "waiting-review",
    "waiting-retry",
    "waiting-paused",
    "approved",
    "rejected",
    "ending-succeeded",
    "ending-failed",
    "ending-cancelled",
    "ending-timedOut",
    "ending-skipped",
    "ended-succeeded",
    "ended-failed",
    "ended-cancelled",
    "ended-timedOut",
    "ended-skipped",
    "note",
    "log",
];

fn event_kind(event: &EventKind) -> String {
    let kind = match event {
        EventKind::Created => "created",
        EventKind::Queued { .. } => "queued",
        EventKind::StageBegun { .. } => "stageBegun",
        EventKind::StageRunning { .. } => "stageRunning",
        EventKind::StageEnded { result, .. } => match result {
            StageResult::Passed => "stageEnded-passed",
            StageResult::Failed { .. } => "stageEnded-failed",
            StageResult::Stopped => "stageEnded-stopped",
        },
        EventKind::StageLost { .. } => "stageLost",
        EventKind::CancelRequested => "cancelRequested",
        EventKind::DeadlinePassed { .. } => "deadlinePassed",
        EventKind::PauseRequested => "pauseRequested",
        EventKind::PauseWithdrawn => "pauseWithdrawn",
        EventKind::Waiting { reason, .. } => return format!("waiting-{}", reason_kind(reason)),
        EventKind::Approved => "approved",
        EventKind::Rejected { .. } => "rejected",
        EventKind::Ending { outcome } => return format!("ending-{}", outcome_kind(outcome)),
        EventKind::Ended { outcome } => return format!("ended-{}", outcome_kind(outcome)),
        EventKind::Note { .. } => "note",
        EventKind::Log { .. } => "log",
    };
    kind.to_owned()
}

fn events() -> Vec<EventKind> {
    let (stage, attempt) = (Stage::Implement, 2);
    let next = Stage::Publish;
    let failure = Failure {
        retry_after: Some("1h30m".parse().unwrap()),
        ..Failure::new(FailureClass::RateLimit, "slower").with_detail("HTTP 429")
    };
    let ended = |exit, result| EventKind::StageEnded { stage, attempt, exit, result };
    let waits = |reason| EventKind::Waiting { reason, failure: None };
    let retry = WaitReason::Retry { next, until: at(30_000) };
    let outcomes = [
        Outcome::Succeeded,
        Outcome::Failed { class: FailureClass::Budget },
        Outcome::Cancelled,
        Outcome::TimedOut { deadline: Deadline::Total },
        Outcome::Skipped,
    ];
    let mut events = vec![
        EventKind::Created,
        EventKind::Queued { next },
        EventKind::StageBegun { stage, attempt },
        EventKind::StageRunning { stage, attempt },
        ended(Some(0), StageResult::Passed),
        ended(Some(-1), StageResult::Failed { failure: failure.clone() }),
        ended(None, StageResult::Stopped),
        EventKind::StageLost { stage, attempt },
        EventKind::CancelRequested,
        EventKind::DeadlinePassed { deadline: Deadline::Stage },
        EventKind::PauseRequested,
        EventKind::PauseWithdrawn,
        waits(WaitReason::Approval { next }),
        waits(WaitReason::Review),
        EventKind::Waiting { reason: retry, failure: Some(failure) },
        waits(WaitReason::Paused { next }),
        EventKind::Approved,
        EventKind::Rejected { comment: "not like this".to_owned() },
        EventKind::Note { text: "the sandbox was adopted".to_owned() },
        EventKind::Log {
            chunk: LogChunk {
                stage,
                attempt,
                first_line: 900_000,
                lines: vec![
                    LogLine(0, LogSource::Stdout, "building \"web\"".to_owned()),
                    LogLine(1_250, LogSource::Stderr, "warning: ü".to_owned()),
                ],
                cursor: OutputCursor { stdout: 4_096, stderr: 12 },
                checksum: "2c26b46b68ffc68ff99b453c1d304134".to_owned(),
            },
        },
    ];
    for outcome in outcomes {
        events.push(EventKind::Ending { outcome: outcome.clone() });
        events.push(EventKind::Ended { outcome });
    }
    events
}

#[test]
fn events_of_every_kind() {
    let mut documents = Vec::new();
    for (seq, kind) in (1..).zip(events()) {
        documents.push((event_kind(&kind), RunEvent { run: id(4), seq, at: at(1_250), kind }));
    }
    hold_all("event", EVENT_KINDS, &documents);
}

#[test]
fn findings() {
    let bare = Finding {
        schema: FINDING_SCHEMA,
        version: 1,
        id: id(5),
        fingerprint: "orphan orch-x-implement-1".to_owned(),
        state: FindingState::New,
        severity: Severity::Low,
        kind: FindingKind::Orphan,
        title: "a container without a run was removed".to_owned(),
        detail: None,
        suggestion: "nothing has to be done".to_owned(),
        repository: None,
        task: None,
        run: None,
        count: 1,
        first_at: at(0),
        last_at: at(0),
    };
    hold("finding-bare", &bare);
    let full = Finding {
        version: 4,
        state: FindingState::InProgress,
        severity: Severity::High,
        kind: FindingKind::FailedRun,
        detail: Some("error: 2 tests failed".to_owned()),
        repository: Some(id(2)),
        task: Some("acme/web/tidy".parse().unwrap()),
        run: Some(id(4)),
        count: 3,
        last_at: at(90_000),
        ..bare
    };
    hold("finding-full", &full);
}

#[test]
fn envelopes() {
    hold("envelope-bare", &bare_envelope());
    hold("envelope-full", &full_envelope());
}

/// A file that no fixture holds any more is one that nobody loads.
#[test]
fn no_file_is_left_over() {
    let mut expected: BTreeSet<String> = BTreeSet::new();
    for kind in STATE_KINDS {
        expected.extend([format!("run-{kind}"), format!("summary-{kind}")]);
    }
    expected.extend(EVENT_KINDS.iter().map(|kind| format!("event-{kind}")));
    expected.extend(["oneShot", "cron", "event"].map(|kind| format!("task-{kind}")));
    expected.extend(ledger::DUE_TIME_KINDS.iter().map(|kind| format!("dueTime-{kind}")));
    let documents = ["project", "repository", "finding", "envelope", "taskSchedule"];
    for document in documents.iter().chain(record::DOCUMENTS) {
        expected.extend([format!("{document}-bare"), format!("{document}-full")]);
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1");
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        found.insert(name.trim_end_matches(".json").to_owned());
    }
    assert_eq!(found, expected);
}
