//! Claims under caps, from however many daemons.
//!
//! One document holds the reservations of claims that are under way, and a version. A claim
//!
//! 1. reads that document,
//! 2. reads the runs that hold a slot,
//! 3. counts both together, each run once and the claimed one not at all,
//! 4. adds its reservation by a compare-and-set on the version, or begins again,
//! 5. makes the run's compare-and-set, which misses where the claim was given up,
//! 6. takes the reservation away.
//!
//! **Why no cap is exceeded.** The successful steps 4 have an order. Take a claim C and any claim
//! B before it in that order. B's reservation was in what C read in step 1, or it had been taken
//! away before; if it came after C's step 1, C's step 4 would have missed. If it was there, C
//! counted it. If it had been taken away, then B's run had got its slot before that (6 comes after
//! 5), or never gets it; and C, which reads the runs *after* the reservations, saw it. So C counts
//! every run that an earlier claim gave a slot or may yet give one, and they are below the cap.
//! That slots are given back in between only makes room.
//!
//! **Who is told that a cap is full** is told so only by runs that hold their slots: where only
//! reservations fill it, the claim waits for what becomes of them.
//!
//! **A claimer that died** leaves its reservation behind. Whoever is hindered by an old one gives
//! it up for its owner: first it marks the run, so that step 5 misses, unless the run has that
//! version by now and step 5 has happened or never can; then it takes the reservation away. That
//! is right at any time, so the clocks of daemons decide only how soon it is done.

use std::collections::BTreeMap;

use futures_util::TryStreamExt;
use jiff::Timestamp;
use mongodb::bson::{Document as Bsond, doc, serialize_to_bson};
use serde::{Deserialize, Serialize};

use super::attempts::{Patience, mark, repeat, too_busy};
use super::errors::{Failed, failed};
use super::runs::{self, Step, Written};
use super::{MongoStore, SLOTS, documents, leases, to_integer};
use crate::store::{Cap, Claim, Collection, StoreError, Transition};

const ID: &str = "slots";
/// A claim takes milliseconds.
const OLD_MILLISECONDS: i64 = 5_000;

