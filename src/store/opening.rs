//! Opening the store that an address names.

use std::path::Path;
use std::sync::Arc;

use super::sqlite::SqliteStore;
use super::{Store, StoreError};
use crate::domain::address::StoreAddress;

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
