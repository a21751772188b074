//! A database that is being filled with what another store held. Until it is whole it bears a mark,
//! under which nobody opens it as a store or takes its lead; who fills it again begins with an
//! empty one. The mark is written and taken away under the lead only.

use jiff::Timestamp;
use mongodb::bson::doc;

use super::attempts::{repeat, within};
use super::documents::text;
use super::errors::Failed;
use super::{META, MongoStore, RUN_EVENTS, SLOTS, indexes, opening};
use crate::domain::address::MongoUrl;
use crate::store::{Collection, StoreError};

const FILLING_ID: &str = "filling";

impl MongoStore {
    /// Opens a database that is to be filled, also one that was left half filled. Nothing may be
    /// written before the lead is taken and [`MongoStore::begin_filling`] has returned.
    ///
    /// # Errors
    /// As [`MongoStore::open`].
    pub async fn open_to_fill(url: &MongoUrl) -> Result<Self, StoreError> {
        let store = within(opening::open(url)).await?;
        Ok(Self { fills: true, ..store })
    }

    /// Marks an empty database; one that was left half filled is emptied.
    ///
    /// # Errors
    /// `Exists` where it holds something and bears no mark.
    pub async fn begin_filling(&self) -> Result<(), StoreError> {
        within(begin(self)).await
    }

    /// Takes the mark away: the database is a store.
    ///
    /// # Errors
    /// As any write.
    pub async fn finish_filling(&self) -> Result<(), StoreError> {
        within(async {
            let marked = doc! { "_id": FILLING_ID };
            repeat(|| async { self.named(META).delete_one(marked.clone()).await })
                .await
                .map_err(Failed::into_error)?;
            Ok(())
        })
        .await
    }
}

/// Refuses a database that is half filled.
pub(super) async fn is_whole(store: &MongoStore) -> Result<(), StoreError> {
    let Some(since) = since(store).await? else { return Ok(()) };
    Err(StoreError::Refused(format!(
        "the database {} is half filled: a restore or a migration is on its way since {since}, or \
         was broken off; begin it again to its end, or drop the database",
        store.database.name()
    )))
}

async fn begin(store: &MongoStore) -> Result<(), StoreError> {
    let contents = Collection::ALL.map(Collection::name).into_iter().chain([RUN_EVENTS, SLOTS]);
    if since(store).await?.is_some() {
        for name in contents {
            repeat(|| async { store.named(name).drop().await })
                .await
                .map_err(Failed::into_error)?;
        }
        return indexes::apply(store).await;
    }
    let mut held = Vec::new();
    for name in contents.filter(|name| *name != SLOTS) {
        let found = repeat(|| async { store.named(name).find_one(doc! {}).await });
        if found.await.map_err(Failed::into_error)?.is_some() {
            held.push(name.replace('_', " "));
        }
    }
    if !held.is_empty() {
        return Err(StoreError::Exists(held.join(", ")));
    }
    let now = Timestamp::now().to_string();
    let mark = doc! { "$set": { "since": now } };
    repeat(|| async {
        store.named(META).update_one(doc! { "_id": FILLING_ID }, mark.clone()).upsert(true).await
    })
    .await
    .map(drop)
    .map_err(Failed::into_error)
}

async fn since(store: &MongoStore) -> Result<Option<String>, StoreError> {
    let found = repeat(|| async { store.named(META).find_one(doc! { "_id": FILLING_ID }).await });
    let found = found.await.map_err(Failed::into_error)?;
    Ok(found.map(|found| text(&found, "since").unwrap_or_default()))
}
