//! What can happen in the life of a run besides its plain end.

use std::error::Error;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use crate::case::{Case, CaseResult, cases};
use crate::env::Env;
use crate::wait::wait_for;

pub(crate) const CASES: &[Case] = cases![
    failed_checks_are_solved_and_checked_again needs [Git],
    what_cannot_be_solved_waits_for_a_person needs [Git],
    silence_ends_a_run needs [Git],
    too_much_output_ends_a_run needs [Git],
    the_end_of_a_log_of_large_lines_is_its_end needs [Git],
    a_cancelled_program_may_say_goodbye needs [Git],
    a_paused_run_goes_on_where_it_was needs [Git],
    consent_before_publish_is_asked_for needs [Git],
    a_refusal_ends_the_run needs [Git],
    setup_runs_before_the_work needs [Git],
    many_who_ask_at_once_all_get_a_run needs [Git],
    many_who_ask_with_one_key_get_one_run needs [Git],
    who_stops_reading_still_learns_the_end needs [Git],
    uncommitted_changes_are_told needs [Git],
    an_archived_project_does_not_run needs [Git],
    an_engine_that_cannot_be_used_stops_only_its_runs needs [Git],
    a_strict_mask_shuts_no_container_out needs [Docker, Git],
    memory_is_bounded needs [Docker, Git],
    verify_has_no_network needs [Docker, Git],
    the_image_is_made_when_it_is_first_needed needs [Docker, Git],
    an_engine_that_may_not_be_used_is_told needs [Git, Root],
    a_repository_without_a_commit_is_told needs [Git],
    control_characters_do_not_reach_the_terminal needs [Git],
    an_interrupt_asks_and_a_second_one_cancels needs [Git, Terminal],
    an_interrupt_can_detach needs [Git, Terminal],
];

const LIMIT: Duration = Duration::from_secs(60);

fn env() -> Result<Env, Box<dyn Error>> {
    let env = Env::new()?;
    env.repository()?;
    Ok(env)
}

fn run<'a>(script: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["run", "--sandbox", "process", "--prompt", script], more].concat()
}

fn failed_checks_are_solved_and_checked_again() -> CaseResult {
    let env = env()?;
    let solve = "echo x >> tries; test $(wc -l < tries) -lt 2 || echo fixed > README";
    let said =
        env.orch(&run("true", &["--verify", "grep fixed README", "--solve", solve, "--json"]))?;
    let envelope = said.exits(0).json()?;
    let stages: Vec<&str> = envelope["metrics"]["stages"]
        .as_array()
        .ok_or("no stages")?
        .iter()
        .filter_map(|stage| stage["stage"].as_str())
        .collect();
    assert_eq!(
        stages,
        ["prepare", "implement", "verify", "solve", "verify", "solve", "verify", "publish"],
        "{envelope}"
    );
    Ok(())
}

fn what_cannot_be_solved_waits_for_a_person() -> CaseResult {
    let env = env()?;
    env.orch(&run("true", &["--verify", "false", "--solve", "true"]))?.exits(4);
    env.orch(&["findings"])?.exits(0).prints("review").prints("3 rounds");
    env.orch(&["reject", "@last"])?.exits(0);
    wait_for_state(&env, "ended")?;
    env.orch(&["findings"])?.exits(0).prints("failed run");
    let findings = env.orch(&["findings", "--json"])?.stdout;
    assert!(!findings.contains("\"review\""), "the question is answered: {findings}");
    Ok(())
}

fn wait_for_state(env: &Env, state: &str) -> CaseResult {
    wait_for(state, LIMIT, || {
        let said = env.orch(&["runs", "--json"]).map_err(|error| error.to_string())?;
        let known = format!("\"state\": \"{state}\"");
        let compact = format!("\"state\":\"{state}\"");
        if said.stdout.contains(&known) || said.stdout.contains(&compact) {
            Ok(())
        } else {
            Err(said.stdout)
        }
    })?;
    Ok(())
}

