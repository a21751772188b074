//! One daemon for each home: the lock, and the identity that its containers bear.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use anyhow::Context as _;
use rustix::fs::{FlockOperation, flock};

use crate::config::paths::Paths;

/// Another daemon has this home.
#[derive(Debug, thiserror::Error)]
#[error("a daemon is running already for {home}")]
pub struct AlreadyRunning {
    /// The home.
    pub home: String,
}

/// The home is ours as long as this lives.
pub(super) struct Held {
    pub(super) instance: String,
    _lock: File,
}

pub(super) fn take(paths: &Paths) -> anyhow::Result<Held> {
    for folder in [&paths.data, &paths.state] {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let path = paths.data.join("lock");
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            return Err(AlreadyRunning { home: paths.data.display().to_string() }.into());
        }
        Err(error) => return Err(error).with_context(|| format!("cannot lock {}", path.display())),
    }
    let instance = identity(&paths.data.join("instance"))
        .with_context(|| format!("cannot read {}", paths.data.join("instance").display()))?;
    Ok(Held { instance, _lock: lock })
}

/// The identity is made once; containers that bear it are ours for ever.
fn identity(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Ok(known) if !known.trim().is_empty() => return Ok(known.trim().to_owned()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let made = super::new_id::<()>().to_string();
    let draft = path.with_extension("new");
    let mut file =
        File::options().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(made.as_bytes())?;
    file.sync_all()?;
    fs::rename(draft, path)?;
    Ok(made)
}
