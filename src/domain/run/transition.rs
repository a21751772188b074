//! The transitions of a run: one match over state and fact, without a wildcard over either.

use jiff::Timestamp;

use super::fact::{Fact, StageReport, StopReason};
use super::{ActiveStage, Deadline, Outcome, Run, RunState, WaitReason};
use crate::domain::duration::HumanDuration;
use crate::domain::event::EventKind;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::limits::{ApprovalProfile, MAX_SOLVE_ROUNDS, PublishPolicy};
use crate::domain::stage::{Stage, StageRecord, StageResult};

/// How often a stage that is safe to repeat may vanish before the run is given up.
const MAX_LOSSES: u32 = 5;

/// What has to be done in the world because of a transition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunEffect {
    /// Execute a stage.
    StartStage {
        /// Which.
        stage: Stage,
        /// Which execution of it.
        attempt: u32,
    },
    /// Stop what executes.
    StopStage {
        /// Which stage.
        stage: Stage,
        /// Which execution of it.
        attempt: u32,
    },
    /// Tie its ends: collect the result, write the envelope.
    Settle,
}

/// The result of a fact: the run as it is now, what is told of it, what is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The run after the fact.
    pub run: Run,
    /// What happened, to be stored together with the run.
    pub events: Vec<EventKind>,
    /// What follows from it, to be done once that is stored.
    pub effects: Vec<RunEffect>,
}

/// Why a fact changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The run is over.
    #[error("the run has ended")]
    Ended,
    /// Its end is decided already.
    #[error("the run is ending")]
    Ending,
    /// It is being stopped already.
    #[error("the run is being stopped already")]
    Stopping,
    /// The fact is about another execution of a stage than the one that is on.
    #[error("that stage is not the one that executes")]
    Stale,
    /// The fact repeats what is known.
    #[error("that is so already")]
    AlreadySo,
    /// It makes no sense where the run stands.
    #[error("the run is queued")]
    Queued,
    /// It makes no sense while a stage executes.
    #[error("a stage of the run executes")]
    Active,
    /// It makes no sense while the run waits for what it waits for.
    #[error("the run waits for something else")]
    Waiting,
}

