//! The engine as a function: facts in, effects out.

use super::*;
use crate::domain::failure::FailureClass;
use crate::domain::finding::FindingKind;
use crate::domain::limits::{ApprovalProfile, Priority, SandboxKind};
use crate::domain::run::tests::{Story, at, failed, full_spec, id, new_run};
use crate::domain::run::{Deadline, NewRun, Outcome, StageReport};
use crate::domain::stage::StageResult;
use crate::domain::task::TaskSpec;
use crate::engine::reconcile::{Finding, Sighting, reconcile, sandbox_name};

fn one_slot() -> Slots {
    Slots { total: 1, ..Slots::default() }
}

fn run(number: u128, repository: u128, spec: TaskSpec) -> Run {
    let new = NewRun { id: id(number), repository: id(repository), ..new_run(spec) };
    Run::create(new, at(0))
}

/// Effects in short, as a reader wants them.
fn told(effects: &[Effect]) -> Vec<String> {
    effects
        .iter()
        .map(|effect| match effect {
            Effect::Commit { run, events } => {
                format!("commit {} v{} ({} events)", run.id().short(), run.version(), events.len())
            }
            Effect::Claim { run, events, .. } => {
                format!("claim {} v{} ({} events)", run.id().short(), run.version(), events.len())
            }
            Effect::StartStage { run, stage, attempt } => {
                format!("start {} {stage} {attempt}", run.short())
            }
            Effect::StopStage { run, stage, attempt } => {
                format!("stop {} {stage} {attempt}", run.short())
            }
            Effect::Discard { run, stage, attempt } => {
                format!("discard {} {stage} {attempt}", run.short())
            }
            Effect::Settle { run } => format!("settle {}", run.short()),
            Effect::Report(report) => format!("report {:?}: {}", report.kind, report.title),
            Effect::Withdraw { fingerprint } => format!("withdraw {}", &fingerprint[..8]),
            Effect::RemoveOrphan { name, .. } => format!("remove {name}"),
        })
        .collect()
}

fn started(effects: &[Effect]) -> Vec<RunId> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::StartStage { run, .. } => Some(*run),
            _ => None,
        })
        .collect()
}

fn ended(stage: Stage, result: StageResult) -> Fact {
    Fact::StageEnded(StageReport { stage, attempt: 1, exit: Some(0), base: None, result })
}

