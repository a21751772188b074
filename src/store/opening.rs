//! Opening the store that an address names.

use std::path::Path;
use std::sync::Arc;

use super::sqlite::SqliteStore;
use super::{Store, StoreError};
use crate::domain::address::{MongoUrl, StoreAddress};

/// Opens the store at this address, or makes it; `embedded` is the file of an address that names
/// none.
///
/// # Errors
/// `Corrupt` where something else lies there, or a store of a newer orch: it is left alone.
/// `Refused` where it does not let us in, `Unavailable` where it does not answer.
pub async fn open(address: &StoreAddress, embedded: &Path) -> Result<Arc<dyn Store>, StoreError> {
    match address {
        StoreAddress::Embedded => Ok(Arc::new(SqliteStore::open(embedded)?)),
        StoreAddress::File(path) => Ok(Arc::new(SqliteStore::open(path)?)),
        #[cfg(feature = "mongo")]
        StoreAddress::Mongo(url) => Ok(Arc::new(super::mongo::MongoStore::open(url).await?)),
        #[cfg(not(feature = "mongo"))]
        StoreAddress::Mongo(url) => Err(StoreError::Refused(format!(
            "this orch was built without MongoDB, and cannot open {url}"
        ))),
    }
}

/// A database that is filled by imports. Nobody can open it as a store from [`Filling::begin`] on
/// until [`Filling::finish`]; one that was left half filled is filled again from the beginning.
pub struct Filling {
    #[cfg(feature = "mongo")]
    store: Arc<super::mongo::MongoStore>,
    #[cfg(not(feature = "mongo"))]
    store: Arc<dyn Store>,
}

impl Filling {
    /// Opens the database. Its lead has to be taken before anything else is done with it.
    ///
    /// # Errors
    /// As [`open`].
    pub async fn open(url: &MongoUrl) -> Result<Self, StoreError> {
        #[cfg(feature = "mongo")]
        let store = Arc::new(super::mongo::MongoStore::open_to_fill(url).await?);
        #[cfg(not(feature = "mongo"))]
        let store = open(&StoreAddress::Mongo(url.clone()), Path::new("")).await?;
        Ok(Self { store })
    }

    /// The store that is being filled.
    pub fn store(&self) -> Arc<dyn Store> {
        #[expect(clippy::clone_on_ref_ptr, reason = "it becomes another type here")]
        let store: Arc<dyn Store> = self.store.clone();
        store
    }

    /// Marks the database, which is empty, or emptied where it bears the mark already.
    ///
    /// # Errors
    /// `Exists` where it holds something; otherwise as any write.
    pub async fn begin(&self) -> Result<(), StoreError> {
        #[cfg(feature = "mongo")]
        self.store.begin_filling().await?;
        Ok(())
    }

    /// Makes a store of the database.
    ///
    /// # Errors
    /// As any write.
    pub async fn finish(&self) -> Result<(), StoreError> {
        #[cfg(feature = "mongo")]
        self.store.finish_filling().await?;
        Ok(())
    }
}
