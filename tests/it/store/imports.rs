//! Import: what another store held is taken over as it was, numbers and versions included.

use orch::domain::event::{EventKind, RunEvent};
use orch::domain::run::Fact;
use orch::domain::stage::Stage;
use orch::store::{Collection, Document, Fence, Imported, Query, Store, StoreError, record};

use super::context::Context;
use super::making::{
    append, append_lines, at, document, entry, id, ids, lines, next, note, numbers, queued,
    raw_change, raw_run, spans, tell,
};
use super::outcome::{Outcome, conflict, exists, not_found};
use super::{StoreCase, store_cases};

pub(super) const CASES: &[StoreCase] = store_cases![
    documents_come_with_their_versions,
    a_run_goes_on_where_it_was,
    events_keep_their_numbers,
    the_first_events_may_be_missing,
    a_gap_in_the_numbers_is_refused,
    a_gap_in_the_lines_is_refused,
    events_need_their_run,
    a_head_tells_how_far_the_numbers_went,
    a_head_below_what_is_there_is_refused,
    a_head_above_what_is_there_is_refused,
    what_is_there_already_is_refused,
    a_copy_tells_the_same,
];

fn event(number: u128, seq: u64, kind: EventKind) -> RunEvent {
    RunEvent { run: id(number), seq, at: at(i64::try_from(seq).expect("it is small")), kind }
}

fn notes(number: u128, seqs: impl IntoIterator<Item = u64>) -> Imported {
    let event = |seq| event(number, seq, note(&format!("number {seq}")));
    Imported::Events(seqs.into_iter().map(event).collect())
}

fn chunk(number: u128, seq: u64, first: u64, count: u64) -> RunEvent {
    event(number, seq, EventKind::Log { chunk: lines(first, count) })
}

fn head(number: u128, last_seq: u64, last_line: u64) -> Imported {
    Imported::Head { run: id(number), last_seq, last_line }
}

/// A run of some version, as it lay in another store.
async fn imported_run(store: &dyn Store, number: u128) -> Result<Document, StoreError> {
    let run = Document { version: 7, ..raw_run(number, &[("live", "yes")]) };
    store.import(vec![Imported::Document(run.clone())]).await?;
    Ok(run)
}

async fn documents_come_with_their_versions(context: &Context) -> Outcome {
    let store = &context.store;
    let mut batch = Vec::new();
    let mut expected = Vec::new();
    for collection in Collection::ALL {
        let name = id::<()>(4).to_string();
        let document = Document { version: 7, schema: 1, ..document(collection, &name, &[]) };
        batch.push(Imported::Document(document.clone()));
        expected.push(document);
    }
    store.import(batch).await?;
    store.import(Vec::new()).await?;
    for document in expected {
        let found = store.get(document.collection, &document.id).await?;
        assert_eq!(found.as_ref(), Some(&document));
        if document.collection != Collection::Runs {
            conflict(store.replace(Document { version: 2, ..document.clone() }).await);
            store.replace(next(&document)).await?;
        }
    }
    Ok(())
}

async fn a_run_goes_on_where_it_was(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let (active, _) = tell(&queued(4), &Fact::Dispatched);
    let document = record::encode(&active)?;
    store.import(vec![Imported::Document(document), notes(4, 1..=3)]).await?;
    let (next, events) = tell(&active, &Fact::CancelRequested);
    assert!(store.transition(super::making::change(&next, events)).await? > 3);
    assert_eq!(record::get(store, &next.id().to_string()).await?, Some(next));
    // One without any event begins with the first.
    let run = imported_run(store, 5).await?;
    let change = raw_change(5, super::making::next(&run), vec![note("first")]);
    assert_eq!(store.transition(change).await?, 1);
    Ok(())
}

async fn events_keep_their_numbers(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    imported_run(store, 4).await?;
    let first = vec![event(4, 1, EventKind::Created), chunk(4, 2, 1, 10), event(4, 3, note("x"))];
    let second = vec![chunk(4, 4, 11, 5), event(4, 5, note("y"))];
    store.import(vec![Imported::Events(first.clone())]).await?;
    store.import(vec![Imported::Events(second.clone()), head(4, 5, 15)]).await?;
    assert_eq!(store.events(id(4), 0, 100).await?, [first, second].concat());
    let range = store.log(id(4), 1, 100).await?;
    assert_eq!((range.last_line, range.last_seq), (15, 5));
    assert_eq!(spans(&range.events), [(1, 10), (11, 15)]);
    let position = store.log_position(id(4), Stage::Implement, 1).await?;
    assert_eq!((position.line, position.cursor.stdout), (15, 16));
    assert_eq!(append_lines(store, id(4), lines(16, 1)).await?, 6);
    assert_eq!(append(store, id(4), "goes on").await?, 7);
    Ok(())
}

