//! Rules that a glance at the matrix does not show: they hold over several facts.

use jiff::SignedDuration;

use super::{Story, at, failed, full_spec, new_run};
use crate::domain::duration::HumanDuration;
use crate::domain::failure::FailureClass;
use crate::domain::limits::{ApprovalProfile, PublishPolicy, RetryPolicy, Timeouts};
use crate::domain::run::{
    Deadline, Fact, Outcome, Run, RunEffect, RunState, StopReason, WaitReason,
};
use crate::domain::stage::{Stage, StageResult};
use crate::domain::task::TaskSpec;

fn ending(story: &Story) -> Option<&Outcome> {
    match story.run.state() {
        RunState::Ending { outcome, .. } => Some(outcome),
        RunState::Queued { .. }
        | RunState::Active(_)
        | RunState::Waiting { .. }
        | RunState::Ended { .. } => None,
    }
}

fn waits_for(story: &Story) -> Option<&WaitReason> {
    match story.run.state() {
        RunState::Waiting { reason, .. } => Some(reason),
        RunState::Queued { .. }
        | RunState::Active(_)
        | RunState::Ending { .. }
        | RunState::Ended { .. } => None,
    }
}

#[test]
fn a_stage_has_its_attempts_for_itself() {
    let network = || failed(FailureClass::Network);
    let story = Story::until(Stage::Prepare, full_spec()).ends(network()).retries();
    let story = story.ends(network()).retries().ends(StageResult::Passed);
    assert_eq!(story.current(), (Stage::Implement, 1));

    // Prepare used up its own three attempts, none of Implement's.
    let story = story.ends(network()).retries().ends(network()).retries();
    assert_eq!(story.current(), (Stage::Implement, 3));
    let end = story.ends(network());
    assert_eq!(ending(&end), Some(&Outcome::Failed { class: FailureClass::Network }));

    // A Verify that complained has done its work: Solve has all attempts again.
    let story = Story::until(Stage::Verify, full_spec()).ends(network()).retries();
    let story = story.ends(network()).retries().ends(failed(FailureClass::Verify));
    let story = story.ends(network()).retries().ends(network()).retries();
    assert_eq!(story.current(), (Stage::Solve, 3));
}

#[test]
fn a_lost_stage_that_is_not_safe_to_repeat_uses_up_an_attempt() {
    let story = Story::until(Stage::Implement, full_spec()).loses();
    assert_eq!(story.current(), (Stage::Implement, 2));
    let story = story.ends(failed(FailureClass::Network)).retries();
    assert_eq!(story.current(), (Stage::Implement, 3));
    // Three are allowed, whether they were lost or failed.
    let end = story.ends(failed(FailureClass::Network));
    assert_eq!(ending(&end), Some(&Outcome::Failed { class: FailureClass::Network }));
    let end = story.loses();
    assert_eq!(ending(&end), Some(&Outcome::Failed { class: FailureClass::Sandbox }));
}

#[test]
fn a_lost_solve_is_measured_by_its_own_round() {
    let spec = TaskSpec {
        retry: RetryPolicy { max_attempts: 2, ..RetryPolicy::default() },
        ..full_spec()
    };
    let mut story = Story::until(Stage::Solve, spec);
    for _ in 0..2 {
        story = story.ends(StageResult::Passed).ends(failed(FailureClass::Verify));
    }
    assert_eq!((story.current(), story.run.solve_rounds()), ((Stage::Solve, 3), 3));
    let story = story.loses();
    assert_eq!(story.current(), (Stage::Solve, 4), "the first loss of this round is forgiven");
    // What was implemented is still worth a look.
    assert_eq!(waits_for(&story.loses()), Some(&WaitReason::Review));
}

#[test]
fn a_stage_that_is_safe_to_repeat_may_be_lost_four_times() {
    let mut story = Story::until(Stage::Implement, full_spec()).loses().ends(StageResult::Passed);
    for attempt in 1..=4 {
        assert_eq!(story.current(), (Stage::Verify, attempt));
        story = story.loses();
    }
    assert_eq!(story.current(), (Stage::Verify, 5));
    let end = story.loses();
    assert_eq!(ending(&end), Some(&Outcome::Failed { class: FailureClass::Sandbox }));
}

