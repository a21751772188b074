//! Each stored type: where it lies, and the values of the fields that its collection declares.

use super::{Record, reversed};
use crate::domain::envelope::{ENVELOPE_SCHEMA, Envelope};
use crate::domain::finding::{FINDING_SCHEMA, Finding};
use crate::domain::ledger::{DUE_TIME_SCHEMA, DueTime, TASK_SCHEDULE_SCHEMA, TaskSchedule};
use crate::domain::project::{PROJECT_SCHEMA, Project};
use crate::domain::repository::{REPOSITORY_SCHEMA, Repository};
use crate::domain::run::{RUN_SCHEMA, Run};
use crate::domain::task::{TASK_SCHEMA, Task};
use crate::store::{AGE, Collection, instant};

const YES: &str = "yes";
const NO: &str = "no";

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
