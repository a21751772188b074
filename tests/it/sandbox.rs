//! What every sandbox must do, on the real ones: containers and processes.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use orch::domain::event::{LogSource, OutputCursor};
use orch::domain::id::Id;
use orch::domain::limits::NetworkProfile;
use orch::domain::size::ByteSize;
use orch::sandbox::docker::DockerSandbox;
use orch::sandbox::process::ProcessSandbox;
use orch::sandbox::{LaunchSpec, Owner, Sandbox, SandboxError};
use tempfile::TempDir;
use uuid::Uuid;

use crate::case::{Case, CaseResult, cases};
use crate::need::docker_socket;

pub(crate) const CASES: &[Case] = cases![
    processes_do_what_every_sandbox_must,
    a_process_that_left_its_group_is_ended_too,
    a_process_without_its_keeper_is_lost_and_ended,
    containers_do_what_every_sandbox_must needs [Docker],
    short_lives_lose_no_output needs [Docker],
    a_container_is_hardened needs [Docker],
    a_container_without_our_labels_is_left_alone needs [Docker],
    an_image_that_is_not_there_is_named needs [Docker],
    an_engine_that_is_not_there_is_told_apart,
];

struct Rig {
    sandbox: Box<dyn Sandbox>,
    instance: String,
    _folder: TempDir,
}

impl Rig {
    fn processes() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let keeper = PathBuf::from(env!("CARGO_BIN_EXE_orch"));
        let sandbox = ProcessSandbox::new(folder.path().join("processes"), keeper);
        Self { sandbox: Box::new(sandbox), instance: fresh(), _folder: folder }
    }

    fn containers() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let socket = docker_socket().expect("the need was checked").display().to_string();
        let sandbox = DockerSandbox::new(&socket);
        Self { sandbox: Box::new(sandbox), instance: fresh(), _folder: folder }
    }

    fn spec(&self, name: &str, script: &str) -> LaunchSpec {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        LaunchSpec {
            name: format!("orch-it-{}-{name}", self.instance),
            owner: Owner {
                instance: self.instance.clone(),
                project: Id::from_uuid(Uuid::nil()),
                repository: Id::from_uuid(Uuid::nil()),
                task: Id::from_uuid(Uuid::nil()),
                run: Id::from_uuid(Uuid::nil()),
                step: "implement".to_owned(),
            },
            image: "debian:bookworm-slim".to_owned(),
            argv: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
            env: vec![pair("PATH", "/usr/bin:/bin"), pair("GREETING", "hello")],
            folder: "/tmp".into(),
            mounts: Vec::new(),
            network: NetworkProfile::None,
            memory: ByteSize::from_mib(128),
            milli_cpus: 1000,
            pids: 64,
            user: (1000, 1000),
        }
    }

    async fn launch(&self, name: &str, script: &str) -> String {
        let spec = self.spec(name, script);
        self.sandbox.launch(&spec).await.expect("it can be launched");
        spec.name
    }

    /// All that it prints, per stream, from a position on.
    async fn output(&self, name: &str, from: OutputCursor) -> (String, String) {
        let mut frames = self.sandbox.output(name, from).await.expect("it has output");
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        while let Some(frame) = frames.next().await {
            let frame = frame.expect("it can be read");
            match frame.source {
                LogSource::Stdout => stdout.extend_from_slice(&frame.bytes),
                LogSource::Stderr => stderr.extend_from_slice(&frame.bytes),
            }
        }
        let text = |bytes| String::from_utf8(bytes).expect("it printed text");
        (text(stdout), text(stderr))
    }

    async fn clean(&self) {
        for found in self.sandbox.find(&self.instance).await.expect("they can be listed") {
            self.sandbox.remove(&found.name).await.expect("it can be removed");
        }
    }
}

fn fresh() -> String {
    Uuid::now_v7().simple().to_string()
}

fn wait_async<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().expect("a runtime can be made").block_on(work)
}

type Check = for<'a> fn(&'a Rig) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

macro_rules! checks {
    ($($name:ident),* $(,)?) => {
        &[$((stringify!($name), |rig| Box::pin($name(rig)))),*]
    };
}

const CHECKS: &[(&str, Check)] = checks![
    the_exit_code_is_told,
    both_streams_are_told_apart,
    output_can_be_had_afterwards_and_from_a_position,
    output_comes_while_it_runs,
    launching_again_finds_what_is_there,
    a_polite_program_ends_by_itself_when_stopped,
    a_stubborn_program_is_killed_after_the_grace,
    what_is_gone_is_told,
    removing_ends_what_runs,
    each_instance_sees_its_own,
    the_environment_is_only_what_was_given,
    a_missing_program_is_no_mystery,
    input_is_closed,
    bytes_survive,
    much_output_comes_whole,
];

