//! Every state against every fact, as one table that can be read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::{Story, failed, full_spec, snapshot};
use crate::domain::event::EventKind;
use crate::domain::failure::FailureClass;
use crate::domain::limits::{ApprovalProfile, PublishPolicy};
use crate::domain::run::{
    Deadline, Fact, Outcome, RunEffect, RunState, StageReport, StopReason, Transition, WaitReason,
};
use crate::domain::stage::{Stage, StageResult};
use crate::domain::task::TaskSpec;

/// Every name that [`state_kind`] gives.
const STATE_KINDS: &[&str] = &[
    "queued prepare",
    "queued implement",
    "queued verify",
    "queued solve",
    "queued publish",
    "active prepare",
    "active implement",
    "active verify",
    "active solve",
    "active publish",
    "stopping cancel",
    "stopping stage",
    "stopping total",
    "stopping idle",
    "waiting approval",
    "waiting review",
    "waiting retry",
    "waiting paused",
    "ending succeeded",
    "ending failed",
    "ending cancelled",
    "ending timed out",
    "ending skipped",
    "ended succeeded",
    "ended failed",
    "ended cancelled",
    "ended timed out",
    "ended skipped",
];

fn state_kind(state: &RunState) -> String {
    match state {
        RunState::Queued { next, .. } => format!("queued {next}"),
        RunState::Active(active) => match active.stopping {
            None => format!("active {}", active.stage),
            Some(StopReason::Cancel) => "stopping cancel".to_owned(),
            Some(StopReason::Deadline(deadline)) => format!("stopping {}", deadline.name()),
        },
        RunState::Waiting { reason, .. } => match reason {
            WaitReason::Approval { .. } => "waiting approval".to_owned(),
            WaitReason::Review => "waiting review".to_owned(),
            WaitReason::Retry { .. } => "waiting retry".to_owned(),
            WaitReason::Paused { .. } => "waiting paused".to_owned(),
        },
        RunState::Ending { outcome, .. } => format!("ending {}", outcome.name()),
        RunState::Ended { outcome, .. } => format!("ended {}", outcome.name()),
    }
}

/// Every name that [`fact_kind`] gives.
const FACT_KINDS: &[&str] = &[
    "dispatched",
    "running",
    "passed",
    "failed",
    "stopped",
    "lost",
    "deadline stage",
    "deadline total",
    "deadline idle",
    "retry due",
    "cancel",
    "pause",
    "resume",
    "approved",
    "rejected",
    "skip",
    "settled",
];

fn fact_kind(fact: &Fact) -> String {
    let kind = match fact {
        Fact::Dispatched => "dispatched",
        Fact::StageRunning { .. } => "running",
        Fact::StageEnded(report) => match report.result {
            StageResult::Passed => "passed",
            StageResult::Failed { .. } => "failed",
            StageResult::Stopped => "stopped",
        },
        Fact::StageLost { .. } => "lost",
        Fact::DeadlinePassed(deadline) => return format!("deadline {}", deadline.name()),
        Fact::RetryDue => "retry due",
        Fact::CancelRequested => "cancel",
        Fact::PauseRequested => "pause",
        Fact::ResumeRequested => "resume",
        Fact::Approved => "approved",
        Fact::Rejected { .. } => "rejected",
        Fact::SkipRequested => "skip",
        Fact::Settled => "settled",
    };
    kind.to_owned()
}

