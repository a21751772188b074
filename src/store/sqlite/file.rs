//! The file: what it is, before anything is written to it.
//!
//! A file that is not ours, is damaged, or comes from a newer orch keeps every byte, and so does
//! the write-ahead log beside it. Its beginning is read without SQLite, which would mend and tidy
//! what it opens; then SQLite looks at it, but may not carry over its log when it closes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::errors::{RESTORE, failed};
use super::{check, migrations};
use crate::store::StoreError;

/// `orch` in ASCII: tells our files from those of other programs.
pub(super) const APPLICATION_ID: i32 = 0x6f72_6368;
/// How long a call waits where another process writes.
pub(super) const BUSY: Duration = Duration::from_secs(5);
/// How long a start may look for damage.
const LOOK: Duration = Duration::from_secs(1);
/// How every SQLite database begins.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// The length of that beginning.
const HEADER: usize = 100;

/// Opens the file, or makes it, and brings it to the present form. Returns the writer's connection
/// and the file's true path.
pub(super) fn open(path: &Path) -> Result<(Connection, PathBuf), StoreError> {
    make(path).map_err(|e| refused(path, &e))?;
    // SQLite puts its log beside the file itself, also where the path leads there by a link.
    let path = &path.canonicalize().map_err(|e| refused(path, &e))?;
    let empty = is_empty(path)?;
    if !empty {
        look_at_header(path)?;
    }
    let mut connection = connect(path).map_err(|error| about(path, error))?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(failed)?;
    if connection.is_readonly(rusqlite::MAIN_DB).map_err(failed)? {
        return Err(StoreError::Refused(format!("{} cannot be written", path.display())));
    }
    // Who was killed within the very first write left a page and a journal that takes it back.
    let fresh = empty || is_unwritten(&connection).map_err(|error| about(path, error))?;
    if !fresh {
        check::accept(&mut connection, LOOK).map_err(|error| about(path, error))?;
    }
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map_err(failed)?;
    make_private(path).map_err(|e| refused(path, &e))?;
    if fresh {
        // The first thing that is written: a crash in between must not leave a file that looks
        // like somebody else's.
        connection.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
    }
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
        .map_err(failed)?;
    if mode != "wal" {
        return Err(StoreError::Refused(format!(
            "the file system of {} has no write-ahead log; put the store on a local disk",
            path.display()
        )));
    }
    migrations::apply(&mut connection).map_err(|error| about(path, error))?;
    Ok((connection, path.clone()))
}

/// A connection as every thread has it. Only reads.
pub(super) fn connect(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(BUSY).map_err(failed)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(connection)
}

fn make(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => {
            file.sync_all()?;
            match path.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
                Some(_) | None => Ok(()),
            }
        }
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(e),
    }
}

/// Whether nothing was ever written. Where a log lies beside it, something was: SQLite would remove
/// the log.
fn is_empty(path: &Path) -> Result<bool, StoreError> {
    let found = fs::metadata(path).map_err(|e| refused(path, &e))?;
    if !found.is_file() {
        return Err(not_ours(path, "it is no file"));
    }
    if found.len() > 0 {
        return Ok(false);
    }
    if log_size(path) > 0 {
        return Err(damaged(path, "it is empty, and its write-ahead log is not"));
    }
    Ok(true)
}

/// Whether the database has no page yet, once its journal has been carried over.
fn is_unwritten(connection: &Connection) -> Result<bool, StoreError> {
    let pages: i64 =
        connection.pragma_query_value(None, "page_count", |row| row.get(0)).map_err(failed)?;
    Ok(pages == 0)
}

fn log_size(path: &Path) -> u64 {
    size_of(beside(path, "-wal"))
}

fn size_of(path: PathBuf) -> u64 {
    fs::metadata(path).map_or(0, |found| found.len())
}

/// Refuses what is no store of orch. Comes before any connection: closing the file would take the
/// locks of one in this process away.
pub(super) fn look_at_header(path: &Path) -> Result<(), StoreError> {
    let mut file = File::open(path).map_err(|e| refused(path, &e))?;
    let size = file.metadata().map_err(|e| refused(path, &e))?.len();
    let mut header = Vec::with_capacity(HEADER);
    file.by_ref().take(HEADER as u64).read_to_end(&mut header).map_err(|e| refused(path, &e))?;
    if header.iter().all(|byte| *byte == 0) {
        // After a crash of the machine, the journal of the very first write may know better.
        if size_of(beside(path, "-journal")) > 0 {
            return Ok(());
        }
        return Err(damaged(path, "it begins with zeros"));
    }
    let Ok(header) = <[u8; HEADER]>::try_from(header) else {
        return Err(not_ours(path, "it is no database"));
    };
    if !header.starts_with(MAGIC) {
        return Err(not_ours(path, "it is no database"));
    }
    let number = |at: usize| {
        u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    if i64::from(number(68)) != i64::from(APPLICATION_ID) {
        return Err(not_ours(path, "it belongs to another program"));
    }
    let page = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        size => u64::from(size),
    };
    let whole = u64::from(number(28)) * page;
    // After a crash the log holds what the file does not yet.
    if size < whole && log_size(path) == 0 {
        return Err(damaged(path, &format!("{whole} bytes belong to it, and {size} are there")));
    }
    Ok(())
}

/// Also what others made readable, and what lies beside it.
fn make_private(path: &Path) -> io::Result<()> {
    for name in ["", "-wal", "-shm"] {
        match fs::set_permissions(beside(path, name), fs::Permissions::from_mode(0o600)) {
            Err(e) if e.kind() == io::ErrorKind::NotFound && !name.is_empty() => {}
            done => done?,
        }
    }
    Ok(())
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// The same error, with the file's name.
fn about(path: &Path, error: StoreError) -> StoreError {
    match error {
        StoreError::Corrupt(why) => StoreError::Corrupt(format!("{}: {why}", path.display())),
        StoreError::Refused(why) => StoreError::Refused(format!("{}: {why}", path.display())),
        other => other,
    }
}

/// What the system says to who opens or makes a file.
pub(super) fn refused(path: &Path, error: &io::Error) -> StoreError {
    let words = format!("{} cannot be written: {error}", path.display());
    match error.kind() {
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::NotFound
        | io::ErrorKind::IsADirectory
        | io::ErrorKind::NotADirectory => StoreError::Refused(words),
        _ => StoreError::Unavailable(words.into()),
    }
}

fn not_ours(path: &Path, why: &str) -> StoreError {
    StoreError::Corrupt(format!("{} is no store of orch: {why}", path.display()))
}

fn damaged(path: &Path, why: &str) -> StoreError {
    StoreError::Corrupt(format!("{} is damaged: {why}; {RESTORE}", path.display()))
}
