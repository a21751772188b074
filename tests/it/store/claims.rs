//! Claims: a run gets its slot where every cap leaves room, however many want one at once.

use std::sync::Arc;

use orch::domain::event::EventKind;
use orch::domain::run::{Fact, Run, StageReport};
use orch::domain::stage::{Stage, StageResult};
use orch::store::{Cap, Claim, Collection, Document, Filter, Query, Store, StoreError, record};

use super::context::Context;
use super::making::{
    append, at_once, change, ended, id, note, numbers, queued, queued_for, raw_change, raw_run,
    stored, stored_queued, tell, told,
};
use super::outcome::{Outcome, conflict, exists, not_found, won_against_conflicts};
use super::{StoreCase, store_cases};

pub(super) const CASES: &[StoreCase] = store_cases![
    a_claim_is_a_transition,
    a_claim_without_caps_is_granted,
    a_full_cap_is_named_and_nothing_is_written,
    a_cap_of_zero_is_always_full,
    a_cap_counts_only_its_own,
    every_cap_has_to_leave_room,
    a_run_that_holds_a_slot_counts_once,
    a_slot_that_nobody_claimed_counts_too,
    a_run_that_waits_or_ended_frees_its_slot,
    a_run_whose_ends_are_tied_holds_its_slot,
    of_twenty_who_claim_one_run_one_wins,
    twenty_runs_at_once_never_exceed_the_cap,
    caps_hold_while_slots_come_and_go,
    failed_claims_leave_nothing_behind,
    claims_in_two_scopes_do_not_block_each_other,
    a_run_can_be_made_with_its_slot,
];

fn total(limit: u32) -> Cap {
    Cap { scope: None, limit }
}

fn within(field: &'static str, number: u128, limit: u32) -> Cap {
    Cap { scope: Some((field, id::<()>(number).to_string())), limit }
}

/// Claims a slot for a run that waits for one.
async fn claim(store: &dyn Store, run: &Run, caps: &[Cap]) -> Result<Claim, StoreError> {
    let (active, events) = tell(run, &Fact::Dispatched);
    store.claim(change(&active, events), caps).await
}

/// Claims where there has to be room; the run as it is afterwards.
async fn claimed(store: &dyn Store, run: &Run, caps: &[Cap]) -> Result<Run, StoreError> {
    let answer = claim(store, run, caps).await?;
    assert!(matches!(answer, Claim::Granted(_)), "there was room: {answer:?}");
    Ok(tell(run, &Fact::Dispatched).0)
}

async fn holding(store: &dyn Store) -> Result<usize, StoreError> {
    let slots = Query::all(Collection::Runs).filter(Filter::Equals("slot", "yes".to_owned()));
    Ok(store.find(slots).await?.len())
}

async fn a_claim_is_a_transition(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let run = stored_queued(store, 4).await?;
    let (active, events) = tell(&run, &Fact::Dispatched);
    let answer = store.claim(change(&active, events), &[total(1)]).await?;
    assert_eq!(answer, Claim::Granted(2));
    assert_eq!(record::get(store, &run.id().to_string()).await?, Some(active.clone()));
    let events = store.events(run.id(), 0, 10).await?;
    assert_eq!(events[1].kind, EventKind::StageBegun { stage: Stage::Prepare, attempt: 1 });
    assert_eq!((events.len(), events[1].at), (2, active.updated_at()));
    // Errors are those of a transition.
    conflict(claim(store, &run, &[total(5)]).await);
    not_found(claim(store, &queued(5), &[total(5)]).await);
    assert_eq!(append(store, run.id(), "goes on").await?, 3);
    Ok(())
}

async fn a_claim_without_caps_is_granted(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    for number in 4..8 {
        let run = stored_queued(store, number).await?;
        assert_eq!(claim(store, &run, &[]).await?, Claim::Granted(2));
    }
    assert_eq!(holding(store).await?, 4);
    Ok(())
}