fn silence_ends_a_run() -> CaseResult {
    let env = env()?;
    let said = env.orch(&run("echo early; sleep 300", &["--idle-timeout", "1s"]))?;
    said.exits(124).prints("early").prints("idle timeout");
    Ok(())
}

fn too_much_output_ends_a_run() -> CaseResult {
    let env = env()?.with("ORCH_RUN_LOG", "1MiB");
    let said = env.orch(&run("yes a long line of output that says nothing", &["--json"]))?;
    let envelope = said.exits(1).json()?;
    assert_eq!(envelope["error"]["class"], "sandbox", "{envelope}");
    assert!(envelope["error"]["message"].as_str().is_some_and(|m| m.contains("1.0 MiB")));
    Ok(())
}

/// More than the store gives at once.
fn the_end_of_a_log_of_large_lines_is_its_end() -> CaseResult {
    let env = env()?;
    let script = "for n in $(seq 1 700); do printf '%060000d\\n' $n; done";
    env.orch(&["run", "--sandbox", "process", "--detach", "--prompt", script])?.exits(0);
    wait_for("the run to end", LIMIT, || {
        let said = env.orch(&["show", "@last"]).map_err(|error| error.to_string())?;
        if said.stdout.contains("succeeded") { Ok(()) } else { Err(said.stdout) }
    })?;
    let said = env.orch(&["logs", "@last", "--tail", "690"])?;
    let lines: Vec<&str> = said.exits(0).stdout.lines().collect();
    assert_eq!(lines.len(), 690);
    assert!(lines.last().is_some_and(|line| line.ends_with("0700")), "{:?}", lines.last());
    Ok(())
}

fn a_cancelled_program_may_say_goodbye() -> CaseResult {
    let env = env()?;
    let script = "trap 'echo bye; exit 1' TERM; echo ready; while :; do sleep 0.05; done";
    let following = env.command(&run(script, &[])).stdout(std::process::Stdio::piped()).spawn()?;
    wait_for("the program to be ready", LIMIT, || {
        let said = env.orch(&["logs", "@last"]).map_err(|error| error.to_string())?;
        if said.stdout.contains("ready") { Ok(()) } else { Err(said.stderr) }
    })?;
    env.orch(&["cancel", "@last"])?.exits(0);
    let output = following.wait_with_output()?;
    let text = String::from_utf8(output.stdout)?;
    assert_eq!(output.status.code(), Some(130), "{text}");
    assert!(text.contains("bye"), "{text}");
    env.orch(&["cancel", "@last"])?.exits(2).tells("the run has ended");
    Ok(())
}

fn a_paused_run_goes_on_where_it_was() -> CaseResult {
    let env = env()?;
    let script = "echo ready; while [ ! -e ../go ]; do sleep 0.05; done; echo done once >> README";
    let words = run(script, &["--verify", "grep -c once README", "--detach"]);
    env.orch(&words)?.exits(0);
    wait_for_state(&env, "active")?;
    env.orch(&["pause", "@last"])?.exits(0);
    let id = env.orch(&["runs", "--json"])?.json()?;
    let list = if id.is_array() { id } else { id["items"].clone() };
    let id = list[0]["id"].as_str().ok_or("no id")?.to_owned();
    let go = env.folder().join("home/data/workspaces").join(id).join("go");
    wait_for("the workspace", LIMIT, || {
        std::fs::write(&go, "").map_err(|error| error.to_string())
    })?;
    wait_for_state(&env, "waiting")?;
    env.orch(&["resume", "@last"])?.exits(0);
    wait_for_state(&env, "ended")?;
    env.orch(&["show", "@last", "--json"])?.exits(0).prints("succeeded");
    Ok(())
}

fn consent_before_publish_is_asked_for() -> CaseResult {
    let env = env()?;
    let words = ["--approve", "before-publish", "--publish", "branch"];
    env.orch(&run("echo new > README", &words))?.exits(4);
    assert!(!env.git(&["branch", "--all"])?.contains("agent/"));
    env.orch(&["diff", "@last"])?.exits(0).prints("+new");
    env.orch(&["approve", "@last"])?.exits(0);
    wait_for_state(&env, "ended")?;
    assert!(env.git(&["branch", "--all"])?.contains("agent/"));
    Ok(())
}

