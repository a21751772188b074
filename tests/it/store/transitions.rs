//! A run and what is told of it change as one, and events are numbered from 1 without a gap.

use std::sync::Arc;

use orch::domain::event::EventKind;
use orch::domain::run::{Fact, NewRun, Run};
use orch::domain::stage::Stage;
use orch::store::{Collection, Document, Fence, Filter, LogRange, Query, StoreError, record};

use super::context::Context;
use super::making::{
    append, append_lines, at, at_once, change, id, lines, new_run, note, numbers, queued,
    raw_change, raw_run, stored_queued, tell, told,
};
use super::outcome::{
    Outcome, conflict, exists, not_found, won_against_conflicts, won_against_exists,
};
use super::{StoreCase, store_cases};

pub(super) const CASES: &[StoreCase] = store_cases![
    a_run_and_its_events_are_one,
    the_first_version_adds_and_others_replace,
    a_refused_transition_leaves_no_event,
    a_refused_new_run_leaves_nothing,
    a_transition_need_not_tell_anything,
    many_events_go_with_one_transition,
    lines_may_go_with_a_transition,
    an_idempotency_key_makes_one_run,
    a_tail_is_taken_once,
    of_twenty_transitions_one_wins,
    events_of_twenty_appenders_have_no_gap,
    transitions_and_appenders_share_the_numbers,
    two_runs_do_not_share_numbers,
    an_event_needs_its_run,
    events_are_read_after_a_number,
    a_transition_moves_the_run_in_its_indexes,
];

async fn a_run_and_its_events_are_one(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let run = queued(4);
    let created = vec![EventKind::Created, EventKind::Queued { next: Stage::Prepare }];
    assert_eq!(store.transition(change(&run, created)).await?, 2);
    let (next, events) = tell(&run, &Fact::Dispatched);
    assert_eq!(store.transition(change(&next, events)).await?, 3);
    assert_eq!(record::get(store, &run.id().to_string()).await?, Some(next.clone()));
    let events = store.events(run.id(), 0, 10).await?;
    assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(events[0].kind, EventKind::Created);
    assert_eq!(events[2].kind, EventKind::StageBegun { stage: Stage::Prepare, attempt: 1 });
    assert_eq!((events[0].at, events[2].at), (at(0), next.updated_at()));
    assert!(events.iter().all(|event| event.run == run.id()));
    Ok(())
}

async fn the_first_version_adds_and_others_replace(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let of = |version| Document { version, ..raw_run(4, &[("live", "yes")]) };
    for version in [2, 3] {
        not_found(store.transition(raw_change(4, of(version), vec![note("no")])).await);
    }
    assert_eq!(store.transition(raw_change(4, of(1), vec![note("made")])).await?, 1);
    exists(store.transition(raw_change(4, of(1), vec![note("no")])).await);
    conflict(store.transition(raw_change(4, of(3), vec![note("no")])).await);
    assert_eq!(store.transition(raw_change(4, of(2), vec![note("changed")])).await?, 2);
    for version in [2, 4] {
        conflict(store.transition(raw_change(4, of(version), vec![note("no")])).await);
    }
    exists(store.transition(raw_change(4, of(1), vec![note("no")])).await);
    assert_eq!(store.get(Collection::Runs, &of(2).id).await?, Some(of(2)));
    assert_eq!(numbers(store, id(4)).await?, [1, 2]);
    Ok(())
}

async fn a_refused_transition_leaves_no_event(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let run = stored_queued(store, 4).await?;
    let (active, _) = tell(&run, &Fact::Dispatched);
    let (far, events) = tell(&active, &Fact::CancelRequested);
    conflict(store.transition(change(&far, events)).await);
    conflict(store.transition(change(&far, vec![EventKind::Log { chunk: lines(1, 3) }])).await);
    assert_eq!(record::get(store, &run.id().to_string()).await?, Some(run.clone()));
    assert_eq!(numbers(store, run.id()).await?, [1]);
    assert_eq!(store.log(run.id(), 1, 10).await?, LogRange { last_seq: 1, ..LogRange::default() });
    assert_eq!(append(store, run.id(), "goes on").await?, 2);
    Ok(())
}

