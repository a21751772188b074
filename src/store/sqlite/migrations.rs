//! The form of the file, step by step, forward only. A step that has once been released never
//! changes, so it names its tables itself; each says why it came.

use rusqlite::{Connection, TransactionBehavior};

use super::failed;
use crate::store::StoreError;

/// The steps, in order; `user_version` counts those that a file has behind it.
const STEPS: &[&str] = &[include_str!("migrations/1.sql"), include_str!("migrations/2.sql")];

/// Brings a file to the present form.
pub(super) fn apply(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let version: u32 =
        transaction.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
    let done = version as usize;
    if done > STEPS.len() {
        return Err(StoreError::Corrupt(format!(
            "it has form {done}, and this orch knows up to {}; use a newer one",
            STEPS.len()
        )));
    }
    for step in &STEPS[done..] {
        transaction.execute_batch(step).map_err(failed)?;
    }
    let version = u32::try_from(STEPS.len()).unwrap_or(u32::MAX);
    transaction.pragma_update(None, "user_version", version).map_err(failed)?;
    transaction.commit().map_err(failed)
}
