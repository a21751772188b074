//! Expiry in MongoDB: hidden first, by one update for each run, and removed piece by piece after.
//!
//! Events are hidden by their run's `floor`. A run is hidden by giving it version 0 and the mark
//! `gone`, and taking its keys from it: no reader sees it, its unique values are free, and its
//! envelope and artifacts are left out by who reads them (see [`super::documents`]). What is hidden
//! carries a mark until all of it is removed, so that the next call goes on where one ended.

use futures_util::TryStreamExt;
use jiff::Timestamp;
use mongodb::bson::{Bson, Document as Bsond, doc};

use super::attempts::repeat;
use super::documents::{integer, text};
use super::errors::Failed;
use super::{MongoStore, RUN_EVENTS, outbox};
use crate::store::{AGE, Collection, Expired, Expiry, StoreError, instant};

/// A chunk of a log counts as one event, and is the largest of them.
const EVENTS: i64 = 500;
const DOCUMENTS: i64 = 5_000;

pub(super) async fn expire(
    store: &MongoStore,
    what: Expiry,
    before: Timestamp,
    limit: usize,
) -> Result<Expired, StoreError> {
    let before = instant(before);
    let limit = i64::try_from(limit).unwrap_or(DOCUMENTS).clamp(1, DOCUMENTS);
    match what {
        Expiry::Events => events(store, &before, limit).await,
        Expiry::Documents(Collection::Runs) => runs(store, &before, limit).await,
        Expiry::Documents(collection) if collection.ages() => {
            documents(store, collection, &before, limit).await
        }
        Expiry::Documents(_) => Ok(Expired { removed: 0, more: false }),
    }
}

async fn documents(
    store: &MongoStore,
    collection: Collection,
    before: &str,
    limit: i64,
) -> Result<Expired, StoreError> {
    let old = oldest(store, collection, doc! { AGE: { "$lt": before } }, AGE, limit).await?;
    let more = is_full(&old, limit);
    // Who was changed since is no longer old.
    let filter = doc! { "_id": { "$in": ids(&old) }, AGE: { "$lt": before } };
    let removed = delete(store, collection.name(), filter).await?;
    Ok(Expired { removed, more })
}

async fn events(store: &MongoStore, before: &str, limit: i64) -> Result<Expired, StoreError> {
    let told = doc! { "events_age": { "$lt": before }, "version": { "$gt": 0_i64 } };
    let old = oldest(store, Collection::Runs, told.clone(), "events_age", limit).await?;
    let mut more = is_full(&old, limit);
    let mut hidden = Vec::new();
    for run in &old {
        let (seq, floor) = (integer(run, "seq"), integer(run, "floor"));
        if floor < seq {
            let mut same = told.clone();
            same.extend(doc! { "_id": text(run, "_id"), "seq": seq });
            // What stays in the outbox would be copied back by the next writer.
            let hide = doc! { "$set": { "floor": seq }, "$unset": { "outbox": "" } };
            if !change(store, same, hide).await? {
                // More was told of it since: nothing is hidden, and so nothing may be removed.
                more = true;
                continue;
            }
        }
        hidden.push(run);
    }
    let mut sweep = Sweep { removed: 0, left: limit.min(EVENTS) };
    for run in hidden {
        let seq = integer(run, "seq");
        if sweep.run(store, run).await? {
            let id = text(run, "_id");
            let same = doc! { "_id": id, "seq": seq, "floor": seq };
            let done = doc! { "$set": { "removed": seq }, "$unset": { "events_age": "" } };
            change(store, same, done).await?;
        } else {
            more = true;
        }
    }
    Ok(Expired { removed: sweep.removed, more })
}

