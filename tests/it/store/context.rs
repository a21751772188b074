//! What a case is given: a store that is empty, and the way to open it once more.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use orch::domain::address::StoreAddress;
use orch::store::{Store, StoreError};
use tempfile::TempDir;

use crate::mongodb::{self, Database};
use crate::need::Need;

/// The databases that have to do the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Backend {
    Sqlite,
    MongoDb,
}

impl Backend {
    pub(super) const ALL: [Self; 2] = [Self::Sqlite, Self::MongoDb];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::MongoDb => "mongodb",
        }
    }

    pub(super) const fn needs(self) -> &'static [Need] {
        match self {
            Self::Sqlite => &[],
            Self::MongoDb => &[Need::MongoDb],
        }
    }

    /// Somewhere that no other case uses.
    pub(super) fn place(self) -> Result<Place, Box<dyn Error>> {
        Ok(match self {
            Self::Sqlite => Place::Folder(tempfile::tempdir()?),
            Self::MongoDb => Place::Database(Database::new()?),
        })
    }
}

/// Where the store of a case lies. It is removed with this value.
pub(super) enum Place {
    Folder(TempDir),
    Database(Database),
}

impl Place {
    fn address(&self) -> String {
        match self {
            Self::Folder(folder) => format!("sqlite:{}", folder.path().join("orch.db").display()),
            Self::Database(database) => database.uri().to_owned(),
        }
    }
}

/// What a case is given.
pub(super) struct Context {
    /// A store that is empty.
    pub(super) store: Arc<dyn Store>,
    backend: Backend,
    address: StoreAddress,
    case: &'static str,
}

impl Context {
    pub(super) async fn open(
        backend: Backend,
        place: &Place,
        case: &'static str,
    ) -> Result<Self, StoreError> {
        let address = place.address().parse().expect("it is an address");
        let store = open(&address).await?;
        Ok(Self { store, backend, address, case })
    }

    /// A second store object on the same data, as another daemon has it, or this one after a
    /// restart.
    pub(super) async fn reopen(&self) -> Result<Arc<dyn Store>, StoreError> {
        open(&self.address).await
    }

    /// As many as are wanted, or what the back end bears: then the end of the output says so.
    pub(super) fn scaled(&self, wanted: u64, what: &str) -> u64 {
        match self.backend {
            Backend::Sqlite => wanted,
            Backend::MongoDb => {
                let case = format!("store::mongodb::{}", self.case);
                let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
                mongodb::scaled(&case, wanted, what) as u64
            }
        }
    }
}

async fn open(address: &StoreAddress) -> Result<Arc<dyn Store>, StoreError> {
    orch::store::open(address, Path::new("/nowhere/orch.db")).await
}
