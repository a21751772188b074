//! Where a store is, and what has to be held while it is taken elsewhere or filled.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::lead::Leads;
use super::scratch::parent;
use super::{TransferError, about};
use crate::config::paths::Paths;
use crate::daemon::instance::{self, AlreadyRunning, Held};
use crate::domain::address::{MongoUrl, StoreAddress};
use crate::store::sqlite::SqliteStore;
use crate::store::transfer::occupied;
use crate::store::{Store, StoreError, open};

/// Where a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a file of this host.
    File(PathBuf),
    /// On a server.
    Server(MongoUrl),
}

impl Place {
    /// The place of an address; an empty one means the file of this home.
    pub fn new(address: StoreAddress, paths: &Paths) -> Self {
        match address {
            StoreAddress::Embedded => Self::File(paths.store_file()),
            StoreAddress::File(path) => Self::File(path),
            StoreAddress::Mongo(url) => Self::Server(url),
        }
    }

    /// The kind of the back end.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::File(_) => "sqlite",
            Self::Server(_) => "mongodb",
        }
    }
}

/// Without a password.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Server(url) => write!(f, "{url}"),
        }
    }
}

/// Keeps daemons of this home away.
pub(super) fn hold_home(paths: &Paths) -> Result<Held, TransferError> {
    instance::take(paths).map_err(|error| match error.downcast::<AlreadyRunning>() {
        Ok(AlreadyRunning { home }) => TransferError::Running { home },
        Err(error) => TransferError::Broken(format!("{error:#}")),
    })
}

/// Whether something is there.
pub(super) fn is_there(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.len() > 0)
}

/// Where a file of that name is or would be, its folder's links followed.
pub(super) fn in_true_folder(path: &Path) -> PathBuf {
    let folder = std::fs::canonicalize(parent(path));
    match (folder, path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

/// Opens a file that has to be there.
pub(super) fn open_file(path: &Path) -> Result<SqliteStore, TransferError> {
    if is_there(path) {
        return SqliteStore::open(path).map_err(about(&path.display().to_string()));
    }
    Err(TransferError::NoStore(path.display().to_string()))
}

/// A server makes whatever database is named: a name that was mistyped holds nothing.
pub(super) async fn holds_something(store: &dyn Store, name: &str) -> Result<(), TransferError> {
    if !occupied(store).await.map_err(about(name))?.is_empty() {
        return Ok(());
    }
    Err(TransferError::NoStore(name.to_owned()))
}

/// Opens a store on a server under our lead. One without anything in it is none to take elsewhere.
pub(super) async fn open_led(
    url: &MongoUrl,
    paths: &Paths,
    leads: &mut Leads,
) -> Result<Arc<dyn Store>, TransferError> {
    let name = url.to_string();
    let address = StoreAddress::Mongo(url.clone());
    let store = open(&address, &paths.store_file()).await.map_err(about(&name))?;
    leads.take(Arc::clone(&store), &name).await?;
    Ok(store)
}

/// What a store holds, in words; `None` where it is empty.
pub(super) async fn content(store: &dyn Store) -> Result<Option<String>, StoreError> {
    let found = occupied(store).await?;
    let names: Vec<&str> = found.iter().map(|collection| collection.name()).collect();
    Ok((!names.is_empty()).then(|| names.join(", ").replace('_', " ")))
}
