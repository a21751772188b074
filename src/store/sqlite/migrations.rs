//! The form of the file, step by step. A step that has once been released never changes; each
//! says why it came.

use rusqlite::{Connection, TransactionBehavior};

use super::unavailable;
use crate::store::{Collection, StoreError};

/// The steps, in order; `user_version` counts those that a file has behind it.
fn steps() -> Vec<String> {
    vec![
        // 1: the beginning. Documents with their indexed values as columns, and the events of
        // runs by number; lines of logs are found by the range that an event covers.
        first_form(),
    ]
}

fn first_form() -> String {
    let mut sql = String::new();
    for collection in Collection::ALL {
        let name = collection.name();
        let columns: String =
            collection.indexes().iter().map(|index| format!(", {} TEXT", index.field)).collect();
        sql.push_str(&format!(
            "CREATE TABLE {name} (id TEXT NOT NULL PRIMARY KEY, version INTEGER NOT NULL, \
             schema INTEGER NOT NULL, body TEXT NOT NULL{columns}) WITHOUT ROWID;\n"
        ));
        for index in collection.indexes() {
            let field = index.field;
            // The id belongs to a plain index, so that it also gives the order of its pages.
            let (unique, rest) = if index.unique { ("UNIQUE ", "") } else { ("", ", id") };
            sql.push_str(&format!(
                "CREATE {unique}INDEX {name}_by_{field} ON {name} ({field}{rest});\n"
            ));
        }
    }
    sql.push_str(
        "CREATE TABLE run_events (run TEXT NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, \
         first_line INTEGER, last_line INTEGER, stage TEXT, attempt INTEGER, \
         body TEXT NOT NULL, PRIMARY KEY (run, seq)) WITHOUT ROWID;\n\
         CREATE INDEX run_events_by_line ON run_events (run, last_line) \
         WHERE last_line IS NOT NULL;\n\
         CREATE INDEX run_events_by_stage ON run_events (run, stage, attempt, seq) \
         WHERE last_line IS NOT NULL;\n",
    );
    sql
}

/// Brings a file to the present form.
pub(super) fn apply(connection: &mut Connection) -> Result<(), StoreError> {
    let steps = steps();
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(unavailable)?;
    let version: u32 = transaction
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(unavailable)?;
    let done = version as usize;
    if done > steps.len() {
        return Err(StoreError::Corrupt(format!(
            "it has form {done}, and this orch knows up to {}; use a newer one",
            steps.len()
        )));
    }
    for step in &steps[done..] {
        transaction.execute_batch(step).map_err(unavailable)?;
    }
    let version = u32::try_from(steps.len()).unwrap_or(u32::MAX);
    transaction.pragma_update(None, "user_version", version).map_err(unavailable)?;
    transaction.commit().map_err(unavailable)
}
