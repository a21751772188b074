//! What an error of SQLite means to the caller, in words that say what to do.

use rusqlite::ErrorCode;
use rusqlite::ffi::{SQLITE_IOERR_CORRUPTFS, SQLITE_IOERR_SHMSIZE};

use crate::store::StoreError;

/// An error that several callers are told: those whose writes would have been committed together.
#[derive(Debug, Clone)]
pub(super) enum Failure {
    Corrupt(String),
    Refused(String),
    Unavailable(String),
}

impl Failure {
    /// What the error of one caller tells the others.
    pub(super) fn of(error: &StoreError) -> Self {
        match error {
            StoreError::Corrupt(why) => Self::Corrupt(why.clone()),
            StoreError::Refused(why) => Self::Refused(why.clone()),
            StoreError::Unavailable(source) => Self::Unavailable(source.to_string()),
            StoreError::NotFound(_)
            | StoreError::Exists(_)
            | StoreError::Conflict(_)
            | StoreError::Fenced(_)
            | StoreError::TooLarge { .. } => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<&rusqlite::Error> for Failure {
    fn from(error: &rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::SqliteFailure(failure, _) => {
                of_code(failure.code, failure.extended_code, error)
            }
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..) => damaged(error),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Corrupt(why) => Self::Corrupt(why),
            Failure::Refused(why) => Self::Refused(why),
            Failure::Unavailable(why) => Self::Unavailable(why.into()),
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
pub(super) fn failed(error: rusqlite::Error) -> StoreError {
    let failure = Failure::from(&error);
    failure.into()
}

fn of_code(code: ErrorCode, extended: i32, error: &rusqlite::Error) -> Failure {
    match code {
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => damaged(error),
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen => {
            Failure::Refused(format!(
                "its file or folder cannot be written ({error}); see who owns it, and whether its \
                 file system is mounted for writing"
            ))
        }
        ErrorCode::AuthorizationForStatementDenied => Failure::Refused(error.to_string()),
        ErrorCode::DiskFull => full(error),
        // The file that readers share could not be made larger.
        ErrorCode::SystemIoFailure if extended == SQLITE_IOERR_SHMSIZE => full(error),
        ErrorCode::SystemIoFailure if extended == SQLITE_IOERR_CORRUPTFS => damaged(error),
        ErrorCode::SystemIoFailure => {
            Failure::Unavailable(format!("the disk below the store gives errors ({error})"))
        }
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Failure::Unavailable(format!(
            "another process keeps the store's file locked ({error}); end it, or wait"
        )),
        _ => Failure::Unavailable(error.to_string()),
    }
}

fn full(error: &rusqlite::Error) -> Failure {
    Failure::Unavailable(format!(
        "the disk is full ({error}); make room, and orch goes on by itself"
    ))
}

fn damaged(error: &rusqlite::Error) -> Failure {
    Failure::Corrupt(format!("it is damaged ({error}); {RESTORE}"))
}

/// What to do about damage.
pub(super) const RESTORE: &str = "stop orch, put the file aside together with the one that ends in -wal, \
                                   which belongs to it, and restore a backup";
