//! Looking for damage: quickly before a file is accepted, thoroughly when there is time.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};
use tokio::sync::oneshot;

use super::errors::{RESTORE, failed};
use super::file::connect;
use super::{SqliteStore, migrations};
use crate::store::StoreError;

/// Between two looks at the clock, in steps of SQLite's machine.
const STEPS: i32 = 1_000;
/// The memory of a full check, in KiB (so the sign says).
const CACHE: i32 = -65_536;
/// So many kinds of damage are told.
const TOLD: i32 = 5;

impl SqliteStore {
    /// Reads the whole store and looks for damage: pages, tables against their indexes, and events
    /// against the numbers of their runs. Nobody waits for it; only the write-ahead log keeps what
    /// is written meanwhile. Whoever drops the future stops it.
    ///
    /// # Errors
    /// `Corrupt` where there is damage; otherwise why it could not be looked for.
    pub async fn verify(&self) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        let path = self.path.clone();
        let caller = Arc::new(());
        let gone = Arc::downgrade(&caller);
        std::thread::Builder::new()
            .name("orch-store-check".to_owned())
            .spawn(move || drop(reply.send(connect(&path).and_then(|c| verify(c, gone)))))
            .map_err(|e| StoreError::Unavailable(Box::new(e)))?;
        let found = answer.await;
        drop(caller);
        found.unwrap_or_else(|_| Err(StoreError::Unavailable("the check has ended".into())))
    }
}

fn verify(mut connection: Connection, caller: Weak<()>) -> Result<(), StoreError> {
    // Each row is looked up in each index, in no order of theirs.
    connection.pragma_update(None, "cache_size", CACHE).map_err(failed)?;
    connection.progress_handler(STEPS, Some(move || caller.strong_count() == 0)).map_err(failed)?;
    let tx = connection.transaction().map_err(failed)?;
    let found = pragma(&tx, "integrity_check").map_err(failed)?;
    if found != "ok" {
        return Err(damaged(&found));
    }
    let run: Option<String> = tx
        .query_row(
            "SELECT min(run) FROM (
               SELECT e.run FROM run_events e JOIN run_heads h ON h.run = e.run
                 WHERE e.seq > h.floor GROUP BY e.run
                 HAVING max(e.seq) <> max(h.seq) OR count(*) <> max(h.seq) - max(h.floor)
               UNION ALL
               SELECT h.run FROM run_heads h WHERE h.seq > h.floor
                 AND NOT EXISTS (SELECT 1 FROM run_events e WHERE e.run = h.run AND e.seq > h.floor)
               UNION ALL
               SELECT id FROM runs WHERE NOT EXISTS (SELECT 1 FROM run_heads h WHERE h.run = id))",
            [],
            |row| row.get(0),
        )
        .map_err(failed)?;
    match run {
        Some(run) => Err(damaged(&format!("events of run {run} are missing"))),
        None => Ok(()),
    }
}

/// Whether the file can be used: its form is known, its tables and indexes are those that the
/// migrations make, and as far as the time reaches its pages are sound. Writes nothing.
pub(super) fn accept(connection: &mut Connection, time: Duration) -> Result<(), StoreError> {
    let form = migrations::form(connection)?;
    let expected = Connection::open_in_memory().map_err(failed)?;
    migrations::begin(&expected, form)?;
    let (found, expected) = (shape(connection)?, shape(&expected)?);
    if let Some(missing) = expected.iter().find(|object| !found.contains(object)) {
        let name = missing.split(' ').next().unwrap_or_default();
        return Err(damaged(&format!("{name} is missing or has another shape")));
    }
    let start = Instant::now();
    connection.progress_handler(STEPS, Some(move || start.elapsed() > time)).map_err(failed)?;
    let found = pragma(connection, "quick_check");
    connection.progress_handler(0, None::<fn() -> bool>).map_err(failed)?;
    match found {
        Ok(found) if found == "ok" => Ok(()),
        Ok(found) => Err(damaged(&found)),
        // What it did not get to is looked at by `verify`.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

/// Tables with their columns, and indexes with theirs; not their text, which another SQLite may
/// write differently.
fn shape(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let shapes = connection
        .prepare(
            "SELECT name || ' ' || (SELECT group_concat(c.name || ' ' || c.type || ' ' || c.pk)
                 FROM pragma_table_info(m.name) c)
               FROM sqlite_schema m WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
             UNION ALL
             SELECT i.name || ' ' || m.name || ' ' || i.\"unique\" || ' ' || i.partial || ' ' ||
                 (SELECT group_concat(c.name) FROM pragma_index_info(i.name) c)
               FROM sqlite_schema m JOIN pragma_index_list(m.name) i
               WHERE m.type = 'table' AND i.name NOT LIKE 'sqlite_%'",
        )
        .and_then(|mut statement| {
            statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()
        });
    shapes.map_err(failed)
}

/// What SQLite's own check finds, in its words.
fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<String> {
    let mut statement = connection.prepare(&format!("PRAGMA {name}({TOLD})"))?;
    let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
    Ok(rows.collect::<Result<Vec<_>, _>>()?.join("; "))
}

fn damaged(what: &str) -> StoreError {
    StoreError::Corrupt(format!("it is damaged ({what}); {RESTORE}"))
}
