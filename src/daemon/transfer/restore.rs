//! A backup into the store that is configured.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::apart::apart;
use super::lead::Leads;
use super::part::rename_to_new;
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
    async fn open(
        self,
        watch: &Watch,
        leads: &mut Leads,
    ) -> Result<Reader<impl BufRead + 'a>, TransferError> {
        let Self { input, name, file, size: of } = self;
        if let Some(mut file) = file {
            let mut reader = Reader::begin(buffered(file)).map_err(refused(&name))?;
            let mut pieces = 0;
            while let Some(piece) = reader.next_piece().map_err(refused(&name))? {
                pieces += piece.count();
                let bytes = reader.bytes();
                watch.tell(Progress { step: Step::Verify, bytes, of, pieces })?;
                leads.keep().await?;
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
            // What a link leads to is replaced, not the link.
            let path = &fs::canonicalize(path).unwrap_or_else(|_| path.clone());
            let old = look(path, paths, force, &mut leads).await?;
            let made = async {
                let reader = source.open(watch, &mut leads).await?;
                Ok((reader, Filling::begin(path)?))
            };
            let (reader, filling) = match made.await {
                Ok(made) => made,
                Err(error) => {
                    old.let_go(leads).await;
                    return Err(error);
                }
            };
            let store = &filling.store;
            let filled = async {
                let (head, summary) = load(reader, &name, size, store, watch, &mut leads).await?;
                check(store, &into.to_string(), &summary, watch, &mut leads).await?;
                Ok((head, summary))
            };
            let filled = filled.await;
            match filling.finish(filled).await {
                Ok(((head, summary), ready)) => {
                    let kept = ready.put(path, old, &mut leads).await?;
                    Ok(RestoreDone { head, summary, kept })
                }
                Err(error) => {
                    old.let_go(leads).await;
                    Err(error)
                }
            }
        }
        Place::Server(url) => {
            let server = into.to_string();
            let filling = open_to_fill(url, &server, &mut leads).await?;
            let target = filling.store();
            let filled = async {
                let reader = source.open(watch, &mut leads).await?;
                leads.renew().await?;
                filling.begin().await.map_err(|error| occupied(&server, error))?;
                let (head, summary) =
                    load(reader, &name, size, target.as_ref(), watch, &mut leads).await?;
                check(target.as_ref(), &server, &summary, watch, &mut leads).await?;
                leads.renew().await?;
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
        // The piece may have been waited for.
        leads.keep().await?;
        loader.add(piece).await.map_err(about("the new store"))?;
        let bytes = reader.bytes();
        watch.tell(Progress { step: Step::Transfer, bytes, of, pieces })?;
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
    /// Nothing.
    Nothing,
    /// A file that nothing was ever written to.
    Blank,
    /// A store, which we lead; one file as soon as it is closed.
    Store {
        store: Arc<SqliteStore>,
        /// Whether something is in it.
        is_kept: bool,
    },
    /// What cannot be opened, and is to be kept with its companions.
    Unreadable,
}

impl Old {
    /// Ends what was begun with it.
    async fn let_go(self, leads: Leads) {
        leads.release().await;
        if let Self::Store { store, .. } = self {
            close(store).await;
        }
    }
}

async fn look(
    path: &Path,
    paths: &Paths,
    force: bool,
    leads: &mut Leads,
) -> Result<Old, TransferError> {
    let name = path.display().to_string();
    let unreadable = |store, source| {
        if force { Ok(Old::Unreadable) } else { Err(TransferError::Unreadable { store, source }) }
    };
    let store = match place::open_file(path) {
        Ok(store) => store,
        Err(TransferError::NoStore(_)) => {
            // Who takes a store's file away may leave its log, with all that was committed last.
            let Some(orphan) = companions(path).into_iter().find(|file| place::is_there(file))
            else {
                let is_nothing = path.symlink_metadata().is_err();
                return Ok(if is_nothing { Old::Nothing } else { Old::Blank });
            };
            let why = format!("{} lies there without the file it belongs to", orphan.display());
            return unreadable(name, StoreError::Corrupt(why));
        }
        Err(TransferError::Store { store, source }) => return unreadable(store, source),
        Err(error) => return Err(error),
    };
    let content = place::content(&store).await;
    store.close().await;
    // Before its lead is taken, which would take it from a daemon that does not have to renew it.
    refuse_open(path)?;
    let is_kept = match content.map_err(about(&name))? {
        None => false,
        Some(_) if force => true,
        Some(what) => {
            return Err(TransferError::Occupied { store: name, what, can_be_kept: true });
        }
    };
    let store = Arc::new(place::open_file(path)?);
    // A daemon of another home may have had it, and come back.
    if let Err(error) = leads.take_file(Arc::clone(&store), path, paths).await {
        close(store).await;
        return Err(error);
    }
    Ok(Old::Store { store, is_kept })
}

/// Where nobody else has it, it is one file afterwards: what its log held is in it.
async fn close(store: Arc<SqliteStore>) {
    if let Some(store) = Arc::into_inner(store) {
        store.close().await;
    }
}

/// Refuses a store that is closed here and open elsewhere. Who has it open would go on writing into
/// a file without a name.
fn refuse_open(path: &Path) -> Result<(), TransferError> {
    let [log, shared, journal] = companions(path);
    if log.exists() || shared.exists() || place::is_there(&journal) {
        return Err(TransferError::Open(path.to_owned()));
    }
    Ok(())
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
    /// Puts it in the place of the old one.
    async fn put(
        self,
        path: &Path,
        old: Old,
        leads: &mut Leads,
    ) -> Result<Option<PathBuf>, TransferError> {
        match old {
            Old::Nothing => {
                self.put_where_nothing_is(path)?;
                Ok(None)
            }
            Old::Blank => {
                if place::is_there(path) {
                    return Err(TransferError::Made(path.to_owned()));
                }
                remove(path)?;
                self.put_where_nothing_is(path)?;
                Ok(None)
            }
            Old::Unreadable => {
                let kept = keep(path)?;
                for companion in companions(path) {
                    // What an old log holds must not be played into the new store.
                    remove(&companion)?;
                }
                self.replace(path)?;
                Ok(Some(kept))
            }
            Old::Store { store, is_kept } => {
                let left = leads.replace().await;
                close(store).await;
                let put = left.and_then(|()| {
                    refuse_open(path)?;
                    let kept = if is_kept { Some(keep(path)?) } else { None };
                    // Who opened it meanwhile has not led, and finds that it never will.
                    refuse_open(path)?;
                    self.replace(path)?;
                    Ok(kept)
                });
                if put.is_err()
                    && let Ok(store) = place::open_file(path)
                {
                    Leads::stays(&store).await;
                    store.close().await;
                }
                put
            }
        }
    }

    /// At every instant one of the two has the name.
    fn replace(&self, path: &Path) -> Result<(), TransferError> {
        let folder = parent(path);
        sync(folder).map_err(cannot("write", folder))?;
        fs::rename(&self.file, path).map_err(cannot("write", path))?;
        sync(folder).map_err(cannot("write", folder))
    }

    /// Gives it its name, unless somebody has taken that.
    pub(super) fn put_where_nothing_is(&self, path: &Path) -> Result<(), TransferError> {
        if path.symlink_metadata().is_ok() {
            return Err(TransferError::Made(path.to_owned()));
        }
        for companion in companions(path) {
            if place::is_there(&companion) {
                return Err(TransferError::Made(companion));
            }
            remove(&companion)?;
        }
        rename_to_new(&self.file, path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => TransferError::Made(path.to_owned()),
            _ => cannot("write", path)(error),
        })?;
        let folder = parent(path);
        sync(folder).map_err(cannot("write", folder))
    }
}

/// What SQLite puts beside a file that is open, or was not closed.
pub(super) fn companions(path: &Path) -> [PathBuf; 3] {
    COMPANIONS.map(|end| with_end(path, end))
}

const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

fn remove(file: &Path) -> Result<(), TransferError> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(cannot("remove", file)(error)),
        _ => Ok(()),
    }
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// Gives a store and its companions, as far as they are there, second names, under which they stay.
fn keep(path: &Path) -> Result<PathBuf, TransferError> {
    let now = Timestamp::now().strftime("%Y-%m-%dT%H%M%SZ");
    let ends = || [""].into_iter().chain(COMPANIONS);
    let mut aside = with_end(path, &format!(".before-restore-{now}"));
    let mut number = 1;
    while ends().any(|end| with_end(&aside, end).symlink_metadata().is_ok()) {
        number += 1;
        aside = with_end(path, &format!(".before-restore-{now}-{number}"));
    }
    for end in ends() {
        let file = with_end(path, end);
        match fs::hard_link(&file, with_end(&aside, end)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            linked => linked.map_err(cannot("keep", &file))?,
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