async fn a_full_cap_is_named_and_nothing_is_written(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let first = stored_queued(store, 4).await?;
    let second = stored_queued(store, 5).await?;
    let caps =
        [total(5), within("project", 1, 3), within("task", 3, 1), within("repository", 2, 2)];
    claimed(store, &first, &caps).await?;
    for _ in 0..3 {
        assert_eq!(claim(store, &second, &caps).await?, Claim::Full(2), "the task's cap");
    }
    let name = second.id().to_string();
    assert_eq!(record::get(store, &name).await?, Some(second.clone()));
    assert_eq!(numbers(store, second.id()).await?, [1]);
    assert_eq!(append(store, second.id(), "goes on").await?, 2);
    assert_eq!(holding(store).await?, 1);
    // The same without the cap that was full.
    assert_eq!(claim(store, &second, &caps[..2]).await?, Claim::Granted(3));
    Ok(())
}

async fn a_cap_of_zero_is_always_full(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let run = stored_queued(store, 4).await?;
    assert_eq!(claim(store, &run, &[total(0)]).await?, Claim::Full(0));
    assert_eq!(claim(store, &run, &[total(1), within("project", 1, 0)]).await?, Claim::Full(1));
    // One that does not concern the run counts nobody, and still leaves no room.
    assert_eq!(claim(store, &run, &[within("project", 9, 0)]).await?, Claim::Full(0));
    assert_eq!(claim(store, &run, &[total(1)]).await?, Claim::Granted(2));
    Ok(())
}

async fn a_cap_counts_only_its_own(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let mut runs = Vec::new();
    // Two projects; in the first two repositories; in the first of these two tasks.
    for (number, project, repository, task) in
        [(11, 1, 2, 3), (12, 1, 2, 3), (13, 1, 2, 4), (14, 1, 5, 6), (15, 7, 8, 9), (16, 7, 8, 9)]
    {
        runs.push(stored(store, queued_for(number, project, repository, task)).await?);
    }
    let [of_task, same_task, other_task, other_repository, other_project, again] = runs.as_slice()
    else {
        unreachable!("there are six");
    };
    claimed(store, of_task, &[within("task", 3, 1)]).await?;
    assert_eq!(claim(store, same_task, &[within("task", 3, 1)]).await?, Claim::Full(0));
    claimed(store, other_task, &[within("task", 4, 1), within("repository", 2, 2)]).await?;
    assert_eq!(claim(store, same_task, &[within("repository", 2, 2)]).await?, Claim::Full(0));
    claimed(store, other_repository, &[within("repository", 5, 1), within("project", 1, 3)])
        .await?;
    assert_eq!(claim(store, same_task, &[within("project", 1, 3)]).await?, Claim::Full(0));
    claimed(store, other_project, &[within("project", 7, 1), total(4)]).await?;
    assert_eq!(claim(store, again, &[total(4)]).await?, Claim::Full(0));
    assert_eq!(claim(store, again, &[within("project", 7, 2)]).await?, Claim::Granted(2));
    Ok(())
}

async fn every_cap_has_to_leave_room(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let first = stored(store, queued_for(11, 1, 2, 3)).await?;
    claimed(store, &first, &[]).await?;
    let second = stored(store, queued_for(12, 1, 5, 6)).await?;
    let caps = |total_cap, project, repository| {
        [total(total_cap), within("project", 1, project), within("repository", 5, repository)]
    };
    for (caps, full) in [
        (caps(1, 9, 9), vec![0]),
        (caps(9, 1, 9), vec![1]),
        (caps(9, 9, 0), vec![2]),
        (caps(1, 1, 9), vec![0, 1]),
        (caps(0, 1, 0), vec![0, 1, 2]),
    ] {
        let answer = claim(store, &second, &caps).await?;
        let Claim::Full(place) = answer else {
            unreachable!("there is no room under {caps:?}");
        };
        assert!(full.contains(&place), "{place} is not full of {caps:?}");
    }
    assert_eq!(claim(store, &second, &caps(2, 2, 1)).await?, Claim::Granted(2));
    Ok(())
}

