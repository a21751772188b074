//! The command line as a person and a program see it: what it prints, where, and how it ends.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::case::{Case, CaseResult, cases};
use crate::env::{Env, Said};

pub(crate) const CASES: &[Case] = cases![
    hello_in_a_process needs [Git],
    hello_in_docker needs [Docker, Git],
    the_exit_code_of_a_script_fails_the_run needs [Git],
    the_exit_code_of_a_container_fails_the_run needs [Docker, Git],
    the_envelope_is_all_of_stdout needs [Git],
    a_detached_run_is_found_again needs [Git],
    the_same_command_again_is_another_run needs [Git],
    the_same_key_again_is_the_same_run needs [Git],
    a_run_that_is_too_slow_times_out needs [Git],
    a_failed_check_fails_the_run needs [Git],
    a_branch_is_published needs [Git],
    consent_before_start_is_asked_for needs [Git],
    the_prompt_comes_from_standard_input needs [Git],
    a_reader_that_leaves_is_no_error needs [Git],
    a_missing_image_is_named needs [Docker, Git],
    an_image_that_is_not_allowed_is_refused needs [Docker, Git],
    without_docker_nothing_runs_in_it needs [Git],
    projects_repositories_and_tasks_are_made_and_shown needs [Git],
    tasks_are_applied_from_files needs [Git],
    a_cycle_of_dependencies_is_shown needs [Git],
    an_unknown_name_is_told_the_nearest needs [Git],
    empty_lists_say_what_to_do,
    an_unknown_run_is_not_found,
    a_wrong_address_says_the_form,
    a_schedule_that_never_fires_is_refused,
    a_negative_timeout_is_refused needs [Git],
    a_prompt_of_ten_megabytes_is_refused needs [Git],
    a_place_without_a_repository_is_told,
    a_path_too_long_for_a_socket_is_told,
    a_socket_that_is_not_ours_is_told needs [Root],
    a_socket_that_others_may_enter_is_told,
    a_broken_config_file_is_told_with_its_line,
    an_unknown_variable_is_told_the_nearest,
    the_daemon_starts_once_and_stops,
    the_terminal_interface_needs_a_terminal,
    the_demo_ends_well_without_a_terminal needs [Git],
];

/// Runs a script in the process sandbox.
fn script<'a>(prompt: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut words = vec!["run", "--harness", "script", "--sandbox", "process", "--prompt", prompt];
    words.extend(more);
    words
}

fn env() -> Result<Env, Box<dyn Error>> {
    let env = Env::new()?;
    env.repository()?;
    Ok(env)
}

fn hello_in_a_process() -> CaseResult {
    let env = env()?;
    let said = env.orch(&script("echo hello from $(basename $PWD)", &[]))?;
    said.exits(0).prints("hello from ").prints("succeeded").prints("==> implement");
    Ok(())
}

fn hello_in_docker() -> CaseResult {
    let env = env()?;
    let said = env.orch(&["run", "--sandbox", "docker", "--prompt", "cat README; id -u"])?;
    said.exits(0).prints("hello\n").prints("1000\n").prints("succeeded");
    Ok(())
}

fn the_exit_code_of_a_script_fails_the_run() -> CaseResult {
    let env = env()?;
    let said = env.orch(&script("echo before; exit 3", &[]))?;
    said.exits(1).prints("before").prints("(exit 3)").prints("failed").tells("hint: ");
    Ok(())
}

fn the_exit_code_of_a_container_fails_the_run() -> CaseResult {
    let env = env()?;
    let said = env.orch(&["run", "--sandbox", "docker", "--prompt", "exit 3", "--json"])?;
    said.exits(1).tells("(exit 3)");
    let envelope = said.json()?;
    assert_eq!(envelope["status"], "failed");
    check_envelope(&envelope)
}

fn the_envelope_is_all_of_stdout() -> CaseResult {
    let env = env()?;
    let said = env.orch(&script("echo a line", &["--verify", "true", "--json"]))?;
    said.exits(0).tells("a line").tells("==> verify");
    let envelope = said.json()?;
    assert_eq!(envelope["status"], "succeeded");
    assert_eq!(envelope["error"], Value::Null);
    check_envelope(&envelope)?;
    let shown = env.orch(&["show", "@last", "--json"])?;
    assert_eq!(shown.exits(0).json()?, envelope);
    Ok(())
}

