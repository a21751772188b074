//! One execution of a stage, from its intent to the one fact that tells its end.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use super::broken::{Broken, chain};
use super::handle::Handle;
use super::launch::{launch_spec, places, user};
use super::patience::{FIRST_WAIT, LONGEST_WAIT, while_away};
use super::{Shared, settle};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::limits::{PublishPolicy, SandboxKind};
use crate::domain::run::{Fact, Run, StageReport};
use crate::domain::stage::{Stage, StageResult};
use crate::engine::reconcile::sandbox_name;
use crate::harness::{self, Ending, Places, Plan};
use crate::sandbox::{LaunchSpec, Sandbox, SandboxError};
use crate::workspace::Wanted;

/// How long an engine may be away while something on it is to be stopped.
const STOP_PATIENCE: Duration = Duration::from_secs(60);

mod follow;
mod image;

/// What an execution needs.
pub(crate) struct Execution {
    pub(crate) shared: Arc<Shared>,
    pub(crate) handle: Handle,
    pub(crate) run: Run,
    pub(crate) stage: Stage,
    pub(crate) attempt: u32,
    /// Cancelled when the stage is to be stopped.
    pub(crate) asked_to_stop: CancellationToken,
    /// Cancelled when the daemon leaves: the sandbox is let go, not stopped.
    pub(crate) leaving: CancellationToken,
}

/// Executes a stage and tells how it ended; exactly once, unless the daemon leaves.
pub(crate) async fn execute(execution: Execution) {
    let (run, stage, attempt) = (execution.run.id(), execution.stage, execution.attempt);
    let handle = execution.handle.clone();
    let work = AssertUnwindSafe(execution.perform()).catch_unwind().await;
    let report =
        |exit, base, result| Fact::StageEnded(StageReport { stage, attempt, exit, base, result });
    let fact = match work {
        Ok(Ok(done)) => report(done.exit, done.base, done.result),
        Ok(Err(Broken::Failed(failure))) => report(None, None, StageResult::Failed { failure }),
        Ok(Err(Broken::Stopped)) => report(None, None, StageResult::Stopped),
        Ok(Err(Broken::Lost)) => Fact::StageLost { stage, attempt },
        Ok(Err(Broken::Leaving)) => return,
        Err(_) => {
            tracing::error!(run = %run, %stage, "the execution of a stage panicked");
            let failure =
                Failure::new(FailureClass::Internal, "orch failed while it ran the stage");
            report(None, None, StageResult::Failed { failure })
        }
    };
    // The actor is gone only when the daemon leaves, and then the next one finds out by itself.
    drop(handle.tell(run, fact).await);
}

/// The lead went to another host, or the folder was removed by hand.
fn elsewhere() -> Failure {
    let message = "the workspace of this run is not in this home: another daemon made it";
    Failure::new(FailureClass::Sandbox, message).with_suggestion(
        "run the task again here; what the run had begun may still go on where it was made",
    )
}

struct Done {
    exit: Option<i32>,
    base: Option<String>,
    result: StageResult,
}

impl Execution {
    async fn perform(&self) -> Result<Done, Broken> {
        let mut base = None;
        if self.stage == Stage::Prepare {
            base = Some(self.make_workspace().await?);
            self.provide_image().await?;
        } else if !self.shared.workspaces.folders(self.run.id()).tree().exists() {
            return Err(Broken::Failed(elsewhere()));
        }
        let (exit, result) = if self.stage == Stage::Publish {
            (None, self.publish().await?)
        } else {
            match harness::plan(self.stage, self.run.spec(), &self.places()) {
                None => (None, StageResult::Passed),
                Some(plan) => self.run_plan(&plan).await?,
            }
        };
        Ok(Done { exit, base, result })
    }

    async fn make_workspace(&self) -> Result<String, Broken> {
        let branch = self.run.branch();
        let wanted = Wanted {
            run: self.run.id(),
            repository: self.run.repository(),
            source: self.run.source(),
            base_branch: self.run.base_branch(),
            base: self.run.base(),
            branch: &branch,
            owner: user(self.kind()),
        };
        let made = self.shared.workspaces.prepare(&wanted);
        Ok(self.unless_stopped(made).await??)
    }

