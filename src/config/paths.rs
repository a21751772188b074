//! Where things lie. `ORCH_HOME` puts everything below one folder; otherwise the XDG folders hold.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Where orch keeps its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The file with the user's settings.
    pub config_file: PathBuf,
    /// What must last: the store, repository caches, workspaces, results.
    pub data: PathBuf,
    /// What may go: own logs, scratch.
    pub state: PathBuf,
    /// The daemon's socket.
    pub socket: PathBuf,
}

/// The folders cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoPlace {
    /// Neither variable says where home is.
    #[error("neither ORCH_HOME nor HOME is set, so there is no place for orch's files")]
    NoHome,
    /// A relative folder would move with the caller.
    #[error("{name} is `{}`, which is not an absolute path", .value.display())]
    Relative {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: PathBuf,
    },
}

impl Paths {
    /// The paths, as the environment says.
    ///
    /// # Errors
    /// [`NoPlace`] where it does not say, or says something relative.
    pub fn resolve(env: impl Fn(&str) -> Option<OsString>) -> Result<Self, NoPlace> {
        let folder = |name: &'static str| match env(name).filter(|value| !value.is_empty()) {
            None => Ok(None),
            Some(value) if Path::new(&value).is_absolute() => Ok(Some(PathBuf::from(value))),
            Some(value) => Err(NoPlace::Relative { name, value: PathBuf::from(value) }),
        };
        if let Some(home) = folder("ORCH_HOME")? {
            return Ok(Self {
                config_file: home.join("config.toml"),
                data: home.join("data"),
                state: home.join("state"),
                socket: home.join("run/orch.sock"),
            });
        }
        let home = folder("HOME")?;
        let under_home = |variable: Option<PathBuf>, rest: &str| match (variable, &home) {
            (Some(folder), _) => Ok(folder),
            (None, Some(home)) => Ok(home.join(rest)),
            (None, None) => Err(NoPlace::NoHome),
        };
        let config = under_home(folder("XDG_CONFIG_HOME")?, ".config")?;
        let data = under_home(folder("XDG_DATA_HOME")?, ".local/share")?;
        let state = under_home(folder("XDG_STATE_HOME")?, ".local/state")?;
        // Without a runtime folder the socket lies with the state, which is private too.
        let runtime = folder("XDG_RUNTIME_DIR")?
            .map_or_else(|| state.join("orch/run"), |runtime| runtime.join("orch"));
        Ok(Self {
            config_file: config.join("orch/config.toml"),
            data: data.join("orch"),
            state: state.join("orch"),
            socket: runtime.join("orch.sock"),
        })
    }

    /// The store's file.
    pub fn store_file(&self) -> PathBuf {
        self.data.join("orch.db")
    }

    /// The daemon's own log.
    pub fn daemon_log(&self) -> PathBuf {
        self.state.join("daemon.log")
    }
}