async fn a_run_that_holds_a_slot_counts_once(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let run = stored_queued(store, 4).await?;
    let mut run = claimed(store, &run, &[total(1)]).await?;
    // As often as it likes: it asks for the slot that it has.
    for fact in [
        Fact::StageRunning { stage: Stage::Prepare, attempt: 1 },
        Fact::PauseRequested,
        Fact::ResumeRequested,
    ] {
        let (next, events) = tell(&run, &fact);
        let answer = store.claim(change(&next, events), &[total(1), within("task", 3, 1)]).await?;
        assert!(matches!(answer, Claim::Granted(_)), "{fact:?}: {answer:?}");
        run = next;
    }
    assert_eq!(holding(store).await?, 1);
    let other = stored_queued(store, 5).await?;
    assert_eq!(claim(store, &other, &[total(1)]).await?, Claim::Full(0));
    assert_eq!(claim(store, &other, &[total(2)]).await?, Claim::Granted(2));
    Ok(())
}

async fn a_slot_that_nobody_claimed_counts_too(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let first = stored_queued(store, 4).await?;
    told(store, &first, &Fact::Dispatched).await?;
    let second = stored_queued(store, 5).await?;
    assert_eq!(claim(store, &second, &[total(1)]).await?, Claim::Full(0));
    assert_eq!(claim(store, &second, &[total(2)]).await?, Claim::Granted(2));
    Ok(())
}

async fn a_run_that_waits_or_ended_frees_its_slot(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let caps =
        [total(1), within("project", 1, 1), within("repository", 2, 1), within("task", 3, 1)];
    for number in 11..14 {
        let run = stored_queued(store, number).await?;
        let next = stored_queued(store, number + 10).await?;
        let run = claimed(store, &run, &caps).await?;
        assert!(matches!(claim(store, &next, &caps).await?, Claim::Full(_)));
        let waiting = paused(store, &run).await?;
        assert!(!waiting.holds_slot(), "{:?}", waiting.state());
        let next = claimed(store, &next, &caps).await?;
        // It comes back as one who waits for a slot like others.
        let again = told(store, &waiting, &Fact::ResumeRequested).await?;
        assert!(matches!(claim(store, &again, &caps).await?, Claim::Full(_)));
        let ending = told(store, &next, &Fact::CancelRequested).await?;
        let ending = told(store, &ending, &prepared(StageResult::Stopped)).await?;
        told(store, &ending, &Fact::Settled).await?;
        assert_eq!(holding(store).await?, 0, "round {number}");
    }
    Ok(())
}

/// A run whose stage executed, and which waits for a person now.
async fn paused(store: &dyn Store, active: &Run) -> Result<Run, StoreError> {
    let asked = told(store, active, &Fact::PauseRequested).await?;
    told(store, &asked, &prepared(StageResult::Passed)).await
}

fn prepared(result: StageResult) -> Fact {
    let base = Some("1f3a9c0d5b7e2468ace013579bdf02468ace1357".to_owned());
    Fact::StageEnded(StageReport { stage: Stage::Prepare, attempt: 1, exit: Some(0), base, result })
}

async fn a_run_whose_ends_are_tied_holds_its_slot(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let run = stored_queued(store, 4).await?;
    let run = claimed(store, &run, &[total(1)]).await?;
    let run = told(store, &run, &Fact::CancelRequested).await?;
    let run = told(store, &run, &prepared(StageResult::Stopped)).await?;
    assert!(run.outcome().is_none() && run.holds_slot());
    let other = stored_queued(store, 5).await?;
    assert_eq!(claim(store, &other, &[total(1)]).await?, Claim::Full(0));
    told(store, &run, &Fact::Settled).await?;
    assert_eq!(claim(store, &other, &[total(1)]).await?, Claim::Granted(2));
    Ok(())
}