    async fn publish(&self) -> Result<StageResult, Broken> {
        let collected = settle::collect(&self.shared, &self.run);
        self.unless_stopped(collected).await??;
        match self.run.spec().publish {
            PublishPolicy::None => {}
            PublishPolicy::Branch => {
                let branch = self.run.branch();
                let (repository, id) = (self.run.repository(), self.run.id());
                let push = self.shared.workspaces.push(repository, id, self.run.source(), &branch);
                self.unless_stopped(push).await??;
                let text = format!("pushed {branch} to {}", self.run.source());
                self.shared.note(id, text).await?;
            }
        }
        Ok(StageResult::Passed)
    }

    /// Work on the host that is given up when the stage is to stop; it can be repeated.
    async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, Broken> {
        tokio::select! {
            biased;
            () = self.leaving.cancelled() => Err(Broken::Leaving),
            () = self.asked_to_stop.cancelled() => Err(Broken::Stopped),
            value = work => Ok(value),
        }
    }

    fn kind(&self) -> SandboxKind {
        self.run.spec().sandbox.kind
    }

    fn sandbox(&self) -> Arc<dyn Sandbox> {
        self.shared.sandbox(self.kind())
    }

    fn places(&self) -> Places {
        places(&self.shared, &self.run, self.stage.name(), self.attempt)
    }

    async fn run_plan(&self, plan: &Plan) -> Result<(Option<i32>, StageResult), Broken> {
        let spec = launch_spec(&self.shared, &self.run, self.stage.name(), self.attempt, plan)
            .map_err(|error| {
                let message = format!("the files of the stage could not be written: {error}");
                Broken::Failed(Failure::new(FailureClass::Internal, message))
            })?;
        self.launch(&spec).await?;
        let running = Fact::StageRunning { stage: self.stage, attempt: self.attempt };
        if self.handle.tell(self.run.id(), running).await.is_err() {
            return Err(Broken::Leaving);
        }
        let mut command = None;
        let (exit, tail, excess) = self.follow(&spec.name, &mut command).await?;
        if excess {
            let limit = self.run.spec().sandbox.log.rounded();
            let failure = Failure::new(
                FailureClass::Sandbox,
                format!("{} printed more than {limit}", self.stage),
            )
            .with_detail(tail.join("\n"))
            .with_suggestion("print less, or raise run.log");
            return Ok((Some(exit.code), StageResult::Failed { failure }));
        }
        if self.asked_to_stop.is_cancelled() && exit.code != 0 {
            return Ok((Some(exit.code), StageResult::Stopped));
        }
        let ending = Ending { code: exit.code, out_of_memory: exit.out_of_memory, tail, command };
        Ok((Some(exit.code), harness::judge(self.stage, &ending)))
    }

    /// Launches, with patience while the engine is away; the stage's deadline bounds it.
    async fn launch(&self, spec: &LaunchSpec) -> Result<(), Broken> {
        let sandbox = self.sandbox();
        let mut wait = FIRST_WAIT;
        loop {
            if self.asked_to_stop.is_cancelled() {
                return self.stop_before_launch(&spec.name).await;
            }
            match sandbox.launch(spec).await {
                Ok(()) => return Ok(()),
                Err(error) if error.is_away() => {
                    tracing::warn!(run = %self.run.id(), error = chain(&error), "cannot launch yet");
                    tokio::select! {
                        () = self.leaving.cancelled() => return Err(Broken::Leaving),
                        () = self.asked_to_stop.cancelled() => {}
                        () = tokio::time::sleep(wait) => {}
                    }
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// What was launched before the daemon was replaced is stopped and then followed to its end,
    /// for its last words; it may also have ended well in the meantime.
    async fn stop_before_launch(&self, name: &str) -> Result<(), Broken> {
        let sandbox = self.sandbox();
        let limit = self.grace() + STOP_PATIENCE;
        let stopped = while_away(limit, || async {
            sandbox.stop(name, self.grace()).await?;
            sandbox.wait(name).await.map(drop)
        });
        match stopped.await {
            Ok(()) => Ok(()),
            Err(SandboxError::NotFound(_)) => Err(Broken::Stopped),
            Err(error) if error.is_away() => Err(Broken::Stopped),
            Err(error) => Err(error.into()),
        }
    }

    fn grace(&self) -> Duration {
        self.shared.settings().daemon.stop_grace.as_std()
    }

    fn name(&self) -> String {
        sandbox_name(self.run.id(), self.stage.name(), self.attempt)
    }
}
