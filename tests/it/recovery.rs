//! The daemon is killed, the run is not: what was stored and what is found make it end as if
//! nothing had happened.

use std::error::Error;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::case::{Case, CaseResult, cases};
use crate::env::Env;
use crate::wait::wait_for;

pub(crate) const CASES: &[Case] = cases![
    a_process_is_adopted_with_its_whole_log needs [Git],
    a_container_is_adopted_with_its_whole_log needs [Docker, Git],
    a_process_that_ended_meanwhile_is_read_to_its_end needs [Git],
    a_container_that_ended_meanwhile_is_read_to_its_end needs [Docker, Git],
    a_daemon_killed_again_and_again_changes_nothing needs [Docker, Git],
    a_container_that_vanished_is_another_attempt needs [Docker, Git],
    a_container_that_no_run_claims_is_removed_and_told needs [Docker, Git],
    a_run_that_waited_for_a_slot_still_gets_it needs [Git],
    a_cancel_survives_the_daemon needs [Git],
    an_end_in_time_counts_though_nobody_looked needs [Git],
    a_push_that_outlives_its_daemon_is_found needs [Git],
];

const LIMIT: Duration = Duration::from_secs(60);
const LINES: usize = 40;

fn env() -> Result<Env, Box<dyn Error>> {
    let env = Env::new()?;
    env.repository()?;
    Ok(env)
}

fn counting(sandbox: &str) -> [String; 6] {
    let script = format!("for n in $(seq 1 {LINES}); do echo line $n; sleep 0.05; done");
    ["run", "--sandbox", sandbox, "--detach", "--prompt", &script].map(str::to_owned)
}

fn last_run(env: &Env) -> Result<Value, Box<dyn Error>> {
    let runs = env.orch(&["runs", "--json"])?.exits(0).json()?;
    let list = if runs.is_array() { runs } else { runs["items"].clone() };
    list.get(0).cloned().ok_or_else(|| format!("no runs: {list}").into())
}

fn wait_for_lines(env: &Env, count: usize) -> CaseResult {
    wait_for("output", LIMIT, || {
        let said = env.orch(&["logs", "@last"]).map_err(|error| error.to_string())?;
        let seen = said.stdout.matches("line").count();
        if seen >= count { Ok(()) } else { Err(format!("{seen} lines")) }
    })?;
    Ok(())
}

fn wait_for_end(env: &Env) -> Result<Value, Box<dyn Error>> {
    let run = wait_for("the run to end", LIMIT, || {
        let run = last_run(env).map_err(|error| error.to_string())?;
        if run["state"] == "ended" { Ok(run) } else { Err(run.to_string()) }
    })?;
    Ok(run)
}

/// Every line of the script once, in its order, in one attempt.
fn expect_whole(env: &Env) -> CaseResult {
    let run = wait_for_end(env)?;
    assert_eq!(run["outcome"], "succeeded", "{run}");
    let attempts = run["stages"].as_array().ok_or("no stages")?;
    let implements = attempts.iter().filter(|stage| stage["stage"] == "implement").count();
    assert_eq!(implements, 1, "{run}");
    let log = env.orch(&["logs", "@last"])?;
    let lines: Vec<&str> = log
        .exits(0)
        .stdout
        .lines()
        .filter_map(|line| line.find("line ").map(|at| &line[at..]))
        .collect();
    let expected: Vec<String> = (1..=LINES).map(|number| format!("line {number}")).collect();
    assert_eq!(lines, expected);
    Ok(())
}

fn adopted(sandbox: &str) -> CaseResult {
    let env = env()?;
    env.orch(&counting(sandbox))?.exits(0);
    wait_for_lines(&env, 5)?;
    env.kill_daemon()?;
    expect_whole(&env)
}

fn a_process_is_adopted_with_its_whole_log() -> CaseResult {
    adopted("process")
}

fn a_container_is_adopted_with_its_whole_log() -> CaseResult {
    adopted("docker")
}

