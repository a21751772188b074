//! Expiry: what is old goes, what belongs together goes as one, and no number is given again.

use std::sync::Arc;

use jiff::Timestamp;
use orch::domain::event::EventKind;
use orch::domain::id::RunId;
use orch::domain::run::{Fact, NewRun, Run};
use orch::domain::stage::Stage;
use orch::store::{
    Collection, Document, Expired, Expiry, Filter, Query, Store, StoreError, instant,
};

use super::context::Context;
use super::making::{
    append, append_lines, at, change, document, ended, id, ids, lines, new_run, numbers, queued,
    spans, stored, stored_ended, stored_queued, told,
};
use super::outcome::{Outcome, not_found};
use super::{StoreCase, store_cases};

pub(super) const CASES: &[StoreCase] = store_cases![
    expired_events_are_gone_and_the_run_stays,
    no_number_is_given_again,
    a_log_goes_on_after_its_lines_expired,
    events_expire_again_when_more_was_told,
    runs_expire_with_all_that_hangs_on_them,
    what_an_expired_run_had_taken_is_free,
    documents_expire_by_their_age,
    what_does_not_age_stays,
    a_live_run_never_expires,
    the_time_is_exact,
    each_call_removes_about_as_much_as_it_may,
    nothing_old_is_nothing_to_do,
    a_reader_sees_a_run_as_one_while_it_expires,
    a_reader_of_events_sees_no_hole_while_they_expire,
    what_is_told_while_events_expire_stays_or_goes_with_them,
    an_interrupted_expiry_is_gone_on_with,
];

const RUNS: Expiry = Expiry::Documents(Collection::Runs);

/// Expires until nothing of that age is left; how much was removed.
async fn expire_all(
    store: &dyn Store,
    what: Expiry,
    before: Timestamp,
    limit: usize,
) -> Result<u64, StoreError> {
    let mut removed = 0;
    for _ in 0..1_000 {
        let batch = store.expire(what, before, limit).await?;
        removed += batch.removed;
        if !batch.more {
            return Ok(removed);
        }
    }
    Err(StoreError::Conflict(format!("an expiry that never ends: {removed} removed, and it")))
}

/// A run that ended at this time, told of by `events` events, with an envelope and two artifacts.
async fn old_run(
    store: &dyn Store,
    number: u128,
    end: Timestamp,
    events: u64,
) -> Result<Run, StoreError> {
    let run = stored_queued(store, number).await?;
    append_lines(store, run.id(), lines(1, 10)).await?;
    for more in 0..events {
        append(store, run.id(), &more.to_string()).await?;
    }
    let name = run.id().to_string();
    store.insert(document(Collection::Envelopes, &name, &[])).await?;
    for place in ["a", "b"] {
        let (artifact, entry) = (format!("{name}-{place}"), format!("{name}/{place}"));
        let values = [("entry", entry.as_str()), ("run", name.as_str())];
        store.insert(document(Collection::Artifacts, &artifact, &values)).await?;
    }
    ended(store, &run, end).await
}

async fn expired_events_are_gone_and_the_run_stays(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let old = old_run(store, 4, at(10_000), 5).await?;
    let young = old_run(store, 5, at(90_000), 5).await?;
    let told = numbers(store, young.id()).await?;
    let last = *numbers(store, old.id()).await?.last().expect("there are some");
    let removed = expire_all(store, Expiry::Events, at(50_000), 100).await?;
    assert_eq!(removed, last);
    assert_eq!(numbers(store, old.id()).await?, [0; 0]);
    let range = store.log(old.id(), 0, 100).await?;
    assert_eq!((range.events.len(), range.last_line, range.last_seq), (0, 10, last));
    assert_eq!(orch::store::record::get(store, &old.id().to_string()).await?, Some(old.clone()));
    let of_run = Filter::Equals("run", old.id().to_string());
    assert_eq!(store.find(Query::all(Collection::Artifacts).filter(of_run)).await?.len(), 2);
    // The other is as it was.
    assert_eq!(numbers(store, young.id()).await?, told);
    assert_eq!(spans(&store.log(young.id(), 1, 10).await?.events), [(1, 10)]);
    Ok(())
}