fn a_detached_run_is_found_again() -> CaseResult {
    let env = env()?;
    let said = env.orch(&script("echo one; echo two >&2; echo three", &["--detach"]))?;
    let id = said.exits(0).stdout.trim().to_owned();
    assert_eq!(id.len(), 26, "{said:?}");
    let tail = &id[20..];
    let log = env.orch(&["logs", tail, "-f"])?;
    log.exits(0).prints("one\n").prints("two\n").prints("three\n").tells("succeeded");
    let again = env.orch(&["logs", &id[..], "--json"])?;
    let lines: Vec<Value> =
        again.exits(0).stdout.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let numbers: Vec<u64> = lines.iter().filter_map(|line| line["line"].as_u64()).collect();
    let expected: Vec<u64> = (1..=numbers.len() as u64).collect();
    assert_eq!(numbers, expected, "{again:?}");
    env.orch(&["show", "@last"])?.exits(0).prints(tail).prints("succeeded");
    Ok(())
}

fn the_same_command_again_is_another_run() -> CaseResult {
    let env = env()?;
    for _ in 0..2 {
        env.orch(&script("echo hello", &[]))?.exits(0).prints("hello");
    }
    let runs = env.orch(&["runs", "--json"])?.exits(0).json()?;
    assert_eq!(runs.as_array().map(Vec::len), Some(2), "{runs}");
    env.orch(&["runs"])?.exits(0).prints("succeeded").prints("STATUS");
    Ok(())
}

fn the_same_key_again_is_the_same_run() -> CaseResult {
    let env = env()?;
    let words = script("echo hello", &["--idempotency-key", "k1", "--json"]);
    let first = env.orch(&words)?.exits(0).json()?;
    let second = env.orch(&words)?.exits(0).json()?;
    assert_eq!(first["runId"], second["runId"]);
    Ok(())
}

fn a_run_that_is_too_slow_times_out() -> CaseResult {
    let env = env()?;
    let said = env.orch(&script("echo begun; sleep 60", &["--timeout", "2s", "--json"]))?;
    said.exits(124).tells("begun").tells("timeout has passed");
    assert_eq!(said.json()?["status"], "timedOut");
    Ok(())
}

fn a_failed_check_fails_the_run() -> CaseResult {
    let env = env()?;
    let said = env.orch(&script("true", &["--verify", "echo checked; false"]))?;
    said.exits(1).prints("checked").prints("verify failed");
    Ok(())
}

fn a_branch_is_published() -> CaseResult {
    let env = env()?;
    let head = env.git(&["rev-parse", "HEAD"])?;
    let words = script(
        "echo changed > README",
        &["--verify", "grep changed README", "--publish", "branch", "--json"],
    );
    let envelope = env.orch(&words)?.exits(0).json()?;
    let branch = envelope["git"]["branch"].as_str().ok_or("no branch in the envelope")?;
    assert_eq!(env.git(&["show", &format!("{branch}:README")])?, "changed\n");
    assert_eq!(env.git(&["rev-parse", "HEAD"])?, head, "the checkout was not touched");
    assert_eq!(env.git(&["status", "--porcelain"])?, "");
    env.orch(&["diff", "@last"])?.exits(0).prints("+changed").prints("-hello");
    Ok(())
}

fn consent_before_start_is_asked_for() -> CaseResult {
    let env = env()?;
    let said = env.orch(&script("echo secret work", &["--approve", "before-start"]))?;
    said.exits(4).tells("orch approve").prints("needs approval");
    assert!(!said.stdout.contains("==> "), "{said:#?}");
    env.orch(&["approve", "@last"])?.exits(0);
    env.orch(&["logs", "@last", "-f"])?.exits(0).prints("secret work");
    Ok(())
}

fn the_prompt_comes_from_standard_input() -> CaseResult {
    let env = env()?;
    let words = ["run", "--sandbox", "process", "-"];
    env.orch_reading(&words, b"echo from stdin\n")?.exits(0).prints("from stdin");
    let words = ["run", "--sandbox", "process", "--file", "-"];
    env.orch_reading(&words, b"echo from a file\n")?.exits(0).prints("from a file");
    env.orch_reading(&words, b"echo \xff\n")?.exits(2).tells("not UTF-8");
    Ok(())
}