#[expect(clippy::print_stdout, reason = "how many there were has to be seen")]
fn all(kind: &str, rig: fn() -> Rig) -> CaseResult {
    wait_async(async {
        for (name, check) in CHECKS {
            println!("{kind}: {name}");
            let rig = rig();
            check(&rig).await;
            rig.clean().await;
        }
        println!("{kind}: {} cases", CHECKS.len());
    });
    Ok(())
}

fn processes_do_what_every_sandbox_must() -> CaseResult {
    all("process", Rig::processes)
}

fn containers_do_what_every_sandbox_must() -> CaseResult {
    all("docker", Rig::containers)
}

async fn the_exit_code_is_told(rig: &Rig) {
    let name = rig.launch("exit", "exit 37").await;
    assert_eq!(rig.sandbox.wait(&name).await.expect("it ends").code, 37);
    // Also to who asks later.
    assert_eq!(rig.sandbox.wait(&name).await.expect("it has ended").code, 37);
}

async fn both_streams_are_told_apart(rig: &Rig) {
    let name = rig.launch("streams", "echo out; echo err >&2; printf end").await;
    let (stdout, stderr) = rig.output(&name, OutputCursor::default()).await;
    assert_eq!((stdout.as_str(), stderr.as_str()), ("out\nend", "err\n"));
}

async fn output_can_be_had_afterwards_and_from_a_position(rig: &Rig) {
    let name = rig.launch("resume", "echo one; echo two; echo ERR >&2; echo three").await;
    rig.sandbox.wait(&name).await.expect("it ends");
    let all = rig.output(&name, OutputCursor::default()).await;
    assert_eq!(all, ("one\ntwo\nthree\n".to_owned(), "ERR\n".to_owned()));
    let rest = rig.output(&name, OutputCursor { stdout: 6, stderr: 2 }).await;
    assert_eq!(rest, ("o\nthree\n".to_owned(), "R\n".to_owned()));
}

async fn output_comes_while_it_runs(rig: &Rig) {
    let name = rig.launch("live", "echo early; sleep 60").await;
    let mut frames =
        rig.sandbox.output(&name, OutputCursor::default()).await.expect("it has output");
    let first = tokio::time::timeout(Duration::from_secs(20), frames.next()).await;
    let frame = first.expect("it comes soon").expect("there is one").expect("it can be read");
    assert_eq!(frame.bytes, "early\n");
    let age = jiff::Timestamp::now().duration_since(frame.at);
    assert!(age.as_secs().abs() < 30, "it was printed now, not at {}", frame.at);
}

async fn launching_again_finds_what_is_there(rig: &Rig) {
    let script = "echo once; exit 5";
    let name = rig.launch("twice", script).await;
    rig.launch("twice", script).await;
    assert_eq!(rig.sandbox.wait(&name).await.expect("it ends").code, 5);
    rig.launch("twice", script).await;
    assert_eq!(rig.output(&name, OutputCursor::default()).await.0, "once\n");
    assert_eq!(rig.sandbox.find(&rig.instance).await.expect("it is found").len(), 1);
}

async fn a_polite_program_ends_by_itself_when_stopped(rig: &Rig) {
    let script = "trap 'echo bye; exit 9' TERM; echo ready; while :; do sleep 0.05; done";
    let name = rig.launch("polite", script).await;
    let mut frames =
        rig.sandbox.output(&name, OutputCursor::default()).await.expect("it has output");
    frames.next().await;
    rig.sandbox.stop(&name, Duration::from_secs(20)).await.expect("it can be stopped");
    assert_eq!(rig.sandbox.wait(&name).await.expect("it ends").code, 9);
    assert_eq!(rig.output(&name, OutputCursor::default()).await.0, "ready\nbye\n");
}

async fn a_stubborn_program_is_killed_after_the_grace(rig: &Rig) {
    let script = "trap '' TERM; echo ready; while :; do sleep 0.05; done";
    let name = rig.launch("stubborn", script).await;
    let mut frames =
        rig.sandbox.output(&name, OutputCursor::default()).await.expect("it has output");
    frames.next().await;
    let begun = Instant::now();
    rig.sandbox.stop(&name, Duration::from_secs(1)).await.expect("it can be stopped");
    assert!(begun.elapsed() >= Duration::from_millis(900), "the grace was kept");
    assert_eq!(rig.sandbox.wait(&name).await.expect("it ends").code, 137);
    rig.sandbox.stop(&name, Duration::from_secs(1)).await.expect("once more is no harm");
}

