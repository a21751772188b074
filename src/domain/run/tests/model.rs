//! Random facts against a small model of a run, which is written from the prose and not from the
//! transitions, and against what must hold whatever the facts are.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::select;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

use super::{at, failed, full_spec, new_run};
use crate::domain::duration::HumanDuration;
use crate::domain::event::EventKind;
use crate::domain::failure::FailureClass;
use crate::domain::limits::{
    ApprovalProfile, MAX_SOLVE_ROUNDS, PublishPolicy, RetryPolicy, Timeouts,
};
use crate::domain::run::{
    Deadline, Fact, Run, RunEffect, RunState, StageReport, StopReason, Transition, WaitReason,
};
use crate::domain::stage::{Stage, StageResult};
use crate::domain::task::TaskSpec;

/// A fact, and how many milliseconds after the one before it was told; the clock may jump back.
#[derive(Debug, Clone)]
struct Told {
    fact: Fact,
    ahead: i64,
}

/// Why a stage is being stopped.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Stop {
    ByPerson,
    ByDeadline,
}

#[derive(Debug, Clone, PartialEq)]
enum Place {
    Queued(Stage),
    Active { stage: Stage, running: bool, stop: Option<Stop> },
    Approval(Stage),
    Review,
    Retry(Stage, i64),
    Paused(Stage),
    Ending(&'static str),
    Ended(&'static str),
}

#[derive(Debug, Clone)]
struct Model {
    spec: TaskSpec,
    /// The clock on the wall, and the latest that a fact that counted was told.
    clock: i64,
    latest: i64,
    since: i64,
    used: i64,
    place: Place,
    pausing: bool,
    begun: BTreeMap<Stage, u32>,
    rounds: u32,
    retries: u32,
    losses: u32,
    accepted: bool,
}

impl Model {
    fn new(spec: TaskSpec) -> Self {
        let place = match spec.approval {
            ApprovalProfile::BeforeStart => Place::Approval(Stage::Prepare),
            ApprovalProfile::None | ApprovalProfile::BeforePublish => Place::Queued(Stage::Prepare),
        };
        Self {
            spec,
            clock: 0,
            latest: 0,
            since: 0,
            used: 0,
            place,
            pausing: false,
            begun: BTreeMap::new(),
            rounds: 0,
            retries: 0,
            losses: 0,
            accepted: true,
        }
    }

    fn attempt(&self, stage: Stage) -> u32 {
        self.begun.get(&stage).copied().unwrap_or(0)
    }

    /// The model after the fact; nothing where the fact is refused.
    fn after(&self, fact: &Fact) -> Option<Self> {
        let mut next = self.clone();
        next.latest = self.latest.max(self.clock);
        let now = next.latest;
        let place = self.place.clone();
        match (fact, place) {
            (Fact::Dispatched, Place::Queued(stage)) => next.begin(stage),
            (Fact::StageRunning { stage, attempt }, Place::Active { stage: on, running, stop }) => {
                let is_on = (on, self.attempt(on)) == (*stage, *attempt);
                if running || !is_on {
                    return None;
                }
                next.place = Place::Active { stage: on, running: true, stop };
            }
            (Fact::StageEnded(report), Place::Active { stage, stop, .. }) => {
                if (stage, self.attempt(stage)) != (report.stage, report.attempt) {
                    return None;
                }
                next.used += now - self.since;
                match (stop, &report.result) {
                    (Some(Stop::ByPerson), _) => next.end("cancelled"),
                    (_, StageResult::Passed) => next.pass(stage),
                    (Some(Stop::ByDeadline), _) => next.end("timed out"),
                    (None, StageResult::Stopped) => next.give_up(stage),
                    (None, StageResult::Failed { failure }) => next.fail(stage, failure.class),
                }
            }
            (Fact::StageLost { stage: lost, attempt }, Place::Active { stage, stop, .. }) => {
                if (stage, self.attempt(stage)) != (*lost, *attempt) {
                    return None;
                }
                next.used += now - self.since;
                match stop {
                    Some(Stop::ByPerson) => next.end("cancelled"),
                    Some(Stop::ByDeadline) => next.end("timed out"),
                    None => next.lose(stage),
                }
            }
            (Fact::DeadlinePassed(_), Place::Active { stage, running, stop: None }) => {
                next.place = Place::Active { stage, running, stop: Some(Stop::ByDeadline) };
            }
            (Fact::CancelRequested, Place::Active { stage, running, stop }) => {
                if stop == Some(Stop::ByPerson) {
                    return None;
                }
                next.place = Place::Active { stage, running, stop: Some(Stop::ByPerson) };
            }
            (Fact::CancelRequested, Place::Ending(_) | Place::Ended(_)) => return None,
            (Fact::CancelRequested, _) => next.end("cancelled"),
            (Fact::PauseRequested, Place::Active { .. }) if !self.pausing => next.pausing = true,
            (Fact::ResumeRequested, Place::Active { .. }) if self.pausing => next.pausing = false,
            (Fact::PauseRequested, Place::Queued(stage) | Place::Retry(stage, _)) => {
                next.place = Place::Paused(stage);
            }
            (Fact::ResumeRequested, Place::Paused(stage) | Place::Retry(stage, _))
            | (Fact::Approved, Place::Approval(stage)) => next.place = Place::Queued(stage),
            (Fact::RetryDue, Place::Retry(stage, due)) if due <= now => {
                next.place = Place::Queued(stage);
            }
            (Fact::ResumeRequested, Place::Review) => next.place = Place::Queued(Stage::Verify),
            (Fact::Approved, Place::Review) => next.place = Place::Queued(Stage::Publish),
            (Fact::Rejected { .. }, Place::Approval(_)) => next.end("cancelled"),
            (Fact::Rejected { .. }, Place::Review) => next.end("failed"),
            (Fact::SkipRequested, Place::Active { .. } | Place::Ending(_) | Place::Ended(_)) => {
                return None;
            }
            (Fact::SkipRequested, _) => next.end("skipped"),
            (Fact::Settled, Place::Ending(outcome)) => next.place = Place::Ended(outcome),
            _ => return None,
        }
        Some(next)
    }

    /// A fact that brings the run further, so that the late states are met often.
    fn onward(&self) -> BoxedStrategy<Told> {
        let soon = |fact| Just(Told { fact, ahead: 1_000 }).boxed();
        match self.place {
            Place::Queued(_) => soon(Fact::Dispatched),
            Place::Active { stage, .. } => {
                let attempt = self.attempt(stage);
                let complaints = if stage == Stage::Verify { 6 } else { 0 };
                let result = prop_oneof![
                    3 => Just(StageResult::Passed),
                    complaints => Just(failed(FailureClass::Verify)),
                    1 => Just(failed(FailureClass::RateLimit)),
                ];
                let ended = result.prop_map(move |result| {
                    let report = StageReport { stage, attempt, exit: None, base: None, result };
                    Told { fact: Fact::StageEnded(report), ahead: 1_000 }
                });
                prop_oneof![5 => ended, 1 => soon(Fact::StageLost { stage, attempt })].boxed()
            }
            Place::Approval(_) => soon(Fact::Approved),
            Place::Retry(_, due) => {
                Just(Told { fact: Fact::RetryDue, ahead: due - self.clock }).boxed()
            }
            Place::Review | Place::Paused(_) => soon(Fact::ResumeRequested),
            Place::Ending(_) | Place::Ended(_) => soon(Fact::Settled),
        }
    }

    fn begin(&mut self, stage: Stage) {
        if self.used >= self.spec.timeouts.total.as_millis() as i64 {
            return self.end("timed out");
        }
        self.since = self.latest;
        *self.begun.entry(stage).or_default() += 1;
        self.place = Place::Active { stage, running: false, stop: None };
    }

    fn go_on(&mut self, stage: Stage) {
        if std::mem::take(&mut self.pausing) {
            self.place = Place::Paused(stage);
        } else {
            self.begin(stage);
        }
    }

    fn end(&mut self, outcome: &'static str) {
        self.pausing = false;
        self.place = Place::Ending(outcome);
    }

    fn wait(&mut self, place: Place) {
        self.pausing = false;
        self.place = place;
    }

    fn give_up(&mut self, stage: Stage) {
        if stage == Stage::Solve {
            self.retries = 0;
            self.wait(Place::Review);
        } else {
            self.end("failed");
        }
    }

    fn pass(&mut self, stage: Stage) {
        self.retries = 0;
        let has_checks = !self.spec.verify.is_empty();
        match stage {
            Stage::Prepare => self.go_on(Stage::Implement),
            Stage::Implement if has_checks => self.go_on(Stage::Verify),
            Stage::Solve => self.go_on(Stage::Verify),
            Stage::Implement | Stage::Verify => match (self.spec.publish, self.spec.approval) {
                (PublishPolicy::Branch, ApprovalProfile::BeforePublish) => {
                    self.wait(Place::Approval(Stage::Publish));
                }
                (_, _) => self.go_on(Stage::Publish),
            },
            Stage::Publish => self.end("succeeded"),
        }
    }

    fn fail(&mut self, stage: Stage, class: FailureClass) {
        if (stage, class) == (Stage::Verify, FailureClass::Verify) {
            self.retries = 0;
            if self.spec.solve.is_empty() {
                self.end("failed");
            } else if self.rounds == MAX_SOLVE_ROUNDS {
                self.wait(Place::Review);
            } else {
                self.rounds += 1;
                self.go_on(Stage::Solve);
            }
            return;
        }
        let may = match class {
            FailureClass::RateLimit => self.retries + 1 < self.spec.retry.max_attempts,
            FailureClass::HarnessCrash => self.retries == 0 && self.spec.retry.max_attempts > 1,
            _ => false,
        };
        if !may {
            return self.give_up(stage);
        }
        // The model's tasks wait for the same time before each attempt, and the id adds nothing.
        let due = match class {
            FailureClass::RateLimit => self.latest + 30_000,
            _ => self.latest,
        };
        self.retries += 1;
        let paused = std::mem::take(&mut self.pausing);
        self.place = if paused { Place::Paused(stage) } else { Place::Retry(stage, due) };
    }

    fn lose(&mut self, stage: Stage) {
        let may = match stage {
            Stage::Prepare | Stage::Verify | Stage::Publish => {
                self.losses += 1;
                self.losses < 5
            }
            Stage::Implement | Stage::Solve => {
                self.retries += 1;
                self.retries < self.spec.retry.max_attempts
            }
        };
        if may { self.go_on(stage) } else { self.give_up(stage) }
    }
}

fn specs() -> impl Strategy<Value = TaskSpec> {
    let approvals =
        [ApprovalProfile::None, ApprovalProfile::BeforeStart, ApprovalProfile::BeforePublish];
    let policies = [PublishPolicy::None, PublishPolicy::Branch, PublishPolicy::Branch];
    let totals = [5, 180];
    (
        select(approvals.to_vec()),
        select(policies.to_vec()),
        0..4u8,
        1..4u32,
        select(totals.to_vec()),
    )
        .prop_map(|(approval, publish, lists, max_attempts, total)| {
            let mut spec = TaskSpec { approval, publish, ..full_spec() };
            if lists == 0 {
                spec.verify.clear();
            } else if lists == 1 {
                spec.solve.clear();
            }
            let backoff = HumanDuration::from_secs(30);
            spec.retry = RetryPolicy { max_attempts, backoff, max_backoff: backoff };
            spec.timeouts =
                Timeouts { total: HumanDuration::from_mins(total), ..Timeouts::default() };
            spec
        })
}

fn results() -> impl Strategy<Value = StageResult> {
    let classes = [FailureClass::RateLimit, FailureClass::HarnessCrash, FailureClass::Auth];
    prop_oneof![
        5 => Just(StageResult::Passed),
        4 => Just(failed(FailureClass::Verify)),
        2 => select(classes.to_vec()).prop_map(failed),
        1 => Just(StageResult::Stopped),
    ]
}

/// Facts of every kind, those about a stage mostly about the one that executes.
fn facts(stage: Stage, attempt: u32) -> BoxedStrategy<Fact> {
    let attempts = prop_oneof![9 => Just(attempt), 1 => 0..attempt + 2];
    let on = (prop_oneof![9 => Just(stage), 1 => select(&Stage::ALL)], attempts);
    let deadlines = select(vec![Deadline::Stage, Deadline::Total, Deadline::Idle]);
    prop_oneof![
        8 => (on.clone(), results()).prop_map(|((stage, attempt), result)| {
            Fact::StageEnded(StageReport { stage, attempt, exit: Some(0), base: None, result })
        }),
        6 => Just(Fact::Dispatched),
        1 => on.clone().prop_map(|(stage, attempt)| Fact::StageRunning { stage, attempt }),
        2 => on.prop_map(|(stage, attempt)| Fact::StageLost { stage, attempt }),
        1 => deadlines.prop_map(Fact::DeadlinePassed),
        3 => Just(Fact::RetryDue),
        1 => Just(Fact::PauseRequested),
        3 => Just(Fact::ResumeRequested),
        2 => Just(Fact::Approved),
        1 => select(vec![
            Fact::CancelRequested,
            Fact::SkipRequested,
            Fact::Rejected { comment: "no".to_owned() },
            Fact::Settled,
        ]),
    ]
    .boxed()
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Told;

    fn init_state() -> BoxedStrategy<Self> {
        specs().prop_map(Self::new).boxed()
    }

    fn transitions(model: &Self) -> BoxedStrategy<Told> {
        let on = match model.place {
            Place::Active { stage, .. } => stage,
            _ => Stage::Implement,
        };
        let ahead = prop_oneof![12 => 0..60_000i64, 1 => -3_600_000..0i64, 1 => 0..7_200_000i64];
        let any =
            (facts(on, model.attempt(on)), ahead).prop_map(|(fact, ahead)| Told { fact, ahead });
        prop_oneof![1 => any, 2 => model.onward()].boxed()
    }

    fn apply(mut model: Self, told: &Told) -> Self {
        model.clock += told.ahead;
        match model.after(&told.fact) {
            Some(next) => Self { accepted: true, ..next },
            None => Self { accepted: false, ..model },
        }
    }
}

/// A run with what its transitions have told so far.
#[derive(Debug)]
struct Watched {
    run: Run,
    open: Option<(Stage, u32)>,
    begun: BTreeSet<(Stage, u32)>,
    settles: usize,
    outcomes: usize,
}

struct Runs;

impl StateMachineTest for Runs {
    type SystemUnderTest = Watched;
    type Reference = Model;

    fn init_test(model: &Model) -> Watched {
        let mut new = new_run(model.spec.clone());
        // An id whose last bits are zero adds no jitter to the waits.
        new.id = super::id(0);
        let run = Run::create(new, at(0));
        Watched { run, open: None, begun: BTreeSet::new(), settles: 0, outcomes: 0 }
    }

    fn apply(mut real: Watched, model: &Model, told: Told) -> Watched {
        match real.run.apply(&told.fact, at(model.clock)) {
            Ok(transition) => {
                assert!(model.accepted, "{:?} takes {:?}", real.run.state(), told.fact);
                assert_eq!(transition.run.version(), real.run.version() + 1);
                real.follow(&transition);
                real.run = transition.run;
            }
            Err(why) => assert!(!model.accepted, "{told:?} in {:?}: {why}", real.run.state()),
        }
        real
    }

    fn check_invariants(real: &Watched, model: &Model) {
        let run = &real.run;
        assert_eq!(place(run), model.place);
        assert_eq!(run.is_pause_requested(), model.pausing);
        assert_eq!(run.solve_rounds(), model.rounds);
        assert!(run.solve_rounds() <= MAX_SOLVE_ROUNDS);
        let solves = run.attempts.get(&Stage::Solve).copied().unwrap_or(0);
        assert!(solves <= MAX_SOLVE_ROUNDS * run.spec().retry.max_attempts, "{solves} times Solve");

        assert!(run.active_time <= run.wall_time(at(model.clock)), "active for longer than alive");
        assert_eq!(run.updated_at(), at(model.latest), "its time never goes back");
        let open = run.stages().iter().filter(|record| record.ended_at.is_none());
        let open: Vec<_> = open.map(|record| (record.stage, record.attempt)).collect();
        assert_eq!(open, Vec::from_iter(real.open), "stages without an end, in the timeline");
        for record in run.stages() {
            assert!(record.ended_at.is_none_or(|end| end >= record.started_at));
        }

        let stored = serde_json::to_string(run).unwrap();
        assert_eq!(&serde_json::from_str::<Run>(&stored).unwrap(), run, "read back: {stored}");
        assert_can_end(run);
    }
}

impl Watched {
    /// Takes the events and effects of a transition into account.
    fn follow(&mut self, transition: &Transition) {
        for event in &transition.events {
            match event {
                EventKind::StageBegun { stage, attempt } => {
                    assert_eq!(self.open, None, "another stage executes");
                    assert!(self.begun.insert((*stage, *attempt)), "an attempt is used again");
                    self.open = Some((*stage, *attempt));
                }
                EventKind::StageEnded { stage, attempt, .. }
                | EventKind::StageLost { stage, attempt } => {
                    assert_eq!(self.open.take(), Some((*stage, *attempt)));
                }
                EventKind::StageRunning { stage, attempt } => {
                    assert_eq!(self.open, Some((*stage, *attempt)));
                }
                EventKind::Ending { .. } => {
                    assert_eq!(self.open, None, "a stage executes at the end");
                    self.outcomes += 1;
                }
                EventKind::Created
                | EventKind::Queued { .. }
                | EventKind::CancelRequested
                | EventKind::DeadlinePassed { .. }
                | EventKind::PauseRequested
                | EventKind::PauseWithdrawn
                | EventKind::Waiting { .. }
                | EventKind::Approved
                | EventKind::Rejected { .. }
                | EventKind::Ended { .. }
                | EventKind::Note { .. }
                | EventKind::Log { .. } => {}
            }
        }
        let last = transition.events.last().expect("an accepted fact tells something");
        assert!(tells_of(last, transition.run.state()), "{last:?} of {:?}", transition.run.state());
        let was_active = matches!(self.run.state(), RunState::Active(_));
        for effect in &transition.effects {
            match effect {
                RunEffect::StartStage { stage, attempt } => {
                    assert_eq!(self.open, Some((*stage, *attempt)), "only what begins is started");
                }
                RunEffect::StopStage { stage, attempt } => {
                    assert!(was_active);
                    assert_eq!(self.open, Some((*stage, *attempt)));
                }
                RunEffect::Settle => self.settles += 1,
            }
        }
        assert!(self.outcomes <= 1, "two outcomes");
        assert_eq!(self.settles, self.outcomes, "an outcome is settled once");
    }
}

/// Whether the last event of a transition and the state after it say the same.
fn tells_of(event: &EventKind, state: &RunState) -> bool {
    match state {
        RunState::Queued { next, .. } => *event == EventKind::Queued { next: *next },
        RunState::Waiting { reason, .. } => {
            matches!(event, EventKind::Waiting { reason: told, .. } if told == reason)
        }
        RunState::Ending { outcome, .. } => {
            *event == EventKind::Ending { outcome: outcome.clone() }
        }
        RunState::Ended { outcome, .. } => *event == EventKind::Ended { outcome: outcome.clone() },
        RunState::Active(active) => match event {
            EventKind::StageBegun { stage, attempt } => {
                (active.stage, active.attempt) == (*stage, *attempt) && active.stopping.is_none()
            }
            EventKind::StageRunning { .. } => active.running,
            EventKind::CancelRequested => active.stopping == Some(StopReason::Cancel),
            EventKind::DeadlinePassed { deadline } => {
                active.stopping == Some(StopReason::Deadline(*deadline))
            }
            other => matches!(other, EventKind::PauseRequested | EventKind::PauseWithdrawn),
        },
    }
}

/// The state in the model's words.
fn place(run: &Run) -> Place {
    match run.state() {
        RunState::Queued { next, .. } => Place::Queued(*next),
        RunState::Active(active) => {
            let stop = active.stopping.map(|reason| match reason {
                StopReason::Cancel => Stop::ByPerson,
                StopReason::Deadline(_) => Stop::ByDeadline,
            });
            Place::Active { stage: active.stage, running: active.running, stop }
        }
        RunState::Waiting { reason, .. } => match reason {
            WaitReason::Approval { next } => Place::Approval(*next),
            WaitReason::Review => Place::Review,
            WaitReason::Retry { next, until } => {
                Place::Retry(*next, until.as_millisecond() - at(0).as_millisecond())
            }
            WaitReason::Paused { next } => Place::Paused(*next),
        },
        RunState::Ending { outcome, .. } => Place::Ending(outcome.name()),
        RunState::Ended { outcome, .. } => Place::Ended(outcome.name()),
    }
}

/// From everywhere a person's word ends the run, by way of the stage's end and the settling.
fn assert_can_end(run: &Run) {
    let now = run.updated_at();
    let mut run = run.clone();
    if let Ok(cancelled) = run.apply(&Fact::CancelRequested, now) {
        run = cancelled.run;
    }
    if let RunState::Active(active) = run.state() {
        assert_eq!(active.stopping, Some(StopReason::Cancel));
        let (stage, attempt) = (active.stage, active.attempt);
        let result = StageResult::Stopped;
        let report = StageReport { stage, attempt, exit: None, base: None, result };
        run = run.apply(&Fact::StageEnded(report), now).expect("the stage is the one on").run;
    }
    if let Ok(settled) = run.apply(&Fact::Settled, now) {
        run = settled.run;
    }
    assert!(run.outcome().is_some(), "stuck: {:?}", run.state());
}

prop_state_machine! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_run_does_as_its_model_whatever_it_is_told(sequential 1..60 => Runs);
}
