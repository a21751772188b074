//! A private folder for what is not finished, removed at the end. What a killed process left is
//! told by its lock, which died with it, and removed by the next one.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::{TransferError, cannot};

const PREFIX: &str = ".orch-transfer-";

/// The folder, which is ours as long as this lives.
pub(super) struct Scratch {
    folder: PathBuf,
    _lock: File,
}

impl Scratch {
    /// A new folder in this one, on the same file system.
    pub(super) fn new(parent: &Path) -> Result<Self, TransferError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(parent);
        made.map_err(cannot("make", parent))?;
        remove_abandoned(parent);
        loop {
            let folder = parent.join(format!("{PREFIX}{}", crate::daemon::new_id::<()>()));
            DirBuilder::new().mode(0o700).create(&folder).map_err(cannot("make", &folder))?;
            let lock = File::open(&folder).map_err(cannot("open", &folder))?;
            // Somebody may have taken it for abandoned before the lock was on it.
            if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() && folder.exists() {
                return Ok(Self { folder, _lock: lock });
            }
        }
    }

    /// A place for a file in it.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now, the next one removes.
        drop(fs::remove_dir_all(&self.folder));
    }
}

fn remove_abandoned(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let folder = entry.path();
        let Ok(lock) = File::open(&folder) else { continue };
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
            drop(fs::remove_dir_all(&folder));
        }
    }
}

/// What was done in this folder survives a crash of the machine.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The folder of a file.
pub(super) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    }
}
