use std::path::PathBuf;

use super::*;
use crate::domain::duration::HumanDuration;
use crate::domain::limits::SandboxKind;

fn paths() -> Paths {
    Paths {
        config_file: PathBuf::from("/nowhere/config.toml"),
        data: PathBuf::from("/nowhere/data"),
        state: PathBuf::from("/nowhere/state"),
        socket: PathBuf::from("/nowhere/orch.sock"),
    }
}

fn file(text: &str) -> Result<Loaded, ConfigError> {
    check_file(Path::new("c.toml"), text)
}

fn env(pairs: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    load(&paths(), pairs, &[])
}

fn told(result: Result<Loaded, ConfigError>) -> String {
    let error = result.expect_err("must be refused");
    format!("{error}\n{}", error.hint())
}

#[test]
fn the_defaults_are_whole_and_every_key_is_documented() {
    let loaded = env(&[]).expect("the defaults hold");
    assert_eq!(loaded.settings.daemon.max_active, 8);
    let table = defaults();
    let mut in_defaults = Vec::new();
    for (section, content) in &table {
        for name in content.as_table().expect("a section").keys() {
            in_defaults.push(format!("{section}.{name}"));
        }
    }
    let mut known: Vec<String> = keys().map(str::to_owned).collect();
    in_defaults.sort();
    known.sort();
    assert_eq!(in_defaults, known);
    assert!(loaded.origins.values().all(|setting| setting.origin == Origin::Default));
}

#[test]
fn each_layer_goes_over_the_one_below() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut paths = paths();
    paths.config_file = dir.path().join("config.toml");
    fs::write(&paths.config_file, "[run]\ntimeout = \"1h\"\nidle_timeout = \"1m\"\npids = 7\n")
        .expect("is written");
    let env = [
        ("ORCH_RUN_IDLE_TIMEOUT".to_owned(), "2m".to_owned()),
        ("ORCH_RUN_PIDS".to_owned(), "8".to_owned()),
        ("ORCH_HOME".to_owned(), "/x".to_owned()),
        ("ORCH_TEST_ANYTHING".to_owned(), "1".to_owned()),
        ("HOME".to_owned(), "/root".to_owned()),
    ];
    let flags = [read_flag("run.pids=9").expect("a setting")];
    let loaded = load(&paths, env, &flags).expect("all fit");
    assert_eq!(loaded.settings.run.timeout, HumanDuration::from_mins(60));
    assert_eq!(loaded.settings.run.idle_timeout, HumanDuration::from_mins(2));
    assert_eq!(loaded.settings.run.pids, 9);
    let origin = |key: &str| loaded.origins[key].origin.clone();
    assert_eq!(origin("run.timeout"), Origin::File { path: paths.config_file, line: 2 });
    assert_eq!(
        origin("run.idle_timeout"),
        Origin::Environment { name: "ORCH_RUN_IDLE_TIMEOUT".to_owned() }
    );
    assert_eq!(origin("run.pids"), Origin::Flag);
    assert_eq!(origin("run.cpus"), Origin::Default);
}

#[test]
fn the_environment_reads_every_sort_of_value() {
    let settings = env(&[
        ("ORCH_TUI_ASCII", "true"),
        ("ORCH_RUN_CPUS", "1.5"),
        ("ORCH_RUN_SANDBOX", "process"),
        ("ORCH_DOCKER_IMAGES", "a/*, b:1"),
        ("ORCH_DOCKER_HOST", ""),
    ])
    .expect("all fit")
    .settings;
    assert!(settings.tui.ascii);
    assert_eq!(settings.run.sandbox, SandboxKind::Process);
    assert_eq!(settings.docker.images, ["a/*", "b:1"]);
    assert_eq!(settings.run.profile().milli_cpus, 1500);
}

#[test]
fn a_whole_number_is_a_number_of_processors() {
    let settings = file("[run]\ncpus = 3\n").expect("fits").settings;
    assert_eq!(settings.run.profile().milli_cpus, 3000);
}

#[test]
fn marks_and_line_ends_of_other_systems_are_read() {
    let loaded = file("\u{feff}[run]\r\npids = 5\r\n").expect("fits");
    assert_eq!(loaded.settings.run.pids, 5);
    assert_eq!(
        loaded.origins["run.pids"].origin,
        Origin::File { path: PathBuf::from("c.toml"), line: 2 }
    );
}

#[test]
fn unknown_keys_are_told_with_line_and_nearest() {
    assert_eq!(
        told(file("[run]\npids = 5\n\ntimeot = \"1h\"\n")),
        "c.toml:4: there is no setting `run.timeot`\ndid you mean `run.timeout`?"
    );
    assert_eq!(
        told(file("[rnu]\npids = 5\n")),
        "c.toml:1: there is no setting `rnu`\ndid you mean `run`?"
    );
    assert_eq!(
        told(file("timeout = \"1h\"\n")),
        "c.toml:1: there is no setting `timeout`\ndid you mean `run.timeout`?"
    );
    assert_eq!(
        told(file("[zzzzzzzz]\n")),
        "c.toml:1: there is no setting `zzzzzzzz`\n`orch config` lists every setting"
    );
}