#[test]
fn a_run_walks_from_the_door_to_the_street() {
    let mut engine = Engine::new(one_slot());
    let spec = TaskSpec { verify: Vec::new(), ..full_spec() };
    let mut story = told(&engine.submit(run(1, 1, spec), at(0)));
    for stage in [Stage::Prepare, Stage::Implement, Stage::Publish] {
        let effects = engine.handle(id(1), &ended(stage, StageResult::Passed), at(1)).unwrap();
        story.extend(told(&effects));
    }
    story.extend(told(&engine.handle(id(1), &Fact::Settled, at(2)).unwrap()));
    insta::assert_snapshot!(story.join("\n"), @r"
    commit 000001 v1 (2 events)
    claim 000001 v2 (1 events)
    start 000001 prepare 1
    commit 000001 v3 (2 events)
    discard 000001 prepare 1
    start 000001 implement 1
    commit 000001 v4 (2 events)
    discard 000001 implement 1
    start 000001 publish 1
    commit 000001 v5 (2 events)
    discard 000001 publish 1
    settle 000001
    commit 000001 v6 (1 events)
    ");
    assert!(engine.run(id(1)).is_none(), "an ended run is nobody's business any more");
}

#[test]
fn what_fails_is_put_before_a_person() {
    let mut engine = Engine::new(one_slot());
    engine.submit(run(1, 1, full_spec()), at(0));
    let result = failed(FailureClass::Auth);
    engine.handle(id(1), &ended(Stage::Prepare, result), at(1)).unwrap();
    let effects = engine.handle(id(1), &Fact::Settled, at(2)).unwrap();
    let Some(Effect::Report(report)) = effects.last() else { panic!("{:?}", told(&effects)) };
    assert_eq!(report.kind, FindingKind::FailedRun);
    assert_eq!(report.fingerprint, format!("failed:{}:auth", id::<()>(3)));
    assert!(!report.suggestion.is_empty());
}

#[test]
fn a_question_to_a_person_is_withdrawn_when_it_is_answered() {
    let mut engine = Engine::new(one_slot());
    let spec = TaskSpec { approval: ApprovalProfile::BeforeStart, ..full_spec() };
    let asked = told(&engine.submit(run(1, 1, spec), at(0)));
    assert!(asked.iter().any(|effect| effect.starts_with("report Approval")), "{asked:?}");
    let answered = told(&engine.handle(id(1), &Fact::Approved, at(1)).unwrap());
    assert!(answered.contains(&"withdraw waiting:".into()), "{answered:?}");
    assert!(answered.iter().any(|effect| effect.ends_with("prepare 1")), "{answered:?}");
}

#[test]
fn a_full_house_lets_nobody_in_until_somebody_leaves() {
    let mut engine = Engine::new(one_slot());
    assert_eq!(started(&engine.submit(run(1, 1, full_spec()), at(0))), [id(1)]);
    assert!(started(&engine.submit(run(2, 1, full_spec()), at(0))).is_empty());
    engine.handle(id(1), &Fact::CancelRequested, at(1)).unwrap();
    engine.handle(id(1), &ended(Stage::Prepare, StageResult::Stopped), at(1)).unwrap();
    let effects = engine.handle(id(1), &Fact::Settled, at(2)).unwrap();
    assert_eq!(started(&effects), [id(2)]);
}

#[test]
fn a_run_that_waits_for_a_retry_holds_no_slot() {
    let mut engine = Engine::new(one_slot());
    engine.submit(run(1, 1, full_spec()), at(0));
    engine.submit(run(2, 1, full_spec()), at(0));
    let result = failed(FailureClass::Network);
    let effects = engine.handle(id(1), &ended(Stage::Prepare, result), at(1)).unwrap();
    assert_eq!(started(&effects), [id(2)]);
}

#[test]
fn priority_goes_before_fairness_and_fairness_before_age() {
    let spec = |priority| TaskSpec { priority, ..full_spec() };
    let mut waiting: Vec<Run> = vec![
        run(1, 1, spec(Priority::Normal)),
        run(2, 1, spec(Priority::Normal)),
        run(3, 2, spec(Priority::Normal)),
        run(4, 1, spec(Priority::High)),
        run(5, 2, spec(Priority::Deferred)),
    ];
    let slots = Slots { total: 9, ..Slots::default() };
    let mut order = Vec::new();
    while let Some(next) = dispatch::next(waiting.iter(), &slots) {
        order.push(next);
        for run in &mut waiting {
            if run.id() == next {
                *run = run.apply(&Fact::Dispatched, at(1)).unwrap().run;
            }
        }
    }
    assert_eq!(order, [id(4), id(3), id(1), id(2), id(5)]);
}

#[test]
fn every_cap_holds() {
    let caps = [
        Slots { projects: [(id(1), 1)].into(), total: 9, ..Slots::default() },
        Slots { repositories: [(id(1), 1)].into(), total: 9, ..Slots::default() },
        Slots { tasks: [(id(3), 1)].into(), total: 9, ..Slots::default() },
    ];
    for slots in caps {
        let mut engine = Engine::new(slots.clone());
        assert_eq!(started(&engine.submit(run(1, 1, full_spec()), at(0))).len(), 1);
        let second = engine.submit(run(2, 1, full_spec()), at(0));
        assert!(started(&second).is_empty(), "{slots:?}");
        let wider = Slots { total: 9, ..Slots::default() };
        assert_eq!(started(&engine.set_slots(wider, at(1))), [id(2)]);
    }
}

#[test]
fn a_deadline_is_told_when_it_is_due_and_only_then() {
    let mut engine = Engine::new(one_slot());
    engine.submit(run(1, 1, full_spec()), at(0));
    let due = engine.next_wake().unwrap();
    assert!(engine.tick(at(1)).is_empty());
    let effects = told(&engine.tick(due));
    assert!(effects.iter().any(|effect| effect.starts_with("stop ")), "{effects:?}");
    assert_eq!(engine.next_wake(), None, "it is being stopped already");
    assert!(engine.tick(due).is_empty());
}

#[test]
fn the_clock_counts_for_an_adopted_run_only_when_its_sandbox_was_looked_at() {
    let story = Story::until(Stage::Implement, full_spec());
    let mut engine = Engine::new(one_slot());
    engine.adopt(story.run);
    let late = at(1_000_000_000);
    assert_eq!(engine.next_wake(), None);
    assert!(engine.tick(late).is_empty(), "it may have ended in time while nobody looked");
    engine.observed(SandboxKind::Process);
    assert!(engine.tick(late).is_empty(), "that was the other kind");
    engine.observed(SandboxKind::Docker);
    assert!(told(&engine.tick(late)).iter().any(|effect| effect.starts_with("stop ")));
}

#[test]
fn an_engine_that_is_held_starts_nothing() {
    let mut engine = Engine::new(one_slot());
    engine.hold();
    assert!(started(&engine.submit(run(1, 1, full_spec()), at(0))).is_empty());
}

#[test]
fn a_run_that_ended_takes_no_facts() {
    let mut engine = Engine::new(one_slot());
    assert_eq!(engine.handle(id(1), &Fact::CancelRequested, at(0)), Err(Refused::Ended));
    assert_eq!(Outcome::Cancelled.name(), "cancelled");
}

fn sighting(name: String, run: Option<RunId>) -> Sighting {
    Sighting { name, run }
}

fn reconciled(run: &Run, found: &[Sighting]) -> Vec<Finding> {
    reconcile(SandboxKind::Docker, std::iter::once(run), found)
}

/// The table of RUNS: what is stored against what is found.
#[test]
fn what_is_found_decides_how_a_run_goes_on() {
    let begun = Story::until(Stage::Implement, full_spec());
    let (stage, attempt) = begun.current();
    let running = begun.then(&Fact::StageRunning { stage, attempt });
    let owner = running.run.id();
    let there = [sighting(sandbox_name(owner, stage.name(), attempt), Some(owner))];
    let go_on = |stop| Finding::Continue { run: owner, stage, attempt, stop };
    let lost = Finding::Lost { run: owner, stage, attempt };

    assert_eq!(reconciled(&running.run, &there), [go_on(false)], "adopted");
    assert_eq!(reconciled(&running.run, &[]), std::slice::from_ref(&lost), "its sandbox is gone");
    assert_eq!(reconciled(&begun.run, &[]), [go_on(false)], "only the intent was stored");
    let stopping = running.then(&Fact::DeadlinePassed(Deadline::Stage));
    assert_eq!(reconciled(&stopping.run, &there), [go_on(true)], "it is still to be stopped");
    assert_eq!(reconciled(&stopping.run, &[]), [lost], "it is stopped for good");
    let ending = running.then(&Fact::CancelRequested).ends(StageResult::Stopped);
    assert_eq!(reconciled(&ending.run, &there), [Finding::Settle { run: owner }]);
    let queued = Story::new(full_spec());
    assert_eq!(reconciled(&queued.run, &[]), []);
}

#[test]
fn only_what_no_live_run_claims_is_an_orphan() {
    let story = Story::until(Stage::Implement, full_spec());
    let owner = story.run.id();
    let found = [
        sighting(sandbox_name(owner, "prepare", 1), Some(owner)),
        sighting("orch-gone-implement-1".into(), Some(id(99))),
        sighting("nameless".into(), None),
    ];
    let orphans: Vec<String> = reconciled(&story.run, &found)
        .into_iter()
        .filter_map(|finding| match finding {
            Finding::Orphan { name, .. } => Some(name),
            _ => None,
        })
        .collect();
    assert_eq!(orphans, ["orch-gone-implement-1", "nameless"]);
}

#[test]
fn each_kind_of_sandbox_is_reconciled_by_itself() {
    let story = Story::until(Stage::Implement, full_spec());
    assert_eq!(reconcile(SandboxKind::Process, std::iter::once(&story.run), &[]), []);
}