async fn what_is_gone_is_told(rig: &Rig) {
    let name = rig.spec("nothing", "true").name;
    assert!(matches!(rig.sandbox.wait(&name).await, Err(SandboxError::NotFound(_))));
    let output = rig.sandbox.output(&name, OutputCursor::default()).await;
    assert!(matches!(output.map(drop), Err(SandboxError::NotFound(_))));
    rig.sandbox.stop(&name, Duration::from_secs(1)).await.expect("nothing to stop");
    rig.sandbox.remove(&name).await.expect("nothing to remove");
}

async fn removing_ends_what_runs(rig: &Rig) {
    let name = rig.launch("remove", "sleep 300").await;
    rig.sandbox.remove(&name).await.expect("it can be removed");
    assert!(rig.sandbox.find(&rig.instance).await.expect("they can be listed").is_empty());
    assert!(matches!(rig.sandbox.wait(&name).await, Err(SandboxError::NotFound(_))));
}

async fn each_instance_sees_its_own(rig: &Rig) {
    let name = rig.launch("mine", "sleep 300").await;
    let found = rig.sandbox.find(&rig.instance).await.expect("they can be listed");
    assert_eq!((found.len(), found[0].name.as_str(), found[0].running), (1, name.as_str(), true));
    assert_eq!(found[0].run, Some(Id::from_uuid(Uuid::nil())));
    assert!(rig.sandbox.find("somebody else").await.expect("they can be listed").is_empty());
}

async fn the_environment_is_only_what_was_given(rig: &Rig) {
    let name = rig.launch("env", "echo $GREETING; env | grep -c CARGO || true").await;
    assert_eq!(rig.output(&name, OutputCursor::default()).await.0, "hello\n0\n");
}

async fn a_missing_program_is_no_mystery(rig: &Rig) {
    let name = rig.launch("missing", "no-such-program-here").await;
    assert_eq!(rig.sandbox.wait(&name).await.expect("it ends").code, 127);
    let (_, stderr) = rig.output(&name, OutputCursor::default()).await;
    assert!(stderr.contains("no-such-program-here"), "{stderr}");
}

async fn input_is_closed(rig: &Rig) {
    let name = rig.launch("input", "cat; echo done").await;
    let waiting = tokio::time::timeout(Duration::from_secs(20), rig.sandbox.wait(&name)).await;
    assert_eq!(waiting.expect("it does not wait for input").expect("it ends").code, 0);
}

async fn bytes_survive(rig: &Rig) {
    let name = rig.launch("bytes", "printf 'a\\tb\\r\\033[1mc\\n\\n ä\\n'").await;
    let (stdout, _) = rig.output(&name, OutputCursor::default()).await;
    assert_eq!(stdout, "a\tb\r\u{1b}[1mc\n\n ä\n");
}

async fn much_output_comes_whole(rig: &Rig) {
    let name = rig.launch("much", "seq 1 50000").await;
    let (stdout, _) = rig.output(&name, OutputCursor::default()).await;
    let expected: String = (1..=50_000).map(|number| format!("{number}\n")).collect();
    assert!(stdout == expected, "{} bytes in place of {}", stdout.len(), expected.len());
    let from = OutputCursor { stdout: expected.len() as u64 / 2, stderr: 0 };
    let (rest, _) = rig.output(&name, from).await;
    assert!(rest == expected[expected.len() / 2..]);
}

fn alive(marker: &str) -> bool {
    let pattern = format!("sleep {marker}");
    let found = std::process::Command::new("pgrep").args(["-f", &pattern]).output();
    found.is_ok_and(|output| !output.stdout.is_empty())
}

fn a_process_that_left_its_group_is_ended_too() -> CaseResult {
    let rig = Rig::processes();
    let marker = format!("311.{}", std::process::id());
    let stays = wait_async(async {
        let script = format!("(setsid sleep {marker} &); echo ready; sleep 300");
        let name = rig.launch("stray", &script).await;
        let mut frames =
            rig.sandbox.output(&name, OutputCursor::default()).await.expect("it has output");
        frames.next().await;
        rig.sandbox.stop(&name, Duration::from_secs(5)).await.expect("it can be stopped");
        alive(&marker)
    });
    assert!(!stays, "it runs on after the run was stopped");
    Ok(())
}

