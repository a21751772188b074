use std::fs;
use std::path::Path;

use rusqlite::params;

use super::*;
use crate::domain::event::{EventKind, RunEvent};
use crate::domain::finding::Finding;
use crate::domain::run::Run;
use crate::store::record::{Record, encode};
use crate::store::sqlite::{SqliteStore, file};
use crate::store::{Collection, Document, Fence, Query, Store};

/// The documents of `tests/golden/v1` whose names begin so.
fn golden<R: Record>(start: &str) -> Vec<R> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with(start) {
            found.push(serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap());
        }
    }
    assert!(found.len() > 1, "{start}");
    found
}

/// A file as the first released orch left it, with these documents. Each has an id of its own.
fn first_form(path: &Path, documents: &[Document]) {
    let connection = Connection::open(path).unwrap();
    connection.pragma_update(None, "application_id", file::APPLICATION_ID).unwrap();
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
    connection.execute_batch(STEPS[0]).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    for document in documents {
        let collection = document.collection;
        let columns: Vec<String> = connection
            .prepare(&format!("SELECT name FROM pragma_table_info('{collection}')"))
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let sql =
            format!("INSERT INTO {collection} (id, version, schema, body) VALUES (?1, ?2, ?3, ?4)");
        let version = i64::try_from(document.version).unwrap();
        let values = params![document.id, version, document.schema, document.body];
        connection.execute(&sql, values).unwrap();
        for (field, value) in &document.keys {
            if columns.iter().any(|column| column == field) {
                let sql = format!("UPDATE {collection} SET {field} = ?2 WHERE id = ?1");
                connection.execute(&sql, params![document.id, value]).unwrap();
            }
        }
    }
}

/// Documents of one type, each under an id of its own.
fn apart<R: Record>(records: &[R]) -> Vec<Document> {
    let apart = |(number, record): (usize, &R)| {
        let mut document = encode(record).unwrap();
        let end = format!("{number:04}");
        document.id.replace_range(document.id.len() - end.len().., &end);
        for (field, value) in &mut document.keys {
            if matches!(*field, "tail" | "fingerprint" | "idempotency_key") {
                *value = value.as_ref().map(|value| format!("{end}{value}"));
            }
        }
        document
    };
    records.iter().enumerate().map(apart).collect()
}

#[tokio::test]
async fn a_file_of_the_first_form_comes_up_with_all_it_had() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orch.db");
    let runs = apart(&golden::<Run>("run-"));
    let findings = apart(&golden::<Finding>("finding-"));
    first_form(&path, &[runs.clone(), findings.clone()].concat());
    let connection = Connection::open(&path).unwrap();
    let text = fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1/event-log.json"),
    )
    .unwrap();
    let mut event: RunEvent = serde_json::from_str(&text).unwrap();
    event.run = runs[0].id.parse().unwrap();
    let lines = event.chunk().unwrap().lines.len() as u64;
    let mut told = Vec::new();
    for seq in 1..=3_u64 {
        event.seq = seq;
        let EventKind::Log { chunk } = &mut event.kind else { panic!("it is a log") };
        chunk.first_line = (seq - 1) * lines + 1;
        let chunk = event.chunk().unwrap();
        let (first, last) = (chunk.first_line as i64, (seq * lines) as i64);
        let values = params![
            event.run.to_string(),
            seq as i64,
            first,
            last,
            chunk.stage.name(),
            chunk.attempt,
            serde_json::to_string(&event).unwrap(),
        ];
        connection
            .execute("INSERT INTO run_events VALUES (?1, ?2, 0, ?3, ?4, ?5, ?6, ?7)", values)
            .unwrap();
        told.push(event.clone());
    }
    drop(connection);
    let store = SqliteStore::open(&path).unwrap();
    store.verify().await.unwrap();
    assert_eq!(store.find(Query::all(Collection::Runs)).await.unwrap(), runs);
    assert_eq!(store.find(Query::all(Collection::Findings)).await.unwrap(), findings);
    assert_eq!(store.events(event.run, 0, 9).await.unwrap(), told);
    let range = store.log(event.run, 1, 1).await.unwrap();
    assert_eq!((range.last_seq, range.last_line), (3, 3 * lines));
    let at = jiff::Timestamp::UNIX_EPOCH;
    let next = EventKind::Approved;
    assert_eq!(store.append_event(event.run, at, next.clone(), Fence::NONE).await.unwrap(), 4);
    let other = runs[1].id.parse().unwrap();
    assert_eq!(store.append_event(other, at, next, Fence::NONE).await.unwrap(), 1);
}

#[test]
fn a_step_that_fails_leaves_the_old_form_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orch.db");
    first_form(&path, &apart(&golden::<Run>("run-")));
    let mut connection = Connection::open(&path).unwrap();
    let schema = |connection: &Connection| -> String {
        let sql = "SELECT group_concat(sql) FROM sqlite_schema";
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    let before = schema(&connection);
    let broken = format!("{}; INSERT INTO nowhere VALUES (1)", STEPS[1]);
    apply_steps(&mut connection, &[STEPS[0], &broken]).unwrap_err();
    assert_eq!((schema(&connection), form(&connection).unwrap()), (before, 1));
    apply(&mut connection).unwrap();
    assert_eq!(form(&connection).unwrap(), STEPS.len());
}
