//! The actor: it owns the engine and carries out its effects, one fact after the other.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::handle::{self, Handle, Message};
use super::{Shared, new_id, settle, stage};
use crate::api::notice::Notice;
use crate::api::view::RunSummary;
use crate::domain::event::EventKind;
use crate::domain::finding::{Finding, FindingState};
use crate::domain::id::RunId;
use crate::domain::run::{Fact, Refused, Run};
use crate::domain::stage::Stage;
use crate::engine::reconcile::{self, sandbox_name};
use crate::engine::{Bounds, Effect, Engine, Slots};
use crate::store::record::{self, Record as _};
use crate::store::{Cap, Claim, Filter, Query, StoreError, Transition};

/// How long a write is tried while the store does not answer: long enough for a server to elect
/// another primary, and for a person to make room on a full disk.
const PATIENCE: Duration = Duration::from_mins(2);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Owns the engine.
pub(crate) struct Actor {
    shared: Arc<Shared>,
    handle: Handle,
    inbox: mpsc::Receiver<Message>,
    engine: Engine,
    tasks: TaskTracker,
    /// The stage that executes of each run: cancelling asks it to stop.
    stages: HashMap<RunId, CancellationToken>,
    /// Runs whose ends are being tied.
    settling: HashSet<RunId>,
}

/// The actor with all runs that have not ended, and the way to reach it.
pub(crate) async fn prepare(shared: Arc<Shared>) -> anyhow::Result<(Handle, Actor)> {
    let (handle, inbox) = handle::channel();
    let mut engine = Engine::new(slots(&shared).await?);
    let live = Query::all(Run::COLLECTION).filter(Filter::Equals("live", "yes".to_owned()));
    for run in record::find::<Run>(shared.store.as_ref(), live).await.context("cannot read runs")? {
        engine.adopt(run);
    }
    let actor = Actor {
        shared,
        handle: handle.clone(),
        inbox,
        engine,
        tasks: TaskTracker::new(),
        stages: HashMap::new(),
        settling: HashSet::new(),
    };
    Ok((handle, actor))
}

/// The caps, as they are stored and set.
pub(crate) async fn slots(shared: &Shared) -> Result<Slots, StoreError> {
    use crate::domain::project::Project;
    use crate::domain::repository::Repository;
    use crate::domain::task::Task;
    let store = shared.store.as_ref();
    let mut slots = Slots { total: shared.settings().daemon.max_active, ..Slots::default() };
    for project in record::find::<Project>(store, Query::all(Project::COLLECTION)).await? {
        slots.projects.extend(project.caps.max_active.map(|cap| (project.id, cap)));
    }
    for repository in record::find::<Repository>(store, Query::all(Repository::COLLECTION)).await? {
        slots.repositories.extend(repository.caps.max_active.map(|cap| (repository.id, cap)));
    }
    for task in record::find::<Task>(store, Query::all(Task::COLLECTION)).await? {
        slots.tasks.extend(task.caps.max_active.map(|cap| (task.id, cap)));
    }
    Ok(slots)
}

