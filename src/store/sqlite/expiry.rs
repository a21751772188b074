//! Expiry in SQLite. What a reader sees as one is hidden in one transaction and noted as left over;
//! left-overs are removed piece by piece. Each call looks only at what it removes, however much
//! there is, and however much stays.

use jiff::Timestamp;
use rusqlite::{Transaction, params};

use super::documents::to_integer;
use super::errors::failed;
use crate::store::{AGE, Collection, Expired, Expiry, StoreError, instant};

/// The most of one call: the writer shall never be away for long.
const MOST: u64 = 500;

pub(super) fn expire(
    tx: &Transaction<'_>,
    what: Expiry,
    before: Timestamp,
    limit: usize,
) -> Result<Expired, StoreError> {
    let before = instant(before);
    let limit = (limit as u64).clamp(1, MOST);
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
    limit: u64,
) -> Result<Expired, StoreError> {
    let sql = format!(
        "DELETE FROM {collection} WHERE id IN \
         (SELECT id FROM {collection} WHERE {AGE} < ?1 ORDER BY {AGE}, id LIMIT ?2)"
    );
    let removed = execute(tx, &sql, params![before, to_integer(limit)])?;
    Ok(Expired { removed, more: removed == limit })
}

/// The events of runs that ended: a run hides all of its events at once.
fn events(tx: &Transaction<'_>, before: &str, limit: u64) -> Result<Expired, StoreError> {
    const OLD: &str = "run_heads WHERE age < ?1 AND floor < seq ORDER BY age, run LIMIT ?2";
    let old = params![before, to_integer(limit)];
    execute(
        tx,
        &format!(
            "INSERT INTO leftovers SELECT * FROM (SELECT run, seq FROM {OLD}) WHERE true \
             ON CONFLICT (run) DO UPDATE SET upto = excluded.upto"
        ),
        old,
    )?;
    let sql = format!("UPDATE run_heads SET floor = seq WHERE run IN (SELECT run FROM {OLD})");
    let hidden = execute(tx, &sql, old)?;
    let swept = sweep(tx, limit)?;
    Ok(Expired { removed: swept.removed, more: swept.more || hidden == limit })
}

/// Runs with all that hangs on them: without its head a run has no events for readers.
fn runs(tx: &Transaction<'_>, before: &str, limit: u64) -> Result<Expired, StoreError> {
    let old: Vec<String> = tx
        .prepare_cached("SELECT id FROM runs WHERE age < ?1 ORDER BY age, id LIMIT ?2")
        .and_then(|mut statement| {
            let rows = statement.query_map(params![before, to_integer(limit)], |row| row.get(0))?;
            rows.collect()
        })
        .map_err(failed)?;
    let mut removed = 0;
    for run in &old {
        execute(
            tx,
            "INSERT INTO leftovers SELECT run, seq FROM run_heads WHERE run = ?1 \
             ON CONFLICT (run) DO UPDATE SET upto = excluded.upto",
            [run],
        )?;
        execute(tx, "DELETE FROM run_heads WHERE run = ?1", [run])?;
        removed += execute(tx, "DELETE FROM envelopes WHERE id = ?1", [run])?;
        removed += execute(tx, "DELETE FROM artifacts WHERE run = ?1", [run])?;
        removed += execute(tx, "DELETE FROM runs WHERE id = ?1", [run])?;
    }
    let swept = sweep(tx, limit)?;
    let more = swept.more || old.len() as u64 == limit;
    Ok(Expired { removed: removed + swept.removed, more })
}

/// Removes events that are left over.
fn sweep(tx: &Transaction<'_>, limit: u64) -> Result<Expired, StoreError> {
    let mut removed = 0;
    // A run without events is work too.
    let mut left = limit;
    let mut next = tx
        .prepare_cached("SELECT run, upto FROM leftovers ORDER BY run LIMIT 1")
        .map_err(failed)?;
    loop {
        let mut rows = next.query([]).map_err(failed)?;
        let Some(row) = rows.next().map_err(failed)? else {
            return Ok(Expired { removed, more: false });
        };
        let (run, upto): (String, i64) =
            row.get(0).and_then(|run| Ok((run, row.get(1)?))).map_err(failed)?;
        drop(rows);
        if left == 0 {
            return Ok(Expired { removed, more: true });
        }
        let gone = execute(
            tx,
            "DELETE FROM run_events WHERE rowid IN (SELECT rowid FROM run_events \
             WHERE run = ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3)",
            params![run, upto, to_integer(left)],
        )?;
        removed += gone;
        if gone < left {
            execute(tx, "DELETE FROM leftovers WHERE run = ?1", [&run])?;
        }
        left = left.saturating_sub(gone.max(1));
    }
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