fn a_reader_that_leaves_is_no_error() -> CaseResult {
    let env = env()?;
    env.orch(&script("seq 1 200000", &["--detach"]))?.exits(0);
    let mut child = env
        .command(&["logs", "@last", "-f"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    drop(child.stdout.take());
    let output = child.wait_with_output()?;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stderr)?, "");
    Ok(())
}

fn a_missing_image_is_named() -> CaseResult {
    let env = env()?;
    env.write("home/config.toml", "[docker]\nimages = [\"*\"]\n")?;
    let image = "orch-test/no-such-image:1";
    let said = env.orch(&["run", "--sandbox", "docker", "--image", image, "--prompt", "true"])?;
    said.exits(5).tells(image).tells("hint: ");
    Ok(())
}

fn an_image_that_is_not_allowed_is_refused() -> CaseResult {
    let env = env()?;
    let words = ["run", "--sandbox", "docker", "--image", "evil:latest", "--prompt", "true"];
    env.orch(&words)?.exits(3).tells("evil:latest").tells("hint: ");
    Ok(())
}

fn without_docker_nothing_runs_in_it() -> CaseResult {
    let env = env()?.with("ORCH_DOCKER_HOST", "unix:///nowhere.sock");
    let said = env.orch(&["run", "--sandbox", "docker", "--prompt", "true"])?;
    said.exits(69).tells("/nowhere.sock").tells("hint: ");
    env.orch(&script("echo without", &[]))?.exits(0).prints("without");
    Ok(())
}

/// A project, and the repository in it as `web/shop`.
fn web_shop(env: &Env) -> CaseResult {
    env.orch(&["project", "create", "web", "--title", "The web"])?.exits(0).prints("web created");
    env.orch(&["repo", "create", "web/shop", "--source", "."])?.exits(0).prints("web/shop created");
    Ok(())
}

fn projects_repositories_and_tasks_are_made_and_shown() -> CaseResult {
    let env = env()?;
    web_shop(&env)?;
    env.orch(&["project", "create", "web"])?.exits(2).tells("exists: ");
    let created = env.orch(&[
        "task",
        "create",
        "web/shop/hello",
        "--prompt",
        "echo hello",
        "--sandbox",
        "process",
    ])?;
    created.exits(0).prints("web/shop/hello created");
    env.orch(&["run", "web/shop/hello"])?.exits(0).prints("hello");

    env.orch(&["project", "list"])?.exits(0).prints("The web");
    let source = env.repository()?.canonicalize()?.display().to_string();
    env.orch(&["repo", "show", "web/shop"])?.exits(0).prints(&source);
    env.orch(&["task", "show", "web/shop/hello"])?.exits(0).prints("echo hello");
    let tasks = env.orch(&["task", "list", "--json"])?.exits(0).json()?;
    assert_eq!(tasks[0]["path"], "web/shop/hello");

    env.orch(&["task", "archive", "web/shop/hello"])?.exits(0).prints("archived");
    let tasks = env.orch(&["task", "list", "web/shop", "--json"])?.exits(0).json()?;
    assert_eq!(tasks, Value::Array(Vec::new()));
    env.orch(&["task", "archive", "--undo", "web/shop/hello"])?.exits(0).prints("taken back");
    Ok(())
}

fn tasks_are_applied_from_files() -> CaseResult {
    let env = env()?;
    web_shop(&env)?;
    let file = env.write(
        "a.md",
        "+++\ntask = \"web/shop/a\"\nsandbox = \"process\"\nschedule = \"0 3 * * 1-5\"\n+++\necho a\n",
    )?;
    let file = file.display().to_string();
    env.orch(&["apply", &file])?.exits(0).prints("created   web/shop/a");
    env.orch(&["apply", &file])?.exits(0).prints("unchanged web/shop/a");
    let text = fs::read_to_string(&file)?.replace("echo a", "echo b");
    fs::write(&file, text)?;
    env.orch(&["apply", &file])?.exits(0).prints("changed   web/shop/a");
    let task = env.orch(&["task", "show", "web/shop/a", "--json"])?.exits(0).json()?;
    assert_eq!(task["spec"]["instructions"], "echo b");

    let bad = env.write("b.md", "+++\ntask = \"web/shop/b\"\nverfy = []\n+++\nx\n")?;
    let bad = bad.display().to_string();
    env.orch(&["apply", &bad])?
        .exits(2)
        .tells(&format!("{bad}:3: there is no key `verfy`"))
        .tells("did you mean `verify`?");
    Ok(())
}

