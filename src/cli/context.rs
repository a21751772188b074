//! Where a command runs: its environment, its paths, its settings, its daemon.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal};

use super::error::CliError;
use super::output::Ui;
use super::start;
use crate::api::client::Client;
use crate::config::layers::{self, Loaded};
use crate::config::paths::Paths;

/// What a command is given besides its arguments.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    environment: BTreeMap<OsString, OsString>,
    ui: Ui,
}

impl Context {
    /// The context of this process.
    pub(crate) fn new(environment: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let environment: BTreeMap<OsString, OsString> = environment.into_iter().collect();
        let set = |name: &str| environment.get(OsStr::new(name)).filter(|value| !value.is_empty());
        let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG"));
        // Only who says so has a terminal without Unicode; an unset locale says nothing.
        let unicode = locale.is_none_or(|name| name != "C" && name != "POSIX");
        let dumb = set("TERM").is_some_and(|term| term == "dumb");
        let ui = Ui::new(set("NO_COLOR").is_some(), dumb, unicode);
        Self { environment, ui }
    }

    /// What prints.
    pub(crate) fn ui(&self) -> Ui {
        self.ui
    }

    /// A variable, where it is set to something.
    pub(crate) fn variable(&self, name: &str) -> Option<&OsStr> {
        let value = self.environment.get(OsStr::new(name))?;
        (!value.is_empty()).then_some(value)
    }

    /// All variables, for programs that this one starts.
    pub(crate) fn environment(&self) -> &BTreeMap<OsString, OsString> {
        &self.environment
    }

    /// The same with another value for a variable.
    pub(crate) fn with(&self, name: &str, value: impl Into<OsString>) -> Self {
        let mut changed = self.clone();
        changed.environment.insert(OsString::from(name), value.into());
        changed
    }

    /// Where orch's files lie.
    ///
    /// # Errors
    /// Where the environment does not say.
    pub(crate) fn paths(&self) -> Result<Paths, CliError> {
        Ok(Paths::resolve(|name| self.environment.get(OsStr::new(name)).cloned())?)
    }

    /// The settings of all layers.
    ///
    /// # Errors
    /// The first that cannot be used.
    pub(crate) fn settings(&self, flags: &[(String, toml::Value)]) -> Result<Loaded, CliError> {
        Ok(layers::load(&self.paths()?, self.variables(), flags)?)
    }

    /// The variables as text. What is no text fits no setting, and is told as what it looks like.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (String, String)> {
        self.environment.iter().map(|(name, value)| {
            (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
        })
    }

    /// The daemon, started if none answers.
    ///
    /// # Errors
    /// Where it cannot be reached nor started.
    pub(crate) async fn client(&self) -> Result<Client, CliError> {
        start::reach(self, &[]).await.map(|(client, _)| client)
    }

    /// Whether a person can be asked something.
    pub(crate) fn is_interactive(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }
}
