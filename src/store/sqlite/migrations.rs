//! The form of the file, step by step, forward only. A step that has once been released never
//! changes, so it names its tables itself; each says why it came.

use rusqlite::{Connection, TransactionBehavior};

use super::errors::failed;
use crate::store::StoreError;

/// The steps, in order; `user_version` counts those that a file has behind it.
const STEPS: &[&str] = &[include_str!("migrations/1.sql"), include_str!("migrations/2.sql")];

/// Brings a file to the present form: as a whole, or not at all.
pub(super) fn apply(connection: &mut Connection) -> Result<(), StoreError> {
    apply_steps(connection, STEPS)
}

fn apply_steps(connection: &mut Connection, steps: &[&str]) -> Result<(), StoreError> {
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let done = form(&transaction)?;
    if done == steps.len() {
        return Ok(());
    }
    for step in steps.iter().skip(done) {
        transaction.execute_batch(step).map_err(failed)?;
    }
    let version = u32::try_from(steps.len()).unwrap_or(u32::MAX);
    transaction.pragma_update(None, "user_version", version).map_err(failed)?;
    transaction.commit().map_err(failed)
}

/// The form that a file has.
///
/// # Errors
/// `Corrupt` where this orch does not know it.
pub(super) fn form(connection: &Connection) -> Result<usize, StoreError> {
    let version: u32 =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
    let done = version as usize;
    if done > STEPS.len() {
        return Err(StoreError::Corrupt(format!(
            "it has form {done}, and this orch knows up to {}; use a newer one",
            STEPS.len()
        )));
    }
    Ok(done)
}

/// Makes an empty database of a form.
pub(super) fn begin(connection: &Connection, form: usize) -> Result<(), StoreError> {
    for step in STEPS.iter().take(form) {
        connection.execute_batch(step).map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