impl Run {
    /// What a fact makes of this run. The only place where a run's state changes.
    ///
    /// # Errors
    /// [`Refused`] where the fact changes nothing; the run stays as it is.
    pub fn apply(&self, fact: &Fact, now: Timestamp) -> Result<Transition, Refused> {
        let step = Step::of(self, now);
        match (&self.state, fact) {
            (RunState::Queued { next, .. }, Fact::Dispatched) => Ok(step.begin(*next)),
            (RunState::Queued { .. }, Fact::CancelRequested) => {
                Ok(step.tell(EventKind::CancelRequested).end(Outcome::Cancelled))
            }
            (RunState::Queued { next, .. }, Fact::PauseRequested) => {
                Ok(step.wait(WaitReason::Paused { next: *next }, None))
            }
            (RunState::Queued { .. }, Fact::SkipRequested) => Ok(step.end(Outcome::Skipped)),
            (
                RunState::Queued { .. },
                Fact::StageRunning { .. } | Fact::StageEnded(_) | Fact::StageLost { .. },
            ) => Err(Refused::Stale),
            (
                RunState::Queued { .. },
                Fact::DeadlinePassed(_)
                | Fact::RetryDue
                | Fact::ResumeRequested
                | Fact::Approved
                | Fact::Rejected { .. }
                | Fact::Settled,
            ) => Err(Refused::Queued),

            (RunState::Active(active), Fact::StageRunning { stage, attempt }) => {
                step.running(active, *stage, *attempt)
            }
            (RunState::Active(active), Fact::StageEnded(report)) => {
                step.stage_ended(active, report)
            }
            (RunState::Active(active), Fact::StageLost { stage, attempt }) => {
                step.stage_lost(active, *stage, *attempt)
            }
            (RunState::Active(active), Fact::DeadlinePassed(deadline)) => step
                .tell(EventKind::DeadlinePassed { deadline: *deadline })
                .stop(active, StopReason::Deadline(*deadline)),
            (RunState::Active(active), Fact::CancelRequested) => {
                step.tell(EventKind::CancelRequested).stop(active, StopReason::Cancel)
            }
            (RunState::Active(_), Fact::PauseRequested) => step.set_pause(true),
            (RunState::Active(_), Fact::ResumeRequested) => step.set_pause(false),
            (
                RunState::Active(_),
                Fact::Dispatched
                | Fact::RetryDue
                | Fact::Approved
                | Fact::Rejected { .. }
                | Fact::SkipRequested
                | Fact::Settled,
            ) => Err(Refused::Active),

            (RunState::Waiting { .. }, Fact::CancelRequested) => {
                Ok(step.tell(EventKind::CancelRequested).end(Outcome::Cancelled))
            }
            (RunState::Waiting { reason, .. }, Fact::Approved) => step.approved(reason),
            (RunState::Waiting { reason, .. }, Fact::Rejected { comment }) => {
                step.rejected(reason, comment)
            }
            (RunState::Waiting { reason, .. }, Fact::RetryDue) => match reason {
                WaitReason::Retry { next, until } if *until <= step.now => Ok(step.queue(*next)),
                WaitReason::Retry { .. }
                | WaitReason::Approval { .. }
                | WaitReason::Review
                | WaitReason::Paused { .. } => Err(Refused::Waiting),
            },
            (RunState::Waiting { reason, .. }, Fact::ResumeRequested) => match reason {
                WaitReason::Paused { next } | WaitReason::Retry { next, .. } => {
                    Ok(step.queue(*next))
                }
                // A person has mended something: the checks decide anew.
                WaitReason::Review => Ok(step.queue(Stage::Verify)),
                WaitReason::Approval { .. } => Err(Refused::Waiting),
            },
            (RunState::Waiting { reason, .. }, Fact::PauseRequested) => match reason {
                WaitReason::Retry { next, .. } => {
                    Ok(step.wait(WaitReason::Paused { next: *next }, None))
                }
                WaitReason::Paused { .. } => Err(Refused::AlreadySo),
                WaitReason::Approval { .. } | WaitReason::Review => Err(Refused::Waiting),
            },
            (RunState::Waiting { .. }, Fact::SkipRequested) => Ok(step.end(Outcome::Skipped)),
            (
                RunState::Waiting { .. },
                Fact::StageRunning { .. } | Fact::StageEnded(_) | Fact::StageLost { .. },
            ) => Err(Refused::Stale),
            (
                RunState::Waiting { .. },
                Fact::Dispatched | Fact::DeadlinePassed(_) | Fact::Settled,
            ) => Err(Refused::Waiting),

            (RunState::Ending { outcome, .. }, Fact::Settled) => Ok(step.settled(outcome)),
            (
                RunState::Ending { .. },
                Fact::StageRunning { .. } | Fact::StageEnded(_) | Fact::StageLost { .. },
            ) => Err(Refused::Stale),
            (
                RunState::Ending { .. },
                Fact::Dispatched
                | Fact::DeadlinePassed(_)
                | Fact::RetryDue
                | Fact::CancelRequested
                | Fact::PauseRequested
                | Fact::ResumeRequested
                | Fact::Approved
                | Fact::Rejected { .. }
                | Fact::SkipRequested,
            ) => Err(Refused::Ending),

            (
                RunState::Ended { .. },
                Fact::Dispatched
                | Fact::StageRunning { .. }
                | Fact::StageEnded(_)
                | Fact::StageLost { .. }
                | Fact::DeadlinePassed(_)
                | Fact::RetryDue
                | Fact::CancelRequested
                | Fact::PauseRequested
                | Fact::ResumeRequested
                | Fact::Approved
                | Fact::Rejected { .. }
                | Fact::SkipRequested
                | Fact::Settled,
            ) => Err(Refused::Ended),
        }
    }
}