fn a_refusal_ends_the_run() -> CaseResult {
    let env = env()?;
    env.orch(&run("true", &["--approve", "before-start"]))?.exits(4);
    env.orch(&["reject", "@last"])?.exits(0);
    wait_for_state(&env, "ended")?;
    env.orch(&["show", "@last", "--json"])?.exits(0).prints("cancelled");
    Ok(())
}

fn setup_runs_before_the_work() -> CaseResult {
    let env = env()?;
    let said = env.orch(&run("cat ready", &["--setup", "echo prepared > ready"]))?;
    said.exits(0).prints("$ echo prepared > ready").prints("prepared");
    let said = env.orch(&run("true", &["--setup", "no-such-program"]))?;
    said.exits(1).prints("`no-such-program` exited with 127").tells("not in the sandbox");
    Ok(())
}

/// The daemon writes what another user reads, inside the container.
fn a_strict_mask_shuts_no_container_out() -> CaseResult {
    let env = env()?;
    let orch = env!("CARGO_BIN_EXE_orch");
    let mut command = env.command(&["unused"]);
    let variables: Vec<_> = command
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .collect();
    command = std::process::Command::new("sh");
    command
        .args([
            "-c",
            "umask 077; exec \"$0\" run --sandbox docker --prompt 'cat README; git log -1'",
        ])
        .arg(orch)
        .env_clear()
        .envs(variables)
        .current_dir(env.repository()?);
    let output = command.output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("hello") && text.contains("First"), "{text}");
    Ok(())
}

fn memory_is_bounded() -> CaseResult {
    let env = env()?.with("ORCH_RUN_MEMORY", "32MiB");
    let script = "head -c 200m /dev/zero | tail | wc -c";
    let words = ["run", "--sandbox", "docker", "--prompt", script, "--json"];
    let envelope = env.orch(&words)?.json()?;
    assert_ne!(envelope["metrics"]["stages"][1]["ms"], 0, "{envelope}");
    // The shell survives its child; what matters is that the host does too.
    assert_ne!(envelope["summary"], "209715200", "{envelope}");
    Ok(())
}

fn verify_has_no_network() -> CaseResult {
    let env = env()?;
    let words = [
        "run",
        "--sandbox",
        "docker",
        "--prompt",
        "ls /sys/class/net | wc -l",
        "--verify",
        "test \"$(ls /sys/class/net)\" = lo",
    ];
    env.orch(&words)?.exits(0).prints("\n2\n");
    Ok(())
}

fn the_image_is_made_when_it_is_first_needed() -> CaseResult {
    let env = env()?.with("ORCH_RUN_IMAGE", "orch/base:1");
    let said = env.orch(&["run", "--sandbox", "docker", "--prompt", "id -un"])?;
    said.exits(0).prints("agent\n");
    Ok(())
}

fn all_at_once(env: &Env, words: &[&str]) -> Result<Vec<Option<i32>>, Box<dyn Error>> {
    env.orch(&["runs"])?.exits(0);
    let mut children = Vec::new();
    for _ in 0..10 {
        let quiet = std::process::Stdio::null;
        children.push(env.command(words).stdout(quiet()).stderr(quiet()).spawn()?);
    }
    let mut codes = Vec::new();
    for mut child in children {
        codes.push(child.wait()?.code());
    }
    Ok(codes)
}

fn runs(env: &Env) -> Result<usize, Box<dyn Error>> {
    let runs = env.orch(&["runs", "--json"])?.exits(0).json()?;
    let list = if runs.is_array() { runs } else { runs["items"].clone() };
    Ok(list.as_array().ok_or("no list")?.len())
}

