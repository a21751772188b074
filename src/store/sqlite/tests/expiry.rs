//! Expiry in batches, imports, and values that are hard to compare.

use super::batch::{change, chunk, project, run};
use super::*;
use crate::domain::run::tests::at;
use crate::store::instant;

/// A run that ended at this time, with so many events.
async fn ended(store: &SqliteStore, number: u128, age: i64, events: usize) -> RunId {
    let (id, mut document) = run(number);
    for (field, value) in &mut document.keys {
        if *field == AGE {
            *value = Some(instant(at(age)));
        }
    }
    store.transition(change(id, document, vec![EventKind::Created; events])).await.unwrap();
    id
}

async fn expire_all(store: &SqliteStore, what: Expiry, before: i64, limit: usize) -> u64 {
    let mut removed = 0;
    for _ in 0..10_000 {
        let done = store.expire(what, at(before), limit).await.unwrap();
        assert!(done.removed <= 3 * limit as u64, "{done:?}");
        removed += done.removed;
        if !done.more {
            return removed;
        }
    }
    panic!("it never ends");
}

#[tokio::test]
async fn a_backlog_goes_piece_by_piece_and_each_run_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).unwrap();
    let mut runs = Vec::new();
    for number in 0..30 {
        runs.push(ended(&store, number, 10, 40).await);
    }
    let young = ended(&store, 99, 1_000, 3).await;
    let first = store.expire(Expiry::Events, at(500), 7).await.unwrap();
    assert_eq!((first.removed, first.more), (7, true));
    for run in &runs {
        let left = store.events(*run, 0, usize::MAX).await.unwrap().len();
        assert!(left == 0 || left == 40, "{left}");
    }
    assert_eq!(first.removed + expire_all(&store, Expiry::Events, 500, 7).await, 30 * 40);
    assert_eq!(store.events(young, 0, 9).await.unwrap().len(), 3);
    // What is told later has the next number, and goes with the next expiry.
    let told = store.append_event(runs[0], at(0), EventKind::Approved, Fence::NONE).await.unwrap();
    assert_eq!((told, store.events(runs[0], 0, 9).await.unwrap().len()), (41, 1));
    assert_eq!(expire_all(&store, Expiry::Events, 500, 7).await, 1);
    // The runs themselves are still there, and go with their numbers.
    let gone = expire_all(&store, Expiry::Documents(Collection::Runs), 500, 7).await;
    assert_eq!(gone, 30);
    assert_eq!(store.log(runs[0], 1, 9).await.unwrap(), LogRange::default());
    let left = store.find(Query::all(Collection::Runs)).await.unwrap();
    assert_eq!(left.iter().map(|run| run.id.clone()).collect::<Vec<_>>(), [young.to_string()]);
    store.verify().await.unwrap();
}

#[tokio::test]
async fn a_run_goes_with_its_events_its_envelope_and_its_artifacts() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).unwrap();
    let id = ended(&store, 1, 10, 20).await;
    let envelope = Document {
        collection: Collection::Envelopes,
        keys: Vec::new(),
        ..project(&id.to_string(), "")
    };
    store.insert(envelope).await.unwrap();
    for name in ["a", "b"] {
        let keys = vec![("entry", Some(name.to_owned())), ("run", Some(id.to_string()))];
        let artifact = Document { collection: Collection::Artifacts, keys, ..project(name, "") };
        store.insert(artifact).await.unwrap();
    }
    let first = store.expire(Expiry::Documents(Collection::Runs), at(500), 5).await.unwrap();
    assert!(first.more);
    assert!(store.events(id, 0, 9).await.unwrap().is_empty());
    let rest = expire_all(&store, Expiry::Documents(Collection::Runs), 500, 5).await;
    assert_eq!(first.removed + rest, 1 + 1 + 2 + 20);
    let tables: i64 = store
        .read(|tx| {
            let sql = "SELECT (SELECT count(*) FROM runs) + (SELECT count(*) FROM run_heads)
                + (SELECT count(*) FROM run_events) + (SELECT count(*) FROM leftovers)
                + (SELECT count(*) FROM artifacts) + (SELECT count(*) FROM envelopes)";
            Ok(tx.query_row(sql, [], |row| row.get(0)).unwrap())
        })
        .await
        .unwrap();
    assert_eq!(tables, 0);
}

#[tokio::test]
async fn lines_keep_their_numbers_when_they_have_expired() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).unwrap();
    let id = ended(&store, 1, 10, 1).await;
    store.append_chunk(id, at(0), chunk(1, 5, "x"), Fence::NONE).await.unwrap();
    expire_all(&store, Expiry::Events, 500, 9).await;
    let position = store.log_position(id, Stage::Implement, 1).await.unwrap();
    assert_eq!((position.line, position.checksum.as_str()), (5, ""));
    assert_eq!(store.append_chunk(id, at(0), chunk(6, 1, "y"), Fence::NONE).await.unwrap(), 3);
}