/// A transition while it is being put together.
struct Step {
    run: Run,
    now: Timestamp,
    events: Vec<EventKind>,
    effects: Vec<RunEffect>,
}

impl Step {
    fn of(run: &Run, now: Timestamp) -> Self {
        let mut run = run.clone();
        run.version += 1;
        // The clock may have been set back; a run's own times do not go with it.
        let now = now.max(run.updated_at);
        run.updated_at = now;
        Self { run, now, events: Vec::new(), effects: Vec::new() }
    }

    fn tell(mut self, event: EventKind) -> Self {
        self.events.push(event);
        self
    }

    fn done(self) -> Transition {
        Transition { run: self.run, events: self.events, effects: self.effects }
    }

    fn begin(mut self, stage: Stage) -> Transition {
        let own = self.run.spec.timeouts.of(stage);
        let left = self.run.spec.timeouts.total.minus(self.run.active_time);
        if left.is_zero() {
            return self.timed_out(Deadline::Total);
        }
        let counter = self.run.attempts.entry(stage).or_insert(0);
        *counter += 1;
        let attempt = *counter;
        let (allowed, limit) =
            if left < own { (left, Deadline::Total) } else { (own, Deadline::Stage) };
        self.run.state = RunState::Active(ActiveStage {
            stage,
            attempt,
            since: self.now,
            running: false,
            deadline: allowed.after(self.now),
            limit,
            stopping: None,
        });
        self.run.stages.push(StageRecord {
            stage,
            attempt,
            started_at: self.now,
            ended_at: None,
            exit: None,
            passed: None,
        });
        self.events.push(EventKind::StageBegun { stage, attempt });
        self.effects.push(RunEffect::StartStage { stage, attempt });
        self.done()
    }

    fn queue(mut self, next: Stage) -> Transition {
        self.run.state = RunState::Queued { next, since: self.now };
        self.events.push(EventKind::Queued { next });
        self.done()
    }

    fn wait(mut self, reason: WaitReason, failure: Option<Failure>) -> Transition {
        self.run.pause_requested = false;
        self.run.state = RunState::Waiting { reason: reason.clone(), since: self.now };
        self.events.push(EventKind::Waiting { reason, failure });
        self.done()
    }

    fn end(mut self, outcome: Outcome) -> Transition {
        self.run.pause_requested = false;
        self.run.state = RunState::Ending { outcome: outcome.clone(), since: self.now };
        self.events.push(EventKind::Ending { outcome });
        self.effects.push(RunEffect::Settle);
        self.done()
    }

    fn settled(mut self, outcome: &Outcome) -> Transition {
        self.run.state = RunState::Ended { outcome: outcome.clone(), since: self.now };
        self.events.push(EventKind::Ended { outcome: outcome.clone() });
        self.done()
    }

    /// What comes after a stage, unless a person asked for a pause there.
    fn go_on(self, next: Stage) -> Transition {
        if self.run.pause_requested {
            return self.wait(WaitReason::Paused { next }, None);
        }
        self.begin(next)
    }

    fn set_pause(mut self, wanted: bool) -> Result<Transition, Refused> {
        if self.run.pause_requested == wanted {
            return Err(Refused::AlreadySo);
        }
        self.run.pause_requested = wanted;
        self.events.push(if wanted {
            EventKind::PauseRequested
        } else {
            EventKind::PauseWithdrawn
        });
        Ok(self.done())
    }

    fn stop(mut self, active: &ActiveStage, reason: StopReason) -> Result<Transition, Refused> {
        let (stage, attempt) = (active.stage, active.attempt);
        match (active.stopping, reason) {
            (None, _) => self.effects.push(RunEffect::StopStage { stage, attempt }),
            // A stage that makes it in spite of its deadline goes on, but not against a person.
            (Some(StopReason::Deadline(_)), StopReason::Cancel) => {}
            (Some(_), _) => return Err(Refused::Stopping),
        }
        self.run.state = RunState::Active(ActiveStage { stopping: Some(reason), ..active.clone() });
        Ok(self.done())
    }

