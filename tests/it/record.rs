//! Nobody notices which database the record is in: what is true of the file is true of a server,
//! which can go away besides.

use std::error::Error;
use std::time::Duration;

use crate::case::{Case, CaseResult, cases};
use crate::env::Env;
use crate::mongodb::{Database, Server};
use crate::wait::wait_for;

pub(crate) const CASES: &[Case] = cases![
    a_run_is_told_as_from_the_file needs [Git, MongoDb],
    a_container_is_adopted_with_its_whole_log needs [Docker, Git, MongoDb],
    one_of_two_daemons_leads needs [Git, MongoDb],
    a_server_that_went_away_and_came_back_costs_no_line needs [Git, MongoDbCommand],
    a_server_that_is_not_there_is_named_without_its_password,
    a_database_of_another_program_is_left_alone needs [MongoDb],
    a_database_whose_name_was_mistyped_is_not_backed_up needs [MongoDb],
];

const LIMIT: Duration = Duration::from_secs(90);
const LINES: usize = 40;

fn env(uri: &str) -> Result<Env, Box<dyn Error>> {
    let env = Env::new()?.with("ORCH_STORE_URL", uri);
    env.repository()?;
    Ok(env)
}

fn counting() -> String {
    format!("for n in $(seq 1 {LINES}); do echo line $n; sleep 0.05; done")
}

fn seen(env: &Env) -> Result<Vec<String>, Box<dyn Error>> {
    let said = env.orch(&["logs", "@last"])?;
    let lines = said.exits(0).stdout.lines().filter(|line| line.contains("line "));
    Ok(lines.map(|line| line[line.find("line ").unwrap_or(0)..].to_owned()).collect())
}

fn wait_for_lines(env: &Env, count: usize) -> CaseResult {
    wait_for("output", LIMIT, || {
        let seen = seen(env).map_err(|error| error.to_string())?;
        if seen.len() >= count { Ok(()) } else { Err(format!("{seen:?}")) }
    })?;
    Ok(())
}

fn expect_whole(env: &Env) -> CaseResult {
    wait_for("the run to end", LIMIT, || {
        let said = env.orch(&["show", "@last"]).map_err(|error| error.to_string())?;
        if said.stdout.contains("succeeded") { Ok(()) } else { Err(format!("{said:?}")) }
    })?;
    let expected: Vec<String> = (1..=LINES).map(|number| format!("line {number}")).collect();
    assert_eq!(seen(env)?, expected);
    Ok(())
}

/// What a person sees of the same run, with what differs in any case taken out.
fn story(env: &Env) -> Result<String, Box<dyn Error>> {
    let script = "echo working; echo new > out.txt; exit 0";
    let run = [
        "run",
        "--sandbox",
        "process",
        "--json",
        "--prompt",
        script,
        "--verify",
        "test -f out.txt",
    ];
    let mut envelope = env.orch(&run)?.exits(0).json()?;
    for field in ["runId", "taskId", "rawOutputRef", "metrics", "git"] {
        envelope[field].take();
    }
    for field in ["detail", "target"] {
        envelope["actions"][0][field].take();
    }
    env.orch(&["run", "--sandbox", "process", "--prompt", "echo no; exit 3"])?.exits(1);
    let findings = env.orch(&["findings", "--json"])?.exits(0).json()?;
    let titles: Vec<&str> =
        findings.as_array().into_iter().flatten().filter_map(|one| one["title"].as_str()).collect();
    let states: Vec<String> = env
        .orch(&["runs", "--json"])?
        .exits(0)
        .json()?
        .as_array()
        .into_iter()
        .flatten()
        .map(|run| format!("{} {} v{}", run["state"], run["outcome"], run["version"]))
        .collect();
    let log = env.orch(&["logs", "@last"])?.exits(0).stdout.clone();
    let log: Vec<&str> = log.lines().filter(|line| line.contains("no")).collect();
    Ok(format!("{envelope}\n{titles:?}\n{states:?}\n{}", log.len()))
}

