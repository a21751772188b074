//! Expiry in SQLite. What a reader sees as one is hidden in one transaction; what lies behind is
//! removed piece by piece.

use jiff::Timestamp;
use rusqlite::{Transaction, params};

use super::documents::to_integer;
use super::failed;
use crate::store::{AGE, Collection, Expired, Expiry, StoreError, instant};

/// A chunk of a log counts as one event, and is the largest of them: few of them are removed at a
/// time, so that the writer is never away for long.
const EVENTS: i64 = 500;

pub(super) fn expire(
    tx: &Transaction<'_>,
    what: Expiry,
    before: Timestamp,
    limit: usize,
) -> Result<Expired, StoreError> {
    let before = instant(before);
    let limit = to_integer(limit.max(1) as u64);
    match what {
        Expiry::Events => events(tx, &before, limit),
        Expiry::Documents(Collection::Runs) => runs(tx, &before, limit),
        Expiry::Documents(collection) if collection.ages() => {
            documents(tx, collection, &before, limit)
        }
        Expiry::Documents(_) => Ok(Expired { removed: 0, more: false }),
    }
}

fn documents(
    tx: &Transaction<'_>,
    collection: Collection,
    before: &str,
    limit: i64,
) -> Result<Expired, StoreError> {
    let sql = format!(
        "DELETE FROM {collection} WHERE id IN \
         (SELECT id FROM {collection} WHERE {AGE} < ?1 ORDER BY {AGE}, id LIMIT ?2)"
    );
    let removed = execute(tx, &sql, params![before, limit])?;
    Ok(Expired { removed, more: removed == limit.unsigned_abs() })
}

/// The events of ended runs: first all runs of that age hide theirs, which is one number each.
fn events(tx: &Transaction<'_>, before: &str, limit: i64) -> Result<Expired, StoreError> {
    execute(
        tx,
        "UPDATE run_heads SET floor = seq WHERE floor < seq AND run IN \
         (SELECT id FROM runs WHERE age < ?1 ORDER BY age, id)",
        params![before],
    )?;
    sweep(tx, limit)
}

/// Removes what is hidden.
fn sweep(tx: &Transaction<'_>, limit: i64) -> Result<Expired, StoreError> {
    let limit = limit.min(EVENTS);
    let removed = execute(
        tx,
        "DELETE FROM run_events WHERE rowid IN (SELECT e.rowid FROM run_heads h \
         JOIN run_events e ON e.run = h.run AND e.seq > h.removed AND e.seq <= h.floor \
         WHERE h.removed < h.floor ORDER BY h.run, e.seq LIMIT ?1)",
        params![limit],
    )?;
    if removed == limit.unsigned_abs() {
        return Ok(Expired { removed, more: true });
    }
    // Nothing hidden is left, so that the next sweep does not have to look.
    execute(tx, "UPDATE run_heads SET removed = floor WHERE removed < floor", [])?;
    execute(
        tx,
        "DELETE FROM run_heads WHERE floor = removed AND run NOT IN (SELECT id FROM runs)",
        [],
    )?;
    Ok(Expired { removed, more: false })
}

/// Runs with all that hangs on them. Their heads stay until their events are gone.
fn runs(tx: &Transaction<'_>, before: &str, limit: i64) -> Result<Expired, StoreError> {
    const OLD: &str = "(SELECT id FROM runs WHERE age < ?1 ORDER BY age, id LIMIT ?2)";
    let old = params![before, limit];
    let mut removed = 0;
    execute(tx, &format!("UPDATE run_heads SET floor = seq WHERE run IN {OLD}"), old)?;
    removed += execute(tx, &format!("DELETE FROM envelopes WHERE id IN {OLD}"), old)?;
    removed += execute(tx, &format!("DELETE FROM artifacts WHERE run IN {OLD}"), old)?;
    let runs = execute(tx, &format!("DELETE FROM runs WHERE id IN {OLD}"), old)?;
    let swept = sweep(tx, limit)?;
    let more = swept.more || runs == limit.unsigned_abs();
    Ok(Expired { removed: removed + runs + swept.removed, more })
}

fn execute(
    tx: &Transaction<'_>,
    sql: &str,
    values: impl rusqlite::Params,
) -> Result<u64, StoreError> {
    tx.prepare_cached(sql)
        .and_then(|mut statement| statement.execute(values))
        .map(|count| count as u64)
        .map_err(failed)
}