async fn no_number_is_given_again(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let run = old_run(store, 4, at(10_000), 5).await?;
    let last = *numbers(store, run.id()).await?.last().expect("there are some");
    expire_all(store, Expiry::Events, at(50_000), 100).await?;
    let again = context.reopen().await?;
    assert_eq!(append(again.as_ref(), run.id(), "afterwards").await?, last + 1);
    assert_eq!(numbers(store, run.id()).await?, [last + 1]);
    assert_eq!(store.events(run.id(), last, 10).await?.len(), 1);
    assert_eq!(store.events(run.id(), 2, 10).await?.len(), 1);
    Ok(())
}

async fn a_log_goes_on_after_its_lines_expired(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let run = old_run(store, 4, at(10_000), 0).await?;
    expire_all(store, Expiry::Events, at(50_000), 100).await?;
    let position = store.log_position(run.id(), Stage::Implement, 1).await?;
    assert_eq!(position.line, 10, "whoever goes on begins behind it");
    for first in [1, 10, 12] {
        super::outcome::conflict(append_lines(store, run.id(), lines(first, 1)).await);
    }
    append_lines(store, run.id(), lines(11, 5)).await?;
    let range = store.log(run.id(), 1, 100).await?;
    assert_eq!((spans(&range.events), range.last_line), (vec![(11, 15)], 15));
    assert_eq!(store.log_position(run.id(), Stage::Implement, 1).await?.line, 15);
    Ok(())
}

async fn events_expire_again_when_more_was_told(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let run = old_run(store, 4, at(10_000), 3).await?;
    let last = *numbers(store, run.id()).await?.last().expect("there are some");
    for round in 1..=3 {
        expire_all(store, Expiry::Events, at(50_000), 100).await?;
        assert_eq!(numbers(store, run.id()).await?, [0; 0], "round {round}");
        assert_eq!(append(store, run.id(), "more").await?, last + round);
    }
    assert_eq!(expire_all(store, Expiry::Events, at(50_000), 100).await?, 1);
    assert_eq!(expire_all(store, Expiry::Events, at(50_000), 100).await?, 0);
    Ok(())
}

/// How much there is of a run: itself, its events, its envelope, its artifacts.
async fn pieces(store: &dyn Store, run: RunId) -> Result<[usize; 4], StoreError> {
    let name = run.to_string();
    let artifacts = Query::all(Collection::Artifacts).filter(Filter::Equals("run", name.clone()));
    Ok([
        usize::from(store.get(Collection::Runs, &name).await?.is_some()),
        numbers(store, run).await?.len(),
        usize::from(store.get(Collection::Envelopes, &name).await?.is_some()),
        store.find(artifacts).await?.len(),
    ])
}

async fn runs_expire_with_all_that_hangs_on_them(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let old = old_run(store, 4, at(10_000), 5).await?;
    let young = old_run(store, 5, at(90_000), 5).await?;
    let before = pieces(store, young.id()).await?;
    assert_eq!(before, pieces(store, old.id()).await?);
    let removed = expire_all(store, RUNS, at(50_000), 100).await?;
    assert_eq!(removed, before.iter().sum::<usize>() as u64);
    assert_eq!(pieces(store, old.id()).await?, [0; 4]);
    assert_eq!(pieces(store, young.id()).await?, before);
    let range = store.log(old.id(), 0, 100).await?;
    assert_eq!(range.events, []);
    not_found(append(store, old.id(), "too late").await);
    not_found(append_lines(store, old.id(), lines(11, 1)).await);
    let again = Document { version: old.version() + 1, ..orch::store::record::encode(&old)? };
    not_found(store.transition(super::making::raw_change(4, again, Vec::new())).await);
    Ok(())
}