/// Events as another store gives them.
fn numbered(run: RunId, seqs: &[(u64, Option<u64>)]) -> Imported {
    let event = |(seq, line): &(u64, Option<u64>)| RunEvent {
        run,
        seq: *seq,
        at: at(0),
        kind: match line {
            Some(line) => EventKind::Log { chunk: chunk(*line, 2, "x") },
            None => EventKind::Approved,
        },
    };
    Imported::Events(seqs.iter().map(event).collect())
}

#[tokio::test]
async fn an_import_takes_numbers_as_they_are_and_no_gap() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).unwrap();
    let (id, document) = run(1);
    let head = |last_seq, last_line| Imported::Head { run: id, last_seq, last_line };
    let early = store.import(vec![numbered(id, &[(1, None)])]).await;
    assert!(matches!(early, Err(StoreError::NotFound(_))), "{early:?}");
    store.import(vec![Imported::Document(document.clone())]).await.unwrap();
    let again = store.import(vec![Imported::Document(document)]).await;
    assert!(matches!(again, Err(StoreError::Exists(_))), "{again:?}");
    let refused = [
        vec![numbered(id, &[(1, None), (3, None)])],
        vec![numbered(id, &[(1, Some(1)), (2, Some(4))])],
        vec![numbered(id, &[(1, Some(2))])],
        vec![numbered(id, &[(1, None)]), head(2, 0)],
        vec![numbered(id, &[(1, Some(1))]), head(1, 3)],
    ];
    for batch in refused {
        let told = format!("{batch:?}");
        let done = store.import(batch).await;
        assert!(matches!(done, Err(StoreError::Conflict(_))), "{told}: {done:?}");
        assert!(store.events(id, 0, 9).await.unwrap().is_empty(), "{told}");
    }
    // The first six, and eight lines in them, have expired.
    let some = numbered(id, &[(7, None), (8, Some(9)), (9, Some(11))]);
    store.import(vec![some, head(9, 12)]).await.unwrap();
    assert_eq!(store.events(id, 0, 9).await.unwrap().len(), 3);
    assert_eq!(store.append_chunk(id, at(0), chunk(13, 1, "y"), Fence::NONE).await.unwrap(), 10);
    let (all_gone, document) = run(2);
    let head = Imported::Head { run: all_gone, last_seq: 5, last_line: 7 };
    store.import(vec![Imported::Document(document), head]).await.unwrap();
    assert_eq!(
        store.append_chunk(all_gone, at(0), chunk(8, 1, "y"), Fence::NONE).await.unwrap(),
        6
    );
    store.verify().await.unwrap();
}

#[tokio::test]
async fn what_begins_alike_is_found_whatever_follows() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).unwrap();
    let slugs = ["a", "a\0", "a\0b", "a\u{d7ff}", "a\u{e000}", "a\u{10ffff}", "a\u{10ffff}z", "b"];
    for (number, slug) in slugs.iter().enumerate() {
        store.insert(project(&format!("p{number}"), slug)).await.unwrap();
    }
    let found = async |start: &str| {
        let query = Query::all(Collection::Projects);
        let query = query.filter(Filter::StartsWith("slug", start.to_owned()));
        let found = store.find(query).await.unwrap();
        found.iter().map(|d| d.key("slug").unwrap().to_owned()).collect::<Vec<_>>()
    };
    for start in ["", "a", "a\0", "a\u{d7ff}", "a\u{10ffff}", "\u{10ffff}", "b", "c"] {
        let expected: Vec<_> = slugs.iter().filter(|slug| slug.starts_with(start)).collect();
        assert_eq!(found(start).await.iter().collect::<Vec<_>>(), expected, "{start:?}");
    }
    let exact = Filter::Equals("slug", "a\0".to_owned());
    let query = Query { limit: 1, ..Query::all(Collection::Projects).filter(exact) };
    assert_eq!(store.find(query).await.unwrap()[0].id, "p1");
}

#[tokio::test]
async fn a_page_of_large_events_is_short_and_never_empty() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).unwrap();
    let id = ended(&store, 1, 10, 0).await;
    let large = "x".repeat(6 << 20);
    for line in 1..=8 {
        store.append_chunk(id, at(0), chunk(line, 1, &large), Fence::NONE).await.unwrap();
    }
    let mut after = 0;
    loop {
        let page = store.events(id, after, usize::MAX).await.unwrap();
        assert!(page.len() <= 5);
        let Some(last) = page.last() else { break };
        assert_eq!(page[0].seq, after + 1);
        after = last.seq;
    }
    assert_eq!(after, 8);
    let range = store.log(id, 2, usize::MAX).await.unwrap();
    assert_eq!((range.events.len(), range.last_line), (5, 8));
}
