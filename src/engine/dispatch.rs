//! Which queued run goes next: by priority, then fairly between repositories, then by age; never
//! beyond a cap.

use std::collections::BTreeMap;

use super::Slots;
use crate::domain::id::{ProjectId, RepositoryId, RunId, TaskId};
use crate::domain::run::{Run, RunState};

#[derive(Default)]
struct Load {
    total: u32,
    projects: BTreeMap<ProjectId, u32>,
    repositories: BTreeMap<RepositoryId, u32>,
    tasks: BTreeMap<TaskId, u32>,
}

impl Load {
    fn of<'a>(runs: impl Iterator<Item = &'a Run>) -> Self {
        let mut load = Self::default();
        for run in runs.filter(|run| run.holds_slot()) {
            load.total += 1;
            *load.projects.entry(run.project()).or_default() += 1;
            *load.repositories.entry(run.repository()).or_default() += 1;
            *load.tasks.entry(run.task()).or_default() += 1;
        }
        load
    }

    fn has_room(&self, run: &Run, slots: &Slots) -> bool {
        fn below<K: Ord>(used: &BTreeMap<K, u32>, caps: &BTreeMap<K, u32>, key: &K) -> bool {
            caps.get(key).is_none_or(|cap| used.get(key).copied().unwrap_or(0) < *cap)
        }
        self.total < slots.total
            && below(&self.projects, &slots.projects, &run.project())
            && below(&self.repositories, &slots.repositories, &run.repository())
            && below(&self.tasks, &slots.tasks, &run.task())
    }
}

/// The queued run that may start now, if one may.
pub fn next<'a>(runs: impl Iterator<Item = &'a Run> + Clone, slots: &Slots) -> Option<RunId> {
    let load = Load::of(runs.clone());
    runs.filter(|run| matches!(run.state(), RunState::Queued { .. }))
        .filter(|run| load.has_room(run, slots))
        .min_by_key(|run| {
            let busy = load.repositories.get(&run.repository()).copied().unwrap_or(0);
            (run.spec().priority, busy, run.id())
        })
        .map(Run::id)
}