fn a_cycle_of_dependencies_is_shown() -> CaseResult {
    let env = env()?;
    web_shop(&env)?;
    env.orch(&["task", "create", "web/shop/a", "--prompt", "true"])?.exits(0);
    let words = ["task", "create", "web/shop/b", "--prompt", "true", "--depends-on", "web/shop/a"];
    env.orch(&words)?.exits(0);
    let file = env
        .write("a.md", "+++\ntask = \"web/shop/a\"\ndepends_on = [\"web/shop/b\"]\n+++\ntrue\n")?;
    env.orch(&["apply", &file.display().to_string()])?
        .exits(2)
        .tells("web/shop/a → web/shop/b → web/shop/a");
    Ok(())
}

fn an_unknown_name_is_told_the_nearest() -> CaseResult {
    let env = env()?;
    web_shop(&env)?;
    env.orch(&["project", "show", "wbe"])?.exits(5).tells("`wbe`").tells("did you mean `web`?");
    let said = env.orch(&["repo", "show", "web/shpo"])?;
    said.exits(5).tells("did you mean `web/shop`?");
    env.orch(&["run", "web/shop/none"])?.exits(5).tells("web/shop/none");
    Ok(())
}

fn empty_lists_say_what_to_do() -> CaseResult {
    let env = Env::new()?;
    for (words, hint) in [
        (["runs"].as_slice(), "orch run --prompt"),
        (&["project", "list"], "orch project create"),
        (&["repo", "list"], "orch repo create"),
        (&["task", "list"], "orch task create"),
        (&["findings"], "nothing needs you"),
    ] {
        let said = env.orch(words)?;
        said.exits(0).tells(hint);
        assert_eq!(said.stdout, "", "{said:?}");
        let mut words = words.to_vec();
        words.push("--json");
        assert_eq!(env.orch(&words)?.exits(0).json()?, Value::Array(Vec::new()));
    }
    Ok(())
}

fn an_unknown_run_is_not_found() -> CaseResult {
    let env = Env::new()?;
    env.orch(&["show", "@last"])?.exits(5).tells("hint: ");
    env.orch(&["logs", "zzzzzz"])?.exits(5).tells("zzzzzz");
    env.orch(&["cancel", "../../etc"])?.exits(5);
    Ok(())
}

fn a_wrong_address_says_the_form() -> CaseResult {
    let env = Env::new()?;
    env.orch(&["run", "shop/nightly"])?.exits(2).tells("write project/repo/task");
    env.orch(&["task", "show", "Web/shop/x"])?.exits(2).tells("try `web`");
    no_daemon(&env)
}

fn a_schedule_that_never_fires_is_refused() -> CaseResult {
    let env = Env::new()?;
    let mut words = vec!["task", "create", "a/b/c", "--prompt", "true", "--schedule"];
    words.push("0 0 30 2 *");
    env.orch(&words)?.exits(2).tells("never fires");
    words.pop();
    words.push("whenever");
    env.orch(&words)?.exits(2).tells("is not a cron expression");
    no_daemon(&env)
}

fn a_negative_timeout_is_refused() -> CaseResult {
    let env = env()?;
    env.orch(&script("true", &["--timeout", "-5m"]))?.exits(2).tells("it is negative");
    env.orch(&script("true", &["--timeout", "0s"]))?.exits(2).tells("is zero");
    no_daemon(&env)
}

fn a_prompt_of_ten_megabytes_is_refused() -> CaseResult {
    let env = env()?;
    let long = "x".repeat(10 << 20);
    let file = env.write("long", &long)?.display().to_string();
    env.orch(&["run", "--file", &file])?.exits(2).tells("10.0 MiB").tells("1.0 MiB");
    env.orch_reading(&["run", "-"], long.as_bytes())?.exits(2).tells("1.0 MiB");
    no_daemon(&env)
}

fn a_place_without_a_repository_is_told() -> CaseResult {
    let env = Env::new()?;
    env.orch(&script("true", &[]))?.exits(2).tells("is not in a git repository").tells("--repo");
    env.orch(&script("true", &["--repo", "/nowhere"]))?.exits(5).tells("/nowhere");
    no_daemon(&env)
}

