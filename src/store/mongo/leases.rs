//! The lead in MongoDB: one document, compared with all that was read of it and set.
//!
//! A token that is only looked at before a write would leave a gap between the look and the write.
//! So the newest token is also in the runs themselves, as `fence`, and a write to a run compares
//! with it in the same step. [`take`] raises it in all runs that have a *guard* before it returns:
//! whoever comes with an older token after that is refused by the run.
//!
//! A run has a guard from the first write with a fence until it has ended. Whoever finds none sets
//! it first, looks at the lease then, and writes the token that the lease showed with the step:
//! either the guard was there when the fences were raised, or the lease showed the new token. Only
//! that step makes the guard *closed*; where it is not, as after a writer that was refused or died,
//! the next one looks at the lease again. Renewing raises nothing, because the token stays.

use jiff::{SignedDuration, Timestamp};
use mongodb::bson::doc;
use serde::Deserialize;

use super::attempts::{Patience, repeat, too_busy};
use super::errors::{Failed, failed};
use super::{LEASE, MongoStore, to_integer};
use crate::store::{Collection, Fence, Lease, StoreError, Taken};

const ID: &str = "lease";

/// The fence of the run is raised when the lease is taken, and may still be too low.
pub(super) const GUARD_SET: &str = "set";
/// It is raised then, and was as high as the lease's token when it was closed.
pub(super) const GUARD_CLOSED: &str = "closed";

#[derive(Deserialize)]
struct Stored {
    holder: String,
    token: i64,
    until: i64,
}

impl Stored {
    fn lease(self) -> Lease {
        let until = Timestamp::from_millisecond(self.until).unwrap_or(Timestamp::MAX);
        Lease { holder: self.holder, token: self.token.unsigned_abs(), until }
    }
}

pub(super) async fn take(
    store: &MongoStore,
    holder: &str,
    now: Timestamp,
    time: SignedDuration,
) -> Result<Taken, StoreError> {
    let mut patience = Patience::new();
    loop {
        let known = current(store).await?;
        if let Some(known) = &known
            && known.holder != holder
            && known.until > now
        {
            return Ok(Taken::Held(known.clone()));
        }
        let token = known.as_ref().map_or(0, |known| known.token) + 1;
        let lease = Lease { holder: holder.to_owned(), token, until: Lease::end(now, time) };
        match put(store, known.as_ref(), &lease).await {
            Ok(true) => {
                raise_fences(store, token).await?;
                return Ok(Taken::Ours(lease));
            }
            // Where the answer was lost, the next look tells who has it.
            Ok(false) | Err(Failed::Lost(_) | Failed::Duplicate) => {}
            Err(Failed::Told(error)) => return Err(error),
        }
        if !patience.lasts().await {
            return Err(too_busy("the lease"));
        }
    }
}

async fn put(store: &MongoStore, known: Option<&Lease>, lease: &Lease) -> Result<bool, Failed> {
    let leases = store.named(LEASE);
    let stored = doc! {
        "holder": &lease.holder,
        "token": to_integer(lease.token),
        "until": lease.until.as_millisecond(),
    };
    let Some(known) = known else {
        let mut first = doc! { "_id": ID };
        first.extend(stored);
        return leases.insert_one(first).await.map(|_| true).map_err(failed);
    };
    let before = doc! {
        "_id": ID,
        "holder": &known.holder,
        "token": to_integer(known.token),
        "until": known.until.as_millisecond(),
    };
    let result = leases.update_one(before, doc! { "$set": stored }).await.map_err(failed)?;
    Ok(result.matched_count == 1)
}

async fn raise_fences(store: &MongoStore, token: u64) -> Result<(), StoreError> {
    let token = to_integer(token);
    let older = doc! { "guard": { "$in": [GUARD_SET, GUARD_CLOSED] }, "fence": { "$lt": token } };
    let change = doc! { "$set": { "fence": token } };
    repeat(|| async { store.of(Collection::Runs).update_many(older.clone(), change.clone()).await })
        .await
        .map(drop)
        .map_err(Failed::into_error)
}

pub(super) async fn renew(
    store: &MongoStore,
    lease: &Lease,
    now: Timestamp,
    time: SignedDuration,
) -> Result<Lease, StoreError> {
    let renewed = Lease { until: Lease::end(now, time), ..lease.clone() };
    let change = doc! { "$set": { "until": renewed.until.as_millisecond() } };
    let result =
        repeat(|| async { store.named(LEASE).update_one(held(lease), change.clone()).await });
    if result.await.map_err(Failed::into_error)?.matched_count == 1 {
        return Ok(renewed);
    }
    Err(StoreError::Fenced("the lease".to_owned()))
}

/// The token stays, because it must go on growing.
pub(super) async fn release(store: &MongoStore, lease: &Lease) -> Result<(), StoreError> {
    let change = doc! { "$set": { "holder": "", "until": 0_i64 } };
    repeat(|| async { store.named(LEASE).update_one(held(lease), change.clone()).await })
        .await
        .map(drop)
        .map_err(Failed::into_error)
}

fn held(lease: &Lease) -> mongodb::bson::Document {
    doc! { "_id": ID, "holder": &lease.holder, "token": to_integer(lease.token) }
}

/// Refuses who shows an older token than the last that was given; tells that one.
pub(super) async fn check(store: &MongoStore, fence: Fence, what: &str) -> Result<u64, StoreError> {
    let Some(shown) = fence.token() else { return Ok(0) };
    let token = current(store).await?.map_or(0, |lease| lease.token);
    if token > shown {
        return Err(StoreError::Fenced(what.to_owned()));
    }
    Ok(token)
}

async fn current(store: &MongoStore) -> Result<Option<Lease>, StoreError> {
    let found =
        repeat(|| async { store.named_as::<Stored>(LEASE).find_one(doc! { "_id": ID }).await });
    Ok(found.await.map_err(Failed::into_error)?.map(Stored::lease))
}
