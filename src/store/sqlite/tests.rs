use std::fs;
use std::os::unix::fs::PermissionsExt;

use rusqlite::Connection;
use tempfile::TempDir;

use super::file::APPLICATION_ID;
use super::*;
use crate::store::{AGE, Filter, Order};

mod accept;
mod batch;
mod copy;
mod expiry;
mod full;

fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("orch.db")
}

fn open(folder: &TempDir) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(&file(folder))
}

fn refusal(folder: &TempDir) -> String {
    match open(folder) {
        Err(StoreError::Corrupt(words)) => words,
        Err(other) => panic!("another error: {other:?}"),
        Ok(_) => panic!("it was opened"),
    }
}

#[tokio::test]
async fn what_was_written_is_there_after_opening_again() {
    use crate::domain::run::Run;
    use crate::domain::run::tests::{at, full_spec, new_run};
    let folder = tempfile::tempdir().unwrap();
    let run = Run::create(new_run(full_spec()), at(0));
    let document = crate::store::record::encode(&run).unwrap();
    let note = || EventKind::Note { text: "kept".into() };
    let change = Transition {
        run: run.id(),
        document: document.clone(),
        at: at(0),
        events: vec![note()],
        fence: Fence::NONE,
    };
    assert_eq!(open(&folder).unwrap().transition(change).await.unwrap(), 1);
    let again = open(&folder).unwrap();
    assert_eq!(again.get(Collection::Runs, &document.id).await.unwrap(), Some(document));
    assert_eq!(again.events(run.id(), 0, 9).await.unwrap()[0].kind, note());
    assert_eq!(again.append_event(run.id(), at(1), note(), Fence::NONE).await.unwrap(), 2);
}

#[test]
fn the_file_is_private() {
    let folder = tempfile::tempdir().unwrap();
    open(&folder).unwrap();
    for name in ["orch.db", "orch.db-wal", "orch.db-shm"] {
        let Ok(found) = fs::metadata(folder.path().join(name)) else { continue };
        assert_eq!(found.permissions().mode() & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let text = "this is a diary, not a database, and it is longer than a page header ".repeat(40);
    fs::write(file(&folder), &text).unwrap();
    assert!(refusal(&folder).contains("no store of orch"));
    assert_eq!(fs::read_to_string(file(&folder)).unwrap(), text);
}

#[test]
fn another_programs_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let other = Connection::open(file(&folder)).unwrap();
    other.execute_batch("CREATE TABLE songs (title TEXT)").unwrap();
    drop(other);
    let before = fs::read(file(&folder)).unwrap();
    assert!(refusal(&folder).contains("belongs to another program"));
    assert_eq!(fs::read(file(&folder)).unwrap(), before);
}

#[test]
fn a_file_from_a_newer_orch_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(&folder).unwrap());
    let newer = Connection::open(file(&folder)).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    drop(newer);
    let words = refusal(&folder);
    assert!(words.contains("form 99") && words.contains("use a newer one"), "{words}");
}

/// The plan of every kind of look-up that the program makes names an index.
#[test]
fn declared_indexes_are_used() {
    let folder = tempfile::tempdir().unwrap();
    let (connection, _) = file::open(&file(&folder)).unwrap();
    let explain = |sql: String| -> String {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(3)).unwrap();
        rows.collect::<Result<Vec<_>, _>>().unwrap().join("; ")
    };
    for collection in Collection::ALL {
        for index in collection.indexes() {
            let plan = explain(format!(
                "SELECT body FROM {collection} WHERE {} = 'x' ORDER BY id LIMIT 5",
                index.field
            ));
            let name = format!("{collection}_by_{}", index.field);
            assert!(plan.contains(&name) && !plan.contains("TEMP B-TREE"), "{name}: {plan}");
        }
    }
    // Beginnings of values are ranges, which come in the order of the values and not of the ids.
    for collection in Collection::ALL {
        for index in collection.indexes() {
            let (name, field) = (format!("{collection}_by_{}", index.field), index.field);
            let plan = explain(format!(
                "SELECT body FROM {collection} WHERE {field} >= 'x' AND {field} < 'y' LIMIT 5"
            ));
            assert!(plan.contains(&name), "{name}: {plan}");
            if field == AGE {
                let plan = explain(format!(
                    "SELECT id FROM {collection} WHERE {AGE} < 'x' ORDER BY {AGE}, id LIMIT 5"
                ));
                assert!(plan.contains(&name) && !plan.contains("TEMP B-TREE"), "{name}: {plan}");
            }
        }
    }
    for (name, sql) in [
        (
            "run_events_by_seq",
            "SELECT body FROM run_events WHERE run = 'x' AND seq > 5 ORDER BY seq LIMIT 9",
        ),
        (
            "run_events_by_line",
            "SELECT body FROM run_events INDEXED BY run_events_by_line \
             WHERE run = 'x' AND last_line >= 900000 AND last_line IS NOT NULL AND seq > 0 ORDER BY last_line",
        ),
        (
            "run_events_by_line",
            "SELECT body FROM run_events INDEXED BY run_events_by_line \
             WHERE run = 'x' AND last_line IS NOT NULL AND seq > 0 ORDER BY last_line DESC LIMIT 1",
        ),
        (
            "run_events_by_stage",
            "SELECT body FROM run_events INDEXED BY run_events_by_stage \
             WHERE run = 'x' AND stage = 'verify' AND attempt = 1 AND last_line IS NOT NULL AND seq > 0 ORDER BY seq DESC LIMIT 1",
        ),
        (
            "runs_by_slot",
            "SELECT count(*) FROM runs INDEXED BY runs_by_slot \
             WHERE slot = 'yes' AND id <> 'x' AND project = 'y'",
        ),
    ] {
        let plan = explain(sql.to_owned());
        assert!(plan.contains(name) && !plan.contains("TEMP B-TREE"), "{name}: {plan}");
    }
}