fn ended_meanwhile(sandbox: &str) -> CaseResult {
    let env = env()?;
    let mark = env.folder().join("home/mark");
    env.orch(&counting(sandbox))?.exits(0);
    wait_for_lines(&env, 5)?;
    env.kill_daemon()?;
    // What runs goes on by itself; nothing tells us that it has ended but its own traces.
    std::fs::write(&mark, "killed")?;
    let instance = std::fs::read_to_string(env.folder().join("home/data/instance"))?;
    wait_for("the work to end without a daemon", LIMIT, || {
        let running = match sandbox {
            "docker" => docker(&["ps", "-q", "--filter", &label(&instance)]),
            _ => Command::new("sh")
                .args([
                    "-c",
                    "ls -d \"$0\"/*/ | while read d; do [ -e \"$d/exit.json\" ] || echo $d; done",
                ])
                .arg(env.folder().join("home/data/processes"))
                .output()
                .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
                .map_err(Into::into),
        };
        match running {
            Ok(text) if text.trim().is_empty() => Ok(()),
            Ok(text) => Err(text),
            Err(error) => Err(error.to_string()),
        }
    })?;
    expect_whole(&env)
}

fn a_process_that_ended_meanwhile_is_read_to_its_end() -> CaseResult {
    ended_meanwhile("process")
}

fn a_container_that_ended_meanwhile_is_read_to_its_end() -> CaseResult {
    ended_meanwhile("docker")
}

fn a_daemon_killed_again_and_again_changes_nothing() -> CaseResult {
    let env = env()?;
    env.orch(&counting("docker"))?.exits(0);
    for lines in [1, 8, 16, 24, 32] {
        wait_for_lines(&env, lines)?;
        env.kill_daemon()?;
    }
    expect_whole(&env)
}

