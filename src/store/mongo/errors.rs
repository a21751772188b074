//! What an error of the driver means to the caller, decided in one place.
//!
//! Only words leave this module, never the driver's types: a message is built from what the server
//! or the driver says, and none of them repeats the address or a document.

use mongodb::error::{Error, ErrorKind, WriteFailure};

use crate::store::StoreError;

const DUPLICATE: i32 = 11_000;
/// A compatible server has this code for whatever it does not tell apart.
const ANYTHING: i32 = 8_000;
const MAX_WORDS: usize = 500;

/// What became of a call that did not end well.
#[derive(Debug)]
pub(super) enum Failed {
    /// A unique value is taken.
    Duplicate,
    /// Nobody knows whether it happened; it may be tried again where that is safe.
    Lost(StoreError),
    /// It did not happen, and trying again would not help.
    Told(StoreError),
}

impl Failed {
    /// For calls that write nothing that must be unique.
    pub(super) fn into_error(self) -> StoreError {
        match self {
            Self::Duplicate => StoreError::Corrupt("an id of our own is taken".to_owned()),
            Self::Lost(error) | Self::Told(error) => error,
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
pub(super) fn failed(error: Error) -> Failed {
    let words = words(&error);
    if is_duplicate(&error) {
        return Failed::Duplicate;
    }
    match error.kind.as_ref() {
        ErrorKind::Authentication { .. } => {
            Failed::Told(StoreError::Refused(format!("the user or password is wrong ({words})")))
        }
        ErrorKind::InvalidTlsConfig { .. } | ErrorKind::IncompatibleServer { .. } => {
            Failed::Told(StoreError::Refused(words))
        }
        ErrorKind::Bson(_) => Failed::Told(StoreError::Corrupt(format!(
            "what is stored has another shape than expected ({words})"
        ))),
        ErrorKind::InvalidArgument { .. } => Failed::Told(StoreError::Corrupt(words)),
        _ => by_code(code(&error), words),
    }
}

fn by_code(code: Option<i32>, words: String) -> Failed {
    let lower = words.to_ascii_lowercase();
    let says_login = lower.contains("authentication failed");
    let says_rights = lower.contains("not authorized") || lower.contains("requires authentication");
    match code {
        Some(18) => Failed::Told(StoreError::Refused(wrong_password(&words))),
        Some(13) => Failed::Told(StoreError::Refused(no_rights(&words))),
        Some(ANYTHING) if says_login => Failed::Told(StoreError::Refused(wrong_password(&words))),
        Some(ANYTHING) if says_rights => Failed::Told(StoreError::Refused(no_rights(&words))),
        Some(code) if !is_passing(code) => Failed::Told(StoreError::Unavailable(words.into())),
        // Without a code it came from the network or from the driver.
        Some(_) | None => Failed::Lost(StoreError::Unavailable(words.into())),
    }
}

fn wrong_password(words: &str) -> String {
    format!("the user or password is wrong ({words})")
}

fn no_rights(words: &str) -> String {
    format!("the user may not do this; it needs the role readWrite on the database ({words})")
}

/// Codes of what passes: elections, shutdowns, lost connections and cursors, time-outs, write
/// concerns that were not met in time.
fn is_passing(code: i32) -> bool {
    matches!(
        code,
        6 | 7
            | 24
            | 43
            | 50
            | 64
            | 89
            | 91
            | 100
            | 112
            | 134
            | 175
            | 189
            | 202
            | 246
            | 262
            | 290
            | 402
            | 9001
            | 10_058
            | 10_107
            | 11_600
            | 11_602
            | 13_388
            | 13_435
            | 13_436
    )
}

/// The number of the server's error, where it was one.
pub(super) fn code(error: &Error) -> Option<i32> {
    match error.kind.as_ref() {
        ErrorKind::Command(command) => Some(command.code),
        ErrorKind::Write(WriteFailure::WriteError(write)) => Some(write.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(_)) => Some(64),
        ErrorKind::InsertMany(many) => match many.write_errors.as_deref() {
            Some([first, ..]) => Some(first.code),
            _ => Some(64),
        },
        _ => None,
    }
}

fn is_duplicate(error: &Error) -> bool {
    code(error) == Some(DUPLICATE)
}

/// The places of the documents of an `insert_many` that were there already, where nothing worse
/// happened.
pub(super) fn duplicates(error: &Error) -> Option<Vec<usize>> {
    let ErrorKind::InsertMany(many) = error.kind.as_ref() else { return None };
    if many.write_concern_error.is_some() {
        return None;
    }
    let errors = many.write_errors.as_deref()?;
    errors.iter().map(|one| (one.code == DUPLICATE).then_some(one.index)).collect()
}

/// The driver describes its whole view of the servers; what the first of them said is enough.
fn selection(message: &str) -> String {
    let why = message
        .split_once("Error: Kind: ")
        .and_then(|(_, rest)| rest.split_once(", labels"))
        .map_or("it did not answer in time", |(why, _)| why);
    format!("no server that could be used was found ({why})")
}

/// What the server or the driver says, shortened.
pub(super) fn words(error: &Error) -> String {
    let text = match error.kind.as_ref() {
        ErrorKind::Command(command) => format!("{} (code {})", command.message, command.code),
        ErrorKind::Write(WriteFailure::WriteError(write)) => {
            format!("{} (code {})", write.message, write.code)
        }
        ErrorKind::Write(WriteFailure::WriteConcernError(concern)) => {
            format!("{} (code {})", concern.message, concern.code)
        }
        ErrorKind::InsertMany(many) => match many.write_errors.as_deref() {
            Some([first, ..]) => format!("{} (code {})", first.message, first.code),
            _ => "a write concern was not met".to_owned(),
        },
        ErrorKind::ServerSelection { message, .. } => selection(message),
        other => other.to_string(),
    };
    match text.char_indices().nth(MAX_WORDS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
