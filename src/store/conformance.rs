//! What every store must do. Each case is a function over the trait; [`CASES`] is checked by the
//! compiler, because a case that is left out is dead code. A back end is proven by running all.

use futures_util::future::BoxFuture;

use super::record::{self, decode, encode};
use super::{Collection, Document, Filter, Order, Query, Store, StoreError};
use crate::domain::event::{EventKind, LogChunk, LogLine, LogSource, OutputCursor};
use crate::domain::id::RunId;
use crate::domain::project::Project;
use crate::domain::run::tests::{Story, at, full_spec, id, new_run};
use crate::domain::run::{Fact, Run};
use crate::domain::stage::{Stage, StageResult};

/// A case: its name, and what it does with a store that is empty.
pub(super) type Case = (&'static str, for<'a> fn(&'a dyn Store) -> BoxFuture<'a, ()>);

macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        &[$((stringify!($name), |store| Box::pin($name(store)))),*]
    };
}

pub(super) const CASES: &[Case] = cases![
    what_is_inserted_is_there,
    what_is_not_there_is_none,
    an_id_is_taken_once,
    a_unique_value_is_taken_once,
    absent_unique_values_do_not_clash,
    a_replacement_names_the_version_before,
    a_replacement_needs_something_to_replace,
    of_twenty_writers_one_wins,
    pages_go_on_after_their_cursor_under_inserts,
    newest_first_is_the_other_way_round,
    filters_hold_together,
    a_prefix_finds_what_begins_like_it,
    unicode_comes_back_as_it_was,
    a_run_and_its_events_are_one,
    a_refused_transition_leaves_no_event,
    events_are_numbered_without_a_gap,
    events_are_read_after_a_number,
    two_runs_do_not_share_numbers,
    lines_go_on_where_they_ended,
    a_gap_and_a_double_are_refused,
    lines_are_found_by_number,
    the_log_position_is_each_executions_own,
    a_newer_document_is_refused,
];

fn project(number: u128, slug: &str) -> Document {
    encode(&Project::new(id(number), slug.parse().unwrap(), at(0))).unwrap()
}

fn lines(first: u64, count: u64, stage: Stage, attempt: u32) -> LogChunk {
    let text = |number| LogLine(0, LogSource::Stdout, format!("line {number}"));
    LogChunk {
        stage,
        attempt,
        first_line: first,
        lines: (first..first + count).map(text).collect(),
        cursor: OutputCursor { stdout: first + count, stderr: 0 },
        checksum: format!("sum {}", first + count),
    }
}

fn note(text: &str) -> EventKind {
    EventKind::Note { text: text.to_owned() }
}

async fn names(store: &dyn Store, query: Query) -> Vec<String> {
    let found: Vec<Project> = record::find(store, query).await.unwrap();
    found.into_iter().map(|project| project.slug.to_string()).collect()
}

async fn put(store: &dyn Store, run: &Run, events: Vec<EventKind>) -> Result<u64, StoreError> {
    store.transition(run.id(), encode(run).unwrap(), run.updated_at(), events).await
}

async fn what_is_inserted_is_there(store: &dyn Store) {
    let written = project(1, "acme");
    store.insert(written.clone()).await.unwrap();
    let read = store.get(Collection::Projects, &written.id).await.unwrap().unwrap();
    assert_eq!((read.version, read.schema, &read.body), (1, 1, &written.body));
    assert_eq!(decode::<Project>(&read).unwrap().slug.as_str(), "acme");
}

async fn what_is_not_there_is_none(store: &dyn Store) {
    assert_eq!(store.get(Collection::Tasks, "nothing").await.unwrap(), None);
    assert!(store.find(Query::all(Collection::Tasks)).await.unwrap().is_empty());
}

async fn an_id_is_taken_once(store: &dyn Store) {
    store.insert(project(1, "acme")).await.unwrap();
    let again = store.insert(project(1, "other")).await;
    assert!(matches!(again, Err(StoreError::Exists(_))), "{again:?}");
}

async fn a_unique_value_is_taken_once(store: &dyn Store) {
    store.insert(project(1, "acme")).await.unwrap();
    store.insert(project(2, "globex")).await.unwrap();
    let again = store.insert(project(3, "acme")).await;
    assert!(matches!(again, Err(StoreError::Exists(_))), "{again:?}");
    let moved = Document { version: 2, ..project(2, "acme") };
    let moved = store.replace(moved).await;
    assert!(matches!(moved, Err(StoreError::Exists(_))), "{moved:?}");
}

async fn absent_unique_values_do_not_clash(store: &dyn Store) {
    for number in [11, 12] {
        let new = crate::domain::run::NewRun { id: id(number), ..new_run(full_spec()) };
        put(store, &Run::create(new, at(0)), vec![EventKind::Created]).await.unwrap();
    }
}

