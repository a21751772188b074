//! Events as they are stored, and their way from a run's outbox to `run_events`.
//!
//! The invariant: all events of a run are in `run_events`, but for those in its outbox, which may
//! be there or not, or some of them. Whoever replaces an outbox copies it first.

use mongodb::bson::{Bson, Document as Bsond, doc};

use super::attempts::repeat;
use super::errors::{Failed, duplicates};
use super::heads::Head;
use super::{MongoStore, RUN_EVENTS, to_integer};
use crate::domain::event::RunEvent;
use crate::domain::id::RunId;
use crate::store::{Collection, StoreError};

/// The id of an event: sorts by number within its run, and is the same whoever copies it.
pub(super) fn event_id(run: &str, seq: i64) -> String {
    format!("{run}/{seq:020}")
}

pub(super) fn record(event: &RunEvent, body: &str) -> Bsond {
    let run = event.run.to_string();
    let seq = to_integer(event.seq);
    let mut record = doc! { "_id": event_id(&run, seq), "run": run, "seq": seq, "body": body };
    if let Some(chunk) = event.chunk() {
        record.insert("first_line", to_integer(chunk.first_line));
        record.insert("last_line", to_integer(chunk.next_line()) - 1);
        record.insert("stage", chunk.stage.name());
        record.insert("attempt", i64::from(chunk.attempt));
    }
    record
}

/// Copies what lies in a run's outbox, where nobody knows that it was.
pub(super) async fn settle(store: &MongoStore, run: RunId, head: &Head) -> Result<(), StoreError> {
    if head.outbox.is_empty() || store.is_copied(run, head.seq) {
        return Ok(());
    }
    match read(store, run, head).await? {
        Some(records) if !records.is_empty() => copy(store, run, head.seq, &records).await,
        // The run has changed since, and whoever did that has copied it.
        Some(_) | None => Ok(()),
    }
}

/// The outbox that belongs to this head; `None` where the run has changed since.
pub(super) async fn read(
    store: &MongoStore,
    run: RunId,
    head: &Head,
) -> Result<Option<Vec<Bsond>>, StoreError> {
    let filter = doc! {
        "_id": run.to_string(),
        "version": { "$gt": 0_i64 },
        "seq": head.seq,
        "floor": head.floor,
    };
    let found = repeat(|| async {
        let runs = store.of(Collection::Runs);
        runs.find_one(filter.clone()).projection(doc! { "outbox": 1 }).await
    });
    let Some(mut found) = found.await.map_err(Failed::into_error)? else { return Ok(None) };
    let Some(Bson::Array(outbox)) = found.remove("outbox") else { return Ok(Some(Vec::new())) };
    let records = outbox.into_iter().filter_map(|one| match one {
        Bson::Document(record) => Some(record),
        _ => None,
    });
    Ok(Some(records.collect()))
}

/// Puts events into `run_events`; those that are there already are the same. Where a write told
/// nothing, this must not be called: its outbox is still the one of the write before.
pub(super) async fn copy(
    store: &MongoStore,
    run: RunId,
    seq: i64,
    records: &[Bsond],
) -> Result<(), StoreError> {
    repeat(|| async {
        match store.named(RUN_EVENTS).insert_many(records).ordered(false).await {
            Ok(_) => Ok(()),
            Err(error) if duplicates(&error).is_some() => Ok(()),
            Err(error) => Err(error),
        }
    })
    .await
    .map_err(Failed::into_error)?;
    store.remember_copied(run, seq);
    Ok(())
}