#[test]
fn no_stage_begins_without_time_left() {
    let hour = HumanDuration::from_mins(60);
    let timeouts = Timeouts { total: hour, ..Timeouts::default() };
    let spec = TaskSpec { timeouts, publish: PublishPolicy::None, ..full_spec() };
    let story = Story::until(Stage::Implement, spec).later(3600);
    let stopped = story.then(&Fact::DeadlinePassed(Deadline::Total));
    let end = stopped.ends(StageResult::Passed);
    assert_eq!(ending(&end), Some(&Outcome::TimedOut { deadline: Deadline::Total }));
    assert_eq!(end.current(), (Stage::Implement, 1), "Verify was not begun");
    assert_eq!(end.run.failure().map(|failure| failure.class), Some(FailureClass::Timeout));
}

#[test]
fn the_last_stage_counts_even_when_the_total_passed_in_its_last_moment() {
    let story = Story::until(Stage::Publish, full_spec()).later(4 * 3600);
    let stopped = story.then(&Fact::DeadlinePassed(Deadline::Total));
    // The branch is out: saying that the run timed out would not be true.
    assert_eq!(ending(&stopped.ends(StageResult::Passed)), Some(&Outcome::Succeeded));
    let timed_out = Outcome::TimedOut { deadline: Deadline::Total };
    assert_eq!(ending(&stopped.ends(StageResult::Stopped)), Some(&timed_out));
    assert_eq!(ending(&stopped.loses()), Some(&timed_out));
}

#[test]
fn the_deadline_of_a_stage_is_the_nearer_of_its_own_and_the_totals() {
    let story = Story::until(Stage::Implement, full_spec());
    let RunState::Active(active) = story.run.state() else { panic!("no stage executes") };
    assert_eq!((active.limit, active.deadline), (Deadline::Stage, at(2_000 + 3_600_000)));

    // 170 of the 180 minutes are gone, one second of them in Prepare.
    let story = story.later(170 * 60).ends(StageResult::Passed);
    let RunState::Active(active) = story.run.state() else { panic!("no stage executes") };
    assert_eq!((active.limit, active.stage), (Deadline::Total, Stage::Verify));
    let left = 10 * 60 - 2;
    assert_eq!(active.deadline, active.since + SignedDuration::from_secs(left));
}

#[test]
fn waiting_does_not_use_up_the_total() {
    let story = Story::until(Stage::Implement, full_spec()).ends(failed(FailureClass::Network));
    let story = story.later(100 * 3600).retries();
    let RunState::Active(active) = story.run.state() else { panic!("no stage executes") };
    assert_eq!(active.limit, Deadline::Stage);
}

#[test]
fn a_person_outranks_a_deadline() {
    let story = Story::until(Stage::Implement, full_spec());
    let stopping = story.then(&Fact::DeadlinePassed(Deadline::Idle));
    let transition = stopping.tell(&Fact::CancelRequested);
    assert_eq!(transition.effects, [], "it is being stopped already");
    let cancelled = stopping.then(&Fact::CancelRequested);
    assert_eq!(ending(&cancelled.ends(StageResult::Passed)), Some(&Outcome::Cancelled));

    // The other way round the person's word stands.
    let cancelled = story.then(&Fact::CancelRequested);
    let transition = story.tell(&Fact::CancelRequested);
    let (stage, attempt) = story.current();
    assert_eq!(transition.effects, [RunEffect::StopStage { stage, attempt }]);
    assert!(cancelled.run.apply(&Fact::DeadlinePassed(Deadline::Stage), cancelled.now).is_err());
    let RunState::Active(active) = cancelled.run.state() else { panic!("no stage executes") };
    assert_eq!(active.stopping, Some(StopReason::Cancel));
}

#[test]
fn a_clock_that_was_set_back_does_not_hold_up_a_retry_at_once() {
    let story = Story::until(Stage::Implement, full_spec());
    let story = story.ends(failed(FailureClass::HarnessCrash));
    let Some(WaitReason::Retry { until, .. }) = waits_for(&story) else { panic!("no retry") };
    assert_eq!(*until, story.now);
    let set_back = story.now - SignedDuration::from_hours(5);
    let queued = story.run.apply(&Fact::RetryDue, set_back).unwrap().run;
    assert_eq!(queued.updated_at(), story.now, "the run's own time does not go back");
    assert_eq!(queued.wall_time(set_back), HumanDuration::between(at(0), story.now));
}

