//! Many writers at once, writers that fail, and the bound of the write-ahead log.

use std::sync::Arc;

use super::*;
use crate::domain::event::{EventKind, LogChunk, LogLine, LogSource, OutputCursor};
use crate::domain::id::RunId;
use crate::domain::stage::Stage;

pub(super) fn project(id: &str, slug: &str) -> Document {
    Document {
        collection: Collection::Projects,
        id: id.to_owned(),
        version: 1,
        schema: 1,
        keys: vec![("slug", Some(slug.to_owned()))],
        body: "{}".to_owned(),
    }
}

/// A queued run of this number, without an event.
pub(super) fn run(number: u128) -> (RunId, Document) {
    use crate::domain::run::Run;
    use crate::domain::run::tests::{at, full_spec, id, new_run};
    let new = crate::domain::run::NewRun { id: id(number), ..new_run(full_spec()) };
    (id(number), crate::store::record::encode(&Run::create(new, at(0))).unwrap())
}

pub(super) fn change(run: RunId, document: Document, events: Vec<EventKind>) -> Transition {
    let at = crate::domain::run::tests::at(0);
    Transition { run, document, at, events, fence: Fence::NONE }
}

pub(super) fn chunk(first_line: u64, lines: usize, text: &str) -> LogChunk {
    LogChunk {
        stage: Stage::Implement,
        attempt: 1,
        first_line,
        lines: vec![LogLine(0, LogSource::Stdout, text.to_owned()); lines],
        cursor: OutputCursor { stdout: first_line, stderr: 0 },
        checksum: format!("sum{first_line}"),
    }
}

fn count(folder: &TempDir, table: &str) -> i64 {
    let connection = Connection::open(file(folder)).unwrap();
    connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn fifty_writers_keep_their_own_numbers_and_their_own_errors() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&folder).unwrap());
    let mut tasks = Vec::new();
    for number in 0..50 {
        let store = Arc::clone(&store);
        tasks.push(tokio::spawn(async move {
            let (id, document) = run(number);
            store.transition(change(id, document, vec![EventKind::Created])).await.unwrap();
            for line in 1..=20 {
                let at = crate::domain::run::tests::at(0);
                let piece = chunk(line, 1, "said");
                let seq = store.append_chunk(id, at, piece.clone(), Fence::NONE).await.unwrap();
                assert_eq!(seq, line + 1);
                // The same once more is refused, and costs the others nothing.
                let again = store.append_chunk(id, at, piece, Fence::NONE).await;
                assert!(matches!(again, Err(StoreError::Conflict(_))), "{again:?}");
            }
            // All of them want this name.
            store.insert(project(&format!("p{number}"), "the same")).await.is_ok()
        }));
    }
    let mut named = 0;
    for task in tasks {
        named += i32::from(task.await.unwrap());
    }
    assert_eq!(named, 1);
    drop(store);
    assert_eq!((count(&folder, "run_events"), count(&folder, "projects")), (50 * 21, 1));
}

#[tokio::test]
async fn a_job_that_panics_leaves_nothing_and_ends_no_thread() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).unwrap();
    let other = store.write(|tx| documents::insert(tx, &project("other", "other")));
    let broken = store.write(|tx| -> Result<(), StoreError> {
        documents::insert(tx, &project("broken", "broken"))?;
        panic!("this is the test's own");
    });
    let (other, broken) = tokio::join!(other, broken);
    other.unwrap();
    assert!(matches!(broken, Err(StoreError::Unavailable(_))), "{broken:?}");
    let read = store.read(|_| -> Result<(), StoreError> { panic!("this is the test's own") });
    assert!(matches!(read.await, Err(StoreError::Unavailable(_))));
    assert_eq!(store.get(Collection::Projects, "broken").await.unwrap(), None);
    store.insert(project("broken", "broken")).await.unwrap();
}

#[tokio::test]
async fn two_stores_on_one_file_write_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let stores = [Arc::new(open(&folder).unwrap()), Arc::new(open(&folder).unwrap())];
    let (id, document) = run(1);
    stores[0].transition(change(id, document, Vec::new())).await.unwrap();
    let mut tasks = Vec::new();
    for store in stores {
        tasks.push(tokio::spawn(async move {
            let mut numbers = Vec::new();
            for _ in 0..100 {
                let at = crate::domain::run::tests::at(0);
                let event = EventKind::CancelRequested;
                numbers.push(store.append_event(id, at, event, Fence::NONE).await.unwrap());
            }
            numbers
        }));
    }
    let mut numbers = Vec::new();
    for task in tasks {
        numbers.extend(task.await.unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=200).collect::<Vec<_>>());
}

#[tokio::test]
async fn another_process_that_keeps_the_file_locked_is_waited_for_and_then_named() {
    let folder = tempfile::tempdir().unwrap();
    let (connection, path) = file::open(&file(&folder)).unwrap();
    // A shorter wait than the daemon's.
    connection.busy_timeout(std::time::Duration::from_millis(20)).unwrap();
    let bound = LogBound::new(&path, &connection).unwrap();
    let writer = Writer::start(connection, bound, Held::new(&path)).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let jobs = (0..4).map(|n| {
        writer.run(move |tx| documents::insert(tx, &project(&format!("p{n}"), &format!("s{n}"))))
    });
    for done in futures_util::future::join_all(jobs).await {
        let Err(StoreError::Unavailable(source)) = done else { panic!("{done:?}") };
        assert!(source.to_string().contains("another process"), "{source}");
    }
    other.execute_batch("ROLLBACK").unwrap();
    writer.run(|tx| documents::insert(tx, &project("p", "s"))).await.unwrap();
}

#[tokio::test]
async fn the_log_shrinks_again_when_a_long_reader_lets_go() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).unwrap();
    let log = folder.path().join("orch.db-wal");
    let size = || fs::metadata(&log).unwrap().len();
    let reader = Connection::open(file(&folder)).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM runs").unwrap();
    let mut envelope = Document {
        collection: Collection::Envelopes,
        keys: Vec::new(),
        body: "x".repeat(5 << 20),
        ..project("1", "")
    };
    store.insert(envelope.clone()).await.unwrap();
    // Pages that stay the same are not written, so each body is another.
    let next = |envelope: &mut Document| {
        envelope.version += 1;
        envelope.body = char::from(b'A' + envelope.version as u8).to_string().repeat(5 << 20);
    };
    for _ in 0..40 {
        next(&mut envelope);
        store.replace(envelope.clone()).await.unwrap();
    }
    assert!(size() > 200 << 20, "{}", size());
    reader.execute_batch("COMMIT").unwrap();
    // The bound looks again when the log has grown by some writes.
    for _ in 0..4 {
        next(&mut envelope);
        store.replace(envelope.clone()).await.unwrap();
    }
    // The bound is held after the answer, and before the next transaction.
    store.insert(project("1", "one")).await.unwrap();
    assert!(size() <= log_bound::LIMIT, "{}", size());
}