async fn of_twenty_who_claim_one_run_one_wins(context: &Context) -> Outcome {
    let other = context.reopen().await?;
    let run = stored_queued(context.store.as_ref(), 4).await?;
    let (active, _) = tell(&run, &Fact::Dispatched);
    let answers = at_once(20, |number| {
        let store = Arc::clone(if number % 2 == 0 { &context.store } else { &other });
        let change = change(&active, vec![note(&number.to_string())]);
        async move { store.claim(change, &[total(40), within("task", 3, 40)]).await }
    })
    .await;
    let winner = answers.iter().position(Result::is_ok).expect("somebody wins");
    assert_eq!(answers[winner].as_ref().ok(), Some(&Claim::Granted(2)));
    assert_eq!(won_against_conflicts(answers), 1);
    let events = context.store.events(run.id(), 0, 10).await?;
    assert_eq!((events.len(), &events[1].kind), (2, &note(&winner.to_string())));
    Ok(())
}

async fn twenty_runs_at_once_never_exceed_the_cap(context: &Context) -> Outcome {
    const LIMIT: usize = 3;
    let other = context.reopen().await?;
    for number in 0..20 {
        stored_queued(context.store.as_ref(), 100 + number).await?;
    }
    let answers = at_once(20, |number| {
        let store = Arc::clone(if number % 2 == 0 { &context.store } else { &other });
        let run = queued(100 + number);
        async move { claim(store.as_ref(), &run, &[total(9), within("project", 1, 3)]).await }
    })
    .await;
    let mut granted = 0;
    for (number, answer) in (100..).zip(answers) {
        let expected: &[u64] = match answer? {
            Claim::Granted(seq) => {
                assert_eq!(seq, 2);
                granted += 1;
                &[1, 2]
            }
            Claim::Full(place) => {
                assert_eq!(place, 1);
                &[1]
            }
        };
        assert_eq!(numbers(context.store.as_ref(), id(number)).await?, expected, "run {number}");
    }
    assert!(granted <= LIMIT, "{granted} were granted under a cap of {LIMIT}");
    assert_eq!(holding(context.store.as_ref()).await?, granted);
    // Those who were too many at once have not used up what is free: one by one it is given away.
    for number in 100..120 {
        let name = id::<()>(number).to_string();
        let run: Option<Run> = record::get(context.store.as_ref(), &name).await?;
        let run = run.expect("it is there");
        if !run.holds_slot() {
            let caps = [total(9), within("project", 1, 3)];
            claim(other.as_ref(), &run, &caps).await?;
        }
    }
    assert_eq!(holding(context.store.as_ref()).await?, LIMIT);
    Ok(())
}

/// Six workers from two store objects claim and give back while somebody counts.
async fn caps_hold_while_slots_come_and_go(context: &Context) -> Outcome {
    const LIMIT: u32 = 2;
    let other = context.reopen().await?;
    let workers = at_once_in_background(6, |number| {
        let store = Arc::clone(if number % 2 == 0 { &context.store } else { &other });
        async move {
            let of = |version, slot: &[(&'static str, &str)]| {
                let document = Document { version, ..raw_run(100 + number, slot) };
                raw_change(100 + number, document, vec![note("changed")])
            };
            let mut version = 1;
            store.transition(of(version, &[])).await?;
            for _ in 0..8 {
                let claim = of(version + 1, &[("slot", "yes")]);
                if let Claim::Granted(_) = store.claim(claim, &[total(LIMIT)]).await? {
                    store.transition(of(version + 2, &[])).await?;
                    version += 2;
                }
            }
            Ok::<u64, StoreError>(version / 2)
        }
    });
    let mut looks = 0;
    while looks == 0 || workers.iter().any(|worker| !worker.is_finished()) {
        let held = holding(context.store.as_ref()).await?;
        assert!(held <= LIMIT as usize, "{held} hold a slot under a cap of {LIMIT}");
        looks += 1;
    }
    let mut granted = 0;
    for worker in workers {
        granted += worker.await.expect("no task panics")?;
    }
    assert!(granted > 0, "somebody got a slot");
    assert_eq!(holding(context.store.as_ref()).await?, 0);
    for number in 0..LIMIT {
        let run = stored_queued(context.store.as_ref(), 200 + u128::from(number)).await?;
        claimed(other.as_ref(), &run, &[total(LIMIT)]).await?;
    }
    Ok(())
}

fn at_once_in_background<T, F>(
    count: u128,
    work: impl Fn(u128) -> F,
) -> Vec<tokio::task::JoinHandle<T>>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    (0..count).map(|number| tokio::spawn(work(number))).collect()
}

