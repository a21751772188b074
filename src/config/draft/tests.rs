use super::*;
use crate::config::layers::{DEFAULTS, check_file};

fn settings() -> Settings {
    check_file(std::path::Path::new("c.toml"), DEFAULTS).expect("the defaults hold").settings
}

fn spec(draft: &TaskDraft) -> Result<TaskSpec, DraftError> {
    draft.spec(&settings(), "make test".to_owned())
}

#[test]
fn an_empty_draft_is_what_the_domain_has_by_default() {
    let plain = TaskSpec::new(HarnessKind::Script, "make test");
    assert_eq!(spec(&TaskDraft::default()), Ok(plain));
}

#[test]
fn what_is_said_goes_over_the_settings() {
    let draft = TaskDraft {
        sandbox: Some(SandboxKind::Process),
        cpus: Some(0.5),
        priority: Some(Priority::High),
        ..TaskDraft::default()
    };
    let spec = spec(&draft).expect("fits");
    assert_eq!(spec.sandbox.kind, SandboxKind::Process);
    assert_eq!(spec.sandbox.milli_cpus, 500);
    assert_eq!(spec.priority, Priority::High);
}

#[test]
fn more_time_for_all_is_more_time_for_implement() {
    let with_total = |total| TaskDraft {
        timeouts: TimeoutsDraft { total: Some(total), ..TimeoutsDraft::default() },
        ..TaskDraft::default()
    };
    let long = spec(&with_total(HumanDuration::from_mins(300))).expect("fits").timeouts;
    assert_eq!(long.implement, HumanDuration::from_mins(300));
    let short = spec(&with_total(HumanDuration::from_secs(2))).expect("fits").timeouts;
    assert_eq!(short.implement, HumanDuration::from_mins(60));
    assert_eq!(short.total, HumanDuration::from_secs(2));
}

#[test]
fn bounds_that_make_no_sense_are_refused() {
    let refused = |draft: TaskDraft| spec(&draft).expect_err("must be refused");
    let draft = TaskDraft::default;
    assert!(matches!(refused(TaskDraft { cpus: Some(0.0), ..draft() }), DraftError::Cpus(_)));
    assert!(matches!(refused(TaskDraft { cpus: Some(f64::NAN), ..draft() }), DraftError::Cpus(_)));
    assert_eq!(refused(TaskDraft { pids: Some(0), ..draft() }), DraftError::Zero("pids"));
    let memory = ByteSize::from_mib(5);
    assert_eq!(refused(TaskDraft { memory: Some(memory), ..draft() }), DraftError::Memory(memory));
    let env = BTreeMap::from([("A=B".to_owned(), String::new())]);
    assert_eq!(refused(TaskDraft { env, ..draft() }), DraftError::Variable("A=B".to_owned()));
    let capped = TaskDraft { max_active: Some(0), ..draft() };
    assert_eq!(capped.caps(), Err(DraftError::Zero("max_active")));
}

#[test]
fn a_schedule_makes_a_cron_task_and_nothing_else_has_one() {
    let schedule = || Some("@daily".to_owned());
    let draft = TaskDraft { schedule: schedule(), ..TaskDraft::default() };
    assert!(
        matches!(draft.trigger(), Ok(TaskKind::Cron { schedule }) if schedule.timezone == "UTC")
    );
    let draft = TaskDraft { kind: Some(TriggerWord::Cron), ..TaskDraft::default() };
    assert_eq!(draft.trigger(), Err(DraftError::NoSchedule));
    let draft =
        TaskDraft { kind: Some(TriggerWord::Event), schedule: schedule(), ..TaskDraft::default() };
    assert_eq!(draft.trigger(), Err(DraftError::OutOfPlace("schedule", "cron")));
    let draft = TaskDraft { on: vec!["push".to_owned()], ..TaskDraft::default() };
    assert_eq!(draft.trigger(), Err(DraftError::OutOfPlace("on", "event")));
}
