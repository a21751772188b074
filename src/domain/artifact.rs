//! An artifact: a file that a run left behind and that is kept.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::id::{ArtifactId, RunId};
use super::text;

/// The shape of stored artifacts.
pub const ARTIFACT_SCHEMA: u32 = 1;

const MAX_NAME: usize = 1_024;

/// One file that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// The shape that this document has.
    pub schema: u32,
    /// Grows with each write; a write that does not name the current one is refused.
    pub version: u64,
    /// Its identity.
    pub id: ArtifactId,
    /// The run that left it.
    pub run: RunId,
    /// Its name within the run.
    pub name: ArtifactName,
    /// What sort of file.
    pub kind: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
    /// When it was collected.
    pub collected_at: Timestamp,
}

impl Artifact {
    /// `run/name`: a run collects a name once.
    pub fn entry(&self) -> String {
        format!("{}/{}", self.run, self.name)
    }
}

/// The name of an artifact: a path that stays inside the folder that it is put into. It comes out
/// of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ArtifactName(String);

/// Text that cannot be the name of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` cannot be the name of an artifact: {why}")]
pub struct InvalidArtifactName {
    text: String,
    why: &'static str,
}

impl ArtifactName {
    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn defect(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("it is empty");
    }
    if name.len() > MAX_NAME {
        return Some("it is longer than 1024 bytes");
    }
    if name.starts_with('/') {
        return Some("it is not relative");
    }
    if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Some("a part of it is empty, `.` or `..`");
    }
    if name.contains(char::is_control) || text::printable(name) != name {
        return Some("it has signs that would steer a terminal");
    }
    None
}

impl FromStr for ArtifactName {
    type Err = InvalidArtifactName;

    fn from_str(name: &str) -> Result<Self, InvalidArtifactName> {
        match defect(name) {
            None => Ok(Self(name.to_owned())),
            Some(why) => {
                let shown = text::printable(name).replace('\n', " ");
                Err(InvalidArtifactName { text: text::excerpt(&shown, 80), why })
            }
        }
    }
}

impl TryFrom<String> for ArtifactName {
    type Error = InvalidArtifactName;

    fn try_from(name: String) -> Result<Self, InvalidArtifactName> {
        name.parse()
    }
}

impl From<ArtifactName> for String {
    fn from(name: ArtifactName) -> Self {
        name.0
    }
}

impl fmt::Display for ArtifactName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