#[test]
fn filters_name_only_declared_fields() {
    // The names go into the query as they are; they come from the program, never from outside.
    let query = Query {
        order: Order::NewestFirst,
        ..Query::all(Collection::Runs).filter(Filter::Equals("live", "yes' OR '1".to_owned()))
    };
    let folder = tempfile::tempdir().unwrap();
    let (mut connection, _) = file::open(&file(&folder)).unwrap();
    let tx = connection.transaction().unwrap();
    assert!(documents::find(&tx, &query).unwrap().is_empty());
}

/// Killed right after the first write, before the form was made.
#[tokio::test]
async fn a_file_whose_making_was_interrupted_is_made_to_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let begun = Connection::open(file(&folder)).unwrap();
    begun.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
    drop(begun);
    let store = open(&folder).unwrap();
    assert!(store.find(Query::all(Collection::Runs)).await.unwrap().is_empty());
}

/// Killed within the very first write: the page is there, and a journal that takes it back.
#[tokio::test]
async fn a_first_write_that_was_interrupted_is_made_anew() {
    const MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    let mut journal = MAGIC.to_vec();
    // No page to put back, a sign, and the file as it was: of no page. Then two sizes.
    for number in [0_u32, 7, 0, 512, 4096] {
        journal.extend(number.to_be_bytes());
    }
    journal.resize(512, 0);
    for is_written in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let begun = Connection::open(file(&folder)).unwrap();
        begun.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        drop(begun);
        if !is_written {
            fs::write(file(&folder), vec![0; 4096]).unwrap();
        }
        fs::write(folder.path().join("orch.db-journal"), &journal).unwrap();
        drop(open(&folder).unwrap());
        let store = open(&folder).unwrap();
        assert!(store.find(Query::all(Collection::Runs)).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_store_that_was_closed_is_one_file() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).unwrap();
        for _ in 0..8 {
            store.find(Query::all(Collection::Runs)).await.unwrap();
        }
        store.close().await;
        let names = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name());
        assert_eq!(names.collect::<Vec<_>>(), ["orch.db"]);
    }
}

#[tokio::test]
async fn a_store_that_lacks_an_event_is_not_read_as_if_it_were_whole() {
    use crate::domain::run::Run;
    use crate::domain::run::tests::{at, full_spec, new_run};
    let folder = tempfile::tempdir().unwrap();
    let run = Run::create(new_run(full_spec()), at(0));
    let document = crate::store::record::encode(&run).unwrap();
    let events = vec![EventKind::Created; 3];
    let change = Transition { run: run.id(), document, at: at(0), events, fence: Fence::NONE };
    open(&folder).unwrap().transition(change).await.unwrap();
    for seq in [2, 3] {
        let sql = "DELETE FROM run_events WHERE seq = ?1";
        Connection::open(file(&folder)).unwrap().execute(sql, [seq]).unwrap();
        let error = crate::store::transfer::summary(&open(&folder).unwrap()).await.unwrap_err();
        assert!(error.to_string().contains("event 2 of run"), "{error}");
    }
}

#[tokio::test]
async fn a_file_that_was_removed_while_open_is_saved_and_refused() {
    use crate::domain::project::Project;
    use crate::domain::run::tests::{at, id};
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).unwrap();
    let project = |number, slug: &str| Project::new(id(number), slug.parse().unwrap(), at(0));
    crate::store::record::insert(&store, &project(1, "kept")).await.unwrap();
    fs::remove_file(file(&folder)).unwrap();
    for _ in 0..2 {
        let refused = crate::store::record::insert(&store, &project(2, "late")).await;
        let Err(StoreError::Refused(words)) = refused else { panic!("{refused:?}") };
        assert!(words.contains("orch.db.saved-"), "{words}");
    }
    drop(store);
    let saved = folder.path().join(format!("orch.db.saved-{}", std::process::id()));
    assert_eq!(fs::metadata(&saved).unwrap().permissions().mode() & 0o777, 0o600);
    let store = SqliteStore::open(&saved).unwrap();
    assert_eq!(store.find(Query::all(Collection::Projects)).await.unwrap().len(), 1);
}