async fn runs(store: &MongoStore, before: &str, limit: i64) -> Result<Expired, StoreError> {
    let aged = doc! { AGE: { "$lt": before }, "version": { "$gt": 0_i64 } };
    let old = oldest(store, Collection::Runs, aged.clone(), AGE, limit).await?;
    let mut more = is_full(&old, limit);
    if !old.is_empty() {
        let mut same = aged;
        same.insert("_id", doc! { "$in": ids(&old) });
        hide(store, same).await?;
    }
    delete(store, Collection::Runs.name(), doc! { "begun": { "$lt": before }, "version": 0_i64 })
        .await?;
    let gone = oldest(store, Collection::Runs, doc! { "gone": "yes" }, "_id", limit).await?;
    more |= is_full(&gone, limit);
    let mut sweep = Sweep { removed: 0, left: limit.min(EVENTS) };
    let mut removed = 0;
    for run in &gone {
        if !sweep.run(store, run).await? {
            more = true;
            continue;
        }
        let id = text(run, "_id");
        removed += delete(store, Collection::Envelopes.name(), doc! { "_id": &id }).await?;
        removed += delete(store, Collection::Artifacts.name(), doc! { "run": &id }).await?;
        let last = doc! { "_id": &id, "gone": "yes" };
        removed += delete(store, Collection::Runs.name(), last).await?;
    }
    Ok(Expired { removed: removed + sweep.removed, more })
}

/// The numbers stay, for who removes the events.
async fn hide(store: &MongoStore, runs: Bsond) -> Result<(), StoreError> {
    let fields = Collection::Runs.indexes().iter().map(|index| index.field);
    let others = ["body", "outbox", "events_age", "guard", "voided"];
    let unset: Bsond =
        fields.chain(others).map(|field| (field.to_owned(), Bson::from(""))).collect();
    let hidden = doc! { "$set": { "version": 0_i64, "gone": "yes" }, "$unset": unset };
    repeat(|| async { store.of(Collection::Runs).update_many(runs.clone(), hidden.clone()).await })
        .await
        .map(drop)
        .map_err(Failed::into_error)
}

/// Removes hidden events, so many in all.
struct Sweep {
    removed: u64,
    left: i64,
}

impl Sweep {
    /// `false` where some of the run's events are left for the next time.
    async fn run(&mut self, store: &MongoStore, run: &Bsond) -> Result<bool, StoreError> {
        let id = text(run, "_id").unwrap_or_default();
        let (start, end) = (integer(run, "removed"), integer(run, "seq"));
        let until = end.min(start.saturating_add(self.left));
        if until > start {
            let first = outbox::event_id(&id, start);
            let last = outbox::event_id(&id, until);
            let range = doc! { "_id": { "$gt": first, "$lte": last } };
            self.removed += delete(store, RUN_EVENTS, range).await?;
            self.left -= until - start;
            // Two who sweep at once never take back what one of them has marked.
            let mark = doc! { "$max": { "removed": until } };
            change(store, doc! { "_id": &id }, mark).await?;
        }
        Ok(until == end)
    }
}

async fn oldest(
    store: &MongoStore,
    collection: Collection,
    filter: Bsond,
    order: &str,
    limit: i64,
) -> Result<Vec<Bsond>, StoreError> {
    repeat(|| async {
        store
            .of(collection)
            .find(filter.clone())
            .projection(doc! { "seq": 1, "floor": 1, "removed": 1 })
            .sort(doc! { order: 1 })
            .limit(limit)
            .await?
            .try_collect()
            .await
    })
    .await
    .map_err(Failed::into_error)
}

fn ids(found: &[Bsond]) -> Vec<String> {
    found.iter().filter_map(|one| text(one, "_id")).collect()
}

fn is_full(found: &[Bsond], limit: i64) -> bool {
    i64::try_from(found.len()).is_ok_and(|count| count >= limit)
}

/// `false` where no run fits.
async fn change(store: &MongoStore, filter: Bsond, change: Bsond) -> Result<bool, StoreError> {
    repeat(|| async { store.of(Collection::Runs).update_one(filter.clone(), change.clone()).await })
        .await
        .map(|result| result.matched_count == 1)
        .map_err(Failed::into_error)
}

async fn delete(store: &MongoStore, name: &str, filter: Bsond) -> Result<u64, StoreError> {
    repeat(|| async { store.named(name).delete_many(filter.clone()).await })
        .await
        .map(|result| result.deleted_count)
        .map_err(Failed::into_error)
}