async fn the_first_events_may_be_missing(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    imported_run(store, 4).await?;
    let events = vec![event(4, 100, note("x")), chunk(4, 101, 5_001, 10)];
    store.import(vec![Imported::Events(events.clone()), notes(4, 102..=103)]).await?;
    assert_eq!(numbers(store, id(4)).await?, [100, 101, 102, 103]);
    assert_eq!(store.events(id(4), 99, 2).await?, events);
    assert_eq!(store.events(id(4), 102, 5).await?.len(), 1);
    let range = store.log(id(4), 1, 100_000).await?;
    assert_eq!((range.last_line, range.last_seq), (5_010, 103));
    assert_eq!(spans(&range.events), [(5_001, 5_010)]);
    conflict(append_lines(store, id(4), lines(1, 1)).await);
    assert_eq!(append_lines(store, id(4), lines(5_011, 1)).await?, 104);
    Ok(())
}

async fn a_gap_in_the_numbers_is_refused(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    imported_run(store, 4).await?;
    imported_run(store, 5).await?;
    conflict(store.import(vec![notes(4, [1, 3])]).await);
    let context_two = imported_run(store, 6).await?;
    assert_eq!(context_two.version, 7);
    store.import(vec![notes(6, 1..=3)]).await?;
    for seqs in [vec![5], vec![5, 6], vec![3], vec![1], vec![4, 6], vec![4, 4]] {
        // What was begun with may be there, for it is no whole in every store: one run each.
        let answer = store.import(vec![notes(6, seqs.clone())]).await;
        assert!(
            matches!(answer, Err(StoreError::Conflict(_) | StoreError::Exists(_))),
            "{seqs:?}: {answer:?}"
        );
    }
    let mixed = vec![event(5, 1, note("of five")), event(4, 2, note("of four"))];
    conflict(store.import(vec![Imported::Events(mixed)]).await);
    Ok(())
}

async fn a_gap_in_the_lines_is_refused(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    // Nothing is missing before the first event, so no line is either.
    imported_run(store, 4).await?;
    conflict(store.import(vec![Imported::Events(vec![chunk(4, 1, 5, 10)])]).await);
    imported_run(store, 5).await?;
    let begun = vec![event(5, 7, note("x")), chunk(5, 8, 101, 10)];
    store.import(vec![Imported::Events(begun)]).await?;
    for first in [112, 110, 101, 1] {
        conflict(store.import(vec![Imported::Events(vec![chunk(5, 9, first, 5)])]).await);
    }
    conflict(store.import(vec![Imported::Events(vec![chunk(5, 9, 111, 0)])]).await);
    let within = vec![chunk(5, 9, 111, 5), chunk(5, 10, 117, 5)];
    conflict(store.import(vec![Imported::Events(within)]).await);
    assert_eq!(numbers(store, id(5)).await?, [7, 8]);
    store.import(vec![Imported::Events(vec![chunk(5, 9, 111, 5)])]).await?;
    assert_eq!(spans(&store.log(id(5), 1, 1_000).await?.events), [(101, 110), (111, 115)]);
    Ok(())
}

async fn events_need_their_run(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    not_found(store.import(vec![notes(4, 1..=3)]).await);
    not_found(store.import(vec![head(4, 3, 0)]).await);
    assert_eq!(numbers(store, id(4)).await?, [0; 0]);
    imported_run(store, 4).await?;
    store.import(vec![notes(4, 1..=3)]).await?;
    assert_eq!(numbers(store, id(4)).await?, [1, 2, 3]);
    Ok(())
}

async fn a_head_tells_how_far_the_numbers_went(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    // All of its events have expired.
    imported_run(store, 4).await?;
    store.import(vec![head(4, 50, 700)]).await?;
    assert_eq!(numbers(store, id(4)).await?, [0; 0]);
    let range = store.log(id(4), 0, 10).await?;
    assert_eq!((range.events.len(), range.last_line, range.last_seq), (0, 700, 50));
    assert_eq!(append(store, id(4), "after").await?, 51);
    assert_eq!(append_lines(store, id(4), lines(701, 1)).await?, 52);
    assert_eq!(numbers(store, id(4)).await?, [51, 52]);
    // The last of its lines have expired, but not the last of its events.
    imported_run(store, 5).await?;
    store.import(vec![notes(5, 40..=42), head(5, 42, 700)]).await?;
    assert_eq!(numbers(store, id(5)).await?, [40, 41, 42]);
    assert_eq!(store.log(id(5), 0, 10).await?.last_line, 700);
    assert_eq!(append_lines(store, id(5), lines(701, 1)).await?, 43);
    // Nothing was ever told of it.
    imported_run(store, 6).await?;
    store.import(vec![head(6, 0, 0)]).await?;
    assert_eq!(append(store, id(6), "first").await?, 1);
    Ok(())
}

