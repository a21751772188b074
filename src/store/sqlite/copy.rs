//! A copy of the file while orch goes on writing: the online backup.
//!
//! The source is read in one transaction, so that the copy is what was there at one instant and
//! does not begin anew with each commit; a writer never waits for it. Meanwhile the write-ahead log
//! keeps what is written, and shrinks again afterwards. `VACUUM INTO` would give a smaller file,
//! but takes two to three times as long, during which the log grows.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use rustix::fs::{FlockOperation, OFlags, flock};
use tokio::sync::oneshot;

use super::SqliteStore;
use super::errors::failed;
use super::file::{connect, look_at_header, refused as cannot_write};
use crate::store::StoreError;

/// Pages in one step: 4 MiB, a few milliseconds.
const STEP: i32 = 1024;
/// How long it waits where SQLite asks to come again.
const PAUSE: Duration = Duration::from_millis(20);

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// So many bytes are copied.
    pub bytes: u64,
    /// Of so many.
    pub of: u64,
}

impl SqliteStore {
    /// Copies the store into a new file, as it is at one instant between now and the return, while
    /// everybody goes on reading and writing. The copy is private, one file without companions, and
    /// can be opened as a store. Under its name there is the whole copy or nothing; `told` hears
    /// how far it is. Whoever drops the future stops it.
    ///
    /// # Errors
    /// `Exists` where there is a file of that name. `Refused` where nothing can be written there,
    /// or somebody is just making that copy; `Unavailable` where the disk is full.
    pub async fn copy_to(
        &self,
        path: &Path,
        told: impl FnMut(Copied) + Send + 'static,
    ) -> Result<Copied, StoreError> {
        copy_apart(self.path.clone(), path, told).await
    }

    /// The same of a store that is not opened here. Its form stays as it is, for the daemon that
    /// has it open may be of an older orch.
    ///
    /// # Errors
    /// As [`SqliteStore::copy_to`]; `Corrupt` where it is no store of orch.
    pub async fn copy_of(
        from: &Path,
        to: &Path,
        told: impl FnMut(Copied) + Send + 'static,
    ) -> Result<Copied, StoreError> {
        look_at_header(from)?;
        copy_apart(from.to_owned(), to, told).await
    }
}

async fn copy_apart(
    from: PathBuf,
    to: &Path,
    told: impl FnMut(Copied) + Send + 'static,
) -> Result<Copied, StoreError> {
    let (reply, answer) = oneshot::channel();
    let to = to.to_owned();
    std::thread::Builder::new()
        .name("orch-store-copy".to_owned())
        .spawn(move || {
            let copied = copy(&from, &to, told, &reply);
            // A caller that went away no longer wants the answer.
            drop(reply.send(copied));
        })
        .map_err(|e| StoreError::Unavailable(Box::new(e)))?;
    answer.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the copy has ended".into())))
}

type Reply = oneshot::Sender<Result<Copied, StoreError>>;

fn copy(
    from: &Path,
    to: &Path,
    mut told: impl FnMut(Copied),
    reply: &Reply,
) -> Result<Copied, StoreError> {
    if to.symlink_metadata().is_ok() {
        return Err(StoreError::Exists(to.display().to_string()));
    }
    let mut part = Part::create(to)?;
    let copied = fill(from, &part.path, &mut told, reply)?;
    part.finish(to)?;
    Ok(copied)
}

fn fill(
    from: &Path,
    part: &Path,
    told: &mut impl FnMut(Copied),
    reply: &Reply,
) -> Result<Copied, StoreError> {
    let source = connect(from)?;
    let snapshot = source.unchecked_transaction().map_err(failed)?;
    // The transaction begins with what it reads first.
    let page: i64 = snapshot
        .query_row("SELECT page_size FROM pragma_page_size", [], |row| row.get(0))
        .map_err(failed)?;
    snapshot
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))
        .map_err(failed)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut target = Connection::open_with_flags(part, flags).map_err(failed)?;
    // Half a copy is thrown away, so it needs no journal; and it is synced once, at the end.
    target.pragma_update(None, "journal_mode", "OFF").map_err(failed)?;
    target.pragma_update(None, "synchronous", "OFF").map_err(failed)?;
    let backup = Backup::new(&snapshot, &mut target).map_err(failed)?;
    let bytes = |pages: i32| u64::from(pages.unsigned_abs()) * page.unsigned_abs();
    let copied = loop {
        let step = backup.step(STEP).map_err(failed)?;
        let progress = backup.progress();
        let copied = Copied {
            bytes: bytes(progress.pagecount - progress.remaining),
            of: bytes(progress.pagecount),
        };
        told(copied);
        match step {
            StepResult::Done => break copied,
            StepResult::Busy | StepResult::Locked => std::thread::sleep(PAUSE),
            _ => {}
        }
        if reply.is_closed() {
            return Err(StoreError::Unavailable("nobody waits for the copy any more".into()));
        }
    };
    drop(backup);
    // The copy shall need no companions: it leaves the mode of the write-ahead log.
    target.pragma_update(None, "journal_mode", "DELETE").map_err(failed)?;
    target.close().map_err(|(_, e)| failed(e))?;
    Ok(copied)
}

/// The copy under another name, until it is whole; removed where it never becomes so. Who makes it
/// holds a lock, so that what a killed process left behind is told from what another is making.
struct Part {
    path: PathBuf,
    file: File,
    whole: bool,
}

impl Part {
    fn create(to: &Path) -> Result<Self, StoreError> {
        let Some(name) = to.file_name() else {
            return Err(StoreError::Refused(format!("{} is no name of a file", to.display())));
        };
        let mut part = name.to_owned();
        part.push(".part");
        let path = to.with_file_name(part);
        let refused = |e: io::Error| cannot_write(&path, &e);
        let file = loop {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                // Never through a link to something else.
                .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
                .open(&path)
                .map_err(refused)?;
            flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
                StoreError::Refused(format!("somebody is just making {}", path.display()))
            })?;
            // Who had the lock before may have given the file its name.
            if is_at(&file, &path).map_err(refused)? {
                break file;
            }
        };
        file.set_len(0).map_err(refused)?;
        file.set_permissions(fs::Permissions::from_mode(0o600)).map_err(refused)?;
        Ok(Self { path, file, whole: false })
    }

    fn finish(&mut self, to: &Path) -> Result<(), StoreError> {
        let refused = |e: io::Error| cannot_write(to, &e);
        self.file.sync_all().map_err(refused)?;
        fs::rename(&self.path, to).map_err(refused)?;
        self.whole = true;
        let folder = match to.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            Some(_) | None => Path::new("."),
        };
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(refused)
    }
}

/// Whether the file still has this name.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(found) => Ok((found.dev(), found.ino()) == (ours.dev(), ours.ino())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.whole {
            // What cannot be removed now is overwritten by the next copy.
            drop(fs::remove_file(&self.path));
        }
    }
}
