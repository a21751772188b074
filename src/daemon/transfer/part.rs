//! A file under another name until it is whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};

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
        let file = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(cannot("write", &path))?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| TransferError::Exists(path.clone()))?;
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