fn a_run_is_told_as_from_the_file() -> CaseResult {
    let database = Database::new()?;
    let on_server = env(database.uri())?;
    let in_file = env("")?;
    assert_eq!(story(&on_server)?, story(&in_file)?);
    Ok(())
}

fn a_container_is_adopted_with_its_whole_log() -> CaseResult {
    let database = Database::new()?;
    let env = env(database.uri())?;
    env.orch(&["run", "--detach", "--prompt", &counting()])?.exits(0);
    wait_for_lines(&env, 3)?;
    env.kill_daemon()?;
    expect_whole(&env)
}

fn one_of_two_daemons_leads() -> CaseResult {
    let database = Database::new()?;
    let (first, second) = (env(database.uri())?, env(database.uri())?);
    first.orch(&["daemon", "start"])?.exits(0);
    second.orch(&["daemon", "start"])?.exits(0);
    first.orch(&["run", "--sandbox", "process", "--prompt", "true"])?.exits(0);
    second.orch(&["runs"])?.exits(69).tells("stands by");
    first.orch(&["daemon", "stop"])?.exits(0);
    wait_for("the second to lead", LIMIT, || {
        let said = second.orch(&["runs"]).map_err(|error| error.to_string())?;
        if said.code == Some(0) { Ok(()) } else { Err(said.stderr) }
    })?;
    second.orch(&["run", "--sandbox", "process", "--prompt", "true"])?.exits(0);
    Ok(())
}

fn a_server_that_went_away_and_came_back_costs_no_line() -> CaseResult {
    let folder = tempfile::tempdir()?;
    let mut server = Server::start_own(folder.path())?;
    let env = env(&server.uri("orch"))?;
    let marker = env.folder().join("printed");
    let script = format!("{}; touch {}", counting(), marker.display());
    env.orch(&["run", "--sandbox", "process", "--detach", "--prompt", &script])?.exits(0);
    wait_for_lines(&env, 3)?;
    server.kill()?;
    // Meanwhile the run goes on, and prints the rest.
    wait_for("the run to print everything", LIMIT, || {
        if marker.exists() { Ok(()) } else { Err("it still prints".to_owned()) }
    })?;
    server.restart()?;
    expect_whole(&env)
}

fn a_server_that_is_not_there_is_named_without_its_password() -> CaseResult {
    let env = env("mongodb://orch:hunter2@127.0.0.1:1/team")?;
    let said = env.orch(&["daemon"])?;
    said.exits(69).tells("127.0.0.1:1").tells("does not answer").tells("hint:");
    assert!(!said.stderr.contains("hunter2"), "{said:?}");
    let said = env.orch(&["runs"])?;
    assert!(!said.exits(69).stderr.contains("hunter2"), "{said:?}");
    Ok(())
}

fn a_database_of_another_program_is_left_alone() -> CaseResult {
    let database = Database::new()?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let client = mongodb::Client::with_uri_str(database.uri()).await?;
        let songs = client.default_database().ok_or("no database in the address")?;
        let songs = songs.collection::<mongodb::bson::Document>("songs");
        songs.insert_one(mongodb::bson::doc! { "_id": "one" }).await?;
        Ok::<(), Box<dyn Error>>(())
    })?;
    let env = env(database.uri())?;
    env.orch(&["daemon"])?.exits(69).tells("belongs to another program").tells("hint:");
    Ok(())
}

/// A backup of nothing would take the place of a good one.
fn a_database_whose_name_was_mistyped_is_not_backed_up() -> CaseResult {
    let database = Database::new()?;
    let env = env(database.uri())?;
    env.orch(&["backup", "never.jsonl"])?.exits(5).tells("there is no store").tells("hint:");
    let target = format!("sqlite:{}", env.folder().join("never.db").display());
    env.orch(&["migrate", "--to", &target])?.exits(5).tells("there is no store");
    assert!(!env.folder().join("never.db").exists());
    assert!(!env.folder().join("repo/never.jsonl").exists());
    Ok(())
}