fn a_socket_that_is_not_ours_is_told() -> CaseResult {
    let env = Env::new()?;
    let folder = env.folder().join("home/run");
    fs::create_dir(&folder)?;
    fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    std::os::unix::fs::chown(&folder, Some(65_534), Some(65_534))?;
    let said = env.orch(&["runs"])?;
    said.exits(69).tells("belongs to user 65534, not to you (user 0)").tells("folder of your own");
    Ok(())
}

fn a_socket_that_others_may_enter_is_told() -> CaseResult {
    let env = Env::new()?;
    let folder = env.folder().join("home/run");
    fs::create_dir(&folder)?;
    fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o777))?;
    env.orch(&["runs"])?.exits(69).tells("others may enter").tells("chmod 700");
    Ok(())
}

fn a_path_too_long_for_a_socket_is_told() -> CaseResult {
    let env = Env::new()?;
    let home = env.folder().join("x".repeat(120)).display().to_string();
    let env = env.with("ORCH_HOME", home);
    env.orch(&["runs"])?.exits(69).tells("the kernel takes").tells("ORCH_HOME");
    Ok(())
}

fn a_broken_config_file_is_told_with_its_line() -> CaseResult {
    let env = Env::new()?;
    let file = env.write("home/config.toml", "[run]\ntimeot = \"1h\"\n")?;
    let place = format!("{}:2: there is no setting `run.timeot`", file.display());
    for words in [["runs"].as_slice(), &["config"], &["config", "check"], &["daemon"]] {
        env.orch(words)?.exits(2).tells(&place).tells("did you mean `run.timeout`?");
    }
    env.orch(&["config", "path"])?.exits(0).prints("config.toml");
    no_daemon(&env)
}

fn an_unknown_variable_is_told_the_nearest() -> CaseResult {
    let env = Env::new()?.with("ORCH_RUN_TIMEOT", "1h");
    env.orch(&["runs"])?.exits(2).tells("did you mean `ORCH_RUN_TIMEOUT`?");
    no_daemon(&env)
}

fn the_daemon_starts_once_and_stops() -> CaseResult {
    let env = Env::new()?;
    env.orch(&["daemon", "status"])?.exits(69).prints("no daemon runs");
    env.orch(&["daemon", "start"])?.exits(0).prints("started");
    env.orch(&["daemon", "start"])?.exits(0).prints("runs already");
    let status = env.orch(&["daemon", "status", "--json"])?.exits(0).json()?;
    assert_eq!(status["running"], true);
    env.orch(&["daemon", "stop"])?.exits(0).prints("stopped");
    env.orch(&["daemon", "stop"])?.exits(0).prints("no daemon runs");
    Ok(())
}

fn the_terminal_interface_needs_a_terminal() -> CaseResult {
    let env = Env::new()?;
    let none: [&str; 0] = [];
    env.orch(&none)?.exits(2).tells("needs a terminal").tells("orch runs");
    no_daemon(&env)
}

fn the_demo_ends_well_without_a_terminal() -> CaseResult {
    let env = Env::new()?.with("ORCH_DOCKER_HOST", "unix:///nowhere.sock");
    let temporary = env.folder().join("tmp");
    fs::create_dir(&temporary)?;
    let env = env.with("TMPDIR", temporary.display().to_string());
    let said = env.orch(&["demo"])?;
    said.exits(0)
        .prints("FAILED  mul 6 7 = 13, expected 42")
        .prints("succeeded")
        .prints("agent/")
        .tells("WITHOUT a container");
    let left: Vec<_> = fs::read_dir(&temporary)?.collect();
    assert!(left.is_empty(), "{left:?}");
    Ok(())
}

/// What is refused before it is sent starts no daemon.
fn no_daemon(env: &Env) -> CaseResult {
    let said: Said = env.orch(&["daemon", "stop"])?;
    if said.code == Some(0) {
        said.prints("no daemon runs");
    }
    Ok(())
}

/// Holds an envelope against the schema that is shipped.
fn check_envelope(envelope: &Value) -> CaseResult {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/envelope.schema.json");
    let schema: Value = serde_json::from_str(&fs::read_to_string(file)?)?;
    jsonschema::validate(&schema, envelope).map_err(|error| error.to_string())?;
    Ok(())
}
