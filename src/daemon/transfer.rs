//! Backup, restore and migration: the store as one file, and from one back end into another.
//!
//! Nothing is ever changed in place. What is written is written beside where it shall be, proved
//! by its checksum, made durable, and only then given its name; whoever is interrupted has what he
//! had before, and may simply begin again.

use std::io;
use std::path::PathBuf;

use jiff::Timestamp;

use crate::store::transfer::{BackupError, Content, Export};
use crate::store::{Store, StoreError};

mod apart;
mod backup;
mod lead;
mod migrate;
mod part;
mod place;
mod restore;
mod scratch;

pub use crate::store::transfer::{Head, Summary};
pub use backup::{Backup, BackupDone, Output, backup};
pub use migrate::{Migrate, MigrateDone, migrate};
pub use place::Place;
pub use restore::{Input, Restore, RestoreDone, restore};

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The store is copied as it is at one instant.
    Copy,
    /// The backup is read once, before anything is written.
    Verify,
    /// The content goes where it shall be.
    Transfer,
    /// What was written is read again.
    Check,
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The step.
    pub step: Step,
    /// Bytes so far.
    pub bytes: u64,
    /// Of so many, where that is known.
    pub of: Option<u64>,
    /// Documents and events so far.
    pub pieces: u64,
}

/// Why the store was not taken elsewhere. What was there before is as it was.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// A daemon runs, and what it writes meanwhile would be lost.
    #[error("a daemon is running for {home}")]
    Running {
        /// Its home.
        home: String,
    },
    /// Somebody has it open, and would go on writing into a file without a name.
    #[error("a daemon is running on {}, or somebody else has it open", .0.display())]
    Open(PathBuf),
    /// What was not there is there now.
    #[error("somebody made {} meanwhile", .0.display())]
    Made(PathBuf),
    /// A daemon leads on that database.
    #[error("{holder} leads {store} until {until}")]
    Led {
        /// Who.
        holder: String,
        /// Which.
        store: String,
        /// Until when, if it does not renew its lead.
        until: Timestamp,
    },
    /// The lead that was taken for the time of the work is somebody else's now.
    #[error("somebody else has taken the lead of {0} meanwhile")]
    LeadLost(String),
    /// There is nothing to take elsewhere.
    #[error("there is no store at {0}")]
    NoStore(String),
    /// There is no such backup.
    #[error("there is no file {}", .0.display())]
    NoFile(PathBuf),
    /// It would be overwritten.
    #[error("{} is there already", .0.display())]
    Exists(PathBuf),
    /// It is what is to be backed up, and in use.
    #[error("{} belongs to the store itself", .0.display())]
    OfTheStore(PathBuf),
    /// It may be anything, and is written over by nobody.
    #[error("{} is there already, and is no backup of orch", .0.display())]
    NoBackup(PathBuf),
    /// It would be mixed with what is there.
    #[error("{store} is in use already: it has {what}")]
    Occupied {
        /// Which store.
        store: String,
        /// What is in it.
        what: String,
        /// Whether the old one can be kept aside.
        can_be_kept: bool,
    },
    /// It has another program's data in it, or cannot be read.
    #[error("what is at {store} cannot be told")]
    Unreadable {
        /// Where.
        store: String,
        /// Why.
        source: StoreError,
    },
    /// The backup is not one, or not one any more.
    #[error("cannot use the backup {file}")]
    Backup {
        /// Its name.
        file: String,
        /// Why.
        source: BackupError,
    },
    /// What was written is not what was read.
    #[error("{store} has {found}, and {expected} was written; it was not taken")]
    Differs {
        /// Where it was written.
        store: String,
        /// The checksum of what is there.
        found: String,
        /// The checksum that it should have.
        expected: String,
    },
    /// A store does not do as asked.
    #[error("cannot use {store}")]
    Store {
        /// Which.
        store: String,
        /// Why.
        source: StoreError,
    },
    /// The system does not.
    #[error("cannot {doing} {}", .path.display())]
    System {
        /// What was tried.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A signal came.
    #[error("it was stopped")]
    Stopped,
    /// A fault of orch.
    #[error("it broke: {0}")]
    Broken(String),
}

/// What kind of trouble a store or the system made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Something is not there.
    NotFound,
    /// Somebody has to let us in.
    Refused,
    /// It does not answer now.
    Unreachable,
    /// Something else.
    Other,
}

impl TransferError {
    /// What kind of trouble a store or the system made.
    pub fn trouble(&self) -> Trouble {
        if let Self::Store { source, .. } = self {
            return match source {
                StoreError::Refused(_) => Trouble::Refused,
                StoreError::Unavailable(_) => Trouble::Unreachable,
                StoreError::NotFound(_)
                | StoreError::Exists(_)
                | StoreError::Conflict(_)
                | StoreError::Fenced(_)
                | StoreError::TooLarge { .. }
                | StoreError::Corrupt(_) => Trouble::Other,
            };
        }
        let Self::System { source, .. } = self else { return Trouble::Other };
        match source.kind() {
            io::ErrorKind::NotFound => Trouble::NotFound,
            io::ErrorKind::PermissionDenied => Trouble::Refused,
            _ => Trouble::Other,
        }
    }
}

/// Hears how far the work is.
pub type Told = Box<dyn Fn(Progress) + Send + Sync>;

/// Tells how far the work is, and hears whether it shall stop.
struct Watch {
    told: Told,
    stop: tokio_util::sync::CancellationToken,
}

impl Watch {
    fn tell(&self, progress: Progress) -> Result<(), TransferError> {
        if self.stop.is_cancelled() {
            return Err(TransferError::Stopped);
        }
        (self.told)(progress);
        Ok(())
    }
}

fn cannot(doing: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> TransferError {
    let path = path.to_owned();
    move |source| TransferError::System { doing, path, source }
}

fn about(store: &str) -> impl Fn(StoreError) -> TransferError {
    let store = store.to_owned();
    move |source| TransferError::Store { store: store.clone(), source }
}

/// Reads a store anew and compares it with what was written into it.
async fn check(
    store: &dyn Store,
    name: &str,
    expected: &Summary,
    watch: &Watch,
    leads: &mut lead::Leads,
) -> Result<(), TransferError> {
    let mut content = Content::default();
    let mut export = Export::new(store);
    let (mut bytes, mut pieces) = (0, 0);
    while let Some(piece) = export.next_piece().await.map_err(about(name))? {
        content.add(&piece);
        bytes += piece.bytes() as u64;
        pieces += piece.count();
        watch.tell(Progress { step: Step::Check, bytes, of: None, pieces })?;
        leads.keep().await?;
    }
    let found = content.summary();
    if found == *expected {
        return Ok(());
    }
    Err(TransferError::Differs {
        store: name.to_owned(),
        found: found.checksum,
        expected: expected.checksum.clone(),
    })
}
