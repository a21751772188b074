//! Whether the open file is still the one that has its name. A file that is moved or removed can be
//! written to the end, and is gone with who has it open.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::errors::Failure;

/// The file under its name.
pub(super) struct Held {
    path: PathBuf,
    identity: Option<(u64, u64)>,
    /// What callers are told once it is gone.
    gone: Option<Failure>,
}

impl Held {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), identity: identity(path), gone: None }
    }

    /// Refuses where another file has the name, or none; what this one holds is saved first.
    pub(super) fn check(&mut self, connection: &Connection) -> Result<(), Failure> {
        if let Some(gone) = &self.gone {
            return Err(gone.clone());
        }
        if identity(&self.path) == self.identity {
            return Ok(());
        }
        let path = self.path.display();
        let words = match save(connection, &self.path) {
            Ok(saved) => format!(
                "{path} was moved or removed while it was open; all that it held is in {}: stop \
                 the daemon, and put it in its place",
                saved.display()
            ),
            Err(why) => format!(
                "{path} was moved or removed while it was open, and could not be saved under \
                 another name: {why}"
            ),
        };
        tracing::error!("{words}");
        let gone = Failure::Refused(words);
        self.gone = Some(gone.clone());
        Err(gone)
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let found = fs::metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

fn save(connection: &Connection, path: &Path) -> Result<PathBuf, String> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".saved-{}", std::process::id()));
    let saved = PathBuf::from(name);
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&saved)
        .map_err(|error| error.to_string())?;
    let told = None::<fn(rusqlite::backup::Progress)>;
    connection.backup(rusqlite::MAIN_DB, &saved, told).map_err(|error| error.to_string())?;
    Ok(saved)
}
