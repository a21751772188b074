//! A backup into the store that is configured.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::apart::apart;
use super::lead::Leads;
use super::place::{self, Place};
use super::scratch::{Scratch, parent, sync};
use super::{Progress, Step, Told, TransferError, Watch, about, cannot, check};
use crate::config::paths::Paths;
use crate::domain::address::MongoUrl;
use crate::store::sqlite::SqliteStore;
use crate::store::transfer::{BackupError, Content, Head, Loader, Reader, Summary};
use crate::store::{self, Store, StoreError};

/// Where a backup comes from.
pub enum Input {
    /// From this file; it is read to its end before anything is written.
    File(PathBuf),
    /// From a stream, which cannot be read twice.
    Stream(Box<dyn Read + Send>),
}

/// What to restore.
pub struct Restore {
    /// The backup.
    pub from: Input,
    /// Where it goes.
    pub into: Place,
    /// The home, which no daemon may have meanwhile.
    pub paths: Paths,
    /// Whether a store that is there may be kept aside.
    pub force: bool,
}

/// A store that is as its backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreDone {
    /// What the backup says of itself.
    pub head: Head,
    /// What is in the store.
    pub summary: Summary,
    /// Where the store lies that was there before.
    pub kept: Option<PathBuf>,
}

/// Makes the store as it was when it was backed up.
///
/// # Errors
/// What keeps it from that; what was there before is as it was.
pub async fn restore(order: Restore, told: Told) -> Result<RestoreDone, TransferError> {
    apart(told, move |watch| async move {
        let Restore { from, into, paths, force } = order;
        match from {
            Input::File(path) => {
                let name = path.display().to_string();
                let file = File::open(&path).map_err(|source| match source.kind() {
                    io::ErrorKind::NotFound => TransferError::NoFile(path.clone()),
                    _ => cannot("read", &path)(source),
                })?;
                let found = file.metadata().map_err(cannot("read", &path))?;
                let source = if found.is_file() {
                    Source {
                        input: Box::new(&file),
                        name,
                        file: Some(&file),
                        size: Some(found.len()),
                    }
                } else {
                    Source { input: Box::new(&file), name, file: None, size: None }
                };
                fill(source, &into, &paths, force, &watch).await
            }
            Input::Stream(input) => {
                let name = "on the standard input".to_owned();
                let source = Source { input, name, file: None, size: None };
                fill(source, &into, &paths, force, &watch).await
            }
        }
    })
    .await
}

struct Source<'a> {
    input: Box<dyn Read + 'a>,
    name: String,
    /// The same, where it can be read twice.
    file: Option<&'a File>,
    size: Option<u64>,
}

impl<'a> Source<'a> {
    /// Begins to read it; where it can be read twice, only after it has proved to be right.
    fn open(self, watch: &Watch) -> Result<Reader<impl BufRead + 'a>, TransferError> {
        let Self { input, name, file, size: of } = self;
        if let Some(mut file) = file {
            let mut reader = Reader::begin(buffered(file)).map_err(refused(&name))?;
            let mut pieces = 0;
            while let Some(piece) = reader.next_piece().map_err(refused(&name))? {
                pieces += piece.count();
                let bytes = reader.bytes();
                watch.tell(Progress { step: Step::Verify, bytes, of, pieces })?;
            }
            file.rewind().map_err(cannot("read", Path::new(&name)))?;
        }
        Reader::begin(buffered(input)).map_err(refused(&name))
    }
}

async fn fill(
    source: Source<'_>,
    into: &Place,
    paths: &Paths,
    force: bool,
    watch: &Watch,
) -> Result<RestoreDone, TransferError> {
    let (name, size) = (source.name.clone(), source.size);
    let held = place::hold_home(paths)?;
    let mut leads = Leads::of(&held);
    match into {
        Place::File(path) => {
            let old = look(path, force, &mut leads).await?;
            let reader = source.open(watch)?;
            let filling = Filling::begin(path)?;
            let store = &filling.store;
            let filled = async {
                let (head, summary) = load(reader, &name, size, store, watch, &mut leads).await?;
                check(store, &into.to_string(), &summary, watch, &mut leads).await?;
                Ok((head, summary))
            };
            let filled = filled.await;
            let ((head, summary), ready) = filling.finish(filled).await?;
            let kept = ready.replace(path, &old)?;
            Ok(RestoreDone { head, summary, kept })
        }
        Place::Server(url) => {
            let server = into.to_string();
            let filling = open_to_fill(url, &server, &mut leads).await?;
            let target = filling.store();
            let filled = async {
                let reader = source.open(watch)?;
                filling.begin().await.map_err(|error| occupied(&server, error))?;
                let (head, summary) =
                    load(reader, &name, size, target.as_ref(), watch, &mut leads).await?;
                check(target.as_ref(), &server, &summary, watch, &mut leads).await?;
                filling.finish().await.map_err(about(&server))?;
                Ok((head, summary))
            };
            let filled = filled.await;
            leads.release().await;
            let (head, summary) = filled?;
            Ok(RestoreDone { head, summary, kept: None })
        }
    }
}

async fn load(
    mut reader: Reader<impl BufRead>,
    name: &str,
    of: Option<u64>,
    store: &dyn Store,
    watch: &Watch,
    leads: &mut Leads,
) -> Result<(Head, Summary), TransferError> {
    let mut loader = Loader::new(store);
    let mut content = Content::default();
    let mut pieces = 0;
    while let Some(piece) = reader.next_piece().map_err(refused(name))? {
        pieces += piece.count();
        content.add(&piece);
        loader.add(piece).await.map_err(about("the new store"))?;
        let bytes = reader.bytes();
        watch.tell(Progress { step: Step::Transfer, bytes, of, pieces })?;
        leads.keep().await?;
    }
    loader.finish().await.map_err(about("the new store"))?;
    Ok((reader.head().clone(), content.summary()))
}

