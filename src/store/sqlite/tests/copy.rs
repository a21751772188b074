//! Copies that are made while others write.

use std::sync::{Arc, Mutex};

use super::batch::{change, chunk, project, run};
use super::*;
use crate::domain::event::EventKind;
use crate::domain::run::tests::at;

async fn some_log(store: &SqliteStore, number: u128, chunks: u64) -> RunId {
    let (id, document) = run(number);
    store.transition(change(id, document, vec![EventKind::Created])).await.unwrap();
    for line in 1..=chunks {
        let piece = chunk(line, 1, &"x".repeat(1 << 20));
        store.append_chunk(id, at(0), piece, Fence::NONE).await.unwrap();
    }
    id
}

fn names(folder: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.starts_with("orch.db"));
    names.sort();
    names
}

#[tokio::test]
async fn a_copy_is_one_private_file_and_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).unwrap();
    store.insert(project("p", "here")).await.unwrap();
    let to = folder.path().join("copy.db");
    // What somebody who was killed left behind.
    fs::write(folder.path().join("copy.db.part"), "half a copy").unwrap();
    let copied = store.copy_to(&to, |_| {}).await.unwrap();
    assert_eq!((copied.bytes, copied.of), (copied.of, fs::metadata(&to).unwrap().len()));
    assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(names(&folder), ["copy.db"]);
    assert!(matches!(store.copy_to(&to, |_| {}).await, Err(StoreError::Exists(_))));
    let copy = SqliteStore::open(&to).unwrap();
    assert!(copy.get(Collection::Projects, "p").await.unwrap().is_some());
    let nowhere = store.copy_to(&folder.path().join("not/there.db"), |_| {}).await;
    assert!(matches!(nowhere, Err(StoreError::Refused(_))), "{nowhere:?}");
}

#[tokio::test]
async fn writers_go_on_and_the_copy_is_what_was_there_at_one_instant() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&folder).unwrap());
    let id = some_log(&store, 1, 12).await;
    let steps = Arc::new(Mutex::new(Vec::new()));
    let to = folder.path().join("copy.db");
    // Each step waits for a write that is acknowledged meanwhile.
    let runtime = tokio::runtime::Handle::current();
    let told = {
        let (store, steps) = (Arc::clone(&store), Arc::clone(&steps));
        move |copied| {
            let write = store.append_event(id, at(0), EventKind::Approved, Fence::NONE);
            runtime.block_on(write).unwrap();
            steps.lock().unwrap().push(copied);
        }
    };
    let copied = store.copy_to(&to, told).await.unwrap();
    let steps = steps.lock().unwrap().clone();
    assert!(steps.len() > 2 && steps.is_sorted_by_key(|step| step.bytes), "{steps:?}");
    assert_eq!(steps.last(), Some(&copied));
    let copy = SqliteStore::open(&to).unwrap();
    copy.verify().await.unwrap();
    assert_eq!(copy.events(id, 0, 100).await.unwrap().len(), 13);
    assert_eq!(store.events(id, 0, 100).await.unwrap().len(), 13 + steps.len());
}

#[tokio::test]
async fn who_goes_away_leaves_no_half_file_and_two_do_not_make_the_same_copy() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&folder).unwrap());
    some_log(&store, 1, 12).await;
    let to = folder.path().join("copy.db");
    let (begun, begins) = std::sync::mpsc::channel();
    let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
    let first = tokio::spawn({
        let (store, to) = (Arc::clone(&store), to.clone());
        let told = move |_| {
            // The test may have left, which lets the copy go on.
            if begun.send(()).is_ok() {
                may_go_on.recv().unwrap_err();
            }
        };
        async move { store.copy_to(&to, told).await }
    });
    let begins = tokio::task::spawn_blocking(move || begins.recv().map(|()| begins));
    let begins = begins.await.unwrap().unwrap();
    let second = store.copy_to(&to, |_| {}).await;
    assert!(matches!(second, Err(StoreError::Refused(_))), "{second:?}");
    first.abort();
    first.await.unwrap_err();
    drop(go_on);
    // The copy's thread drops its end when it has tidied up.
    tokio::task::spawn_blocking(move || while begins.recv().is_ok() {}).await.unwrap();
    assert_eq!(names(&folder), [] as [&str; 0]);
}
