//! The picture that is kept of the daemon's things. It is filled once, kept true by news, and
//! filled anew when news were lost. What is newer always wins, whatever comes first.

use std::collections::BTreeMap;

use crate::api::notice::Notice;
use crate::api::view::{RunSummary, Stats};
use crate::domain::finding::Finding;
use crate::domain::id::{FindingId, ProjectId, RepositoryId, RunId, TaskId};
use crate::domain::project::Project;
use crate::domain::repository::Repository;
use crate::domain::run::RunState;
use crate::domain::task::Task;

use super::status::{Status, StatusKind};

pub mod log;

/// The runs that are kept; beyond them the oldest that have ended are forgotten.
const MAX_RUNS: usize = 2_000;

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Snapshot {
    /// All projects that are not put away.
    pub projects: Vec<Project>,
    /// All repositories that are not put away.
    pub repositories: Vec<Repository>,
    /// All tasks that are not put away.
    pub tasks: Vec<Task>,
    /// The newest runs.
    pub runs: Vec<RunSummary>,
    /// Open findings.
    pub findings: Vec<Finding>,
    /// How the host is.
    pub stats: Stats,
}

/// How many things are how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Runs that execute.
    pub running: usize,
    /// Runs that wait for their turn or their time.
    pub queued: usize,
    /// Runs that wait for a person.
    pub needs_you: usize,
    /// Tasks whose newest run did not succeed.
    pub failed: usize,
}

/// Which runs are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All.
    All,
    /// Those of a project.
    Project(ProjectId),
    /// Those of a repository.
    Repository(RepositoryId),
    /// Those of a task.
    Task(TaskId),
}

impl Scope {
    fn contains(self, run: &RunSummary) -> bool {
        match self {
            Self::All => true,
            Self::Project(id) => run.project == id,
            Self::Repository(id) => run.repository == id,
            Self::Task(id) => run.task == id,
        }
    }
}

/// The picture.
#[derive(Debug, Clone, Default)]
pub struct Model {
    is_filled: bool,
    projects: Vec<Project>,
    repositories: Vec<Repository>,
    tasks: Vec<Task>,
    /// By identity, which is ordered by creation.
    runs: BTreeMap<RunId, RunSummary>,
    findings: Vec<Finding>,
    stats: Stats,
}

impl Model {
    /// Whether it was filled at least once.
    pub fn is_filled(&self) -> bool {
        self.is_filled
    }

    /// Puts a new picture in the place of the old one.
    pub fn fill(&mut self, snapshot: Snapshot) {
        let newest = snapshot.runs.iter().map(|run| run.id).min();
        let before = std::mem::take(&mut self.runs);
        *self = Self { is_filled: true, stats: snapshot.stats, ..Self::default() };
        // Older runs than the page reaches are still as true as they were.
        self.runs = before.into_iter().filter(|(id, _)| newest.is_some_and(|n| *id < n)).collect();
        for project in snapshot.projects {
            self.put_project(project);
        }
        for repository in snapshot.repositories {
            self.put_repository(repository);
        }
        for task in snapshot.tasks {
            self.put_task(task);
        }
        for run in snapshot.runs {
            self.put_run(run);
        }
        for finding in snapshot.findings {
            self.put_finding(finding);
        }
    }

    /// Takes one change into the picture; returns whether anything that is drawn changed.
    pub fn take(&mut self, notice: Notice) -> bool {
        match notice {
            Notice::Run { run } => self.put_run(*run),
            Notice::Project { project } => self.put_project(*project),
            Notice::Repository { repository } => self.put_repository(*repository),
            Notice::Task { task } => self.put_task(*task),
            Notice::Finding { finding } => self.put_finding(*finding),
            Notice::Log { .. } | Notice::Reset => false,
        }
    }

    /// Takes how the host is; returns whether that changed.
    pub fn put_stats(&mut self, stats: Stats) -> bool {
        let is_news = self.stats != stats;
        self.stats = stats;
        is_news
    }

    /// Takes a run, if it is not older than what is known of it.
    pub fn put_run(&mut self, run: RunSummary) -> bool {
        if self.runs.get(&run.id).is_some_and(|known| known.version >= run.version) {
            return false;
        }
        self.runs.insert(run.id, run);
        if self.runs.len() > MAX_RUNS {
            let is_over = |run: &RunSummary| matches!(run.state, RunState::Ended { .. });
            let oldest = self.runs.values().find(|run| is_over(run)).map(|run| run.id);
            if let Some(oldest) = oldest {
                self.runs.remove(&oldest);
            }
        }
        true
    }

