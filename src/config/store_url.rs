//! Where the settings say that the record is kept. What is shown of it never holds a password.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::address::{InvalidAddress, StoreAddress};

/// More is no address.
const LONGEST: u64 = 16 << 10;

/// An address, or the place where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// The address itself.
    Given(StoreAddress),
    /// It stands in this variable of the environment.
    Variable(String),
    /// It stands in this file.
    File(PathBuf),
}

/// The address that is meant cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum NoAddress {
    /// The variable is not there.
    #[error("the variable {0} is not set, and the address of the store should stand in it")]
    NotSet(String),
    /// The file cannot be read.
    #[error("cannot read {}, in which the address of the store should stand", .path.display())]
    NotRead {
        /// Which.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// What stands there is none.
    #[error("{place} holds no address of a store")]
    Invalid {
        /// Where.
        place: String,
        /// Why.
        source: InvalidAddress,
    },
}

impl StoreUrl {
    /// The address that is meant.
    ///
    /// # Errors
    /// [`NoAddress`] where it cannot be told.
    pub fn resolve(
        &self,
        env: impl Fn(&str) -> Option<OsString>,
    ) -> Result<StoreAddress, NoAddress> {
        let (place, text) = match self {
            Self::Given(address) => return Ok(address.clone()),
            Self::Variable(name) => {
                let value = env(name).and_then(|value| value.into_string().ok());
                let value = value.filter(|value| !value.trim().is_empty());
                (name.clone(), value.ok_or_else(|| NoAddress::NotSet(name.clone()))?)
            }
            Self::File(path) => {
                let text = read(path)
                    .map_err(|source| NoAddress::NotRead { path: path.clone(), source })?;
                (path.display().to_string(), text)
            }
        };
        let text = text.trim();
        // An empty file is a mistake, and not a wish for another store.
        let address = if text.is_empty() { Err(InvalidAddress::NoHost) } else { text.parse() };
        address.map_err(|source| NoAddress::Invalid { place, source })
    }
}

fn read(path: &PathBuf) -> io::Result<String> {
    if fs::metadata(path)?.len() > LONGEST {
        return Err(io::Error::other("it is too long for an address"));
    }
    fs::read_to_string(path)
}

impl FromStr for StoreUrl {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(name) = text.strip_prefix("env://") {
            return Ok(Self::Variable(name.to_owned()));
        }
        if let Some(path) = text.strip_prefix("file://") {
            let path = PathBuf::from(path);
            if !path.is_absolute() {
                return Err(InvalidAddress::Relative(path.display().to_string()));
            }
            return Ok(Self::File(path));
        }
        text.parse().map(Self::Given)
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(StoreAddress::Embedded) => Ok(()),
            Self::Given(address) => write!(f, "{address}"),
            Self::Variable(name) => write!(f, "env://{name}"),
            Self::File(path) => write!(f, "file://{}", path.display()),
        }
    }
}

impl Serialize for StoreUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StoreUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
