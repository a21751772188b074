//! Whichever call to the store breaks, before it or after it: the end is the same.

use futures_util::future::join_all;

use super::*;
use crate::domain::event::RunEvent;
use crate::domain::finding::{FindingKind, Severity};
use crate::domain::run::tests::{at, full_spec, new_run};
use crate::engine::findings::Report;
use crate::store::fault::{Fault, FaultyStore, Moment};

/// What is told of the end: the run, its events, and of its finding the state and the count.
type End = (Option<Run>, Vec<RunEvent>, Option<(FindingState, u64, u64)>);

fn report(run: &Run, millis: i64) -> Effect {
    Effect::Report(Box::new(Report {
        fingerprint: "the same each time".to_owned(),
        severity: Severity::Low,
        kind: FindingKind::FailedRun,
        title: "it failed".to_owned(),
        detail: None,
        suggestion: "look".to_owned(),
        repository: None,
        task: None,
        run: Some(run.id()),
        at: at(millis),
    }))
}

/// A run is made, dispatched and stopped; something is found twice, and withdrawn.
fn story() -> Vec<Effect> {
    let commit =
        |run: &Run, events: Vec<EventKind>| Effect::Commit { run: Box::new(run.clone()), events };
    let run = Run::create(new_run(full_spec()), at(0));
    let active = run.apply(&Fact::Dispatched, at(1_000)).unwrap();
    let stopping = active.run.apply(&Fact::CancelRequested, at(2_000)).unwrap();
    vec![
        commit(&run, vec![EventKind::Created]),
        commit(&active.run, active.events),
        report(&run, 1_000),
        commit(&stopping.run, stopping.events),
        report(&run, 2_000),
        Effect::Withdraw { fingerprint: "the same each time".to_owned() },
    ]
}

/// The end of the story under a fault, and how many calls it took.
async fn end(fault: Fault) -> (End, u64) {
    let mut faulty = None;
    let (_folder, shared) = Shared::for_tests_with(|inner| {
        let store = Arc::new(FaultyStore::new(inner, fault));
        faulty = Some(Arc::clone(&store));
        store
    });
    // Not through `prepare`, whose reads are not part of the story.
    let (handle, inbox) = handle::channel();
    let mut actor = Actor {
        shared: Arc::clone(&shared),
        handle,
        inbox,
        engine: Engine::new(Slots::default()),
        tasks: TaskTracker::new(),
        stages: HashMap::new(),
        settling: HashSet::new(),
    };
    actor.carry_out(story(), &CancellationToken::new()).await.unwrap();
    let calls = faulty.expect("it was made").counted();
    let store = shared.store.as_ref();
    let run = Run::create(new_run(full_spec()), at(0)).id();
    let finding: Option<Finding> =
        record::lookup(store, "fingerprint", "the same each time").await.unwrap();
    let end = (
        record::get(store, &run.to_string()).await.unwrap(),
        store.events(run, 0, usize::MAX).await.unwrap(),
        finding.map(|finding| (finding.state, finding.count, finding.version)),
    );
    (end, calls)
}

#[tokio::test]
async fn whichever_call_breaks_the_end_is_the_same() {
    let (expected, calls) = end(Fault::at_call(0, Moment::Before)).await;
    assert_eq!(expected.1.len(), 3, "{expected:?}");
    assert_eq!(expected.2, Some((FindingState::Resolved, 2, 3)));
    assert_eq!(calls, 9);
    let mut faults = Vec::new();
    for moment in [Moment::Before, Moment::After] {
        faults.extend((1..=calls).map(|number| Fault::at_call(number, moment)));
    }
    let ends = join_all(faults.iter().map(|fault| end(*fault))).await;
    for (fault, (found, taken)) in faults.iter().zip(ends) {
        assert_eq!(found, expected, "{fault:?}");
        assert!(taken > calls, "{fault:?} came, and the call was repeated");
    }
}