async fn what_an_expired_run_had_taken_is_free(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let with_key = |number| {
        let idempotency_key = Some("nightly".to_owned());
        Run::create(NewRun { idempotency_key, ..new_run(number) }, at(0))
    };
    stored_ended(store, with_key(4), at(10_000)).await?;
    super::outcome::exists(stored(store, with_key(5)).await);
    expire_all(store, RUNS, at(50_000), 100).await?;
    stored(store, with_key(5)).await?;
    assert_eq!(numbers(store, id(5)).await?, [1]);
    Ok(())
}

/// Those collections whose documents age by what is said of them, other than runs.
fn ageing() -> impl Iterator<Item = Collection> {
    Collection::ALL
        .into_iter()
        .filter(|collection| collection.ages() && *collection != Collection::Runs)
}

async fn documents_expire_by_their_age(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    assert_eq!(ageing().count(), 3);
    for collection in ageing() {
        for number in 0..10 {
            let age = instant(at(number * 1_000));
            let name = format!("{number}");
            store.insert(document(collection, &name, &[("age", &age)])).await?;
        }
        let removed = expire_all(store, Expiry::Documents(collection), at(4_500), 3).await?;
        assert_eq!(removed, 5, "{collection}");
        let left = ids(store, Query::all(collection)).await?;
        assert_eq!(left, ["5", "6", "7", "8", "9"], "{collection}");
    }
    Ok(())
}

async fn what_does_not_age_stays(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let nothing = Expired { removed: 0, more: false };
    for collection in Collection::ALL {
        if collection == Collection::Runs {
            continue;
        }
        // One without an age, also where others of its collection have one.
        store.insert(document(collection, "a", &[])).await?;
        let answer = store.expire(Expiry::Documents(collection), at(1_000_000), 100).await?;
        assert_eq!(answer, nothing, "{collection}");
        assert!(store.get(collection, "a").await?.is_some(), "{collection}");
    }
    for collection in ageing() {
        // What no longer has an age does not go by the one that it had.
        store.insert(document(collection, "b", &[("age", &instant(at(0)))])).await?;
        let without = Document { version: 2, ..document(collection, "b", &[]) };
        store.replace(without).await?;
        let answer = store.expire(Expiry::Documents(collection), at(1_000_000), 100).await?;
        assert_eq!(answer, nothing, "{collection}");
        assert!(store.get(collection, "b").await?.is_some(), "{collection}");
    }
    Ok(())
}

async fn a_live_run_never_expires(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let waiting = stored_queued(store, 4).await?;
    let active = told(store, &stored_queued(store, 5).await?, &Fact::Dispatched).await?;
    let ending = told(store, &stored_queued(store, 6).await?, &Fact::CancelRequested).await?;
    assert!(ending.outcome().is_none());
    let far = at(1_000_000_000_000);
    for what in [Expiry::Events, RUNS] {
        let nothing = Expired { removed: 0, more: false };
        assert_eq!(store.expire(what, far, 100).await?, nothing);
    }
    for run in [waiting, active, ending] {
        assert!(!numbers(store, run.id()).await?.is_empty());
        assert_eq!(orch::store::record::get(store, &run.id().to_string()).await?, Some(run));
    }
    Ok(())
}

async fn the_time_is_exact(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let run = old_run(store, 4, at(10_000), 1).await?;
    let finding = document(Collection::Findings, "a", &[("age", &instant(at(10_000)))]);
    store.insert(finding).await?;
    let findings = Expiry::Documents(Collection::Findings);
    for what in [Expiry::Events, RUNS, findings] {
        let nothing = Expired { removed: 0, more: false };
        assert_eq!(store.expire(what, at(10_000), 100).await?, nothing, "{what:?}");
    }
    assert_eq!(expire_all(store, findings, at(10_001), 100).await?, 1);
    assert!(expire_all(store, Expiry::Events, at(10_001), 100).await? > 0);
    assert_eq!(pieces(store, run.id()).await?[1], 0);
    assert_eq!(expire_all(store, RUNS, at(10_001), 100).await?, 4);
    assert_eq!(pieces(store, run.id()).await?, [0; 4]);
    Ok(())
}

