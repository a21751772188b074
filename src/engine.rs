//! What decides. The engine has a picture of all runs that have not ended; facts go in, effects
//! come out as data. It knows no clock, no store and no sandbox, so it can be tested as a function.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::domain::event::EventKind;
use crate::domain::id::{ProjectId, RepositoryId, RunId, TaskId};
use crate::domain::limits::SandboxKind;
use crate::domain::run::{Fact, Refused, Run, RunEffect, RunState, WaitReason};
use crate::domain::stage::Stage;

pub mod dispatch;
pub mod findings;
pub mod reconcile;

use findings::Report;

/// How many runs may hold a slot, in all and per scope; absent scopes have no cap of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Slots {
    /// In all.
    pub total: u32,
    /// In one project.
    pub projects: BTreeMap<ProjectId, u32>,
    /// In one repository.
    pub repositories: BTreeMap<RepositoryId, u32>,
    /// Of one task.
    pub tasks: BTreeMap<TaskId, u32>,
}

/// The caps that one run counts towards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Of all runs.
    pub total: u32,
    /// Of its project.
    pub project: Option<u32>,
    /// Of its repository.
    pub repository: Option<u32>,
    /// Of its task.
    pub task: Option<u32>,
}

impl Slots {
    fn of(&self, run: &Run) -> Bounds {
        Bounds {
            total: self.total,
            project: self.projects.get(&run.project()).copied(),
            repository: self.repositories.get(&run.repository()).copied(),
            task: self.tasks.get(&run.task()).copied(),
        }
    }
}

/// Something that has to be done, in the order of the list: what comes later may rest on what
/// comes earlier having been stored.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Store the run with what is told of it; then tell everybody.
    Commit {
        /// The run as it is now.
        run: Box<Run>,
        /// What happened.
        events: Vec<EventKind>,
    },
    /// The same for a run that takes a slot: the record counts once more, so that not even a daemon
    /// that believes wrongly to be alone exceeds a cap.
    Claim {
        /// The run as it is now.
        run: Box<Run>,
        /// What happened.
        events: Vec<EventKind>,
        /// What must not be exceeded.
        bounds: Bounds,
    },
    /// Execute a stage, or go on with its execution if there is one.
    StartStage {
        /// The run.
        run: RunId,
        /// Which stage.
        stage: Stage,
        /// Which execution of it.
        attempt: u32,
    },
    /// Stop what executes.
    StopStage {
        /// The run.
        run: RunId,
        /// Which stage.
        stage: Stage,
        /// Which execution of it.
        attempt: u32,
    },
    /// Remove the sandbox of a stage that has ended.
    Discard {
        /// The run.
        run: RunId,
        /// Which stage.
        stage: Stage,
        /// Which execution of it.
        attempt: u32,
    },
    /// Tie the ends of a run.
    Settle {
        /// The run.
        run: RunId,
    },
    /// Put something before a person.
    Report(Box<Report>),
    /// What was put before a person is decided.
    Withdraw {
        /// The fingerprint of the finding.
        fingerprint: String,
    },
    /// Save what can be saved of a sandbox that no run claims, and remove it.
    RemoveOrphan {
        /// Its name.
        name: String,
        /// The run that it belonged to, if it said so.
        run: Option<RunId>,
    },
}

/// What decides about all runs.
#[derive(Debug, Default)]
pub struct Engine {
    runs: BTreeMap<RunId, Run>,
    slots: Slots,
    held: bool,
    /// Runs that were active before this engine was, and of whose sandbox nothing is known yet.
    /// What executed may have ended in time while nobody looked.
    unseen: BTreeSet<RunId>,
}

impl Engine {
    /// An engine without runs.
    pub fn new(slots: Slots) -> Self {
        Self { slots, ..Self::default() }
    }

    /// The run, as long as it has not ended.
    pub fn run(&self, id: RunId) -> Option<&Run> {
        self.runs.get(&id)
    }

