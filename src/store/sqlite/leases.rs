//! The lead in SQLite.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension, Transaction, params};

use super::documents::to_integer;
use super::errors::failed;
use crate::store::{Fence, Lease, StoreError, Taken};

pub(super) fn take(
    tx: &Transaction<'_>,
    holder: &str,
    now: Timestamp,
    time: SignedDuration,
) -> Result<Taken, StoreError> {
    let known = current(tx)?;
    if let Some(known) = &known
        && known.holder != holder
        && known.until > now
    {
        return Ok(Taken::Held(known.clone()));
    }
    let token = known.map_or(0, |known| known.token) + 1;
    let lease = Lease { holder: holder.to_owned(), token, until: Lease::end(now, time) };
    put(tx, &lease)?;
    Ok(Taken::Ours(lease))
}

pub(super) fn renew(
    tx: &Transaction<'_>,
    lease: &Lease,
    now: Timestamp,
    time: SignedDuration,
) -> Result<Lease, StoreError> {
    if !is_current(tx, lease)? {
        return Err(StoreError::Fenced("the lease".to_owned()));
    }
    let renewed = Lease { until: Lease::end(now, time), ..lease.clone() };
    put(tx, &renewed)?;
    Ok(renewed)
}

/// The token stays, because it must go on growing.
pub(super) fn release(tx: &Transaction<'_>, lease: &Lease) -> Result<(), StoreError> {
    if is_current(tx, lease)? {
        put(tx, &Lease { holder: String::new(), until: Timestamp::UNIX_EPOCH, ..lease.clone() })?;
    }
    Ok(())
}

/// Refuses who shows an older token than the last that was given.
pub(super) fn check(
    tx: &Transaction<'_>,
    fence: Fence,
    what: impl Fn() -> String,
) -> Result<(), StoreError> {
    let Some(shown) = fence.token() else { return Ok(()) };
    match current(tx)? {
        Some(lease) if lease.token > shown => Err(StoreError::Fenced(what())),
        Some(_) | None => Ok(()),
    }
}

fn is_current(tx: &Transaction<'_>, lease: &Lease) -> Result<bool, StoreError> {
    let known = current(tx)?;
    Ok(known.is_some_and(|known| known.token == lease.token && known.holder == lease.holder))
}

fn current(tx: &Transaction<'_>) -> Result<Option<Lease>, StoreError> {
    let mut statement =
        tx.prepare_cached("SELECT holder, token, until FROM lease").map_err(failed)?;
    let row = statement
        .query_row([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?)))
        .optional()
        .map_err(failed)?;
    let Some((holder, token, until)) = row else { return Ok(None) };
    let until = Timestamp::from_millisecond(until).unwrap_or(Timestamp::MAX);
    Ok(Some(Lease { holder, token: token.unsigned_abs(), until }))
}

fn put(tx: &Transaction<'_>, lease: &Lease) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO lease (one, holder, token, until) VALUES (1, ?1, ?2, ?3) \
         ON CONFLICT (one) DO UPDATE SET holder = ?1, token = ?2, until = ?3",
    )
    .and_then(|mut statement| {
        let until = lease.until.as_millisecond();
        statement.execute(params![lease.holder, to_integer(lease.token), until])
    })
    .map(drop)
    .map_err(failed)
}
