//! The settings as the program uses them; `defaults.toml` is their documentation.

use serde::{Deserialize, Serialize};

use super::store_url::StoreUrl;
use crate::domain::duration::HumanDuration;
use crate::domain::limits::{NetworkProfile, SandboxKind};
use crate::domain::size::ByteSize;

/// All settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The daemon.
    pub daemon: DaemonSettings,
    /// The record.
    pub store: StoreSettings,
    /// The container engine.
    pub docker: DockerSettings,
    /// What a run has where nobody says otherwise.
    pub run: RunSettings,
    /// The terminal interface.
    pub tui: TuiSettings,
    /// The daemon's own log.
    pub log: LogSettings,
}

/// The daemon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DaemonSettings {
    /// How many runs may execute at once.
    pub max_active: u32,
    /// How long a stage that is stopped may take to leave.
    pub stop_grace: HumanDuration,
}

/// The record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreSettings {
    /// Where it is kept.
    pub url: StoreUrl,
}

/// The container engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DockerSettings {
    /// Its address; empty is the engine's own default.
    pub host: String,
    /// Patterns of images that runs may use.
    pub images: Vec<String>,
}

/// What a run has where nobody says otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunSettings {
    /// Container or process.
    pub sandbox: SandboxKind,
    /// The image of containers.
    pub image: String,
    /// What stages may reach.
    pub network: NetworkProfile,
    /// The memory of a container.
    pub memory: ByteSize,
    /// The processors of a container.
    pub cpus: f64,
    /// The processes of a container.
    pub pids: u32,
    /// The output of one stage.
    pub log: ByteSize,
    /// All stages of a run together.
    pub timeout: HumanDuration,
    /// Without output.
    pub idle_timeout: HumanDuration,
}

/// The terminal interface.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TuiSettings {
    /// The name of a built-in theme, or the path of a file.
    pub theme: String,
    /// Only ASCII characters.
    pub ascii: bool,
}

/// The daemon's own log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSettings {
    /// What is written down.
    pub level: String,
}