async fn a_refused_new_run_leaves_nothing(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let with_key = |number| {
        let idempotency_key = Some("nightly".to_owned());
        Run::create(NewRun { idempotency_key, ..new_run(number) }, at(0))
    };
    store.transition(change(&with_key(4), vec![EventKind::Created])).await?;
    exists(store.transition(change(&with_key(5), vec![note("never"), note("never")])).await);
    assert_eq!(store.get(Collection::Runs, &with_key(5).id().to_string()).await?, None);
    assert_eq!(numbers(store, id(5)).await?, [0; 0]);
    not_found(append(store, id(5), "never").await);
    assert_eq!(store.log(id(5), 0, 10).await?, LogRange::default());
    // The id is as free as it was.
    assert_eq!(store.transition(change(&queued(5), vec![EventKind::Created])).await?, 1);
    Ok(())
}

async fn a_transition_need_not_tell_anything(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let run = queued(4);
    assert_eq!(store.transition(change(&run, Vec::new())).await?, 0);
    let (run, _) = tell(&run, &Fact::Dispatched);
    assert_eq!(store.transition(change(&run, Vec::new())).await?, 0);
    assert_eq!(append(store, run.id(), "first").await?, 1);
    let (run, _) = tell(&run, &Fact::CancelRequested);
    assert_eq!(store.transition(change(&run, Vec::new())).await?, 1);
    assert_eq!(numbers(store, run.id()).await?, [1]);
    Ok(())
}

async fn many_events_go_with_one_transition(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let run = stored_queued(store, 4).await?;
    let (run, _) = tell(&run, &Fact::Dispatched);
    let told: Vec<EventKind> = (2..=61).map(|number| note(&number.to_string())).collect();
    assert_eq!(store.transition(change(&run, told.clone())).await?, 61);
    let events = store.events(run.id(), 1, usize::MAX).await?;
    assert_eq!(numbers(store, run.id()).await?, (1..=61).collect::<Vec<_>>());
    assert_eq!(events.into_iter().map(|event| event.kind).collect::<Vec<_>>(), told);
    assert_eq!(append(store, run.id(), "after").await?, 62);
    Ok(())
}

async fn lines_may_go_with_a_transition(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let run = stored_queued(store, 4).await?;
    let (run, mut events) = tell(&run, &Fact::Dispatched);
    events.push(EventKind::Log { chunk: lines(1, 10) });
    events.push(EventKind::Log { chunk: lines(11, 5) });
    assert_eq!(store.transition(change(&run, events)).await?, 4);
    assert_eq!(store.log(run.id(), 1, 100).await?.last_line, 15);
    // A gap is refused, and with it the whole change.
    let (next, _) = tell(&run, &Fact::CancelRequested);
    for first in [15, 17] {
        let gap = vec![note("before"), EventKind::Log { chunk: lines(first, 5) }];
        conflict(store.transition(change(&next, gap)).await);
    }
    assert_eq!(record::get(store, &run.id().to_string()).await?, Some(run.clone()));
    assert_eq!(numbers(store, run.id()).await?, [1, 2, 3, 4]);
    assert_eq!(append_lines(store, run.id(), lines(16, 1)).await?, 5);
    Ok(())
}

async fn an_idempotency_key_makes_one_run(context: &Context) -> Outcome {
    let other = context.reopen().await?;
    let answers = at_once(20, |number| {
        let store = Arc::clone(if number % 2 == 0 { &context.store } else { &other });
        let idempotency_key = Some("nightly".to_owned());
        let run = Run::create(NewRun { idempotency_key, ..new_run(100 + number) }, at(0));
        async move {
            let answer = store.transition(change(&run, vec![EventKind::Created])).await;
            // Whoever was too late finds at once what the other has made.
            let made: Option<Run> =
                record::lookup(store.as_ref(), "idempotency_key", "nightly").await?;
            let made = made.expect("somebody has made it").id();
            assert!(answer.is_err() || made == run.id());
            answer.map(|_| made)
        }
    })
    .await;
    let made = answers.iter().find_map(|answer| answer.as_ref().ok()).copied();
    assert_eq!(won_against_exists(answers), 1);
    assert_eq!(context.store.find(Query::all(Collection::Runs)).await?.len(), 1);
    for number in 100..120 {
        let expected: &[u64] = if made == Some(id(number)) { &[1] } else { &[] };
        assert_eq!(numbers(context.store.as_ref(), id(number)).await?, expected);
    }
    Ok(())
}