    fn running(
        mut self,
        active: &ActiveStage,
        stage: Stage,
        attempt: u32,
    ) -> Result<Transition, Refused> {
        if (active.stage, active.attempt) != (stage, attempt) {
            return Err(Refused::Stale);
        }
        if active.running {
            return Err(Refused::AlreadySo);
        }
        self.run.state = RunState::Active(ActiveStage { running: true, ..active.clone() });
        self.events.push(EventKind::StageRunning { stage, attempt });
        Ok(self.done())
    }

    /// Closes the record of the stage that executed.
    fn close(&mut self, active: &ActiveStage, exit: Option<i32>, passed: bool) {
        let took = HumanDuration::between(active.since, self.now);
        self.run.active_time = self.run.active_time.plus(took);
        for record in self.run.stages.iter_mut().rev() {
            if (record.stage, record.attempt) == (active.stage, active.attempt) {
                record.ended_at = Some(self.now);
                record.exit = exit;
                record.passed = Some(passed);
                return;
            }
        }
    }

    fn stage_ended(
        mut self,
        active: &ActiveStage,
        report: &StageReport,
    ) -> Result<Transition, Refused> {
        if (active.stage, active.attempt) != (report.stage, report.attempt) {
            return Err(Refused::Stale);
        }
        self.close(active, report.exit, report.result == StageResult::Passed);
        if let Some(base) = &report.base {
            self.run.base = Some(base.clone());
        }
        let step = self.tell(EventKind::StageEnded {
            stage: report.stage,
            attempt: report.attempt,
            exit: report.exit,
            result: report.result.clone(),
        });
        Ok(match (active.stopping, &report.result) {
            (Some(StopReason::Cancel), _) => step.end(Outcome::Cancelled),
            // It made it in the very moment that it was to be stopped: that counts. What comes
            // after it finds out for itself that no time is left.
            (Some(StopReason::Deadline(_)) | None, StageResult::Passed) => {
                step.passed(report.stage)
            }
            (Some(StopReason::Deadline(deadline)), _) => step.timed_out(deadline),
            (None, StageResult::Failed { failure }) => step.failed(report.stage, failure.clone()),
            (None, StageResult::Stopped) => step.failed(
                report.stage,
                Failure::new(FailureClass::Sandbox, "something else than orch stopped the stage"),
            ),
        })
    }

    fn stage_lost(
        mut self,
        active: &ActiveStage,
        stage: Stage,
        attempt: u32,
    ) -> Result<Transition, Refused> {
        if (active.stage, active.attempt) != (stage, attempt) {
            return Err(Refused::Stale);
        }
        self.close(active, None, false);
        let mut step = self.tell(EventKind::StageLost { stage, attempt });
        Ok(match active.stopping {
            Some(StopReason::Cancel) => step.end(Outcome::Cancelled),
            Some(StopReason::Deadline(deadline)) => step.timed_out(deadline),
            None => {
                let may_repeat = if stage.is_safe_to_repeat() {
                    step.run.losses += 1;
                    step.run.losses < MAX_LOSSES
                } else {
                    step.run.retries += 1;
                    step.run.retries < step.run.spec.retry.max_attempts
                };
                if may_repeat {
                    return Ok(step.go_on(stage));
                }
                let words = format!("the sandbox of {stage} was lost, and may not start again");
                step.hopeless(stage, Failure::new(FailureClass::Sandbox, words))
            }
        })
    }

    fn timed_out(mut self, deadline: Deadline) -> Transition {
        let message = format!("the {} timeout passed", deadline.name());
        self.run.failure = Some(Failure::new(FailureClass::Timeout, message));
        self.end(Outcome::TimedOut { deadline })
    }

