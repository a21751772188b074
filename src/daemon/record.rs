//! Opening the record that the settings name, and what to do where that fails.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use crate::config::paths::Paths;
use crate::config::settings::Settings;
use crate::config::store_url::NoAddress;
use crate::domain::address::StoreAddress;
use crate::store::{self, Store, StoreError};

/// Why the record cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum NoRecord {
    /// Its address cannot be told.
    #[error("cannot tell where the record is")]
    NoAddress(#[from] NoAddress),
    /// It does not open.
    #[error("cannot open the record in {place}")]
    Closed {
        /// Where it is, without a password.
        place: String,
        /// Why.
        source: StoreError,
    },
}

impl NoRecord {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoAddress(_) => "`orch config` shows store.url, and where it comes from",
            Self::Closed { source, .. } => match source {
                StoreError::Unavailable(_) => {
                    "see whether the server runs and the disk has room; \
                     `orch config` shows store.url, and where it comes from"
                }
                StoreError::Refused(_) => "check the user, the password and the permissions",
                StoreError::Corrupt(_) => {
                    "nothing in it was changed; use another one, or `orch restore` a backup"
                }
                StoreError::NotFound(_)
                | StoreError::Exists(_)
                | StoreError::Conflict(_)
                | StoreError::Fenced(_)
                | StoreError::TooLarge { .. } => "try again",
            },
        }
    }
}

/// Where the record is.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) address: StoreAddress,
    /// The same for people.
    pub(super) name: String,
}

impl Place {
    pub(super) fn of(
        settings: &Settings,
        paths: &Paths,
        environment: &BTreeMap<OsString, OsString>,
    ) -> Result<Self, NoRecord> {
        let address =
            settings.store.url.resolve(|name| environment.get(OsStr::new(name)).cloned())?;
        let name = match &address {
            StoreAddress::Embedded => paths.store_file().display().to_string(),
            StoreAddress::File(path) => path.display().to_string(),
            StoreAddress::Mongo(url) => url.to_string(),
        };
        Ok(Self { address, name })
    }

    pub(super) async fn open(&self, paths: &Paths) -> Result<Arc<dyn Store>, NoRecord> {
        let opened = store::open(&self.address, &paths.store_file()).await;
        opened.map_err(|source| NoRecord::Closed { place: self.name.clone(), source })
    }
}
