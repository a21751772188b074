//! A file under another name until it is whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FlockOperation, OFlags, RenameFlags, flock, renameat_with};

use super::scratch::{parent, sync};
use super::{TransferError, cannot};

/// `NAME.part` beside `NAME`; removed unless it becomes whole. Who writes it holds its lock.
pub(super) struct Part {
    file: File,
    path: PathBuf,
    to: PathBuf,
    whole: bool,
}

impl Part {
    /// Begins it; what an interrupted one left is overwritten.
    pub(super) fn begin(to: &Path) -> Result<Self, TransferError> {
        let mut name = to.file_name().unwrap_or_default().to_owned();
        name.push(".part");
        let path = to.with_file_name(name);
        let file = loop {
            let file = File::options()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                // Never through a link to something else.
                .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
                .open(&path)
                .map_err(cannot("write", &path))?;
            flock(&file, FlockOperation::NonBlockingLockExclusive)
                .map_err(|_| TransferError::Exists(path.clone()))?;
            // Who had the lock before may have given the file its name.
            if is_at(&file, &path).map_err(cannot("write", &path))? {
                break file;
            }
        };
        let private = file.set_permissions(fs::Permissions::from_mode(0o600));
        private.map_err(cannot("write", &path))?;
        let part = Self { file, path, to: to.to_owned(), whole: false };
        part.file.set_len(0).map_err(cannot("write", &part.path))?;
        Ok(part)
    }

    /// Gives it its name, once it lies on the disk.
    pub(super) fn finish(mut self, overwrite: bool) -> Result<(), TransferError> {
        self.file.sync_all().map_err(cannot("write", &self.path))?;
        let renamed = if overwrite {
            fs::rename(&self.path, &self.to)
        } else {
            rename_to_new(&self.path, &self.to)
        };
        match renamed {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(TransferError::Exists(self.to.clone()));
            }
            renamed => renamed.map_err(cannot("write", &self.to))?,
        }
        self.whole = true;
        sync(parent(&self.to)).map_err(cannot("write", &self.to))
    }
}

impl Write for &mut Part {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.whole {
            // What cannot be removed now is overwritten by the next one.
            drop(fs::remove_file(&self.path));
        }
    }
}

/// Whether the file still has this name.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(found) => Ok((found.dev(), found.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Gives a file a name that nobody has.
pub(super) fn rename_to_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // This file system cannot: two names of one file for a moment do it as well.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            fs::hard_link(from, to)?;
            fs::remove_file(from)
        }
        renamed => Ok(renamed?),
    }
}