fn docker(arguments: &[&str]) -> Result<String, Box<dyn Error>> {
    let output = Command::new("docker").args(arguments).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn label(instance: &str) -> String {
    format!("label=orch.instance={}", instance.trim())
}

fn a_container_that_vanished_is_another_attempt() -> CaseResult {
    let env = env()?;
    let script =
        "if [ -e mark ]; then echo line again; exit 0; fi; touch mark; echo line; sleep 300";
    env.orch(&["run", "--sandbox", "docker", "--detach", "--prompt", script])?.exits(0);
    wait_for_lines(&env, 1)?;
    let instance = std::fs::read_to_string(env.folder().join("home/data/instance"))?;
    let container = docker(&["ps", "-q", "--filter", &label(&instance)])?;
    docker(&["rm", "-f", &container])?;
    let run = wait_for_end(&env)?;
    assert_eq!(run["outcome"], "succeeded", "{run}");
    let implements: Vec<&Value> = run["stages"]
        .as_array()
        .ok_or("no stages")?
        .iter()
        .filter(|stage| stage["stage"] == "implement")
        .collect();
    assert_eq!(implements.len(), 2, "{run}");
    assert_eq!((&implements[0]["passed"], &implements[1]["passed"]), (&false.into(), &true.into()));
    Ok(())
}

fn a_container_that_no_run_claims_is_removed_and_told() -> CaseResult {
    let env = env()?;
    env.orch(&["runs"])?.exits(0);
    env.orch(&["daemon", "stop"])?.exits(0);
    let instance = std::fs::read_to_string(env.folder().join("home/data/instance"))?;
    let name = format!("orch-it-orphan-{}", instance.trim());
    let mark = format!("orch.instance={}", instance.trim());
    docker(&[
        "run",
        "-d",
        "--name",
        &name,
        "--label",
        &mark,
        "debian:bookworm-slim",
        "sh",
        "-c",
        "echo last words; sleep 99",
    ])?;
    env.orch(&["daemon", "start"])?.exits(0);
    wait_for("the leftover to be told", LIMIT, || {
        let said = env.orch(&["findings"]).map_err(|error| error.to_string())?;
        if said.stdout.contains(&name) { Ok(()) } else { Err(said.stdout) }
    })?;
    assert_eq!(docker(&["ps", "-aq", "--filter", &label(&instance)])?, "");
    env.orch(&["findings", "--json"])?.exits(0).prints("last words");
    Ok(())
}

fn a_run_that_waited_for_a_slot_still_gets_it() -> CaseResult {
    let env = env()?.with("ORCH_DAEMON_MAX_ACTIVE", "1");
    let first = "echo line; while [ ! -e go ]; do sleep 0.05; done";
    env.orch(&["run", "--sandbox", "process", "--detach", "--prompt", first])?.exits(0);
    wait_for_lines(&env, 1)?;
    let first = last_run(&env)?;
    env.orch(&["run", "--sandbox", "process", "--detach", "--prompt", "echo second"])?.exits(0);
    assert_eq!(last_run(&env)?["state"], "queued");
    env.kill_daemon()?;
    assert_eq!(last_run(&env)?["state"], "queued", "the first still has the slot");
    let id = first["id"].as_str().ok_or("no id")?;
    let tree = env.folder().join("home/data/workspaces").join(id).join("tree");
    std::fs::write(tree.join("go"), "")?;
    let second = wait_for_end(&env)?;
    assert_eq!(second["outcome"], "succeeded", "{second}");
    Ok(())
}

/// The wish to stop is stored before anything is stopped: the next daemon stops it.
fn a_cancel_survives_the_daemon() -> CaseResult {
    let env = env()?.with("ORCH_DAEMON_STOP_GRACE", "3s");
    let script = "trap '' TERM; echo line; while :; do sleep 0.1; done";
    env.orch(&["run", "--sandbox", "process", "--detach", "--prompt", script])?.exits(0);
    wait_for_lines(&env, 1)?;
    env.orch(&["cancel", "@last"])?.exits(0);
    env.kill_daemon()?;
    let run = wait_for_end(&env)?;
    assert_eq!(run["outcome"], "cancelled", "{run}");
    Ok(())
}

/// It ended before its deadline, and the daemon came back after it.
fn an_end_in_time_counts_though_nobody_looked() -> CaseResult {
    let env = env()?;
    let script = "echo line 1; sleep 1; echo line 2";
    let words = ["run", "--sandbox", "process", "--detach", "--timeout", "3s", "--prompt", script];
    env.orch(&words)?.exits(0);
    wait_for_lines(&env, 1)?;
    let begun = std::time::Instant::now();
    env.kill_daemon()?;
    wait_for("the deadline to pass", LIMIT, || {
        let gone = begun.elapsed();
        if gone > Duration::from_secs(4) { Ok(()) } else { Err(format!("{gone:?}")) }
    })?;
    let run = wait_for_end(&env)?;
    assert_eq!(run["stages"][1]["exit"], 0, "{run}");
    assert_eq!(run["stages"][1]["passed"], true, "{run}");
    let log = env.orch(&["logs", "@last"])?.stdout;
    assert!(log.contains("line 2"), "{log}");
    Ok(())
}

/// The old push goes on without its daemon, and the new one meets it.
fn a_push_that_outlives_its_daemon_is_found() -> CaseResult {
    let env = env()?;
    let hook = env.repository()?.join(".git/hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().ok_or("a hook lies in a folder")?)?;
    std::fs::write(&hook, "#!/bin/sh\necho pushing >> ../pushes\nsleep 3\n")?;
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let words = ["run", "--sandbox", "process", "--detach", "--publish", "branch", "--prompt"];
    env.orch(&[&words[..], &["echo changed > README"]].concat())?.exits(0);
    let pushes = env.folder().join("pushes");
    let pushes = [pushes, env.repository()?.join("pushes")];
    wait_for("the push to begin", LIMIT, || {
        if pushes.iter().any(|file| file.exists()) { Ok(()) } else { Err("not yet".to_owned()) }
    })?;
    env.kill_daemon()?;
    let run = wait_for_end(&env)?;
    assert_eq!(run["outcome"], "succeeded", "{run}");
    assert_eq!(env.git(&["branch", "--list", "agent/*"])?.lines().count(), 1);
    Ok(())
}
