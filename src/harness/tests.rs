use super::*;

fn places() -> Places {
    Places { tree: "/workspace".into(), control: "/orch".into(), home: "/home/agent".into() }
}

fn spec() -> TaskSpec {
    TaskSpec::new(HarnessKind::Script, "echo hello; exit 3")
}

fn ended(code: i32) -> Ending {
    Ending { code, out_of_memory: false, tail: vec!["last words".into()], command: None }
}

#[test]
fn a_script_stops_at_the_first_failing_command() {
    let plan = plan(Stage::Implement, &spec(), &places()).unwrap();
    assert_eq!(plan.argv, ["/bin/sh", "-e", "/orch/script"]);
    assert_eq!(plan.files[0].text, "echo hello; exit 3\n");
}

#[test]
fn a_script_that_names_its_interpreter_gets_it() {
    let spec = TaskSpec::new(HarnessKind::Script, "#!/usr/bin/env python3\nprint(1)");
    assert_eq!(plan(Stage::Implement, &spec, &places()).unwrap().argv, ["/orch/script"]);
}

#[test]
fn commands_are_announced_and_quoted() {
    let spec = TaskSpec { verify: vec!["echo 'a b'".into(), "true\nfalse".into()], ..spec() };
    insta::assert_snapshot!(plan(Stage::Verify, &spec, &places()).unwrap().files[0].text, @r"
    #!/bin/sh
    printf '%s\n' '$ echo '\''a b'\'''
    /bin/sh -e -c 'echo '\''a b'\''' || exit $?
    printf '%s\n' '$ true'
    /bin/sh -e -c 'true
    false' || exit $?
    ");
    assert_eq!(heading(Stage::Verify, &spec, "$ true").as_deref(), Some("true\nfalse"));
    assert_eq!(heading(Stage::Verify, &spec, "$ rm -rf /"), None);
    assert_eq!(heading(Stage::Implement, &spec, "$ true"), None);
}

#[test]
fn a_stage_without_commands_executes_nothing() {
    for stage in [Stage::Prepare, Stage::Verify, Stage::Solve, Stage::Publish] {
        assert_eq!(plan(stage, &spec(), &places()), None, "{stage}");
    }
}

#[test]
fn the_exit_decides() {
    assert_eq!(judge(Stage::Implement, &ended(0)), StageResult::Passed);
    let StageResult::Failed { failure } = judge(Stage::Implement, &ended(3)) else { panic!() };
    assert_eq!(failure.to_string(), "command: the script exited with 3");
    assert_eq!(failure.detail.as_deref(), Some("last words"));
    let named = Ending { command: Some("cargo test".into()), ..ended(101) };
    let StageResult::Failed { failure } = judge(Stage::Verify, &named) else { panic!() };
    assert_eq!(failure.to_string(), "verify: `cargo test` exited with 101");
}

#[test]
fn a_missing_program_and_a_lack_of_memory_are_told_apart() {
    let StageResult::Failed { failure } = judge(Stage::Implement, &ended(127)) else { panic!() };
    assert!(failure.suggestion.contains("not in the sandbox"), "{}", failure.suggestion);
    let killed = Ending { out_of_memory: true, ..ended(137) };
    let StageResult::Failed { failure } = judge(Stage::Implement, &killed) else { panic!() };
    assert_eq!(failure.class, FailureClass::Sandbox);
    assert!(failure.suggestion.contains("more memory"));
}

#[test]
fn the_summary_is_the_last_that_was_said() {
    let tail = ["first".to_owned(), "\u{1b}[1mdone\u{1b}[0m".to_owned(), "  ".to_owned()];
    assert_eq!(summary(HarnessKind::Script, &tail), "done");
    assert_eq!(summary(HarnessKind::Script, &[]), "the script printed nothing");
}