#[test]
fn unknown_variables_are_refused_with_the_nearest() {
    assert_eq!(
        told(env(&[("ORCH_RUN_IDLETIMEOUT", "1m")])),
        "ORCH_RUN_IDLETIMEOUT: there is no setting `ORCH_RUN_IDLETIMEOUT`\n\
         did you mean `ORCH_RUN_IDLE_TIMEOUT`?"
    );
    assert!(told(env(&[("ORCH_HOEM", "/x")])).ends_with("did you mean `ORCH_HOME`?"));
}

#[test]
fn a_wrong_type_names_line_key_and_expectation() {
    assert_eq!(
        told(file("[run]\ntimeout = 90\n")),
        "c.toml:2: run.timeout: invalid type: integer `90`, expected a string; \
         expected a duration above 0 such as \"3h\"\nchange it with `orch config edit`"
    );
    assert_eq!(
        told(file("run = 5\n")),
        "c.toml:1: run: it is not a table; \
         expected a section in brackets, with its settings below\nchange it with `orch config edit`"
    );
    assert!(told(file("[run]\nsandbox = \"podman\"\n")).contains("\"docker\" or \"process\""));
    assert!(told(file("[docker]\nimages = \"a\"\n")).starts_with("c.toml:2: docker.images: "));
    assert!(told(file("[daemon]\nmax_active = -1\n")).starts_with("c.toml:2: daemon.max_active: "));
}

#[test]
fn a_wrong_value_in_the_environment_names_the_variable() {
    assert_eq!(
        told(env(&[("ORCH_RUN_TIMEOUT", "-5m")])),
        "ORCH_RUN_TIMEOUT: run.timeout: `-5m` is not a duration: it is negative; write a positive \
         one, such as 45m; expected a duration above 0 such as \"3h\"\n\
         change the variable, or `unset ORCH_RUN_TIMEOUT`"
    );
    assert!(
        told(env(&[("ORCH_DAEMON_MAX_ACTIVE", "many")]))
            .starts_with("ORCH_DAEMON_MAX_ACTIVE: daemon.max_active: `many` does not fit")
    );
}

#[test]
fn values_that_make_no_sense_are_refused_where_they_stand() {
    for (text, key) in [
        ("[daemon]\nmax_active = 0", "daemon.max_active"),
        ("[daemon]\nstop_grace = \"0s\"", "daemon.stop_grace"),
        ("[docker]\nhost = \"tcp://1.2.3.4\"", "docker.host"),
        ("[docker]\nimages = [\" \"]", "docker.images"),
        ("[run]\nimage = \"\"", "run.image"),
        ("[run]\nmemory = \"5MiB\"", "run.memory"),
        ("[run]\ncpus = 0.0", "run.cpus"),
        ("[run]\ncpus = nan", "run.cpus"),
        ("[run]\ncpus = inf", "run.cpus"),
        ("[run]\npids = 0", "run.pids"),
        ("[run]\nlog = \"1B\"", "run.log"),
        ("[run]\ntimeout = \"0\"", "run.timeout"),
        ("[run]\nidle_timeout = \"0s\"", "run.idle_timeout"),
        ("[tui]\ntheme = \"\"", "tui.theme"),
        ("[log]\nlevel = \"loud\"", "log.level"),
    ] {
        let told = told(file(text));
        assert!(told.starts_with(&format!("c.toml:2: {key}: ")), "{told}");
    }
}

#[test]
fn broken_text_is_told_with_its_line() {
    assert!(told(file("[run]\npids = \n")).starts_with("c.toml:2: "));
    assert!(told(file("[run]\npids = 1\npids = 2\n")).starts_with("c.toml:3: duplicate key"));
    let error = as_text(Path::new("c.toml"), b"a\nb\xff".to_vec()).expect_err("is not UTF-8");
    assert_eq!(error.to_string(), "c.toml:2: the text is not UTF-8");
}

#[test]
fn a_file_that_cannot_be_read_is_not_taken_for_none() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut paths = paths();
    paths.config_file = dir.path().to_owned();
    assert!(matches!(load(&paths, [], &[]), Err(ConfigError::Read { .. })));
}

#[test]
fn flags_are_refused_like_everything_else() {
    assert!(
        told(read_flag("run.timeot=1h").map(|_| env(&[]).expect("holds"))).contains("run.timeout")
    );
    let flags = [("run.pids".to_owned(), Value::Integer(0))];
    assert!(told(load(&paths(), [], &flags)).starts_with("--set: run.pids: "));
}