async fn each_call_removes_about_as_much_as_it_may(context: &Context) -> Outcome {
    const LIMIT: usize = 5;
    let store = context.store.as_ref();
    for number in 0..23 {
        let name = format!("{number:02}");
        let age = instant(at(100 - number));
        store.insert(document(Collection::Audit, &name, &[("age", &age)])).await?;
    }
    let audit = Expiry::Documents(Collection::Audit);
    let mut batches = Vec::new();
    loop {
        let batch = store.expire(audit, at(50_000), LIMIT).await?;
        batches.push(batch.removed);
        if !batch.more {
            break;
        }
        // The oldest go first: those with the highest names here.
        let left = store.find(Query::all(Collection::Audit)).await?.len() as u64;
        assert_eq!(left, 23 - batches.iter().sum::<u64>());
        let newest = store.get(Collection::Audit, "00").await?;
        assert!(newest.is_some() || left == 0, "the youngest went before older ones");
    }
    assert_eq!(batches.iter().sum::<u64>(), 23, "{batches:?}");
    assert!(batches.iter().all(|removed| *removed <= LIMIT as u64), "{batches:?}");
    // Events: about so many, because chunks and runs are whole.
    for number in 4..7 {
        old_run(store, number, at(10_000), 20).await?;
    }
    for what in [Expiry::Events, RUNS] {
        for _ in 0..100 {
            let batch = store.expire(what, at(50_000), LIMIT).await?;
            assert!(batch.removed <= 8 * LIMIT as u64, "{what:?}: {batch:?}");
            if !batch.more {
                break;
            }
        }
    }
    assert_eq!(store.find(Query::all(Collection::Runs)).await?, []);
    Ok(())
}

async fn nothing_old_is_nothing_to_do(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let nothing = Expired { removed: 0, more: false };
    for what in Collection::ALL.map(Expiry::Documents).into_iter().chain([Expiry::Events]) {
        assert_eq!(store.expire(what, at(0), 10).await?, nothing, "{what:?} of an empty store");
        assert_eq!(store.expire(what, Timestamp::UNIX_EPOCH, 10).await?, nothing, "{what:?}");
    }
    old_run(store, 4, at(10_000), 3).await?;
    for what in [Expiry::Events, RUNS] {
        assert_eq!(store.expire(what, Timestamp::UNIX_EPOCH, 10).await?, nothing);
    }
    // The least that can be asked for still gets on.
    assert!(expire_all(store, RUNS, at(50_000), 1).await? > 0);
    assert_eq!(store.find(Query::all(Collection::Envelopes)).await?, []);
    Ok(())
}

async fn a_reader_sees_a_run_as_one_while_it_expires(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let mut whole = [0; 4];
    for number in 4..8 {
        let run = old_run(store, number, at(10_000), 8).await?;
        whole = pieces(store, run.id()).await?;
    }
    let other = context.reopen().await?;
    let expiring =
        tokio::spawn(async move { expire_all(other.as_ref(), RUNS, at(50_000), 3).await });
    let mut looks = 0;
    while !expiring.is_finished() || looks == 0 {
        for number in 4..8 {
            // What hangs on it is asked for before the run itself, and then after it: where
            // a piece is missing the run is gone too, and where the run is gone all pieces are.
            let first = pieces_of(store, number).await?;
            let there = store.get(Collection::Runs, &id::<()>(number).to_string()).await?.is_some();
            if first != whole[1..] {
                assert!(!there, "run {number} has lost a piece: {first:?} of {whole:?}");
            }
            if !there {
                assert_eq!(pieces_of(store, number).await?, [0; 3], "of run {number}");
            }
        }
        looks += 1;
    }
    expiring.await.expect("no task panics")?;
    for number in 4..8 {
        assert_eq!(pieces(store, id(number)).await?, [0; 4]);
    }
    Ok(())
}

async fn pieces_of(store: &dyn Store, number: u128) -> Result<[usize; 3], StoreError> {
    let [_, events, envelope, artifacts] = pieces(store, id(number)).await?;
    Ok([events, envelope, artifacts])
}