    /// All runs that have not ended.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.values()
    }

    /// Takes over a run that is stored already.
    pub fn adopt(&mut self, run: Run) {
        if run.outcome().is_none() {
            if matches!(run.state(), RunState::Active(_)) {
                self.unseen.insert(run.id());
            }
            self.runs.insert(run.id(), run);
        }
    }

    /// The sandboxes of a kind were looked at: from now on the clock counts for their runs.
    pub fn observed(&mut self, kind: SandboxKind) {
        let runs = &self.runs;
        self.unseen.retain(|id| runs.get(id).is_some_and(|run| run.spec().sandbox.kind != kind));
    }

    /// The caps have changed.
    pub fn set_slots(&mut self, slots: Slots, now: Timestamp) -> Vec<Effect> {
        self.slots = slots;
        self.dispatch(now)
    }

    /// Starts nothing any more; what executes goes on.
    pub fn hold(&mut self) {
        self.held = true;
    }

    /// A new run.
    pub fn submit(&mut self, run: Run, now: Timestamp) -> Vec<Effect> {
        let first = match run.state() {
            RunState::Queued { next, .. } => EventKind::Queued { next: *next },
            RunState::Waiting { reason, .. } => {
                EventKind::Waiting { reason: reason.clone(), failure: None }
            }
            RunState::Active(_) | RunState::Ending { .. } | RunState::Ended { .. } => {
                EventKind::Note { text: "taken over as it was".to_owned() }
            }
        };
        let report = findings::of_run(&run, now);
        let mut effects = vec![Effect::Commit {
            run: Box::new(run.clone()),
            events: vec![EventKind::Created, first],
        }];
        effects.extend(report.map(|report| Effect::Report(Box::new(report))));
        self.runs.insert(run.id(), run);
        effects.extend(self.dispatch(now));
        effects
    }

    /// Something happened to a run.
    ///
    /// # Errors
    /// [`Refused`] where it changes nothing; also for a run that the engine does not know, which
    /// has ended.
    pub fn handle(
        &mut self,
        id: RunId,
        fact: &Fact,
        now: Timestamp,
    ) -> Result<Vec<Effect>, Refused> {
        let mut effects = self.apply(id, fact, now)?;
        effects.extend(self.dispatch(now));
        Ok(effects)
    }

    /// Time has passed: deadlines and retries that are due.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Effect> {
        let due: Vec<(RunId, Fact)> =
            self.seen().filter_map(|run| Some((run.id(), due_fact(run, now)?))).collect();
        let mut effects = Vec::new();
        for (id, fact) in due {
            if let Ok(more) = self.apply(id, &fact, now) {
                effects.extend(more);
            }
        }
        effects.extend(self.dispatch(now));
        effects
    }

    /// When the next tick has something to do.
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.seen().filter_map(wake_time).min()
    }

    fn seen(&self) -> impl Iterator<Item = &Run> {
        self.runs.values().filter(|run| !self.unseen.contains(&run.id()))
    }

    fn apply(&mut self, id: RunId, fact: &Fact, now: Timestamp) -> Result<Vec<Effect>, Refused> {
        let before = self.runs.get(&id).ok_or(Refused::Ended)?;
        let transition = before.apply(fact, now)?;
        let mut effects = Vec::new();
        if before.needs_person() && !transition.run.needs_person() {
            effects.push(Effect::Withdraw { fingerprint: findings::waiting_fingerprint(id) });
        }
        let closed = match fact {
            Fact::StageEnded(report) => Some((report.stage, report.attempt)),
            Fact::StageLost { stage, attempt } => Some((*stage, *attempt)),
            Fact::Dispatched
            | Fact::StageRunning { .. }
            | Fact::DeadlinePassed(_)
            | Fact::RetryDue
            | Fact::CancelRequested
            | Fact::PauseRequested
            | Fact::ResumeRequested
            | Fact::Approved
            | Fact::Rejected { .. }
            | Fact::SkipRequested
            | Fact::Settled => None,
        };
        let run = transition.run;
        let (stored, events) = (Box::new(run.clone()), transition.events);
        let first = if *fact == Fact::Dispatched {
            Effect::Claim { run: stored, events, bounds: self.slots.of(&run) }
        } else {
            Effect::Commit { run: stored, events }
        };
        effects.insert(0, first);
        if let Some((stage, attempt)) = closed {
            effects.push(Effect::Discard { run: id, stage, attempt });
        }
        effects.extend(transition.effects.into_iter().map(|effect| match effect {
            RunEffect::StartStage { stage, attempt } => {
                Effect::StartStage { run: id, stage, attempt }
            }
            RunEffect::StopStage { stage, attempt } => {
                Effect::StopStage { run: id, stage, attempt }
            }
            RunEffect::Settle => Effect::Settle { run: id },
        }));
        let report = findings::of_run(&run, now);
        effects.extend(report.map(|report| Effect::Report(Box::new(report))));
        if run.outcome().is_some() {
            self.runs.remove(&id);
        } else {
            self.runs.insert(id, run);
        }
        Ok(effects)
    }

    fn dispatch(&mut self, now: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        while !self.held {
            let Some(next) = dispatch::next(self.runs.values(), &self.slots) else { break };
            match self.apply(next, &Fact::Dispatched, now) {
                Ok(more) => effects.extend(more),
                Err(_) => break,
            }
        }
        effects
    }
}

fn due_fact(run: &Run, now: Timestamp) -> Option<Fact> {
    if wake_time(run)? > now {
        return None;
    }
    match run.state() {
        RunState::Active(active) => Some(Fact::DeadlinePassed(active.limit)),
        RunState::Waiting { .. } => Some(Fact::RetryDue),
        RunState::Queued { .. } | RunState::Ending { .. } | RunState::Ended { .. } => None,
    }
}

fn wake_time(run: &Run) -> Option<Timestamp> {
    match run.state() {
        RunState::Active(active) => active.stopping.is_none().then_some(active.deadline),
        RunState::Waiting { reason, .. } => match reason {
            WaitReason::Retry { until, .. } => Some(*until),
            WaitReason::Approval { .. } | WaitReason::Review | WaitReason::Paused { .. } => None,
        },
        RunState::Queued { .. } | RunState::Ending { .. } | RunState::Ended { .. } => None,
    }
}

#[cfg(test)]
mod tests;