#[derive(Default, Deserialize)]
struct Slots {
    version: i64,
    #[serde(default)]
    reservations: Vec<Reservation>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Reservation {
    claim: String,
    run: String,
    /// That the run will have.
    version: i64,
    /// Its indexed fields then.
    keys: BTreeMap<String, String>,
    /// When it was made, by its owner's clock.
    at: i64,
}

enum Room {
    Reserved,
    Full(usize),
}

pub(super) async fn claim(
    store: &MongoStore,
    change: &Transition,
    caps: &[Cap],
) -> Result<Claim, StoreError> {
    change.document.check_size()?;
    leases::check(store, change.fence, &change.document.name()).await?;
    let mut patience = Patience::new();
    while patience.lasts().await {
        let reservation = reservation(change);
        if let Room::Full(place) = reserve(store, &reservation, caps).await? {
            return Ok(Claim::Full(place));
        }
        let written = runs::perform(store, &Step::of(change, Some(&reservation.claim))).await;
        // A write whose fate is unknown may still arrive.
        let left = match &written {
            Ok(_) => take_away(store, &reservation.claim).await,
            Err(StoreError::Unavailable(_)) => give_up(store, &reservation, change.at).await,
            Err(_) => take_away(store, &reservation.claim).await,
        };
        if let Err(error) = left {
            tracing::warn!(run = %change.run, %error, "a reservation stays until it is old");
        }
        if let Written::At(seq) = written? {
            return Ok(Claim::Granted(seq));
        }
    }
    Err(too_busy("the slots"))
}

fn reservation(change: &Transition) -> Reservation {
    let keys = change.document.keys.iter();
    Reservation {
        claim: mark(),
        run: change.run.to_string(),
        version: to_integer(change.document.version),
        keys: keys.filter_map(|(field, key)| Some(((*field).to_owned(), key.clone()?))).collect(),
        at: Timestamp::now().as_millisecond(),
    }
}

/// Steps 1 to 4.
async fn reserve(store: &MongoStore, own: &Reservation, caps: &[Cap]) -> Result<Room, StoreError> {
    // Never closed; and without a turn it is right as well.
    let _turn = store.reserving.acquire().await.ok();
    let mut patience = Patience::new();
    loop {
        let slots = read(store).await?;
        if slots.reservations.iter().any(|one| one.claim == own.claim) {
            // The answer to step 4 was lost.
            return Ok(Room::Reserved);
        }
        let mut held = holders(store, caps).await?;
        held.remove(&own.run);
        if let Some(place) = full(caps, &held) {
            return Ok(Room::Full(place));
        }
        for one in slots.reservations.iter().filter(|one| one.run != own.run) {
            held.entry(one.run.clone()).or_insert_with(|| one.keys.clone());
        }
        if full(caps, &held).is_some() {
            give_up_old(store, &slots.reservations).await?;
        } else {
            match add(store, slots.version, own).await {
                Ok(true) => return Ok(Room::Reserved),
                Ok(false) | Err(Failed::Duplicate | Failed::Lost(_)) => {}
                Err(Failed::Told(error)) => return Err(error),
            }
        }
        if !patience.lasts().await {
            return Err(too_busy("the slots"));
        }
    }
}

async fn read(store: &MongoStore) -> Result<Slots, StoreError> {
    let found =
        repeat(|| async { store.named_as::<Slots>(SLOTS).find_one(doc! { "_id": ID }).await });
    Ok(found.await.map_err(Failed::into_error)?.unwrap_or_default())
}

type Holders = BTreeMap<String, BTreeMap<String, String>>;

/// The runs that hold a slot, with what caps count by.
async fn holders(store: &MongoStore, caps: &[Cap]) -> Result<Holders, StoreError> {
    let scopes: Vec<&str> = caps.iter().filter_map(|cap| Some(cap.scope.as_ref()?.0)).collect();
    let mut fields = doc! { "_id": 1 };
    fields.extend(scopes.iter().map(|field| ((*field).to_owned(), 1.into())));
    let filter = doc! { "slot": "yes", "version": { "$gt": 0_i64 } };
    let found: Vec<Bsond> = repeat(|| async {
        let runs = store.of(Collection::Runs);
        runs.find(filter.clone()).projection(fields.clone()).await?.try_collect().await
    })
    .await
    .map_err(Failed::into_error)?;
    let holder = |run: &Bsond| {
        let keys = scopes
            .iter()
            .filter_map(|field| Some(((*field).to_owned(), documents::text(run, field)?)));
        Some((documents::text(run, "_id")?, keys.collect()))
    };
    Ok(found.iter().filter_map(holder).collect())
}

/// The first cap that leaves no room.
fn full(caps: &[Cap], held: &Holders) -> Option<usize> {
    caps.iter().position(|cap| {
        let counted = held.values().filter(|keys| match &cap.scope {
            Some((field, value)) => keys.get(*field) == Some(value),
            None => true,
        });
        counted.count() >= cap.limit as usize
    })
}

async fn add(store: &MongoStore, version: i64, own: &Reservation) -> Result<bool, Failed> {
    let own = serialize_to_bson(own).map_err(|error| {
        Failed::Told(StoreError::Corrupt(format!("a reservation cannot be written: {error}")))
    })?;
    let slots = store.named(SLOTS);
    if version == 0 {
        let first = doc! { "_id": ID, "version": 1_i64, "reservations": [own] };
        return slots.insert_one(first).await.map(|_| true).map_err(failed);
    }
    let change = doc! { "$set": { "version": version + 1 }, "$push": { "reservations": own } };
    let result = slots.update_one(doc! { "_id": ID, "version": version }, change).await;
    Ok(result.map_err(failed)?.matched_count == 1)
}

/// Step 6.
async fn take_away(store: &MongoStore, claim: &str) -> Result<(), StoreError> {
    let change = doc! { "$pull": { "reservations": { "claim": claim } } };
    repeat(|| async { store.named(SLOTS).update_one(doc! { "_id": ID }, change.clone()).await })
        .await
        .map(drop)
        .map_err(Failed::into_error)
}

async fn give_up_old(store: &MongoStore, reservations: &[Reservation]) -> Result<(), StoreError> {
    let now = Timestamp::now();
    for one in reservations {
        // A clock that is far ahead makes them no younger.
        if (now.as_millisecond() - one.at).abs() > OLD_MILLISECONDS {
            tracing::info!(run = %one.run, "the reservation of a daemon that is gone is given up");
            give_up(store, one, now).await?;
        }
    }
    Ok(())
}

/// Makes sure that a claim, if it did not get its slot yet, never does; then takes its reservation
/// away. What was never made is marked before it is.
async fn give_up(
    store: &MongoStore,
    reservation: &Reservation,
    at: Timestamp,
) -> Result<(), StoreError> {
    let before = doc! { "_id": &reservation.run, "version": { "$lt": reservation.version } };
    let mut change = doc! { "$addToSet": { "voided": &reservation.claim } };
    let makes_a_run = reservation.version == 1;
    if makes_a_run {
        change.insert("$setOnInsert", runs::seed(at));
    }
    let marked = repeat(|| async {
        let runs = store.of(Collection::Runs);
        runs.update_one(before.clone(), change.clone()).upsert(makes_a_run).await
    });
    match marked.await {
        Ok(_) | Err(Failed::Duplicate) => take_away(store, &reservation.claim).await,
        Err(error) => Err(error.into_error()),
    }
}
