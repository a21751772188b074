//! A disk without room: nothing half, words that say so, and on by itself when there is room again.

use std::sync::Arc;

use super::batch::{change, chunk, project, run};
use super::*;
use crate::domain::event::EventKind;

/// No page more than there are.
fn fill(store: &SqliteStore) -> impl Future<Output = Result<(), StoreError>> {
    bound(store, "SELECT page_count FROM pragma_page_count")
}

/// Room again.
fn clear(store: &SqliteStore) -> impl Future<Output = Result<(), StoreError>> {
    bound(store, "SELECT 1000000000")
}

fn bound(store: &SqliteStore, pages: &'static str) -> impl Future<Output = Result<(), StoreError>> {
    store.write(move |tx| {
        let pages: i64 = tx.query_row(pages, [], |row| row.get(0)).unwrap();
        tx.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).unwrap();
        Ok(())
    })
}

fn says_full<T: std::fmt::Debug>(done: Result<T, StoreError>) {
    let Err(StoreError::Unavailable(source)) = done else { panic!("{done:?}") };
    assert!(source.to_string().contains("the disk is full"), "{source}");
}

#[tokio::test]
async fn a_full_disk_refuses_each_kind_of_write_and_keeps_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).unwrap();
    let at = crate::domain::run::tests::at(0);
    let (id, document) = run(1);
    store.transition(change(id, document.clone(), vec![EventKind::Created])).await.unwrap();
    store.insert(project("p", "p")).await.unwrap();
    fill(&store).await.unwrap();
    let large = "x".repeat(1 << 20);
    let body = Document { body: large.clone(), ..project("large", "large") };
    let next = Document { version: 2, body: large.clone(), ..document };
    says_full(store.insert(body.clone()).await);
    let replaced = Document { version: 2, body: large.clone(), ..project("p", "p") };
    says_full(store.replace(replaced).await);
    let note = EventKind::Note { text: large.clone() };
    says_full(store.transition(change(id, next.clone(), vec![note.clone()])).await);
    says_full(store.claim(change(id, next.clone(), vec![note.clone()]), &[]).await);
    says_full(store.append_event(id, at, note, Fence::NONE).await);
    says_full(store.append_chunk(id, at, chunk(1, 1, &large), Fence::NONE).await);
    says_full(store.import(vec![Imported::Document(body.clone())]).await);
    // Reads go on, and nothing of all that is there.
    assert_eq!(store.get(Collection::Projects, "large").await.unwrap(), None);
    assert_eq!(store.get(Collection::Projects, "p").await.unwrap().unwrap().version, 1);
    assert_eq!(store.get(Collection::Runs, &next.id).await.unwrap().unwrap().version, 1);
    assert_eq!(store.events(id, 0, 9).await.unwrap().len(), 1);
    clear(&store).await.unwrap();
    store.insert(body).await.unwrap();
    assert_eq!(store.append_chunk(id, at, chunk(1, 1, &large), Fence::NONE).await.unwrap(), 2);
    store.verify().await.unwrap();
}

#[tokio::test]
async fn who_shares_a_transaction_with_one_that_fills_the_disk_is_told_so_too() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&folder).unwrap());
    fill(&store).await.unwrap();
    let large = Document { body: "x".repeat(1 << 20), ..project("large", "large") };
    let small = store.insert(project("small", "small"));
    let (small, large) = tokio::join!(small, store.insert(large));
    says_full(large);
    // It shared the transaction, or it was done before.
    let there = store.get(Collection::Projects, "small").await.unwrap().is_some();
    assert_eq!(small.is_ok(), there, "{small:?}");
}