fn many_who_ask_at_once_all_get_a_run() -> CaseResult {
    let env = env()?;
    assert_eq!(all_at_once(&env, &run("echo $RANDOM", &[]))?, [Some(0); 10]);
    assert_eq!(runs(&env)?, 10);
    Ok(())
}

fn many_who_ask_with_one_key_get_one_run() -> CaseResult {
    let env = env()?;
    let words = run("echo once", &["--idempotency-key", "the same"]);
    assert_eq!(all_at_once(&env, &words)?, [Some(0); 10]);
    assert_eq!(runs(&env)?, 1);
    Ok(())
}

fn who_stops_reading_still_learns_the_end() -> CaseResult {
    let env = env()?;
    let mut following = env
        .command(&run("seq 1 20000; exit 3", &[]))
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()?;
    drop(following.stdout.take());
    assert_eq!(following.wait()?.code(), Some(1));
    Ok(())
}

fn uncommitted_changes_are_told() -> CaseResult {
    let env = env()?;
    env.orch(&run("true", &[]))?.exits(0);
    std::fs::write(env.repository()?.join("README"), "changed")?;
    let said = env.orch(&run("cat README", &[]))?;
    said.exits(0).prints("hello").tells("1 uncommitted change in").tells("is not part of the run");
    Ok(())
}

fn an_archived_project_does_not_run() -> CaseResult {
    let env = env()?;
    let source = env.repository()?.display().to_string();
    env.orch(&["project", "create", "web"])?.exits(0);
    env.orch(&["repo", "create", "web/shop", "--source", &source])?.exits(0);
    let words = ["task", "create", "web/shop/a", "--sandbox", "process", "--prompt", "true"];
    env.orch(&words)?.exits(0);
    env.orch(&["run", "web/shop/a"])?.exits(0);
    env.orch(&["project", "archive", "web"])?.exits(0);
    let said = env.orch(&["run", "web/shop/a"])?;
    said.exits(2).tells("`web` is archived").tells("orch project archive web --undo");
    env.orch(&["project", "archive", "web", "--undo"])?.exits(0);
    env.orch(&["run", "web/shop/a"])?.exits(0);
    Ok(())
}

fn an_engine_that_cannot_be_used_stops_only_its_runs() -> CaseResult {
    let env = env()?.with("DOCKER_HOST", "tcp://127.0.0.1:1");
    env.orch(&run("true", &[]))?.exits(0);
    let said = env.orch(&["run", "--sandbox", "docker", "--prompt", "true"])?;
    said.exits(69).tells("tcp://127.0.0.1:1").tells("docker.host");
    Ok(())
}

/// As another user, whom the engine's socket does not let in.
fn an_engine_that_may_not_be_used_is_told() -> CaseResult {
    let env = env()?;
    let socket = env.folder().join("engine.sock");
    let _listener = std::os::unix::net::UnixListener::bind(&socket)?;
    std::fs::set_permissions(&socket, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    let chown = std::process::Command::new("sh")
        .args(["-c", "chmod 755 \"$0\" && chown -R 65534:65534 \"$0/home\" \"$0/repo\""])
        .arg(env.folder())
        .status()?;
    assert!(chown.success());
    let script = format!(
        "export ORCH_HOME={0}/home ORCH_DOCKER_HOST=unix://{1} PATH=/usr/bin:/bin; cd {0}/repo; \
         {2} run --sandbox docker --prompt true; code=$?; {2} daemon stop >&2; exit $code",
        env.folder().display(),
        socket.display(),
        readable_orch(&env)?.display(),
    );
    let output = std::process::Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", &script])
        .env_clear()
        .output()?;
    let words = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(69), "{words}");
    assert!(words.contains("no permission to use Docker"), "{words}");
    assert!(words.contains("hint: add yourself to the engine's group"), "{words}");
    Ok(())
}

/// The program, where any user can start it.
fn readable_orch(env: &Env) -> Result<std::path::PathBuf, Box<dyn Error>> {
    let copy = env.folder().join("orch");
    std::fs::copy(env!("CARGO_BIN_EXE_orch"), &copy)?;
    Ok(copy)
}