    fn passed(mut self, stage: Stage) -> Transition {
        self.run.retries = 0;
        // What the checks complained of stands until they themselves take it back.
        if stage != Stage::Solve {
            self.run.failure = None;
        }
        match stage {
            Stage::Prepare => self.go_on(Stage::Implement),
            Stage::Implement => {
                if self.run.spec.verify.is_empty() {
                    self.verified()
                } else {
                    self.go_on(Stage::Verify)
                }
            }
            Stage::Verify => self.verified(),
            Stage::Solve => self.go_on(Stage::Verify),
            Stage::Publish => self.succeeded(),
        }
    }

    fn succeeded(mut self) -> Transition {
        self.run.failure = None;
        self.end(Outcome::Succeeded)
    }

    /// The work leaves its sandbox in every case, because a run whose work is lost has not
    /// succeeded; whether it also leaves orch is the policy's to say, and a person's.
    fn verified(self) -> Transition {
        match (self.run.spec.publish, self.run.spec.approval) {
            (PublishPolicy::Branch, ApprovalProfile::BeforePublish) => {
                self.wait(WaitReason::Approval { next: Stage::Publish }, None)
            }
            (PublishPolicy::Branch, ApprovalProfile::None | ApprovalProfile::BeforeStart)
            | (
                PublishPolicy::None,
                ApprovalProfile::None
                | ApprovalProfile::BeforeStart
                | ApprovalProfile::BeforePublish,
            ) => self.go_on(Stage::Publish),
        }
    }

    fn failed(mut self, stage: Stage, failure: Failure) -> Transition {
        self.run.failure = Some(failure.clone());
        if stage == Stage::Verify && failure.class == FailureClass::Verify {
            self.run.retries = 0;
            if !self.run.spec.can_solve() {
                return self.give_up(failure);
            }
            if self.run.solve_rounds < MAX_SOLVE_ROUNDS {
                self.run.solve_rounds += 1;
                return self.go_on(Stage::Solve);
            }
            return self.wait(WaitReason::Review, Some(failure));
        }
        let spread = self.run.id.spread();
        match self.run.spec.retry.wait(&failure, self.run.retries, spread) {
            Some(wait) => {
                self.run.retries += 1;
                let until = wait.after(self.now);
                if self.run.pause_requested {
                    return self.wait(WaitReason::Paused { next: stage }, Some(failure));
                }
                self.wait(WaitReason::Retry { next: stage, until }, Some(failure))
            }
            None => self.hopeless(stage, failure),
        }
    }

    /// The stage will not be tried again.
    fn hopeless(mut self, stage: Stage, failure: Failure) -> Transition {
        if stage != Stage::Solve {
            return self.give_up(failure);
        }
        // What was implemented is worth a person's look.
        self.run.retries = 0;
        self.run.failure = Some(failure.clone());
        self.wait(WaitReason::Review, Some(failure))
    }

    fn give_up(mut self, failure: Failure) -> Transition {
        let class = failure.class;
        self.run.failure = Some(failure);
        self.end(Outcome::Failed { class })
    }

    fn approved(self, reason: &WaitReason) -> Result<Transition, Refused> {
        match reason {
            WaitReason::Approval { next } => Ok(self.tell(EventKind::Approved).queue(*next)),
            WaitReason::Review => Ok(self.tell(EventKind::Approved).queue(Stage::Publish)),
            WaitReason::Retry { .. } | WaitReason::Paused { .. } => Err(Refused::Waiting),
        }
    }

    fn rejected(self, reason: &WaitReason, comment: &str) -> Result<Transition, Refused> {
        let outcome = match reason {
            WaitReason::Approval { .. } => Outcome::Cancelled,
            WaitReason::Review => {
                let failure = self.run.failure.as_ref();
                Outcome::Failed { class: failure.map_or(FailureClass::Verify, |why| why.class) }
            }
            WaitReason::Retry { .. } | WaitReason::Paused { .. } => return Err(Refused::Waiting),
        };
        Ok(self.tell(EventKind::Rejected { comment: comment.to_owned() }).end(outcome))
    }
}