async fn a_tail_is_taken_once(context: &Context) -> Outcome {
    let store = &context.store;
    store.transition(raw_change(4, raw_run(4, &[("tail", "4zz")]), vec![note("one")])).await?;
    let same = raw_change(5, raw_run(5, &[("tail", "4zz")]), vec![note("other")]);
    exists(store.transition(same).await);
    store.transition(raw_change(5, raw_run(5, &[("tail", "5zz")]), vec![note("other")])).await?;
    let moved = Document { version: 2, ..raw_run(5, &[("tail", "4zz")]) };
    exists(store.transition(raw_change(5, moved, vec![note("moved")])).await);
    assert_eq!(numbers(store.as_ref(), id(5)).await?, [1]);
    let found: Vec<Document> = store
        .find(Query::all(Collection::Runs).filter(Filter::StartsWith("tail", "4".into())))
        .await?;
    assert_eq!(found, [raw_run(4, &[("tail", "4zz")])]);
    Ok(())
}

async fn of_twenty_transitions_one_wins(context: &Context) -> Outcome {
    let other = context.reopen().await?;
    let run = stored_queued(context.store.as_ref(), 4).await?;
    let (next, _) = tell(&run, &Fact::Dispatched);
    let answers = at_once(20, |number| {
        let store = Arc::clone(if number % 2 == 0 { &context.store } else { &other });
        let change = change(&next, vec![note(&number.to_string()), note("its second")]);
        async move { store.transition(change).await }
    })
    .await;
    let winner = answers.iter().position(Result::is_ok).expect("somebody wins");
    assert_eq!(answers[winner].as_ref().ok(), Some(&3));
    assert_eq!(won_against_conflicts(answers), 1);
    let events = context.store.events(run.id(), 0, 10).await?;
    assert_eq!(events.len(), 3, "{events:?}");
    assert_eq!(events[1].kind, note(&winner.to_string()));
    assert_eq!(events[2].kind, note("its second"));
    Ok(())
}

async fn events_of_twenty_appenders_have_no_gap(context: &Context) -> Outcome {
    let other = context.reopen().await?;
    let run = stored_queued(context.store.as_ref(), 4).await?.id();
    let answers = at_once(20, |number| {
        let store = Arc::clone(if number % 2 == 0 { &context.store } else { &other });
        async move {
            let mut given = Vec::new();
            for round in 0..3 {
                let text = format!("{number}-{round}");
                given.push((append(store.as_ref(), run, &text).await?, text));
            }
            Ok::<_, StoreError>(given)
        }
    })
    .await;
    let mut given = Vec::new();
    for answer in answers {
        given.extend(answer?);
    }
    given.sort();
    assert_eq!(given.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), (2..=61).collect::<Vec<_>>());
    let events = context.store.events(run, 1, usize::MAX).await?;
    assert_eq!(events.len(), 60);
    for (event, (seq, text)) in events.iter().zip(given) {
        assert_eq!((event.seq, &event.kind), (seq, &note(&text)), "each under its own number");
    }
    Ok(())
}