fn a_repository_without_a_commit_is_told() -> CaseResult {
    let env = Env::new()?;
    let empty = env.folder().join("empty");
    std::fs::create_dir(&empty)?;
    let init = std::process::Command::new("git").args(["init", "-q"]).arg(&empty).status()?;
    assert!(init.success());
    let path = empty.display().to_string();
    let said = env.orch(&run("true", &["--repo", &path]))?;
    said.exits(1).tells("the repository has no commit yet: make one first");
    Ok(())
}

fn control_characters_do_not_reach_the_terminal() -> CaseResult {
    let env = env()?;
    let script = r"printf '\033]0;title\007\033[31mred\033[0m\033[2Jok\n'";
    let said = env.orch(&run(script, &[]))?;
    said.exits(0).prints("redok");
    assert!(!said.stdout.contains(['\u{1b}', '\u{7}']), "{said:?}");
    Ok(())
}

/// A command in a terminal of its own: what it showed so far, and a way to type.
struct Typed {
    child: Box<dyn portable_pty::Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    shown: Arc<Mutex<String>>,
}

impl Typed {
    fn start(env: &Env, arguments: &[&str]) -> Result<Self, Box<dyn Error>> {
        let size = PtySize { rows: 36, cols: 120, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size)?;
        let plain = env.command(arguments);
        let mut command = CommandBuilder::new(plain.get_program());
        command.args(plain.get_args());
        command.env_clear();
        for (name, value) in plain.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        command.env("TERM", "xterm-256color");
        if let Some(folder) = plain.get_current_dir() {
            command.cwd(folder);
        }
        let child = pair.slave.spawn_command(command)?;
        let mut reader = pair.master.try_clone_reader()?;
        let keys = pair.master.take_writer()?;
        let shown = Arc::new(Mutex::new(String::new()));
        let sink = Arc::clone(&shown);
        thread::spawn(move || {
            let _open = pair.master;
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
                sink.lock().expect("nobody panics with it").push_str(&text);
            }
        });
        Ok(Self { child, keys, shown })
    }

    fn shows(&self, text: &str) -> CaseResult {
        wait_for(text, LIMIT, || {
            let shown = self.shown.lock().expect("nobody panics with it").clone();
            if shown.contains(text) { Ok(()) } else { Err(shown) }
        })?;
        Ok(())
    }

    fn press(&mut self, keys: &str) -> CaseResult {
        self.keys.write_all(keys.as_bytes())?;
        Ok(self.keys.flush()?)
    }

    fn ends(mut self) -> Result<u32, Box<dyn Error>> {
        let code = wait_for("the command to end", LIMIT, || match self.child.try_wait() {
            Ok(Some(status)) => Ok(status.exit_code()),
            Ok(None) => Err(self.shown.lock().expect("nobody panics with it").clone()),
            Err(error) => Err(error.to_string()),
        })?;
        Ok(code)
    }
}

fn an_interrupt_asks_and_a_second_one_cancels() -> CaseResult {
    let env = env()?;
    let mut typed = Typed::start(&env, &run("echo ready; sleep 300", &[]))?;
    typed.shows("ready")?;
    typed.press("\u{3}")?;
    typed.shows("detach")?;
    typed.press("\u{3}")?;
    assert_eq!(typed.ends()?, 130);
    env.orch(&["show", "@last", "--json"])?.exits(0).prints("cancelled");
    Ok(())
}

fn an_interrupt_can_detach() -> CaseResult {
    let env = env()?;
    let mut typed = Typed::start(&env, &run("echo ready; sleep 300", &[]))?;
    typed.shows("ready")?;
    typed.press("\u{3}")?;
    typed.shows("detach")?;
    typed.press("d\r")?;
    assert_eq!(typed.ends()?, 0);
    wait_for_state(&env, "active")?;
    env.orch(&["cancel", "@last"])?.exits(0);
    wait_for_state(&env, "ended")
}