async fn a_replacement_names_the_version_before(store: &dyn Store) {
    store.insert(project(1, "acme")).await.unwrap();
    store.replace(Document { version: 2, ..project(1, "beta") }).await.unwrap();
    for version in [1, 2, 4] {
        let refused = store.replace(Document { version, ..project(1, "gamma") }).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))), "{version}: {refused:?}");
    }
    let read = store.get(Collection::Projects, &project(1, "beta").id).await.unwrap().unwrap();
    assert_eq!((read.version, decode::<Project>(&read).unwrap().slug.as_str()), (2, "beta"));
}

async fn a_replacement_needs_something_to_replace(store: &dyn Store) {
    let refused = store.replace(Document { version: 2, ..project(1, "acme") }).await;
    assert!(matches!(refused, Err(StoreError::NotFound(_))), "{refused:?}");
}

async fn of_twenty_writers_one_wins(store: &dyn Store) {
    store.insert(project(1, "acme")).await.unwrap();
    let attempts = (0..20).map(|number| {
        store.replace(Document { version: 2, ..project(1, &format!("writer-{number}")) })
    });
    let outcomes = futures_util::future::join_all(attempts).await;
    let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let lost =
        outcomes.iter().filter(|outcome| matches!(outcome, Err(StoreError::Conflict(_)))).count();
    assert_eq!((won, lost), (1, 19));
}

async fn pages_go_on_after_their_cursor_under_inserts(store: &dyn Store) {
    for number in [10, 30, 50] {
        store.insert(project(number, &format!("p{number}"))).await.unwrap();
    }
    let page = |after| Query { limit: 2, after, ..Query::all(Collection::Projects) };
    assert_eq!(names(store, page(None)).await, ["p10", "p30"]);
    let cursor = project(30, "p30").id;
    // One before the cursor, which must not come again, and one behind, which must.
    store.insert(project(20, "p20")).await.unwrap();
    store.insert(project(40, "p40")).await.unwrap();
    assert_eq!(names(store, page(Some(cursor))).await, ["p40", "p50"]);
}

async fn newest_first_is_the_other_way_round(store: &dyn Store) {
    for number in [1, 2, 3] {
        store.insert(project(number, &format!("p{number}"))).await.unwrap();
    }
    let query = Query {
        order: Order::NewestFirst,
        after: Some(project(3, "p3").id),
        ..Query::all(Collection::Projects)
    };
    assert_eq!(names(store, query).await, ["p2", "p1"]);
}

async fn filters_hold_together(store: &dyn Store) {
    store.insert(project(1, "acme")).await.unwrap();
    store.insert(project(2, "globex")).await.unwrap();
    let both = Query::all(Collection::Projects)
        .filter(Filter::Equals("slug", "acme".to_owned()))
        .filter(Filter::StartsWith("slug", "ac".to_owned()));
    assert_eq!(names(store, both).await, ["acme"]);
    let neither = Query::all(Collection::Projects)
        .filter(Filter::Equals("slug", "acme".to_owned()))
        .filter(Filter::StartsWith("slug", "gl".to_owned()));
    assert!(names(store, neither).await.is_empty());
}

async fn a_prefix_finds_what_begins_like_it(store: &dyn Store) {
    for (number, slug) in [(1, "a"), (2, "ab"), (3, "abc"), (4, "b")] {
        store.insert(project(number, slug)).await.unwrap();
    }
    let query = |start: &str| {
        Query::all(Collection::Projects).filter(Filter::StartsWith("slug", start.to_owned()))
    };
    assert_eq!(names(store, query("ab")).await, ["ab", "abc"]);
    // Signs that mean something in a pattern mean nothing here.
    assert!(names(store, query("%")).await.is_empty());
    assert!(names(store, query("a_")).await.is_empty());
}

async fn unicode_comes_back_as_it_was(store: &dyn Store) {
    let title = "Grüße, \u{1F980}, e\u{301}, \u{200b}, \"quoted\", NUL \u{0}, newline\n";
    let mut written = Project::new(id(1), "acme".parse().unwrap(), at(0));
    written.title = title.to_owned();
    record::insert(store, &written).await.unwrap();
    let read = record::get::<Project>(store, &written.id.to_string()).await.unwrap().unwrap();
    assert_eq!(read, written);
}

async fn a_run_and_its_events_are_one(store: &dyn Store) {
    let story = Story::new(full_spec());
    let created = vec![EventKind::Created, EventKind::Queued { next: Stage::Prepare }];
    assert_eq!(put(store, &story.run, created).await.unwrap(), 2);
    let next = story.tell(&Fact::Dispatched);
    assert_eq!(put(store, &next.run, next.events).await.unwrap(), 3);
    let read = record::get::<Run>(store, &story.run.id().to_string()).await.unwrap();
    assert_eq!(read, Some(next.run));
    let events = store.events(story.run.id(), 0, 10).await.unwrap();
    assert_eq!(events[2].kind, EventKind::StageBegun { stage: Stage::Prepare, attempt: 1 });
}

