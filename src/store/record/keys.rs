//! Each stored type: where it lies, and the values of the fields that its collection declares.

use super::{Record, reversed};
use crate::domain::artifact::{ARTIFACT_SCHEMA, Artifact};
use crate::domain::audit::{AUDIT_SCHEMA, AuditEntry};
use crate::domain::context::{CONTEXT_SCHEMA, Context};
use crate::domain::envelope::{ENVELOPE_SCHEMA, Envelope};
use crate::domain::finding::{FINDING_SCHEMA, Finding};
use crate::domain::ledger::{DUE_TIME_SCHEMA, DueTime, TASK_SCHEDULE_SCHEMA, TaskSchedule};
use crate::domain::project::{PROJECT_SCHEMA, Project};
use crate::domain::provider::{PROVIDER_CONFIG_SCHEMA, ProviderConfig};
use crate::domain::repository::{REPOSITORY_SCHEMA, Repository};
use crate::domain::run::{RUN_SCHEMA, Run};
use crate::domain::salvage::{SALVAGE_SCHEMA, Salvage};
use crate::domain::secret::{SECRET_SCHEMA, Secret};
use crate::domain::task::{TASK_SCHEMA, Task};
use crate::domain::worker::{WORKER_SCHEMA, Worker};
use crate::store::{AGE, Collection, instant};

const YES: &str = "yes";
const NO: &str = "no";

/// The newest shape of a collection's documents that this program can read.
pub const fn newest_schema(collection: Collection) -> u32 {
    match collection {
        Collection::Projects => Project::SCHEMA,
        Collection::Repositories => Repository::SCHEMA,
        Collection::Tasks => Task::SCHEMA,
        Collection::TaskSchedules => TaskSchedule::SCHEMA,
        Collection::DueTimes => DueTime::SCHEMA,
        Collection::Runs => Run::SCHEMA,
        Collection::Envelopes => Envelope::SCHEMA,
        Collection::Artifacts => Artifact::SCHEMA,
        Collection::Findings => Finding::SCHEMA,
        Collection::Workers => Worker::SCHEMA,
        Collection::ProviderConfigs => ProviderConfig::SCHEMA,
        Collection::Contexts => Context::SCHEMA,
        Collection::Secrets => Secret::SCHEMA,
        Collection::Audit => AuditEntry::SCHEMA,
        Collection::Salvages => Salvage::SCHEMA,
    }
}

impl Record for Project {
    const COLLECTION: Collection = Collection::Projects;
    const SCHEMA: u32 = PROJECT_SCHEMA;

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn keys(&self) -> Vec<(&'static str, Option<String>)> {
        vec![("slug", Some(self.slug.to_string()))]
    }
}

impl Record for Repository {
    const COLLECTION: Collection = Collection::Repositories;
    const SCHEMA: u32 = REPOSITORY_SCHEMA;

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn keys(&self) -> Vec<(&'static str, Option<String>)> {
        vec![
            ("path", Some(self.path.to_string())),
            ("project", Some(self.path.project.to_string())),
            ("source", Some(self.source.clone())),
        ]
    }
}

impl Record for Task {
    const COLLECTION: Collection = Collection::Tasks;
    const SCHEMA: u32 = TASK_SCHEMA;

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn keys(&self) -> Vec<(&'static str, Option<String>)> {
        vec![
            ("path", Some(self.path.to_string())),
            ("repository", Some(self.path.repository_path().to_string())),
        ]
    }
}

impl Record for Run {
    const COLLECTION: Collection = Collection::Runs;
    const SCHEMA: u32 = RUN_SCHEMA;

    fn id(&self) -> String {
        self.id().to_string()
    }

    fn version(&self) -> u64 {
        self.version()
    }

    fn keys(&self) -> Vec<(&'static str, Option<String>)> {
        let live = if self.outcome().is_some() { NO } else { YES };
        let ended = self.outcome().is_some().then(|| instant(self.updated_at()));
        vec![
            ("idempotency_key", self.idempotency_key().map(str::to_owned)),
            ("tail", Some(reversed(&self.id().to_string()))),
            ("live", Some(live.to_owned())),
            ("slot", self.holds_slot().then(|| YES.to_owned())),
            ("project", Some(self.project().to_string())),
            ("repository", Some(self.repository().to_string())),
            ("task", Some(self.task().to_string())),
            (AGE, ended),
        ]
    }
}

