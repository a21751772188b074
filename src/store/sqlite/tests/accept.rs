//! What is not ours, not whole or not for us keeps every byte.

use std::collections::BTreeMap;
use std::path::Path;

use super::batch::{change, chunk, project, run};
use super::*;
use crate::domain::event::EventKind;

/// Every file of a folder but the memory that readers share, byte by byte.
fn bytes(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let content = fs::read(entry.path()).unwrap();
        // SQLite makes an empty log where it looks for one.
        let is_empty_log = name.ends_with("-wal") && content.is_empty();
        if !name.ends_with("-shm") && !is_empty_log {
            files.insert(name, content);
        }
    }
    files
}

/// The store is refused with these words, and nothing has changed.
fn refused_untouched(folder: &TempDir, words: &str) {
    let before = bytes(folder.path());
    let found = refusal(folder);
    assert!(found.contains(words), "{found}");
    assert_eq!(bytes(folder.path()), before, "{found}");
}

/// A store of some pages, closed.
async fn made(folder: &TempDir) -> Vec<u8> {
    let store = open(folder).unwrap();
    let (id, document) = run(1);
    store.transition(change(id, document, vec![EventKind::Created])).await.unwrap();
    for line in 1..40 {
        let at = crate::domain::run::tests::at(0);
        store.append_chunk(id, at, chunk(line, 1, &"x".repeat(9_000)), Fence::NONE).await.unwrap();
    }
    drop(store);
    // Its threads end by themselves; what the last of them carries over is awaited so.
    let connection = Connection::open(file(folder)).unwrap();
    connection.pragma_update_and_check(None, "wal_checkpoint", "TRUNCATE", |_| Ok(())).unwrap();
    drop(connection);
    fs::read(file(folder)).unwrap()
}

/// A copy of a file with its log, as `kill -9` leaves it: taken while the store is open.
async fn killed(folder: &TempDir) -> TempDir {
    let store = open(folder).unwrap();
    store.insert(project("p", "acknowledged")).await.unwrap();
    let left = tempfile::tempdir().unwrap();
    for name in ["orch.db", "orch.db-wal"] {
        fs::copy(folder.path().join(name), left.path().join(name)).unwrap();
    }
    assert!(fs::metadata(left.path().join("orch.db-wal")).unwrap().len() > 0);
    left
}

#[tokio::test]
async fn a_damaged_page_in_the_middle() {
    let folder = tempfile::tempdir().unwrap();
    let whole = made(&folder).await;
    // The pages with the trees: an overflow page holds text, whose change nothing can see.
    let mut found = 0;
    for page in 1..whole.len() / 4096 {
        let at = page * 4096;
        if !matches!(whole[at], 2 | 5 | 10 | 13) {
            continue;
        }
        let mut broken = whole.clone();
        broken[at..at + 64].fill(0xa5);
        fs::write(file(&folder), &broken).unwrap();
        refused_untouched(&folder, "restore a backup");
        found += 1;
    }
    assert!(found > 20, "{found}");
}

#[tokio::test]
async fn a_truncated_file() {
    let folder = tempfile::tempdir().unwrap();
    let whole = made(&folder).await;
    for length in [1, 99, 100, 4096, whole.len() / 2, whole.len() - 1] {
        fs::write(file(&folder), &whole[..length]).unwrap();
        refused_untouched(&folder, if length < 100 { "no store of orch" } else { "are there" });
    }
}

#[tokio::test]
async fn a_zeroed_header() {
    let folder = tempfile::tempdir().unwrap();
    let mut whole = made(&folder).await;
    whole[..4096].fill(0);
    fs::write(file(&folder), &whole).unwrap();
    refused_untouched(&folder, "begins with zeros");
}

#[tokio::test]
async fn an_index_that_somebody_dropped() {
    let folder = tempfile::tempdir().unwrap();
    made(&folder).await;
    let other = Connection::open(file(&folder)).unwrap();
    other.execute_batch("DROP INDEX runs_by_idempotency_key").unwrap();
    drop(other);
    refused_untouched(&folder, "runs_by_idempotency_key is missing");
}

#[tokio::test]
async fn an_emptied_file_beside_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let left = killed(&folder).await;
    fs::write(file(&left), "").unwrap();
    refused_untouched(&left, "its write-ahead log is not");
}

#[tokio::test]
async fn a_log_of_a_killed_process_is_read_and_one_beside_a_refused_file_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let left = killed(&folder).await;
    // A newer orch wrote the last of it: only the log says so.
    let newer = tempfile::tempdir().unwrap();
    let connection = Connection::open(file(&folder)).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    for name in ["orch.db", "orch.db-wal"] {
        fs::copy(folder.path().join(name), newer.path().join(name)).unwrap();
    }
    refused_untouched(&newer, "form 99");
    let store = open(&left).unwrap();
    assert!(store.get(Collection::Projects, "p").await.unwrap().is_some());
    store.verify().await.unwrap();
}

#[tokio::test]
async fn another_programs_database_and_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let other = Connection::open(folder.path().join("other.db")).unwrap();
    other.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
    other.execute_batch("CREATE TABLE songs (title TEXT)").unwrap();
    fs::copy(folder.path().join("other.db"), file(&folder)).unwrap();
    fs::copy(folder.path().join("other.db-wal"), folder.path().join("orch.db-wal")).unwrap();
    refused_untouched(&folder, "belongs to another program");
    assert!(!folder.path().join("orch.db-shm").exists());
}

#[tokio::test]
async fn verify_finds_what_is_missing_among_the_events() {
    let folder = tempfile::tempdir().unwrap();
    made(&folder).await;
    let store = open(&folder).unwrap();
    store.verify().await.unwrap();
    store
        .write(|tx| Ok(tx.execute("DELETE FROM run_events WHERE seq = 7", []).unwrap()))
        .await
        .unwrap();
    let Err(StoreError::Corrupt(words)) = store.verify().await else { panic!("nothing was found") };
    assert!(words.contains("events of run") && words.contains("restore a backup"), "{words}");
}

#[test]
fn files_that_others_made_readable_become_private() {
    let folder = tempfile::tempdir().unwrap();
    let kept = open(&folder).unwrap();
    for name in ["orch.db", "orch.db-wal", "orch.db-shm"] {
        let path = folder.path().join(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).unwrap();
    }
    drop(open(&folder).unwrap());
    for name in ["orch.db", "orch.db-wal", "orch.db-shm"] {
        let found = fs::metadata(folder.path().join(name)).unwrap();
        assert_eq!(found.permissions().mode() & 0o777, 0o600, "{name}");
    }
    drop(kept);
}

#[test]
fn what_is_no_file_or_lies_nowhere_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(file(&folder)).unwrap();
    assert!(matches!(open(&folder), Err(StoreError::Corrupt(_))));
    let nowhere = SqliteStore::open(&folder.path().join("not/there.db"));
    assert!(matches!(nowhere, Err(StoreError::Refused(_))));
}

#[test]
fn a_file_that_can_only_be_read_is_refused_in_words() {
    let cases = [
        (rusqlite::ffi::SQLITE_READONLY, "cannot be written"),
        (rusqlite::ffi::SQLITE_CANTOPEN, "cannot be written"),
    ];
    for (code, words) in cases {
        let error = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
        let StoreError::Refused(why) = errors::failed(error) else { panic!("{code}") };
        assert!(why.contains(words), "{why}");
    }
}
