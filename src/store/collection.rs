//! The kinds of documents, and what they can be found by.

use std::fmt;

use super::error::StoreError;

/// The kinds of documents. Events and logs of runs are none: they hang on the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Collection {
    /// Projects.
    Projects,
    /// Repositories.
    Repositories,
    /// Tasks.
    Tasks,
    /// When tasks are due, under the tasks' ids.
    TaskSchedules,
    /// The ledger of due times: each has its row before anything is dispatched.
    DueTimes,
    /// Runs.
    Runs,
    /// The envelopes of runs, under the runs' ids.
    Envelopes,
    /// What runs left behind.
    Artifacts,
    /// Findings.
    Findings,
    /// The engines that run containers for us.
    Workers,
    /// How harnesses reach their models.
    ProviderConfigs,
    /// What is told to runs besides their task.
    Contexts,
    /// Secrets, sealed.
    Secrets,
    /// Who did what.
    Audit,
    /// What was saved before something was deleted.
    Salvages,
}

/// A declared index of a collection. Its values are text, compared by their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Index {
    /// The field.
    pub field: &'static str,
    /// Whether two documents may not have the same value; absent values are never the same.
    pub unique: bool,
}

impl Index {
    const fn unique(field: &'static str) -> Self {
        Self { field, unique: true }
    }

    const fn plain(field: &'static str) -> Self {
        Self { field, unique: false }
    }
}

/// The field of the instant from which a document's age counts, as [`instant`] writes it. A
/// document without it does not age; a collection that does not declare it never expires.
pub const AGE: &str = "age";

/// An instant as the value of an indexed field: later ones sort behind earlier ones.
pub fn instant(at: jiff::Timestamp) -> String {
    // What lies before 1970 never happens here; it would sort as the oldest.
    format!("{:015}", at.as_millisecond().max(0))
}

impl Collection {
    /// Every collection, in the order in which a backup holds them.
    pub const ALL: [Self; 15] = [
        Self::Projects,
        Self::Repositories,
        Self::Tasks,
        Self::TaskSchedules,
        Self::DueTimes,
        Self::Runs,
        Self::Envelopes,
        Self::Artifacts,
        Self::Findings,
        Self::Workers,
        Self::ProviderConfigs,
        Self::Contexts,
        Self::Secrets,
        Self::Audit,
        Self::Salvages,
    ];

    /// The name as it is stored.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Projects => "projects",
            Self::Repositories => "repositories",
            Self::Tasks => "tasks",
            Self::TaskSchedules => "task_schedules",
            Self::DueTimes => "due_times",
            Self::Runs => "runs",
            Self::Envelopes => "envelopes",
            Self::Artifacts => "artifacts",
            Self::Findings => "findings",
            Self::Workers => "workers",
            Self::ProviderConfigs => "provider_configs",
            Self::Contexts => "contexts",
            Self::Secrets => "secrets",
            Self::Audit => "audit",
            Self::Salvages => "salvages",
        }
    }

    /// The collection of this name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|collection| collection.name() == name)
    }

    /// The fields that documents can be found by.
    pub const fn indexes(self) -> &'static [Index] {
        match self {
            Self::Projects => const { &[Index::unique("slug")] },
            Self::Repositories => {
                const { &[Index::unique("path"), Index::plain("project"), Index::plain("source")] }
            }
            Self::Tasks => const { &[Index::unique("path"), Index::plain("repository")] },
            Self::TaskSchedules => const { &[Index::plain("active")] },
            Self::DueTimes => {
                const {
                    &[
                        Index::unique("moment"),
                        Index::plain("task"),
                        Index::plain("open"),
                        Index::plain(AGE),
                    ]
                }
            }
            Self::Runs => {
                const {
                    &[
                        Index::unique("idempotency_key"),
                        Index::unique("tail"),
                        Index::plain("live"),
                        Index::plain("slot"),
                        Index::plain("project"),
                        Index::plain("repository"),
                        Index::plain("task"),
                        Index::plain(AGE),
                    ]
                }
            }
            Self::Envelopes => &[],
            Self::Artifacts => const { &[Index::unique("entry"), Index::plain("run")] },
            Self::Findings => {
                const { &[Index::unique("fingerprint"), Index::plain("open"), Index::plain(AGE)] }
            }
            Self::Workers => const { &[Index::unique("name")] },
            Self::ProviderConfigs => const { &[Index::unique("name"), Index::plain("harness")] },
            Self::Contexts => const { &[Index::unique("entry"), Index::plain("scope")] },
            Self::Secrets => const { &[Index::unique("entry"), Index::plain("name")] },
            Self::Audit => const { &[Index::plain("subject"), Index::plain(AGE)] },
            Self::Salvages => {
                const { &[Index::unique("reference"), Index::plain("run"), Index::plain("repository")] }
            }
        }
    }

    /// Refuses runs: what is told of a run goes with each of its changes.
    pub(super) fn is_not_runs(self) -> Result<(), StoreError> {
        if self == Self::Runs {
            return Err(StoreError::Refused("runs change by transitions only".to_owned()));
        }
        Ok(())
    }

    /// Whether its documents have an age.
    pub fn ages(self) -> bool {
        self.indexes().iter().any(|index| index.field == AGE)
    }
}

impl fmt::Display for Collection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