#[test]
fn a_retry_is_due_at_its_time_and_not_before() {
    let story = Story::until(Stage::Implement, full_spec()).ends(failed(FailureClass::Overload));
    let Some(WaitReason::Retry { until, .. }) = waits_for(&story) else { panic!("no retry") };
    let nearly = *until - SignedDuration::from_millis(1);
    assert!(story.run.apply(&Fact::RetryDue, nearly).is_err());
    assert!(story.run.apply(&Fact::RetryDue, *until).is_ok());
}

#[test]
fn a_pause_wins_over_a_retry() {
    let story = Story::until(Stage::Implement, full_spec()).then(&Fact::PauseRequested);
    let story = story.ends(failed(FailureClass::RateLimit));
    assert_eq!(waits_for(&story), Some(&WaitReason::Paused { next: Stage::Implement }));
    assert!(!story.run.is_pause_requested(), "the wish is fulfilled");
    let story = story.then(&Fact::ResumeRequested).then(&Fact::Dispatched);
    assert_eq!(story.current(), (Stage::Implement, 2));
}

#[test]
fn a_failure_is_told_as_long_as_it_is_the_reason() {
    let story = Story::until(Stage::Implement, full_spec()).ends(failed(FailureClass::RateLimit));
    let class = |story: &Story| story.run.failure().map(|failure| failure.class);
    assert_eq!(class(&story), Some(FailureClass::RateLimit));
    let story = story.retries().ends(StageResult::Passed);
    assert_eq!(class(&story), None, "the second attempt healed it");
    let story = story.ends(failed(FailureClass::Verify)).ends(StageResult::Passed);
    assert_eq!(class(&story), Some(FailureClass::Verify), "only the checks can take that back");
    assert_eq!(class(&story.ends(StageResult::Passed)), None);
}

#[test]
fn what_a_person_rejects_in_review_failed_as_it_did() {
    let solve = Story::until(Stage::Solve, full_spec());
    for class in [FailureClass::Auth, FailureClass::Command] {
        let review = solve.ends(failed(class));
        assert_eq!(waits_for(&review), Some(&WaitReason::Review));
        let end = review.then(&Fact::Rejected { comment: "no".to_owned() });
        assert_eq!(ending(&end), Some(&Outcome::Failed { class }));
        assert_eq!(end.run.failure().map(|failure| failure.class), Some(class));
    }
}

#[test]
fn a_resumed_review_is_decided_by_the_checks() {
    let review = Story::until(Stage::Solve, full_spec()).ends(failed(FailureClass::Auth));
    let verify = review.then(&Fact::ResumeRequested).then(&Fact::Dispatched);
    assert_eq!(verify.current(), (Stage::Verify, 2));
    // Three rounds in all: one is used, and the person's look gives no new ones.
    let mut story = verify.ends(failed(FailureClass::Verify));
    while story.current().0 == Stage::Solve {
        story = story.ends(StageResult::Passed).ends(failed(FailureClass::Verify));
    }
    assert_eq!(story.run.solve_rounds(), 3);
    assert_eq!(waits_for(&story), Some(&WaitReason::Review));
}

#[test]
fn a_person_in_review_gives_the_checks_all_their_attempts() {
    let network = || failed(FailureClass::Network);
    let story = Story::until(Stage::Solve, full_spec()).ends(network()).retries();
    let review = story.ends(network()).retries().ends(network());
    assert_eq!(waits_for(&review), Some(&WaitReason::Review));
    let verify = review.then(&Fact::ResumeRequested).then(&Fact::Dispatched);
    let verify = verify.ends(network()).retries().ends(network()).retries();
    assert_eq!(verify.current(), (Stage::Verify, 4));
}

#[test]
fn the_repositorys_setup_comes_before_the_tasks() {
    let mut new = new_run(TaskSpec { setup: vec!["task".to_owned()], ..full_spec() });
    new.repository_setup = vec!["repository".to_owned()];
    let run = Run::create(new, at(0));
    assert_eq!(run.spec().setup, ["repository", "task"]);
}

#[test]
fn only_consent_before_the_start_holds_up_a_new_run() {
    for (approval, waits) in [
        (ApprovalProfile::None, false),
        (ApprovalProfile::BeforeStart, true),
        (ApprovalProfile::BeforePublish, false),
    ] {
        let run = Run::create(new_run(TaskSpec { approval, ..full_spec() }), at(0));
        assert_eq!(run.needs_person(), waits, "{approval:?}");
        assert!(!run.holds_slot());
    }
}

#[test]
fn the_branch_names_the_run() {
    let run = Story::new(full_spec()).run;
    assert_eq!(run.branch(), format!("agent/web/tidy/{}", run.id()));
}