async fn transitions_and_appenders_share_the_numbers(context: &Context) -> Outcome {
    let other = context.reopen().await?;
    stored_queued(context.store.as_ref(), 4).await?;
    let answers = at_once(8, |number| {
        let store = Arc::clone(if number % 2 == 0 { &context.store } else { &other });
        async move {
            let mut given = Vec::new();
            for round in 0..5_u64 {
                let told = note(&format!("{number}-{round}"));
                let seq = match number {
                    // One changes the run, as its owner alone may; the others only add to it.
                    0 => {
                        let version = round + 2;
                        let next = Document { version, ..raw_run(4, &[("live", "yes")]) };
                        store.transition(raw_change(4, next, vec![told.clone()])).await?
                    }
                    _ => store.append_event(id(4), at(0), told.clone(), Fence::NONE).await?,
                };
                given.push((seq, told));
            }
            Ok::<_, StoreError>(given)
        }
    })
    .await;
    let mut given = Vec::new();
    for answer in answers {
        given.extend(answer?);
    }
    given.sort_by_key(|(seq, _)| *seq);
    let events = context.store.events(id(4), 1, usize::MAX).await?;
    let stored: Vec<_> = events.into_iter().map(|event| (event.seq, event.kind)).collect();
    assert_eq!(stored, given);
    assert_eq!(numbers(context.store.as_ref(), id(4)).await?, (1..=41).collect::<Vec<_>>());
    Ok(())
}

async fn two_runs_do_not_share_numbers(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    for number in [7, 8] {
        stored_queued(store, number).await?;
    }
    for run in [id(7), id(8)] {
        assert_eq!(append(store, run, "x").await?, 2);
        assert_eq!(append_lines(store, run, lines(1, 3)).await?, 3);
    }
    append(store, id(7), "of seven").await?;
    let events = store.events(id(8), 0, 10).await?;
    assert!(events.iter().all(|event| event.run == id(8)));
    assert_eq!(numbers(store, id(8)).await?, [1, 2, 3]);
    Ok(())
}

async fn an_event_needs_its_run(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    not_found(append(store, id(7), "x").await);
    not_found(append_lines(store, id(7), lines(1, 3)).await);
    assert_eq!(numbers(store, id(7)).await?, [0; 0]);
    // Nothing was left that the run would begin with.
    assert_eq!(store.transition(change(&queued(7), vec![EventKind::Created])).await?, 1);
    assert_eq!(append_lines(store, id(7), lines(1, 3)).await?, 2);
    Ok(())
}

async fn events_are_read_after_a_number(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let run = stored_queued(store, 7).await?.id();
    for number in 2..=5 {
        append(store, run, &number.to_string()).await?;
    }
    for (after, limit, expected) in [
        (0, 10, vec![1, 2, 3, 4, 5]),
        (2, 2, vec![3, 4]),
        (4, 2, vec![5]),
        (5, 10, vec![]),
        (6, 10, vec![]),
        (0, 0, vec![]),
        (0, usize::MAX, vec![1, 2, 3, 4, 5]),
        (u64::MAX, usize::MAX, vec![]),
        (i64::MAX as u64, 1, vec![]),
    ] {
        let found = store.events(run, after, limit).await?;
        let seen: Vec<u64> = found.iter().map(|event| event.seq).collect();
        assert_eq!(seen, expected, "after {after}, at most {limit}");
    }
    Ok(())
}

async fn a_transition_moves_the_run_in_its_indexes(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let by = |field, value: &str| {
        Query::all(Collection::Runs).filter(Filter::Equals(field, value.to_owned()))
    };
    let run = stored_queued(store, 4).await?;
    stored_queued(store, 5).await?;
    assert_eq!(store.find(by("slot", "yes")).await?.len(), 0);
    let run = told(store, &run, &Fact::Dispatched).await?;
    let holding: Vec<Run> = record::find(store, by("slot", "yes")).await?;
    assert_eq!((holding.len(), holding.first()), (1, Some(&run)));
    let run = told(store, &run, &Fact::PauseRequested).await?;
    assert_eq!(store.find(by("live", "yes")).await?.len(), 2);
    let waiting = store.get(Collection::Runs, &id::<()>(5).to_string()).await?;
    let waiting: Run = record::decode(&waiting.expect("it is there"))?;
    super::making::ended(store, &waiting, at(9_000)).await?;
    let live: Vec<Run> = record::find(store, by("live", "yes")).await?;
    assert_eq!(live, [run]);
    assert_eq!(store.find(by("task", &id::<()>(3).to_string())).await?.len(), 2);
    Ok(())
}
