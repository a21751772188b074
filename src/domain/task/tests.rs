use super::*;
use crate::domain::run::tests::{at, full_spec, id};

fn refusal(change: impl FnOnce(&mut TaskSpec)) -> String {
    let mut spec = full_spec();
    assert_eq!(spec.validate(), Ok(()));
    change(&mut spec);
    spec.validate().expect_err("the change makes it unusable").to_string()
}

#[test]
fn a_task_that_could_not_run_is_refused_with_what_to_do() {
    let cases = [
        (refusal(|spec| spec.instructions.clear()), "no instructions; give a prompt"),
        (refusal(|spec| spec.instructions = " \n\t".to_owned()), "no instructions"),
        (refusal(|spec| spec.instructions = "x".repeat((1 << 20) + 1)), "put the text into a file"),
        (refusal(|spec| spec.instructions.push('\0')), "the prompt contains a NUL byte"),
        (refusal(|spec| spec.setup = vec!["x".to_owned(); 101]), "setup has 101 commands"),
        (refusal(|spec| spec.verify.push(" ".to_owned())), "a command of verify is blank"),
        (refusal(|spec| spec.solve.push("a\0b".to_owned())), "solve contains a NUL byte"),
        (refusal(|spec| spec.timeouts.idle = "0s".parse().unwrap()), "the timeout `idle` is zero"),
        (refusal(|spec| spec.retry.max_attempts = 0), "max_attempts is 0"),
    ];
    for (words, wanted) in cases {
        assert!(words.contains(wanted), "{words}");
    }
}

#[test]
fn the_largest_task_is_accepted() {
    let mut spec = full_spec();
    spec.instructions = "x".repeat(1 << 20);
    spec.setup = vec!["x".to_owned(); MAX_COMMANDS];
    assert_eq!(spec.validate(), Ok(()));
}

#[test]
fn a_schedule_is_checked_for_cron_tasks() {
    let mut task = Task::new(id(3), id(2), "acme/web/tidy".parse().unwrap(), full_spec(), at(0));
    assert_eq!(task.validate(at(0)), Ok(()));
    for (cron, is_good) in [("0 3 * * *", true), ("0 3 30 2 *", false), ("nightly", false)] {
        let schedule = Schedule {
            cron: cron.to_owned(),
            timezone: "UTC".to_owned(),
            misfire: Default::default(),
            overlap: Default::default(),
        };
        task.kind = TaskKind::Cron { schedule };
        assert_eq!(task.validate(at(0)).is_ok(), is_good, "{cron}");
    }
    task.kind = TaskKind::Event { on: Vec::new() };
    assert_eq!(task.validate(at(0)), Ok(()));
}

#[test]
fn only_what_can_do_something_else_can_solve() {
    assert!(full_spec().can_solve());
    assert!(!TaskSpec { solve: Vec::new(), ..full_spec() }.can_solve());
}

#[test]
fn a_sandbox_without_bounds_is_refused() {
    type Change = fn(&mut SandboxProfile);
    let changes: [(&str, Change); 4] = [
        ("memory", |profile| profile.memory = ByteSize::from_bytes(0)),
        ("milliCpus", |profile| profile.milli_cpus = 0),
        ("pids", |profile| profile.pids = 0),
        ("log", |profile| profile.log = ByteSize::from_bytes(0)),
    ];
    for (name, change) in changes {
        let mut spec = TaskSpec::new(HarnessKind::Script, "true");
        change(&mut spec.sandbox);
        assert_eq!(spec.validate(), Err(InvalidTask::NoBound(name)));
    }
}