/// Opens a database to fill it, under our lead.
pub(super) async fn open_to_fill(
    url: &MongoUrl,
    name: &str,
    leads: &mut Leads,
) -> Result<store::Filling, TransferError> {
    let filling = store::Filling::open(url).await.map_err(about(name))?;
    leads.take(filling.store(), name).await?;
    Ok(filling)
}

/// A database that holds something is never emptied.
pub(super) fn occupied(server: &str, error: StoreError) -> TransferError {
    match error {
        StoreError::Exists(what) => {
            TransferError::Occupied { store: server.to_owned(), what, can_be_kept: false }
        }
        error => about(server)(error),
    }
}

/// What is there before.
enum Old {
    /// Nothing, or a store without anything in it.
    Nothing,
    /// A store that is to be kept; one file.
    Whole,
    /// What cannot be opened, and is to be kept with its companions.
    Unreadable,
}

async fn look(path: &Path, force: bool, leads: &mut Leads) -> Result<Old, TransferError> {
    if fs::symlink_metadata(path).is_err() {
        return Ok(Old::Nothing);
    }
    let store = match place::open_file(path) {
        Ok(store) => store,
        Err(TransferError::NoStore(_)) => return Ok(Old::Nothing),
        Err(TransferError::Store { .. }) if force => return Ok(Old::Unreadable),
        Err(TransferError::Store { store, source }) => {
            return Err(TransferError::Unreadable { store, source });
        }
        Err(error) => return Err(error),
    };
    let store = Arc::new(store);
    // A daemon of another home may have it.
    let free = leads.take(Arc::clone(&store) as Arc<dyn Store>, &path.display().to_string()).await;
    std::mem::take(leads).release().await;
    let content = place::content(store.as_ref()).await;
    // It is one file afterwards: what its log held is in it.
    if let Some(store) = Arc::into_inner(store) {
        store.close().await;
    }
    free?;
    match content.map_err(about(&path.display().to_string()))? {
        None => Ok(Old::Nothing),
        Some(_) if force => Ok(Old::Whole),
        Some(what) => Err(TransferError::Occupied {
            store: path.display().to_string(),
            what,
            can_be_kept: true,
        }),
    }
}

/// A store that is not in its place yet.
pub(super) struct Filling {
    scratch: Scratch,
    pub(super) store: SqliteStore,
}

/// A store that only lacks its name.
pub(super) struct Ready {
    _scratch: Scratch,
    pub(super) file: PathBuf,
}

impl Filling {
    /// A new store beside where it shall be.
    pub(super) fn begin(path: &Path) -> Result<Self, TransferError> {
        let scratch = Scratch::new(parent(path))?;
        let file = scratch.file("new.db");
        let store = SqliteStore::open(&file).map_err(about(&file.display().to_string()))?;
        Ok(Self { scratch, store })
    }

    /// Closes it: one file, which lies on the disk. Where filling it failed, nothing of it is left.
    pub(super) async fn finish<T>(
        self,
        filled: Result<T, TransferError>,
    ) -> Result<(T, Ready), TransferError> {
        let Self { scratch, store } = self;
        let file = scratch.file("new.db");
        store.close().await;
        let filled = filled?;
        if companions(&file).iter().any(|file| file.exists()) {
            return Err(TransferError::Broken(format!("{} is still open", file.display())));
        }
        File::open(&file).and_then(|file| file.sync_all()).map_err(cannot("write", &file))?;
        Ok((filled, Ready { _scratch: scratch, file }))
    }
}

impl Ready {
    /// Puts it in the place of the old one. At every instant one of the two has the name.
    fn replace(self, path: &Path, old: &Old) -> Result<Option<PathBuf>, TransferError> {
        let folder = parent(path);
        let kept = match old {
            Old::Nothing => None,
            Old::Whole => Some(keep(path, &[])?),
            Old::Unreadable => Some(keep(path, &companions(path))?),
        };
        for companion in companions(path) {
            // What an old log holds must not be played into the new store.
            match fs::remove_file(&companion) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(cannot("remove", &companion)(error));
                }
                _ => {}
            }
        }
        sync(folder).map_err(cannot("write", folder))?;
        fs::rename(&self.file, path).map_err(cannot("write", path))?;
        sync(folder).map_err(cannot("write", folder))?;
        Ok(kept)
    }
}

/// What SQLite puts beside a file that is open, or was not closed.
fn companions(path: &Path) -> [PathBuf; 2] {
    ["-wal", "-shm"].map(|end| with_end(path, end))
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// Gives a store a second name, under which it stays.
fn keep(path: &Path, companions: &[PathBuf]) -> Result<PathBuf, TransferError> {
    let now = Timestamp::now().strftime("%Y-%m-%dT%H%M%SZ");
    let mut aside = with_end(path, &format!(".before-restore-{now}"));
    let mut number = 1;
    loop {
        match fs::hard_link(path, &aside) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                number += 1;
                aside = with_end(path, &format!(".before-restore-{now}-{number}"));
            }
            linked => {
                linked.map_err(cannot("keep", path))?;
                break;
            }
        }
    }
    for (companion, end) in companions.iter().zip(["-wal", "-shm"]) {
        if companion.exists() {
            fs::hard_link(companion, with_end(&aside, end)).map_err(cannot("keep", companion))?;
        }
    }
    Ok(aside)
}

fn buffered<R: Read>(input: R) -> BufReader<R> {
    BufReader::with_capacity(1 << 20, input)
}

fn refused(name: &str) -> impl Fn(BackupError) -> TransferError {
    let file = name.to_owned();
    move |source| TransferError::Backup { file: file.clone(), source }
}