fn a_process_without_its_keeper_is_lost_and_ended() -> CaseResult {
    let rig = Rig::processes();
    let marker = format!("312.{}", std::process::id());
    let (lost, stays) = wait_async(async {
        let name = rig.launch("keeperless", &format!("echo ready; sleep {marker}")).await;
        let mut frames =
            rig.sandbox.output(&name, OutputCursor::default()).await.expect("it has output");
        frames.next().await;
        let pattern = format!("__keep .*{name}");
        let killed = std::process::Command::new("pkill").args(["-9", "-f", &pattern]).status();
        assert!(killed.expect("pkill can be started").success());
        let lost = rig.sandbox.wait(&name).await;
        (lost, alive(&marker))
    });
    assert!(matches!(lost, Err(SandboxError::NotFound(_))), "{lost:?}");
    assert!(!stays, "it would work beside the next attempt");
    Ok(())
}

/// An engine under load stops following some containers before their last words.
fn short_lives_lose_no_output() -> CaseResult {
    wait_async(async {
        let rig = Rig::containers();
        for round in 0..4 {
            let lives = (0..10).map(|number| {
                let rig = &rig;
                async move {
                    let script = "echo out; echo err >&2; printf end";
                    let name = rig.launch(&format!("short-{round}-{number}"), script).await;
                    rig.output(&name, OutputCursor::default()).await
                }
            });
            for (stdout, stderr) in futures_util::future::join_all(lives).await {
                assert_eq!((stdout.as_str(), stderr.as_str()), ("out\nend", "err\n"));
            }
            rig.clean().await;
        }
    });
    Ok(())
}

/// SECURITY, items 1 and 2, seen from inside.
fn a_container_is_hardened() -> CaseResult {
    let script = r#"
        id -u; id -g
        touch /etc/x 2>/dev/null && echo writable-root
        touch /tmp/x && echo writable-tmp
        grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status | tr -s '\t' ' '
        ls /sys/class/net
        ls /var/run/docker.sock 2>/dev/null
        cat /proc/1/comm
    "#;
    wait_async(async {
        let rig = Rig::containers();
        let name = rig.launch("hard", script).await;
        let (stdout, _) = rig.output(&name, OutputCursor::default()).await;
        rig.clean().await;
        insta::assert_snapshot!(stdout, @r"
        1000
        1000
        writable-tmp
        CapEff: 0000000000000000
        CapBnd: 0000000000000000
        NoNewPrivs: 1
        Seccomp: 2
        lo
        docker-init
        ");
    });
    Ok(())
}

fn a_container_without_our_labels_is_left_alone() -> CaseResult {
    let docker = |arguments: &[&str]| -> Result<String, Box<dyn std::error::Error>> {
        let output = std::process::Command::new("docker").args(arguments).output()?;
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    };
    let rig = Rig::containers();
    let spec = rig.spec("foreign", "true");
    docker(&["run", "-d", "--name", &spec.name, "debian:bookworm-slim", "sleep", "300"])?;
    let outcome = wait_async(async {
        let launched = rig.sandbox.launch(&spec).await;
        let removed = rig.sandbox.remove(&spec.name).await;
        let stopped = rig.sandbox.stop(&spec.name, Duration::from_secs(1)).await;
        let output = rig.sandbox.output(&spec.name, OutputCursor::default()).await.map(drop);
        [launched, removed, stopped, output]
    });
    let state = docker(&["inspect", "-f", "{{.State.Status}}", &spec.name])?;
    docker(&["rm", "-f", &spec.name])?;
    for result in outcome {
        assert!(matches!(result, Err(SandboxError::NotOurs(_))), "{result:?}");
    }
    assert_eq!(state, "running");
    Ok(())
}

fn an_image_that_is_not_there_is_named() -> CaseResult {
    let rig = Rig::containers();
    let spec = LaunchSpec { image: "nobody/has-this:1".into(), ..rig.spec("image", "true") };
    let (checked, launched) = wait_async(async {
        (rig.sandbox.check(&spec.image).await.map(drop), rig.sandbox.launch(&spec).await)
    });
    for result in [checked, launched] {
        assert!(
            matches!(&result, Err(SandboxError::ImageMissing(name)) if name == "nobody/has-this:1"),
            "{result:?}"
        );
    }
    Ok(())
}

fn an_engine_that_is_not_there_is_told_apart() -> CaseResult {
    for address in ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1"] {
        let result = wait_async(DockerSandbox::new(address).check("debian:bookworm-slim"));
        assert!(matches!(result, Err(SandboxError::Unreachable { .. })), "{result:?}");
    }
    Ok(())
}