async fn a_reader_of_events_sees_no_hole_while_they_expire(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let run = old_run(store, 4, at(10_000), 40).await?.id();
    let (other, writer) = (context.reopen().await?, Arc::clone(&context.store));
    let expiring = tokio::spawn(async move {
        for _ in 0..5 {
            expire_all(other.as_ref(), Expiry::Events, at(50_000), 4).await?;
            append(writer.as_ref(), run, "one more").await?;
        }
        Ok::<(), StoreError>(())
    });
    let mut looks = 0;
    while !expiring.is_finished() || looks == 0 {
        let mut last: Option<u64> = None;
        loop {
            let page = store.events(run, last.unwrap_or(0), 7).await?;
            for pair in page.windows(2) {
                assert_eq!(
                    pair[0].seq + 1,
                    pair[1].seq,
                    "between two that are there one is missing"
                );
            }
            let Some(end) = page.last() else { break };
            assert!(last.is_none_or(|last| last < page[0].seq));
            last = Some(end.seq);
        }
        let range = store.log(run, 0, 100).await?;
        assert_eq!(range.last_line, 10);
        looks += 1;
    }
    expiring.await.expect("no task panics")?;
    let left = store.events(run, 0, 10).await?;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].kind, EventKind::Note { text: "one more".to_owned() });
    Ok(())
}

/// An event that comes while the others are hidden: all are there, or those that were there before
/// are gone as one.
async fn what_is_told_while_events_expire_stays_or_goes_with_them(context: &Context) -> Outcome {
    const ROUNDS: u128 = 12;
    let other = context.reopen().await?;
    for number in 4..4 + ROUNDS {
        let run = old_run(context.store.as_ref(), number, at(10_000), 8).await?.id();
        let before = numbers(context.store.as_ref(), run).await?.len() as u64;
        let (writer, expirer) = (Arc::clone(&context.store), Arc::clone(&other));
        let telling = tokio::spawn(async move { append(writer.as_ref(), run, "late").await });
        let expiring =
            tokio::spawn(async move { expirer.expire(Expiry::Events, at(50_000), 3).await });
        expiring.await.expect("no task panics")?;
        let last = telling.await.expect("no task panics")?;
        assert_eq!(last, before + 1);
        let left = numbers(context.store.as_ref(), run).await?;
        let whole: Vec<u64> = (1..=last).collect();
        assert!(
            left == whole || left == [last] || left.is_empty(),
            "of {last} events some are gone: {left:?}"
        );
        expire_all(other.as_ref(), Expiry::Events, at(50_000), 100).await?;
        assert_eq!(numbers(context.store.as_ref(), run).await?, [0; 0]);
    }
    Ok(())
}

/// Each call is by another store object, as after a crash between two of them.
async fn an_interrupted_expiry_is_gone_on_with(context: &Context) -> Outcome {
    let mut before = 0;
    for number in 4..7 {
        let run = old_run(context.store.as_ref(), number, at(10_000), 6).await?;
        before += pieces(context.store.as_ref(), run.id()).await?.iter().sum::<usize>();
    }
    let alive = old_run(context.store.as_ref(), 9, at(90_000), 6).await?;
    let whole = pieces(context.store.as_ref(), alive.id()).await?;
    let mut removed = 0;
    for call in 0_u32.. {
        let store = context.reopen().await?;
        // In between something else is asked for, and a run is made.
        let what = if call.is_multiple_of(3) { Expiry::Events } else { RUNS };
        let batch = store.expire(what, at(50_000), 4).await?;
        removed += batch.removed;
        let new = queued(100 + u128::from(call));
        store.transition(change(&new, vec![EventKind::Created])).await?;
        assert!(call < 200, "it never ends");
        if what == RUNS && !batch.more {
            break;
        }
    }
    assert_eq!(removed, before as u64);
    for number in 4..7 {
        assert_eq!(pieces(context.store.as_ref(), id(number)).await?, [0; 4]);
    }
    assert_eq!(pieces(context.store.as_ref(), alive.id()).await?, whole);
    assert_eq!(numbers(context.store.as_ref(), id(100)).await?, [1]);
    Ok(())
}