/// The states, each with how it came to be where its name alone does not say it.
fn states() -> Vec<(&'static str, Story)> {
    let full = full_spec;
    let until = |stage| Story::until(stage, full());
    let pausing = |stage| until(stage).then(&Fact::PauseRequested);
    let resumed = |paused: Story| paused.then(&Fact::ResumeRequested);
    let passed = || StageResult::Passed;
    let unverified = || failed(FailureClass::Verify);
    let stopping = |stage, deadline| until(stage).then(&Fact::DeadlinePassed(deadline));
    let asks = |approval| TaskSpec { approval, ..full() };
    let kept = || TaskSpec { publish: PublishPolicy::None, ..full() };

    let mut third_round = until(Stage::Solve);
    for _ in 0..2 {
        third_round = third_round.ends(passed()).ends(unverified());
    }
    let unsolved = third_round.ends(passed());
    let verify_approved = Story::until(Stage::Verify, asks(ApprovalProfile::BeforePublish));
    let limited = || failed(FailureClass::RateLimit);
    let spent = until(Stage::Implement).ends(limited()).retries().ends(limited()).retries();
    let lost_often = until(Stage::Verify).loses().loses().loses().loses();

    let ending = [
        ("", until(Stage::Publish).ends(passed())),
        ("", until(Stage::Implement).ends(failed(FailureClass::Auth))),
        ("", until(Stage::Implement).then(&Fact::CancelRequested).ends(StageResult::Stopped)),
        ("", stopping(Stage::Implement, Deadline::Idle).ends(StageResult::Stopped)),
        ("", Story::new(full()).then(&Fact::SkipRequested)),
    ];
    let ended = ending.clone().map(|(how, story)| (how, story.then(&Fact::Settled)));

    let mut states = vec![
        ("", Story::new(full())),
        ("", resumed(pausing(Stage::Prepare).ends(passed()))),
        ("", resumed(pausing(Stage::Implement).ends(passed()))),
        ("", resumed(pausing(Stage::Verify).ends(unverified()))),
        ("", resumed(pausing(Stage::Verify).ends(passed()))),
        ("", until(Stage::Prepare)),
        ("", until(Stage::Implement)),
        ("", until(Stage::Verify)),
        ("", until(Stage::Solve)),
        ("", until(Stage::Publish)),
        (
            "",
            until(Stage::Implement)
                .then(&Fact::StageRunning { stage: Stage::Implement, attempt: 1 }),
        ),
        ("", pausing(Stage::Implement)),
        ("", pausing(Stage::Verify)),
        ("", pausing(Stage::Publish)),
        ("", until(Stage::Implement).then(&Fact::CancelRequested)),
        ("", stopping(Stage::Implement, Deadline::Stage)),
        ("", stopping(Stage::Implement, Deadline::Total)),
        ("", stopping(Stage::Implement, Deadline::Idle)),
        ("", stopping(Stage::Publish, Deadline::Total)),
        ("its last attempt", spent),
        ("its last permitted loss", lost_often),
        ("the last round of three", third_round),
        ("after three rounds of Solve", unsolved.clone()),
        ("the total is used up", until(Stage::Implement).later(3 * 3600)),
        (
            "the task has no checks",
            Story::until(Stage::Implement, TaskSpec { verify: vec![], ..kept() }),
        ),
        (
            "the task has nothing to solve with",
            Story::until(Stage::Verify, TaskSpec { solve: vec![], ..full() }),
        ),
        ("the branch is kept", Story::until(Stage::Verify, kept())),
        ("the task asks before publishing", verify_approved.clone()),
        ("", Story::new(asks(ApprovalProfile::BeforeStart))),
        ("", verify_approved.ends(passed())),
        ("", unsolved.ends(unverified())),
        ("the branch is kept", Story::until(Stage::Solve, kept()).ends(failed(FailureClass::Auth))),
        ("", until(Stage::Implement).ends(limited())),
        ("its time has come", until(Stage::Implement).ends(limited()).later(3600)),
        (
            "after a crash of the harness",
            until(Stage::Implement).ends(failed(FailureClass::HarnessCrash)),
        ),
        ("", Story::new(full()).then(&Fact::PauseRequested)),
        ("", pausing(Stage::Implement).ends(passed())),
    ];
    states.extend(ending);
    states.extend(ended);
    states
}

/// The facts that a state is asked about; those of a stage are about the one that executes.
fn facts(story: &Story) -> Vec<(&'static str, Fact)> {
    let (stage, attempt) = story.current();
    let stale = StageReport {
        stage,
        attempt: attempt + 1,
        exit: Some(0),
        base: None,
        result: StageResult::Passed,
    };
    let other = if stage == Stage::Publish { Stage::Solve } else { Stage::Publish };
    vec![
        ("dispatched", Fact::Dispatched),
        ("running", Fact::StageRunning { stage, attempt }),
        ("running, another attempt", Fact::StageRunning { stage, attempt: attempt + 1 }),
        ("passed", story.report(StageResult::Passed)),
        ("passed, another attempt", Fact::StageEnded(stale)),
        ("failed: verify", story.report(failed(FailureClass::Verify))),
        ("failed: rateLimit", story.report(failed(FailureClass::RateLimit))),
        ("failed: harnessCrash", story.report(failed(FailureClass::HarnessCrash))),
        ("failed: auth", story.report(failed(FailureClass::Auth))),
        ("stopped", story.report(StageResult::Stopped)),
        ("lost", Fact::StageLost { stage, attempt }),
        ("lost, another stage", Fact::StageLost { stage: other, attempt }),
        ("stage deadline", Fact::DeadlinePassed(Deadline::Stage)),
        ("total deadline", Fact::DeadlinePassed(Deadline::Total)),
        ("idle deadline", Fact::DeadlinePassed(Deadline::Idle)),
        ("retry due", Fact::RetryDue),
        ("cancel", Fact::CancelRequested),
        ("pause", Fact::PauseRequested),
        ("resume", Fact::ResumeRequested),
        ("approved", Fact::Approved),
        ("rejected", Fact::Rejected { comment: "not like this".to_owned() }),
        ("skip", Fact::SkipRequested),
        ("settled", Fact::Settled),
    ]
}

