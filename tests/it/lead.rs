//! Several daemons on one record: one leads, the others stand by and take over. The record is a
//! SQLite file that two homes share; what happens with it happens with a server too.

use std::error::Error;
use std::fs;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::case::{Case, CaseResult, cases};
use crate::env::{Env, wait_for_end_of};
use crate::wait::wait_for;

pub(crate) const CASES: &[Case] = cases![
    who_stands_by_says_who_leads needs [Git],
    who_stands_by_takes_over_at_once_when_the_leader_leaves needs [Git],
    who_stands_by_takes_over_from_the_dead needs [Git],
    a_leader_that_was_away_too_long_leaves needs [Git],
    who_stands_by_leaves_when_asked needs [Git],
    who_names_the_file_of_another_home_stands_by needs [Git],
    an_address_without_a_record_is_refused_with_words,
];

const LIMIT: Duration = Duration::from_secs(60);

/// Two homes with one record, and a daemon in each: the first leads.
fn two() -> Result<(Env, Env), Box<dyn Error>> {
    let first = Env::new()?;
    let record = format!("sqlite:{}", first.folder().join("shared.db").display());
    let first = first.with("ORCH_STORE_URL", record.clone());
    first.repository()?;
    let second = Env::new()?.with("ORCH_STORE_URL", record);
    second.repository()?;
    first.orch(&["daemon", "start"])?.exits(0);
    second.orch(&["daemon", "start"])?.exits(0);
    Ok((first, second))
}

fn health(env: &Env) -> Result<Value, Box<dyn Error>> {
    let status = env.orch(&["daemon", "status", "--json"])?.exits(0).json()?;
    Ok(status["health"].clone())
}

fn wait_for_lead(env: &Env) -> CaseResult {
    wait_for("the daemon to lead", LIMIT, || {
        let health = health(env).map_err(|error| error.to_string())?;
        if health["standby"].is_null() { Ok(()) } else { Err(health.to_string()) }
    })?;
    Ok(())
}

fn run_something(env: &Env) -> CaseResult {
    env.orch(&["run", "--sandbox", "process", "--prompt", "echo done"])?.exits(0);
    Ok(())
}

fn who_stands_by_says_who_leads() -> CaseResult {
    let (first, second) = two()?;
    run_something(&first)?;
    let leader = health(&first)?["instance"].as_str().unwrap_or_default().to_owned();
    let waiting = health(&second)?;
    let told = waiting["standby"]["leader"].as_str().unwrap_or_default();
    assert!(!leader.is_empty() && told.starts_with(&leader), "{leader}: {waiting}");
    second.orch(&["runs"])?.exits(69).tells("stands by").tells(&leader).tells("hint:");
    let said = second.orch(&["daemon", "status"])?;
    assert!(said.exits(0).stdout.contains("standing by"), "{said:?}");
    // The first does not mind.
    run_something(&first)
}

fn who_stands_by_takes_over_at_once_when_the_leader_leaves() -> CaseResult {
    let (first, second) = two()?;
    run_something(&first)?;
    first.orch(&["daemon", "stop"])?.exits(0);
    wait_for_lead(&second)?;
    let runs = second.orch(&["runs", "--json"])?.exits(0).json()?;
    assert_eq!(runs.as_array().map(Vec::len), Some(1), "{runs}");
    run_something(&second)?;
    // Back again, it is the first that waits.
    first.orch(&["daemon", "start"])?.exits(0);
    assert!(!health(&first)?["standby"].is_null());
    Ok(())
}

fn who_stands_by_takes_over_from_the_dead() -> CaseResult {
    let (first, second) = two()?;
    first.signal_daemon("-9")?;
    wait_for_lead(&second)?;
    run_something(&second)
}

/// It stops as a machine that sleeps does, and wakes up when another leads.
fn a_leader_that_was_away_too_long_leaves() -> CaseResult {
    let (first, second) = two()?;
    let pid = first.signal_daemon("-STOP")?;
    wait_for_lead(&second)?;
    assert!(Command::new("kill").args(["-CONT", &pid.to_string()]).status()?.success());
    wait_for_end_of(pid)?;
    let log = fs::read_to_string(first.folder().join("home/state/daemon.out"))?;
    assert!(log.contains("another daemon took the lead"), "{log}");
    run_something(&second)
}

fn who_stands_by_leaves_when_asked() -> CaseResult {
    let (_first, second) = two()?;
    let pid = second.signal_daemon("-TERM")?;
    wait_for_end_of(pid)?;
    second.orch(&["daemon", "start"])?.exits(0);
    second.orch(&["daemon", "stop"])?.exits(0);
    second.orch(&["daemon", "status"])?.exits(69);
    Ok(())
}

/// The daemon of the file's own home renews nothing, and is not robbed for it.
fn who_names_the_file_of_another_home_stands_by() -> CaseResult {
    let first = Env::new()?;
    first.repository()?;
    run_something(&first)?;
    let file = first.folder().join("home/data/orch.db");
    let second = Env::new()?.with("ORCH_STORE_URL", format!("sqlite:{}", file.display()));
    second.orch(&["daemon", "start"])?.exits(0);
    second.orch(&["runs"])?.exits(69).tells("until it leaves");
    first.kill_daemon()?;
    // Its home has the first word, also when the name of its daemon was lost.
    fs::remove_file(first.folder().join("home/data/instance"))?;
    run_something(&first)?;
    first.orch(&["daemon", "stop"])?.exits(0);
    wait_for_lead(&second)
}

fn an_address_without_a_record_is_refused_with_words() -> CaseResult {
    let env = Env::new()?;
    let diary = env.write("diary.db", &"dear diary, you are no database at all\n".repeat(60))?;
    let file = env.write("address", "postgres://orch:hunter2@db.example/orch\n")?;
    let before = fs::read(&diary)?;
    let cases = [
        (format!("sqlite:{}", diary.display()), 69, "no store of orch"),
        ("env://ORCH_TEST_NO_SUCH".to_owned(), 69, "ORCH_TEST_NO_SUCH"),
        (format!("file://{}", file.display()), 69, "holds no address"),
        ("file:///does/not/exist".to_owned(), 69, "/does/not/exist"),
        ("sqlite:orch.db".to_owned(), 2, "not an absolute path"),
        ("postgres://orch:hunter2@db.example/orch".to_owned(), 2, "mongodb://"),
        ("mongodb://orch:hunter2@/orch".to_owned(), 2, "names no server"),
    ];
    for (address, code, words) in cases {
        let said = Command::new(env!("CARGO_BIN_EXE_orch"))
            .args(["daemon"])
            .env_clear()
            .env("ORCH_HOME", env.folder().join("home"))
            .env("ORCH_STORE_URL", &address)
            .output()?;
        let told = String::from_utf8_lossy(&said.stderr);
        assert_eq!(said.status.code(), Some(code), "{address}: {told}");
        assert!(told.contains(words) && told.contains("hint:"), "{address}: {told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
    assert_eq!(fs::read(&diary)?, before);
    Ok(())
}