impl Record for Finding {
    const COLLECTION: Collection = Collection::Findings;
    const SCHEMA: u32 = FINDING_SCHEMA;

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn keys(&self) -> Vec<(&'static str, Option<String>)> {
        let open = if self.is_open() { YES } else { NO };
        let settled = (!self.is_open()).then(|| instant(self.last_at));
        vec![
            ("fingerprint", Some(self.fingerprint.clone())),
            ("open", Some(open.to_owned())),
            (AGE, settled),
        ]
    }
}

impl Record for Envelope {
    const COLLECTION: Collection = Collection::Envelopes;
    const SCHEMA: u32 = ENVELOPE_SCHEMA;

    fn id(&self) -> String {
        self.run_id.to_string()
    }

    /// An envelope is written once and never again.
    fn version(&self) -> u64 {
        1
    }

    fn keys(&self) -> Vec<(&'static str, Option<String>)> {
        Vec::new()
    }
}

impl Record for TaskSchedule {
    const COLLECTION: Collection = Collection::TaskSchedules;
    const SCHEMA: u32 = TASK_SCHEDULE_SCHEMA;

    fn id(&self) -> String {
        self.task.to_string()
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn keys(&self) -> Vec<(&'static str, Option<String>)> {
        let active = if self.active { YES } else { NO };
        vec![("active", Some(active.to_owned()))]
    }
}

impl Record for DueTime {
    const COLLECTION: Collection = Collection::DueTimes;
    const SCHEMA: u32 = DUE_TIME_SCHEMA;

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn keys(&self) -> Vec<(&'static str, Option<String>)> {
        let open = if self.is_open() { YES } else { NO };
        vec![
            ("moment", Some(self.moment())),
            ("task", Some(self.task.to_string())),
            ("open", Some(open.to_owned())),
            (AGE, self.settled_at().map(instant)),
        ]
    }
}

impl Record for Artifact {
    const COLLECTION: Collection = Collection::Artifacts;
    const SCHEMA: u32 = ARTIFACT_SCHEMA;

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn keys(&self) -> Vec<(&'static str, Option<String>)> {
        vec![("entry", Some(self.entry())), ("run", Some(self.run.to_string()))]
    }
}

impl Record for Worker {
    const COLLECTION: Collection = Collection::Workers;
    const SCHEMA: u32 = WORKER_SCHEMA;

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn keys(&self) -> Vec<(&'static str, Option<String>)> {
        vec![("name", Some(self.name.to_string()))]
    }
}

impl Record for ProviderConfig {
    const COLLECTION: Collection = Collection::ProviderConfigs;
    const SCHEMA: u32 = PROVIDER_CONFIG_SCHEMA;

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn keys(&self) -> Vec<(&'static str, Option<String>)> {
        vec![
            ("name", Some(self.name.to_string())),
            ("harness", Some(self.harness.name().to_owned())),
        ]
    }
}

impl Record for Context {
    const COLLECTION: Collection = Collection::Contexts;
    const SCHEMA: u32 = CONTEXT_SCHEMA;

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn keys(&self) -> Vec<(&'static str, Option<String>)> {
        vec![("entry", Some(self.entry())), ("scope", Some(self.scope.to_string()))]
    }
}

impl Record for Secret {
    const COLLECTION: Collection = Collection::Secrets;
    const SCHEMA: u32 = SECRET_SCHEMA;

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn keys(&self) -> Vec<(&'static str, Option<String>)> {
        let entry = format!("{}/{}", self.scope, self.name);
        vec![("entry", Some(entry)), ("name", Some(self.name.to_string()))]
    }
}

impl Record for AuditEntry {
    const COLLECTION: Collection = Collection::Audit;
    const SCHEMA: u32 = AUDIT_SCHEMA;

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn keys(&self) -> Vec<(&'static str, Option<String>)> {
        vec![("subject", Some(self.subject.to_string())), (AGE, Some(instant(self.at)))]
    }
}

impl Record for Salvage {
    const COLLECTION: Collection = Collection::Salvages;
    const SCHEMA: u32 = SALVAGE_SCHEMA;

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn keys(&self) -> Vec<(&'static str, Option<String>)> {
        vec![
            ("reference", Some(self.reference.clone())),
            ("run", Some(self.run.to_string())),
            ("repository", Some(self.repository.to_string())),
        ]
    }
}
