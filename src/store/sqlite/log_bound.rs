//! The bound of the write-ahead log. SQLite begins it anew whenever all of it lies in the file and
//! nobody reads in it; somebody who reads for long, or many who read without a pause, keep it
//! growing. From a size on the writer therefore waits for them, but never for long.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::wal::CheckpointMode;

use super::errors::failed;
use super::file::BUSY;
use crate::store::StoreError;

/// From this size on the log is not let grow.
pub(super) const LIMIT: u64 = 64 << 20;
/// What of it stays for the next writes when it begins anew.
const KEPT: i64 = 16 << 20;
/// How long one attempt waits for readers.
const WAIT: Duration = Duration::from_millis(50);
/// After an attempt in vain the next comes when it has grown by this much.
const STEP: u64 = 16 << 20;
/// Or after this time.
const PAUSE: Duration = Duration::from_secs(10);

pub(super) struct LogBound {
    log: PathBuf,
    /// The size and the time of the last attempt, where it was in vain.
    tried: Option<(u64, Instant)>,
}

impl LogBound {
    pub(super) fn new(file: &Path, connection: &Connection) -> Result<Self, StoreError> {
        connection
            .pragma_update_and_check(None, "journal_size_limit", KEPT, |_| Ok(()))
            .map_err(failed)?;
        let mut log = file.as_os_str().to_owned();
        log.push("-wal");
        Ok(Self { log: log.into(), tried: None })
    }

    /// Empties the log where it is too large, if readers let it; called between transactions.
    pub(super) fn hold(&mut self, connection: &Connection) {
        let size = self.size();
        if size <= LIMIT {
            self.tried = None;
            return;
        }
        if let Some((before, at)) = self.tried
            && size < before + STEP
            && at.elapsed() < PAUSE
        {
            return;
        }
        // Where a time-out cannot be set, the attempt is left out; the next one comes.
        if connection.busy_timeout(WAIT).is_err() {
            return;
        }
        let emptied =
            connection.wal_checkpoint_v2(Some(rusqlite::MAIN_DB), CheckpointMode::TRUNCATE);
        let restored = connection.busy_timeout(BUSY);
        self.tried = Some((size, Instant::now()));
        if let Err(error) = emptied.map(drop).and(restored) {
            tracing::debug!(size, %error, "the write-ahead log cannot be emptied yet");
        }
    }

    fn size(&self) -> u64 {
        fs::metadata(&self.log).map_or(0, |found| found.len())
    }
}