async fn a_head_below_what_is_there_is_refused(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    imported_run(store, 4).await?;
    let events = vec![event(4, 1, note("x")), chunk(4, 2, 1, 10)];
    store.import(vec![Imported::Events(events)]).await?;
    for (seq, line) in [(1, 10), (2, 9), (0, 0)] {
        conflict(store.import(vec![head(4, seq, line)]).await);
    }
    store.import(vec![head(4, 2, 10)]).await?;
    assert_eq!(append_lines(store, id(4), lines(11, 1)).await?, 3);
    Ok(())
}

async fn a_head_above_what_is_there_is_refused(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    imported_run(store, 4).await?;
    let events = vec![event(4, 1, note("x")), chunk(4, 2, 1, 10)];
    store.import(vec![Imported::Events(events)]).await?;
    for (seq, line) in [(3, 10), (2, 11), (50, 700)] {
        conflict(store.import(vec![head(4, seq, line)]).await);
    }
    store.import(vec![head(4, 2, 10)]).await?;
    assert_eq!(numbers(store, id(4)).await?, [1, 2]);
    assert_eq!(append_lines(store, id(4), lines(11, 1)).await?, 3);
    Ok(())
}

async fn what_is_there_already_is_refused(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    store.insert(entry("a", "one", "here")).await?;
    let run = imported_run(store, 4).await?;
    exists(store.import(vec![Imported::Document(entry("a", "two", "here"))]).await);
    exists(store.import(vec![Imported::Document(entry("b", "one", "here"))]).await);
    exists(store.import(vec![Imported::Document(run.clone())]).await);
    assert_eq!(ids(store, Query::all(Collection::Contexts)).await?, ["a"]);
    assert_eq!(store.get(Collection::Runs, &run.id).await?, Some(run));
    store.import(vec![Imported::Document(entry("b", "two", "here"))]).await?;
    Ok(())
}

/// What is read of one run is imported as another's, and reads the same.
async fn a_copy_tells_the_same(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let run = super::making::stored_queued(store, 4).await?;
    let run = super::making::told(store, &run, &Fact::Dispatched).await?;
    append_lines(store, run.id(), lines(1, 10)).await?;
    append(store, run.id(), "in between").await?;
    append_lines(store, run.id(), lines(11, 10)).await?;
    let run = super::making::told(store, &run, &Fact::CancelRequested).await?;
    let copied = |event: RunEvent| RunEvent { run: id(5), ..event };
    let events = store.events(run.id(), 0, usize::MAX).await?;
    let range = store.log(run.id(), 0, 0).await?;
    let original = store.get(Collection::Runs, &run.id().to_string()).await?.expect("it is there");
    let mut keys = original.keys.clone();
    keys.retain(|(field, _)| *field != "tail");
    keys.insert(1, ("tail", Some("of the copy".to_owned())));
    let document = Document { id: id::<()>(5).to_string(), keys, ..original };
    let events: Vec<RunEvent> = events.into_iter().map(copied).collect();
    let pieces = vec![
        Imported::Document(document.clone()),
        Imported::Events(events.clone()),
        head(5, range.last_seq, range.last_line),
    ];
    let other = context.reopen().await?;
    other.import(pieces).await?;
    assert_eq!(store.get(Collection::Runs, &document.id).await?, Some(document.clone()));
    assert_eq!(store.events(id(5), 0, usize::MAX).await?, events);
    let copy = store.log(id(5), 0, 0).await?;
    assert_eq!((copy.last_line, copy.last_seq), (range.last_line, range.last_seq));
    for attempt in [1, 2] {
        let of = |run| store.log_position(run, Stage::Implement, attempt);
        assert_eq!(of(id(5)).await?, of(run.id()).await?);
    }
    let stage = store.append_event(id(5), at(0), note("x"), Fence::NONE).await?;
    assert_eq!(stage, range.last_seq + 1);
    Ok(())
}
