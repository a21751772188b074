//! What the other cases stand on: an engine, a git and a terminal that do what we take for granted.

use std::io::{BufRead, BufReader};
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use crate::case::{Case, CaseResult, cases};
use crate::need::docker_get;

pub(crate) const CASES: &[Case] = cases![
    docker_is_recent_enough needs [Docker],
    git_is_recent_enough needs [Git],
    a_terminal_has_the_size_it_was_given needs [Terminal],
];

/// API 1.41 came with engine 20.10, the oldest that a supported Debian has shipped.
fn docker_is_recent_enough() -> CaseResult {
    let (status, body) = docker_get("/version")?;
    assert_eq!(status, 200, "{body}");
    let version: serde_json::Value = serde_json::from_str(&body)?;
    let api = version["ApiVersion"].as_str().ok_or("the answer has no ApiVersion")?;
    assert!(numbers(api) >= vec![1, 41], "the Docker API is {api}");
    Ok(())
}

fn git_is_recent_enough() -> CaseResult {
    let output = Command::new("git").arg("--version").output()?;
    let text = String::from_utf8(output.stdout)?;
    let version = text.split_whitespace().nth(2).ok_or("no version in the output of git")?;
    assert!(numbers(version) >= vec![2, 30], "git is {version}");
    Ok(())
}

fn a_terminal_has_the_size_it_was_given() -> CaseResult {
    let size = PtySize { rows: 36, cols: 120, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size)?;
    let mut command = CommandBuilder::new("stty");
    command.arg("size");
    let mut child = pair.slave.spawn_command(command)?;
    drop(pair.slave);

    let mut lines = BufReader::new(pair.master.try_clone_reader()?).lines();
    let (tx, rx) = mpsc::channel();
    thread::spawn(move || {
        if let Some(line) = lines.next() {
            tx.send(line).expect("the case waits longer than stty takes");
        }
    });
    let line = rx.recv_timeout(Duration::from_secs(10))??;
    assert_eq!(line.trim_end(), "36 120");
    assert!(child.wait()?.success());
    Ok(())
}

/// The leading numbers of a version: `2.39.5` gives 2, 39, 5.
fn numbers(version: &str) -> Vec<u32> {
    let mut numbers = Vec::new();
    for part in version.split('.') {
        let Ok(number) = part.parse() else { break };
        numbers.push(number);
    }
    numbers
}