impl Actor {
    /// Decides until `stop`.
    ///
    /// # Errors
    /// Where the store stays away: then nothing more can be promised, and the daemon leaves.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        let outcome = self.decide_until(&stop).await;
        self.engine.hold();
        stop.cancel();
        self.tasks.close();
        // Stages notice the token and let go of their sandboxes, which go on by themselves.
        let grace = Duration::from_secs(2);
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_err() {
            tracing::warn!(tasks = self.tasks.len(), "some stages did not let go in time");
        }
        outcome
    }

    async fn decide_until(&mut self, stop: &CancellationToken) -> anyhow::Result<()> {
        // Runs that were stored, but not dispatched.
        let effects = self.engine.tick(Timestamp::now());
        self.carry_out(effects, stop).await?;
        loop {
            let wake = self.engine.next_wake();
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                message = self.inbox.recv() => match message {
                    Some(message) => self.take(message, stop).await?,
                    None => return Ok(()),
                },
                () = sleep_until(wake) => {
                    let effects = self.engine.tick(Timestamp::now());
                    self.carry_out(effects, stop).await?;
                }
            }
        }
    }

    async fn take(&mut self, message: Message, stop: &CancellationToken) -> anyhow::Result<()> {
        let now = Timestamp::now();
        match message {
            Message::Submit { run, reply } => {
                // Looked for here, where runs are made one after the other: of many who ask with
                // the same key at once, one makes it.
                if let Some(made) = self.made_before(&run).await? {
                    drop(reply.send(made));
                    return Ok(());
                }
                let id = run.id();
                let mut stored = *run.clone();
                let effects = self.engine.submit(*run, now);
                self.carry_out(effects, stop).await?;
                if let Some(current) = self.engine.run(id) {
                    stored = current.clone();
                }
                // Who asked may have gone; the run is made all the same.
                drop(reply.send(stored));
            }
            Message::Tell { run, fact, reply } => {
                if fact == Fact::Settled {
                    self.settling.remove(&run);
                }
                let answer = match self.engine.handle(run, &fact, now) {
                    Ok(effects) => {
                        let after = committed(&effects, run);
                        self.carry_out(effects, stop).await?;
                        after.ok_or(Refused::AlreadySo)
                    }
                    Err(refused) => {
                        tracing::debug!(run = %run, ?fact, %refused, "refused");
                        Err(refused)
                    }
                };
                if let Some(reply) = reply {
                    drop(reply.send(answer));
                }
            }
            Message::Observed { kind, found } => {
                let findings = reconcile::reconcile(kind, self.engine.runs(), &found);
                self.engine.observed(kind);
                for finding in findings {
                    let effects = self.reconciled(finding, now);
                    self.carry_out(effects, stop).await?;
                }
            }
            Message::SlotsChanged => {
                // Read here, so that what is read last also holds last.
                let slots = slots(&self.shared).await.context("cannot read the caps")?;
                let effects = self.engine.set_slots(slots, now);
                self.carry_out(effects, stop).await?;
            }
        }
        Ok(())
    }

    async fn made_before(&self, run: &Run) -> anyhow::Result<Option<Run>> {
        let Some(key) = run.idempotency_key() else { return Ok(None) };
        let store = self.shared.store.as_ref();
        record::lookup::<Run>(store, "idempotency_key", key).await.context("cannot read runs")
    }

    fn reconciled(&mut self, finding: reconcile::Finding, now: Timestamp) -> Vec<Effect> {
        match finding {
            reconcile::Finding::Continue { run, stage, attempt, stop } => {
                if self.stages.contains_key(&run) {
                    return Vec::new();
                }
                tracing::info!(run = %run, %stage, attempt, "went on with a stage");
                let mut effects = vec![Effect::StartStage { run, stage, attempt }];
                if stop {
                    effects.push(Effect::StopStage { run, stage, attempt });
                }
                effects
            }
            reconcile::Finding::Lost { run, stage, attempt } => {
                if self.stages.contains_key(&run) {
                    return Vec::new();
                }
                tracing::warn!(run = %run, %stage, attempt, "the sandbox of a stage is gone");
                let fact = Fact::StageLost { stage, attempt };
                self.engine.handle(run, &fact, now).unwrap_or_default()
            }
            reconcile::Finding::Settle { run } => vec![Effect::Settle { run }],
            reconcile::Finding::Orphan { name, run } => vec![Effect::RemoveOrphan { name, run }],
        }
    }

    async fn carry_out(
        &mut self,
        effects: Vec<Effect>,
        stop: &CancellationToken,
    ) -> anyhow::Result<()> {
        for effect in effects {
            match effect {
                Effect::Commit { run, events } => self.commit(&run, events, None).await?,
                Effect::Claim { run, events, bounds } => {
                    self.commit(&run, events, Some(caps(&run, bounds))).await?;
                }
                Effect::StartStage { run, stage, attempt } => {
                    self.start_stage(run, stage, attempt, stop);
                }
                Effect::StopStage { run, stage, attempt } => {
                    tracing::info!(run = %run, %stage, attempt, "stopping");
                    if let Some(token) = self.stages.get(&run) {
                        token.cancel();
                    }
                }
                Effect::Discard { run, stage, attempt } => self.discard(run, stage, attempt),
                Effect::Settle { run } => self.start_settling(run, stop),
                Effect::Report(report) => {
                    let fresh = report.into_finding(new_id());
                    patiently("store a finding", || self.put_finding(&fresh)).await?;
                }
                Effect::Withdraw { fingerprint } => {
                    patiently("close a finding", || self.withdraw(&fingerprint)).await?;
                }
                Effect::RemoveOrphan { name, run } => self.remove_orphan(name, run),
            }
        }
        Ok(())
    }

    async fn commit(
        &self,
        run: &Run,
        events: Vec<EventKind>,
        caps: Option<Vec<Cap>>,
    ) -> anyhow::Result<()> {
        let document = record::encode(run)?;
        for event in &events {
            tracing::debug!(run = %run.id(), ?event, "committed");
        }
        patiently("store a run", || {
            let change = Transition {
                run: run.id(),
                document: document.clone(),
                at: run.updated_at(),
                events: events.clone(),
                fence: self.shared.fence,
            };
            let caps = caps.as_deref();
            async move {
                match self.write(change, caps).await {
                    // An attempt before this one had reached the store, and its answer was lost.
                    Err(StoreError::Conflict(_) | StoreError::Exists(_))
                        if self.is_stored(run).await? =>
                    {
                        Ok(())
                    }
                    other => other,
                }
            }
        })
        .await?;
        self.shared.news.tell(Notice::Run { run: Box::new(RunSummary::from(run)) });
        Ok(())
    }

    async fn write(&self, change: Transition, caps: Option<&[Cap]>) -> Result<(), StoreError> {
        let store = self.shared.store.as_ref();
        let Some(caps) = caps else { return store.transition(change).await.map(drop) };
        let name = format!("the slot of run {}", change.run);
        match store.claim(change, caps).await? {
            Claim::Granted(_) => Ok(()),
            // The engine counts the same runs. Where the record counts more, somebody else writes
            // to it, and whoever goes on deciding decides wrongly.
            Claim::Full(_) => Err(StoreError::Conflict(name)),
        }
    }

    async fn is_stored(&self, run: &Run) -> Result<bool, StoreError> {
        let stored = record::get::<Run>(self.shared.store.as_ref(), &run.id().to_string()).await?;
        Ok(stored.as_ref() == Some(run))
    }

    async fn put_finding(&self, fresh: &Finding) -> Result<(), StoreError> {
        let store = self.shared.store.as_ref();
        let known = record::lookup::<Finding>(store, "fingerprint", &fresh.fingerprint).await?;
        let finding = match known {
            // An attempt before this one had reached the store, and its answer was lost: of one
            // moment there is one occurrence.
            Some(known) if known.last_at == fresh.last_at && known.run == fresh.run => known,
            Some(known) => {
                let again = known.seen_again(fresh);
                record::replace(store, &again).await?;
                again
            }
            None => {
                record::insert(store, fresh).await?;
                fresh.clone()
            }
        };
        self.shared.news.tell(Notice::Finding { finding: Box::new(finding) });
        Ok(())
    }

    async fn withdraw(&self, fingerprint: &str) -> Result<(), StoreError> {
        let store = self.shared.store.as_ref();
        let Some(known) = record::lookup::<Finding>(store, "fingerprint", fingerprint).await?
        else {
            return Ok(());
        };
        if !known.is_open() {
            return Ok(());
        }
        let closed = Finding { version: known.version + 1, state: FindingState::Resolved, ..known };
        record::replace(store, &closed).await?;
        self.shared.news.tell(Notice::Finding { finding: Box::new(closed) });
        Ok(())
    }

    fn start_stage(&mut self, id: RunId, stage: Stage, attempt: u32, stop: &CancellationToken) {
        let Some(run) = self.engine.run(id).cloned() else { return };
        let asked_to_stop = CancellationToken::new();
        self.stages.insert(id, asked_to_stop.clone());
        let execution = stage::Execution {
            shared: Arc::clone(&self.shared),
            handle: self.handle.clone(),
            run,
            stage,
            attempt,
            asked_to_stop,
            leaving: stop.clone(),
        };
        self.tasks.spawn(stage::execute(execution));
    }

    fn discard(&mut self, run: RunId, stage: Stage, attempt: u32) {
        self.stages.remove(&run);
        let Some(kind) = self.engine.run(run).map(|run| run.spec().sandbox.kind) else { return };
        let sandbox = self.shared.sandbox(kind);
        let name = sandbox_name(run, stage.name(), attempt);
        self.tasks.spawn(async move {
            if let Err(error) = sandbox.remove(&name).await {
                // Settling the run removes it once more.
                tracing::debug!(name, %error, "could not remove a sandbox yet");
            }
        });
    }

    fn start_settling(&mut self, id: RunId, stop: &CancellationToken) {
        let Some(run) = self.engine.run(id).cloned() else { return };
        if !self.settling.insert(id) {
            return;
        }
        let (shared, handle) = (Arc::clone(&self.shared), self.handle.clone());
        self.tasks.spawn(settle::settle(shared, handle, run, stop.clone()));
    }

    fn remove_orphan(&self, name: String, run: Option<RunId>) {
        tracing::warn!(name, "removing a sandbox that no run claims");
        let shared = Arc::clone(&self.shared);
        self.tasks.spawn(super::recovery::remove_orphan(shared, name, run));
    }
}

