//! A salvage: what was saved before something was deleted.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::id::{RepositoryId, RunId, SalvageId};
use super::text;

/// The shape of stored salvages.
pub const SALVAGE_SCHEMA: u32 = 1;

/// The most files that are listed by name.
pub const MAX_LISTED: usize = 1_000;

const MAX_NAME: usize = 1_024;

/// What was saved of a run before something of it was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Salvage {
    /// The shape that this document has.
    pub schema: u32,
    /// Always 1: what was saved does not change.
    pub version: u64,
    /// Its identity.
    pub id: SalvageId,
    /// The run.
    pub run: RunId,
    /// The repository that holds what was saved.
    pub repository: RepositoryId,
    /// The ref there under which commits and untracked files lie.
    pub reference: String,
    /// The files that git did not know.
    #[serde(default)]
    pub untracked: FileList,
    /// How much was saved.
    pub bytes: u64,
    /// Why it was to be deleted.
    pub why: String,
    /// When it was saved.
    pub saved_at: Timestamp,
}

/// The names of files, as many as a person reads. They come out of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileList {
    /// The first ones, fit to be shown.
    pub names: Vec<String>,
    /// How many there are besides.
    #[serde(default)]
    pub more: u64,
}

impl FileList {
    /// The list of these files.
    pub fn of<'a>(files: impl IntoIterator<Item = &'a str>) -> Self {
        let mut list = Self::default();
        for name in files {
            if list.names.len() == MAX_LISTED {
                list.more += 1;
            } else {
                let shown = text::printable(name).replace('\n', " ");
                list.names.push(text::excerpt(&shown, MAX_NAME));
            }
        }
        list
    }
}

#[cfg(test)]
mod tests;