    fn put_project(&mut self, project: Project) -> bool {
        if self.projects.iter().any(|p| p.id == project.id && p.version >= project.version) {
            return false;
        }
        self.projects.retain(|known| known.id != project.id);
        if project.archived_at.is_none() {
            self.projects.push(project);
        }
        self.projects.sort_by(|one, two| one.slug.cmp(&two.slug));
        true
    }

    fn put_repository(&mut self, repository: Repository) -> bool {
        let known = &mut self.repositories;
        if known.iter().any(|r| r.id == repository.id && r.version >= repository.version) {
            return false;
        }
        known.retain(|known| known.id != repository.id);
        if repository.archived_at.is_none() {
            known.push(repository);
        }
        known.sort_by(|one, two| one.path.cmp(&two.path));
        true
    }

    fn put_task(&mut self, task: Task) -> bool {
        if self.tasks.iter().any(|t| t.id == task.id && t.version >= task.version) {
            return false;
        }
        self.tasks.retain(|known| known.id != task.id);
        if task.archived_at.is_none() {
            self.tasks.push(task);
        }
        self.tasks.sort_by(|one, two| one.path.cmp(&two.path));
        true
    }

    fn put_finding(&mut self, finding: Finding) -> bool {
        if self.findings.iter().any(|f| f.id == finding.id && f.version >= finding.version) {
            return false;
        }
        self.findings.retain(|known| known.id != finding.id);
        if finding.is_open() {
            self.findings.push(finding);
        }
        self.findings.sort_by(|one, two| {
            (one.severity, two.last_at, two.id).cmp(&(two.severity, one.last_at, one.id))
        });
        true
    }

    /// How the host is.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// All projects, by name.
    pub fn projects(&self) -> &[Project] {
        &self.projects
    }

    /// The repositories of a project, by name.
    pub fn repositories(&self, project: Option<ProjectId>) -> Vec<&Repository> {
        self.repositories.iter().filter(|r| Some(r.project) == project).collect()
    }

    /// The tasks of a repository, by name.
    pub fn tasks(&self, repository: Option<RepositoryId>) -> Vec<&Task> {
        self.tasks.iter().filter(|task| Some(task.repository) == repository).collect()
    }

    /// Open findings: the gravest first, then the newest.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// A project.
    pub fn project(&self, id: ProjectId) -> Option<&Project> {
        self.projects.iter().find(|project| project.id == id)
    }

    /// A repository.
    pub fn repository(&self, id: RepositoryId) -> Option<&Repository> {
        self.repositories.iter().find(|repository| repository.id == id)
    }

    /// A task.
    pub fn task(&self, id: TaskId) -> Option<&Task> {
        self.tasks.iter().find(|task| task.id == id)
    }

    /// A finding.
    pub fn finding(&self, id: FindingId) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.id == id)
    }

    /// A run.
    pub fn run(&self, id: RunId) -> Option<&RunSummary> {
        self.runs.get(&id)
    }

    /// The newest run of a scope.
    pub fn newest(&self, scope: Scope) -> Option<&RunSummary> {
        self.runs.values().rev().find(|run| scope.contains(run))
    }

    /// The newest run that executes.
    pub fn newest_running(&self) -> Option<&RunSummary> {
        self.runs.values().rev().find(|run| Status::of(run).kind == StatusKind::Running)
    }

    /// Whether a run executes, so that times pass on the screen.
    pub fn is_busy(&self) -> bool {
        self.newest_running().is_some()
    }

    /// How many runs of a scope are how.
    pub fn tally(&self, scope: Scope) -> Tally {
        let mut tally = Tally::default();
        let mut judged: Vec<TaskId> = Vec::new();
        for run in self.runs.values().rev().filter(|run| scope.contains(run)) {
            let kind = Status::of(run).kind;
            match kind {
                StatusKind::Running => tally.running += 1,
                StatusKind::Queued => tally.queued += 1,
                StatusKind::NeedsYou => tally.needs_you += 1,
                StatusKind::Paused
                | StatusKind::Failed
                | StatusKind::Done
                | StatusKind::Cancelled => {}
            }
            if !judged.contains(&run.task) {
                judged.push(run.task);
                tally.failed += usize::from(kind == StatusKind::Failed);
            }
        }
        tally
    }
}

#[cfg(test)]
mod tests;