async fn a_refused_transition_leaves_no_event(store: &dyn Store) {
    let story = Story::new(full_spec());
    put(store, &story.run, vec![EventKind::Created]).await.unwrap();
    let far = story.then(&Fact::Dispatched).ends(StageResult::Passed);
    let refused = put(store, &far.run, vec![note("never")]).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    assert_eq!(store.events(story.run.id(), 0, 10).await.unwrap().len(), 1);
}

async fn events_are_numbered_without_a_gap(store: &dyn Store) {
    let run: RunId = id(7);
    let writes = (0..20).map(|number| store.append_event(run, at(number), note("x")));
    let mut numbers: Vec<u64> =
        futures_util::future::join_all(writes).await.into_iter().collect::<Result<_, _>>().unwrap();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
}

async fn events_are_read_after_a_number(store: &dyn Store) {
    let run: RunId = id(7);
    for number in 1..=5 {
        store.append_event(run, at(number), note(&number.to_string())).await.unwrap();
    }
    let seen: Vec<u64> =
        store.events(run, 2, 2).await.unwrap().into_iter().map(|event| event.seq).collect();
    assert_eq!(seen, [3, 4]);
    assert!(store.events(run, 5, 10).await.unwrap().is_empty());
}

async fn two_runs_do_not_share_numbers(store: &dyn Store) {
    for run in [id(7), id(8)] {
        assert_eq!(store.append_event(run, at(0), note("x")).await.unwrap(), 1);
        assert_eq!(
            store.append_chunk(run, at(0), lines(1, 3, Stage::Implement, 1)).await.unwrap(),
            2
        );
    }
}

async fn lines_go_on_where_they_ended(store: &dyn Store) {
    let run: RunId = id(7);
    store.append_chunk(run, at(0), lines(1, 10, Stage::Implement, 1)).await.unwrap();
    store.append_event(run, at(1), note("in between")).await.unwrap();
    store.append_chunk(run, at(2), lines(11, 5, Stage::Verify, 1)).await.unwrap();
    let range = store.log(run, 1, 100).await.unwrap();
    assert_eq!((range.last_line, range.last_seq, range.events.len()), (15, 3, 2));
}

async fn a_gap_and_a_double_are_refused(store: &dyn Store) {
    let run: RunId = id(7);
    store.append_chunk(run, at(0), lines(1, 10, Stage::Implement, 1)).await.unwrap();
    for first in [1, 10, 12] {
        let refused = store.append_chunk(run, at(1), lines(first, 1, Stage::Implement, 1)).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))), "{first}: {refused:?}");
    }
    assert_eq!(store.log(run, 1, 100).await.unwrap().last_line, 10);
}

async fn lines_are_found_by_number(store: &dyn Store) {
    let run: RunId = id(7);
    for chunk in 0..20 {
        store
            .append_chunk(run, at(0), lines(chunk * 10 + 1, 10, Stage::Implement, 1))
            .await
            .unwrap();
    }
    let range = store.log(run, 95, 10).await.unwrap();
    let firsts: Vec<u64> = range
        .events
        .iter()
        .map(|event| match &event.kind {
            EventKind::Log { chunk } => chunk.first_line,
            other => panic!("{other:?} is no log"),
        })
        .collect();
    assert_eq!(firsts, [91, 101]);
    assert!(store.log(run, 201, 10).await.unwrap().events.is_empty());
}

async fn the_log_position_is_each_executions_own(store: &dyn Store) {
    let run: RunId = id(7);
    let empty = store.log_position(run, Stage::Implement, 1).await.unwrap();
    assert_eq!((empty.line, empty.checksum.as_str(), empty.cursor.stdout), (0, "", 0));
    store.append_chunk(run, at(0), lines(1, 10, Stage::Implement, 1)).await.unwrap();
    store.append_chunk(run, at(0), lines(11, 5, Stage::Implement, 2)).await.unwrap();
    let first = store.log_position(run, Stage::Implement, 1).await.unwrap();
    assert_eq!((first.line, first.checksum.as_str(), first.cursor.stdout), (15, "sum 16", 11));
    let other = store.log_position(run, Stage::Verify, 1).await.unwrap();
    assert_eq!((other.line, other.cursor), (15, OutputCursor::default()));
}

async fn a_newer_document_is_refused(store: &dyn Store) {
    let newer = Document { schema: 99, ..project(1, "acme") };
    store.insert(newer.clone()).await.unwrap();
    let read = record::get::<Project>(store, &newer.id).await;
    let Err(StoreError::Corrupt(words)) = read else { panic!("{read:?}") };
    assert!(words.contains("schema 99") && words.contains("use a newer one"), "{words}");
}