#[test]
fn every_fact_in_every_state() {
    let mut table = String::from(
        "state\n  fact → new state · events · effects (in the same second)\n  refused, why: facts\n",
    );
    let mut states_seen = BTreeSet::new();
    let mut facts_seen = BTreeSet::new();
    for (how, story) in states() {
        states_seen.insert(state_kind(story.run.state()));
        let how = if how.is_empty() { String::new() } else { format!(" ({how})") };
        write!(table, "\n{}{how}\n", show(&story)).unwrap();
        let mut refused: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (name, fact) in facts(&story) {
            facts_seen.insert(fact_kind(&fact));
            match story.run.apply(&fact, story.now) {
                Ok(transition) => writeln!(table, "  {name} → {}", told(&transition)).unwrap(),
                Err(why) => refused.entry(why.to_string()).or_default().push(name),
            }
        }
        for (why, names) in refused {
            writeln!(table, "  refused, {why}: {}", names.join(" · ")).unwrap();
        }
    }
    let kinds = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let all_states: BTreeSet<String> = kinds(STATE_KINDS);
    let all_facts: BTreeSet<String> = kinds(FACT_KINDS);
    assert_eq!(states_seen, all_states, "kinds of states in the table");
    assert_eq!(facts_seen, all_facts, "kinds of facts in the table");
    snapshot!("run_matrix", table);
}

fn told(transition: &Transition) -> String {
    let after = Story { run: transition.run.clone(), now: transition.run.updated_at() };
    let mut parts = vec![show(&after)];
    parts.extend(transition.events.iter().map(event));
    parts.extend(transition.effects.iter().map(effect));
    parts.join(" · ")
}

/// A state in words, with what else of the run bears on what comes next.
fn show(story: &Story) -> String {
    let run = &story.run;
    let mut words = match run.state() {
        RunState::Queued { next, .. } => format!("Queued {next}"),
        RunState::Active(active) => {
            let running = if active.running { " running" } else { "" };
            let stopping = match active.stopping {
                None => String::new(),
                Some(StopReason::Cancel) => " stopping by cancel".to_owned(),
                Some(StopReason::Deadline(limit)) => format!(" stopping by {}", limit.name()),
            };
            format!("Active {}/{}{running}{stopping}", active.stage, active.attempt)
        }
        RunState::Waiting { reason, since } => match reason {
            WaitReason::Approval { next } => format!("Waiting for approval of {next}"),
            WaitReason::Review => "Waiting for review".to_owned(),
            WaitReason::Retry { next, until } => {
                format!("Waiting {:#} to retry {next}", *until - *since)
            }
            WaitReason::Paused { next } => format!("Waiting paused before {next}"),
        },
        RunState::Ending { outcome, .. } => format!("Ending {}", outcome_words(outcome)),
        RunState::Ended { outcome, .. } => format!("Ended {}", outcome_words(outcome)),
    };
    if run.is_pause_requested() {
        words.push_str(" pausing");
    }
    words
}

fn outcome_words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Failed { class } => format!("failed by {class}"),
        Outcome::TimedOut { deadline } => format!("timed out by {}", deadline.name()),
        Outcome::Succeeded | Outcome::Cancelled | Outcome::Skipped => outcome.name().to_owned(),
    }
}

fn event(event: &EventKind) -> String {
    let name = match event {
        EventKind::Created => "created",
        EventKind::Queued { .. } => "queued",
        EventKind::StageBegun { stage, attempt } => return format!("stageBegun {stage}/{attempt}"),
        EventKind::StageRunning { .. } => "stageRunning",
        EventKind::StageEnded { .. } => "stageEnded",
        EventKind::StageLost { .. } => "stageLost",
        EventKind::CancelRequested => "cancelRequested",
        EventKind::DeadlinePassed { .. } => "deadlinePassed",
        EventKind::PauseRequested => "pauseRequested",
        EventKind::PauseWithdrawn => "pauseWithdrawn",
        EventKind::Waiting { failure: Some(failure), .. } => {
            return format!("waiting after {}", failure.class);
        }
        EventKind::Waiting { failure: None, .. } => "waiting",
        EventKind::Approved => "approved",
        EventKind::Rejected { .. } => "rejected",
        EventKind::Ending { .. } => "ending",
        EventKind::Ended { .. } => "ended",
        EventKind::Note { .. } => "note",
        EventKind::Log { .. } => "log",
    };
    name.to_owned()
}

fn effect(effect: &RunEffect) -> String {
    match effect {
        RunEffect::StartStage { stage, attempt } => format!("start {stage}/{attempt}"),
        RunEffect::StopStage { stage, attempt } => format!("stop {stage}/{attempt}"),
        RunEffect::Settle => "settle".to_owned(),
    }
}
