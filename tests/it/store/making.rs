//! What cases are made of: times and ids by number, documents, runs and what is told of them.

use std::future::Future;

use jiff::{SignedDuration, Timestamp};
use orch::domain::event::{EventKind, LogChunk, LogLine, LogSource, OutputCursor, RunEvent};
use orch::domain::id::{Id, RunId};
use orch::domain::project::Project;
use orch::domain::run::{Fact, NewRun, Run};
use orch::domain::stage::Stage;
use orch::domain::task::{HarnessKind, TaskSpec};
use orch::store::{Collection, Document, Fence, Query, Store, StoreError, Transition, record};
use uuid::Uuid;

/// So many milliseconds after the beginning of 2026.
pub(super) fn at(millis: i64) -> Timestamp {
    let start = Timestamp::from_second(1_767_225_600).expect("it is within time");
    start + SignedDuration::from_millis(millis)
}

/// An id by number; later numbers sort behind earlier ones.
pub(super) fn id<K>(number: u128) -> Id<K> {
    Id::from_uuid(Uuid::from_u128(0x019b_7640_0000_7000_8000_0000_0000_0000 | number))
}

pub(super) fn seconds(count: i64) -> SignedDuration {
    SignedDuration::from_secs(count)
}

/// A document of version 1 that has these values and no others.
pub(super) fn document(
    collection: Collection,
    id: &str,
    values: &[(&'static str, &str)],
) -> Document {
    let value = |field| values.iter().find(|(name, _)| *name == field);
    let mut keys = Vec::new();
    for index in collection.indexes() {
        keys.push((index.field, value(index.field).map(|(_, value)| (*value).to_owned())));
    }
    for (field, _) in values {
        assert!(keys.iter().any(|(name, _)| name == field), "{collection} has no {field}");
    }
    let body = format!(r#"{{"collection":"{collection}","version":1}}"#);
    Document { collection, id: id.to_owned(), version: 1, schema: 1, keys, body }
}

/// A context, of which `entry` is unique and `scope` is not: the plainest document with both.
pub(super) fn entry(id: &str, entry: &str, scope: &str) -> Document {
    document(Collection::Contexts, id, &[("entry", entry), ("scope", scope)])
}

/// The same as it is after its next change.
pub(super) fn next(document: &Document) -> Document {
    let version = document.version + 1;
    Document { version, body: format!(r#"{{"version":{version}}}"#), ..document.clone() }
}

pub(super) fn project(number: u128, slug: &str) -> Document {
    let slug = slug.parse().expect("it is a slug");
    record::encode(&Project::new(id(number), slug, at(0))).expect("it is JSON")
}

/// The ids of what is found.
pub(super) async fn ids(store: &dyn Store, query: Query) -> Result<Vec<String>, StoreError> {
    Ok(store.find(query).await?.into_iter().map(|document| document.id).collect())
}

/// A new run of project 1, repository 2 and task 3.
pub(super) fn new_run(number: u128) -> NewRun {
    NewRun {
        id: id(number),
        project: id(1),
        repository: id(2),
        task: id(3),
        path: "acme/web/tidy".parse().expect("it is a path"),
        spec: TaskSpec::new(HarnessKind::Script, "echo done > out.txt"),
        repository_setup: Vec::new(),
        source: "/srv/git/web.git".to_owned(),
        base_branch: None,
        idempotency_key: None,
    }
}

/// A run that waits for its slot.
pub(super) fn queued(number: u128) -> Run {
    Run::create(new_run(number), at(0))
}

/// A run of a task of its own, below a repository and a project that others may share.
pub(super) fn queued_for(number: u128, project: u128, repository: u128, task: u128) -> Run {
    let new = NewRun {
        project: id(project),
        repository: id(repository),
        task: id(task),
        ..new_run(number)
    };
    Run::create(new, at(0))
}

/// What a fact makes of a run, and what is told of it, a second later.
pub(super) fn tell(run: &Run, fact: &Fact) -> (Run, Vec<EventKind>) {
    tell_at(run, fact, run.updated_at() + seconds(1))
}

pub(super) fn tell_at(run: &Run, fact: &Fact, now: Timestamp) -> (Run, Vec<EventKind>) {
    let transition = run.apply(fact, now).expect("a fact that the run takes");
    (transition.run, transition.events)
}

/// A change that everybody may make.
pub(super) fn change(run: &Run, events: Vec<EventKind>) -> Transition {
    Transition {
        run: run.id(),
        document: record::encode(run).expect("it is JSON"),
        at: run.updated_at(),
        events,
        fence: Fence::NONE,
    }
}

/// A change by a document of our own making, which need not be a run to the letter.
pub(super) fn raw_change(number: u128, document: Document, events: Vec<EventKind>) -> Transition {
    Transition { run: id(number), document, at: at(0), events, fence: Fence::NONE }
}

/// A document among runs that has these values and no others.
pub(super) fn raw_run(number: u128, values: &[(&'static str, &str)]) -> Document {
    document(Collection::Runs, &id::<()>(number).to_string(), values)
}

/// Stores a run, and that it was created.
pub(super) async fn stored(store: &dyn Store, run: Run) -> Result<Run, StoreError> {
    store.transition(change(&run, vec![EventKind::Created])).await?;
    Ok(run)
}

/// Stores a run that waits for its slot.
pub(super) async fn stored_queued(store: &dyn Store, number: u128) -> Result<Run, StoreError> {
    stored(store, queued(number)).await
}

/// Stores what a fact makes of a run.
pub(super) async fn told(store: &dyn Store, run: &Run, fact: &Fact) -> Result<Run, StoreError> {
    let (run, events) = tell(run, fact);
    store.transition(change(&run, events)).await?;
    Ok(run)
}

/// Stores a run, and that it ended at this time.
pub(super) async fn stored_ended(
    store: &dyn Store,
    run: Run,
    end: Timestamp,
) -> Result<Run, StoreError> {
    let run = stored(store, run).await?;
    ended(store, &run, end).await
}

/// Stores that a run which waits for its slot ended at this time.
pub(super) async fn ended(store: &dyn Store, run: &Run, end: Timestamp) -> Result<Run, StoreError> {
    let run = told(store, run, &Fact::CancelRequested).await?;
    let (run, events) = tell_at(&run, &Fact::Settled, end);
    store.transition(change(&run, events)).await?;
    Ok(run)
}

pub(super) fn note(text: &str) -> EventKind {
    EventKind::Note { text: text.to_owned() }
}

pub(super) async fn append(store: &dyn Store, run: RunId, text: &str) -> Result<u64, StoreError> {
    store.append_event(run, at(0), note(text), Fence::NONE).await
}

/// So many lines of the first execution of Implement, from a number on.
pub(super) fn lines(first: u64, count: u64) -> LogChunk {
    lines_of(Stage::Implement, 1, first, count)
}

pub(super) fn lines_of(stage: Stage, attempt: u32, first: u64, count: u64) -> LogChunk {
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

pub(super) async fn append_lines(
    store: &dyn Store,
    run: RunId,
    chunk: LogChunk,
) -> Result<u64, StoreError> {
    store.append_chunk(run, at(0), chunk, Fence::NONE).await
}

/// The numbers of a run's events.
pub(super) async fn numbers(store: &dyn Store, run: RunId) -> Result<Vec<u64>, StoreError> {
    Ok(store.events(run, 0, usize::MAX).await?.into_iter().map(|event| event.seq).collect())
}

/// The first and the last line of each chunk.
pub(super) fn spans(events: &[RunEvent]) -> Vec<(u64, u64)> {
    let chunks = events.iter().filter_map(RunEvent::chunk);
    chunks.map(|chunk| (chunk.first_line, chunk.next_line() - 1)).collect()
}

/// Does the same so many times at once, on several threads; the answers come in order.
pub(super) async fn at_once<T, F>(count: u128, work: impl Fn(u128) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let tasks: Vec<_> = (0..count).map(|number| tokio::spawn(work(number))).collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.expect("no task panics"));
    }
    answers
}