async fn failed_claims_leave_nothing_behind(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let caps =
        [total(2), within("project", 1, 2), within("repository", 2, 2), within("task", 3, 2)];
    let run = stored_queued(store, 4).await?;
    for _ in 0..5 {
        // Of another version, of nobody, new where one is, and under a full cap.
        let (active, _) = tell(&run, &Fact::Dispatched);
        let (far, _) = tell(&active, &Fact::CancelRequested);
        conflict(store.claim(change(&far, vec![note("no")]), &caps).await);
        not_found(claim(store, &queued(5), &caps).await);
        exists(store.claim(change(&run, vec![note("no")]), &caps).await);
        let [first, .., last] = caps.clone();
        let full = [first, Cap { limit: 0, ..last }];
        assert_eq!(claim(store, &run, &full).await?, Claim::Full(1));
    }
    // And of many at once.
    let answers = at_once(10, |_| {
        let store = Arc::clone(&context.store);
        let caps = caps.clone();
        async move { claim(store.as_ref(), &queued(6), &caps).await }
    })
    .await;
    answers.into_iter().for_each(not_found);
    assert_eq!(holding(store).await?, 0);
    assert_eq!(numbers(store, run.id()).await?, [1]);
    let first = claimed(store, &run, &caps).await?;
    let second = stored_queued(store, 5).await?;
    claimed(store, &second, &caps).await?;
    let third = stored_queued(store, 6).await?;
    assert_eq!(claim(store, &third, &caps).await?, Claim::Full(0));
    conflict(claim(store, &run, &[total(9)]).await);
    paused(store, &first).await?;
    claimed(store, &third, &caps).await?;
    Ok(())
}

async fn claims_in_two_scopes_do_not_block_each_other(context: &Context) -> Outcome {
    let other = context.reopen().await?;
    for project in 0..5 {
        for place in 0..3 {
            let number = 100 + project * 10 + place;
            stored(context.store.as_ref(), queued_for(number, 50 + project, 60, 70)).await?;
        }
    }
    for place in 0..3 {
        let answers = at_once(5, |project| {
            let store = Arc::clone(if project % 2 == 0 { &context.store } else { &other });
            let run = queued_for(100 + project * 10 + place, 50 + project, 60, 70);
            let caps = [total(100), within("project", 50 + project, 2)];
            async move { claim(store.as_ref(), &run, &caps).await }
        })
        .await;
        let expected = if place < 2 { Claim::Granted(2) } else { Claim::Full(1) };
        for answer in answers {
            assert_eq!(answer?, expected, "the run at place {place} of each project");
        }
    }
    assert_eq!(holding(context.store.as_ref()).await?, 10);
    Ok(())
}

async fn a_run_can_be_made_with_its_slot(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let of = |number| raw_run(number, &[("slot", "yes"), ("live", "yes")]);
    let first = raw_change(4, of(4), vec![note("made")]);
    assert_eq!(store.claim(first.clone(), &[total(1)]).await?, Claim::Granted(1));
    let second = raw_change(5, of(5), vec![note("made")]);
    assert_eq!(store.claim(second.clone(), &[total(1)]).await?, Claim::Full(0));
    assert_eq!(store.get(Collection::Runs, &of(5).id).await?, None);
    not_found(append(store, id(5), "nobody").await);
    exists(store.claim(first, &[total(3)]).await);
    assert_eq!(store.claim(second, &[total(2)]).await?, Claim::Granted(1));
    let free = Document { version: 2, ..raw_run(4, &[("live", "yes")]) };
    store.transition(raw_change(4, free, Vec::new())).await?;
    assert_eq!(holding(store).await?, 1);
    let third = stored_queued(store, 6).await?;
    let third = claimed(store, &third, &[total(2)]).await?;
    assert!(ended(store, &queued(7), third.updated_at()).await.is_err(), "it was never stored");
    Ok(())
}
