//! A store into one file.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::apart::apart;
use super::lead::Leads;
use super::part::Part;
use super::place::{self, Place};
use super::restore::companions;
use super::scratch::Scratch;
use super::{Progress, Step, Told, TransferError, Watch, about, cannot};
use crate::config::paths::Paths;
use crate::store::Store;
use crate::store::sqlite::SqliteStore;
use crate::store::transfer::{Export, FORMAT, Head, MARK, Summary, Writer};

/// Where a backup goes.
pub enum Output {
    /// Into this file; over the one that is there only where that is wanted.
    File {
        /// The file, or the folder in which it gets a name of its own.
        path: PathBuf,
        /// Whether one that is there may go.
        overwrite: bool,
    },
    /// Into a stream. Who reads it has to see whether it ends well.
    Stream(Box<dyn Write + Send>),
}

/// What to back up.
pub struct Backup {
    /// The store.
    pub from: Place,
    /// Where a copy may lie meanwhile.
    pub paths: Paths,
    /// Where the backup goes.
    pub to: Output,
}

/// A backup that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupDone {
    /// The file; none where it was a stream.
    pub path: Option<PathBuf>,
    /// Its size.
    pub bytes: u64,
    /// What is in it.
    pub summary: Summary,
}

/// Writes a backup. Of a file a copy is read, so that a daemon may go on; on a server no daemon may
/// lead meanwhile.
///
/// # Errors
/// What keeps it from being whole; there is no file then.
pub async fn backup(order: Backup, told: Told) -> Result<BackupDone, TransferError> {
    apart(told, move |watch| async move {
        let Backup { from, paths, to } = order;
        match to {
            Output::File { path, overwrite } => {
                let path = name(path, Timestamp::now());
                refuse_what_is_there(&path, overwrite, &from)?;
                let mut part = Part::begin(&path)?;
                let output = BufWriter::with_capacity(1 << 20, &mut part);
                let (summary, bytes) = read(&from, &paths, output, &path, &watch).await?;
                part.finish(overwrite)?;
                Ok(BackupDone { path: Some(path), bytes, summary })
            }
            Output::Stream(output) => {
                let output = BufWriter::with_capacity(1 << 20, output);
                let name = Path::new("the standard output");
                let (summary, bytes) = read(&from, &paths, output, name, &watch).await?;
                Ok(BackupDone { path: None, bytes, summary })
            }
        }
    })
    .await
}

/// In a folder it gets a name that tells when it was made.
fn name(path: PathBuf, now: Timestamp) -> PathBuf {
    if path.is_dir() {
        return path.join(format!("orch-backup-{}.jsonl", now.strftime("%Y-%m-%dT%H%M%SZ")));
    }
    // What a link leads to is replaced, not the link.
    fs::canonicalize(&path).unwrap_or(path)
}

fn refuse_what_is_there(path: &Path, overwrite: bool, from: &Place) -> Result<(), TransferError> {
    if let Place::File(store) = from {
        // SQLite puts its companions beside the file itself.
        let store = fs::canonicalize(store).unwrap_or_else(|_| store.clone());
        let target = place::in_true_folder(path);
        for file in [store.clone()].into_iter().chain(companions(&store)) {
            if file == target || is_same(&file, path) {
                return Err(TransferError::OfTheStore(path.to_owned()));
            }
        }
    }
    match fs::metadata(path) {
        Ok(found) if overwrite && found.is_file() => {
            let mut beginning = Vec::with_capacity(MARK.len());
            File::open(path)
                .and_then(|file| file.take(MARK.len() as u64).read_to_end(&mut beginning))
                .map_err(cannot("read", path))?;
            if found.len() > 0 && beginning != MARK {
                return Err(TransferError::NoBackup(path.to_owned()));
            }
            Ok(())
        }
        Ok(_) => Err(TransferError::Exists(path.to_owned())),
        Err(_) => Ok(()),
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    let id = |path| fs::metadata(path).map(|found| (found.dev(), found.ino()));
    matches!((id(one), id(other)), (Ok(one), Ok(other)) if one == other)
}

async fn read(
    from: &Place,
    paths: &Paths,
    output: impl Write,
    to: &Path,
    watch: &Watch,
) -> Result<(Summary, u64), TransferError> {
    let head = Head {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        at: Timestamp::now(),
        from: from.kind().to_owned(),
    };
    let failed = |source: io::Error| cannot("write", to)(source);
    let writer = Writer::begin(output, head).map_err(failed)?;
    match from {
        Place::File(path) => {
            if !place::is_there(path) {
                return Err(TransferError::NoStore(from.to_string()));
            }
            let scratch = Scratch::new(&paths.data)?;
            let copy = copy(path, &scratch, watch).await?;
            let written =
                write(&copy, &from.to_string(), writer, to, watch, &mut Leads::default()).await;
            copy.close().await;
            written
        }
        Place::Server(url) => {
            let held = place::hold_home(paths)?;
            let mut leads = Leads::of(&held);
            let store = place::open_led(url, paths, &mut leads).await?;
            let name = from.to_string();
            let written = match place::holds_something(store.as_ref(), &name).await {
                Ok(()) => write(store.as_ref(), &name, writer, to, watch, &mut leads).await,
                Err(error) => Err(error),
            };
            leads.release().await;
            written
        }
    }
}

/// A copy of the file as it is at one instant, whoever writes to it.
async fn copy(path: &Path, scratch: &Scratch, watch: &Watch) -> Result<SqliteStore, TransferError> {
    let (tell, mut hear) = tokio::sync::watch::channel(None);
    let file = scratch.file("copy.db");
    let mut copying = std::pin::pin!(SqliteStore::copy_of(path, &file, move |copied| {
        tell.send_replace(Some(copied));
    }));
    loop {
        tokio::select! {
            copied = &mut copying => {
                copied.map_err(about(&path.display().to_string()))?;
                break;
            }
            Ok(()) = hear.changed() => {
                let Some(copied) = *hear.borrow_and_update() else { continue };
                let (bytes, of) = (copied.bytes, Some(copied.of));
                watch.tell(Progress { step: Step::Copy, bytes, of, pieces: 0 })?;
            }
        }
    }
    place::open_file(&file)
}

async fn write(
    store: &dyn Store,
    name: &str,
    mut writer: Writer<impl Write>,
    to: &Path,
    watch: &Watch,
    leads: &mut Leads,
) -> Result<(Summary, u64), TransferError> {
    let failed = |source: io::Error| cannot("write", to)(source);
    let mut export = Export::new(store);
    let mut pieces = 0;
    while let Some(piece) = export.next_piece().await.map_err(about(name))? {
        pieces += piece.count();
        writer.write(&piece).map_err(failed)?;
        let bytes = writer.bytes();
        watch.tell(Progress { step: Step::Transfer, bytes, of: None, pieces })?;
        leads.keep().await?;
    }
    let (_, summary, bytes) = writer.finish().map_err(failed)?;
    Ok((summary, bytes))
}