fn caps(run: &Run, bounds: Bounds) -> Vec<Cap> {
    let of = |field: &'static str, value: String, limit: Option<u32>| {
        limit.map(|limit| Cap { scope: Some((field, value)), limit })
    };
    let scoped = [
        of("project", run.project().to_string(), bounds.project),
        of("repository", run.repository().to_string(), bounds.repository),
        of("task", run.task().to_string(), bounds.task),
    ];
    let all = Cap { scope: None, limit: bounds.total };
    std::iter::once(all).chain(scoped.into_iter().flatten()).collect()
}

fn committed(effects: &[Effect], id: RunId) -> Option<RunSummary> {
    effects.iter().find_map(|effect| match effect {
        Effect::Commit { run, .. } if run.id() == id => Some(RunSummary::from(run.as_ref())),
        _ => None,
    })
}

async fn sleep_until(wake: Option<Timestamp>) {
    match wake {
        // Wall time is looked at again at least once a minute: it may be set while we sleep.
        Some(at) => {
            let left = at.duration_since(Timestamp::now());
            let left = Duration::try_from(left).unwrap_or_default();
            tokio::time::sleep(left.min(Duration::from_secs(60))).await;
        }
        None => std::future::pending().await,
    }
}

/// Repeats a write while the store does not answer, with growing waits.
async fn patiently<F>(action: &str, mut write: impl FnMut() -> F) -> anyhow::Result<()>
where
    F: Future<Output = Result<(), StoreError>>,
{
    let began = Instant::now();
    let mut wait = Duration::from_millis(100);
    while began.elapsed() < PATIENCE {
        match write().await {
            Ok(()) => return Ok(()),
            Err(StoreError::Unavailable(source)) => {
                tracing::error!(action, %source, "the store does not answer");
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
            Err(error) => return Err(error).with_context(|| format!("cannot {action}")),
        }
    }
    write().await.with_context(|| format!("cannot {action}"))
}

#[cfg(test)]
mod tests;
