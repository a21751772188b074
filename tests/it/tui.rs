//! The terminal interface as a person has it: the built program in a real pseudo-terminal, keys
//! in, screen out, against a real daemon.

use std::error::Error;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use tempfile::TempDir;

use crate::case::{Case, CaseResult, cases};
use crate::wait::{TimeUp, wait_for};

pub(crate) const CASES: &[Case] = cases![a_task_is_run_and_watched needs [Git, Terminal]];

const ORCH: &str = env!("CARGO_BIN_EXE_orch");
/// Long enough for a daemon to start and a run to end on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);
/// An idle screen writes nothing for so long.
const QUIET: Duration = Duration::from_secs(10);

fn a_task_is_run_and_watched() -> CaseResult {
    let house = House::build()?;
    let mut seat = Seat::open(&house, 36, 120)?;
    seat.wait_for("1 PROJECTS")?;
    seat.wait_for("▸ hello")?;
    seat.wait_for("daemon ✓")?;
    seat.press("3gr")?;
    seat.wait_for("hello from the run")?;
    seat.wait_for("✓ done")?;

    seat.resize(24, 80)?;
    seat.wait_for("━ 3 TASKS")?;
    seat.wait_until("one pane at a time", |text| !text.contains("1 PROJECTS"))?;
    seat.press("5")?;
    seat.wait_for("hello from the run")?;

    seat.stays_quiet()?;
    seat.press("q")?;
    let status = seat.ended()?;
    assert!(status.success(), "it left with {status:?}");
    let parser = seat.lock();
    let screen = parser.screen();
    assert!(!screen.alternate_screen(), "it left the terminal on the alternate screen");
    assert!(!screen.hide_cursor(), "it left the cursor hidden");
    assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
    Ok(())
}

/// A home of its own with one task in it. Its daemon ends with it.
struct House {
    folder: TempDir,
}

impl House {
    fn build() -> Result<Self, Box<dyn Error>> {
        // A socket's path has little room, so that the home lies as near to the root as it can.
        let house = Self { folder: TempDir::with_prefix_in("orch-", "/tmp")? };
        let source = house.folder.path().join("sample");
        house.call("git", &["init", "--quiet", path(&source)?])?;
        let commit =
            ["-C", path(&source)?, "commit", "--quiet", "--allow-empty", "--message", "first"];
        house.call("git", &commit)?;
        for arguments in [
            &["project", "create", "demo"][..],
            &["repo", "create", "demo/sample", "--source", path(&source)?],
            &[
                "task",
                "create",
                "demo/sample/hello",
                "--harness",
                "script",
                "--prompt",
                "echo hello from the run",
                "--sandbox",
                "process",
            ],
        ] {
            house.call(ORCH, arguments)?;
        }
        Ok(house)
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let home = self.folder.path().display().to_string();
        vec![
            ("PATH", std::env::var("PATH").unwrap_or_default()),
            ("HOME", home.clone()),
            ("ORCH_HOME", format!("{home}/orch")),
            ("TERM", "xterm-256color".to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
            ("TZ", "UTC".to_owned()),
            ("GIT_AUTHOR_NAME", "A Person".to_owned()),
            ("GIT_AUTHOR_EMAIL", "person@example.org".to_owned()),
            ("GIT_COMMITTER_NAME", "A Person".to_owned()),
            ("GIT_COMMITTER_EMAIL", "person@example.org".to_owned()),
        ]
    }

    fn call(&self, program: &str, arguments: &[&str]) -> CaseResult {
        let mut command = Command::new(program);
        command.env_clear().envs(self.environment()).args(arguments);
        let output = command.output()?;
        if output.status.success() {
            return Ok(());
        }
        let talk = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(format!("{program} {}: {}: {talk}", arguments.join(" "), output.status).into())
    }
}

impl Drop for House {
    fn drop(&mut self) {
        // Where it never started there is nothing to stop.
        drop(self.call(ORCH, &["daemon", "stop"]));
    }
}

fn path(path: &Path) -> Result<&str, Box<dyn Error>> {
    path.to_str().ok_or_else(|| "the path is not UTF-8".into())
}

/// Somebody before a terminal.
struct Seat {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    parser: Arc<Mutex<vt100::Parser>>,
    /// How many bytes were written to the terminal so far.
    written: Arc<AtomicUsize>,
}

impl Seat {
    fn open(house: &House, rows: u16, cols: u16) -> Result<Self, Box<dyn Error>> {
        let pair = native_pty_system().openpty(size(rows, cols))?;
        let mut command = CommandBuilder::new(ORCH);
        command.env_clear();
        for (name, value) in house.environment() {
            command.env(name, value);
        }
        command.cwd(house.folder.path());
        let child = pair.slave.spawn_command(command)?;
        let parser = Arc::new(Mutex::new(vt100::Parser::new(rows, cols, 0)));
        let written = Arc::new(AtomicUsize::new(0));
        let mut output = pair.master.try_clone_reader()?;
        let (screen, count) = (Arc::clone(&parser), Arc::clone(&written));
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length) = output.read(&mut bytes) {
                if length == 0 {
                    break;
                }
                count.fetch_add(length, Ordering::SeqCst);
                screen.lock().unwrap_or_else(PoisonError::into_inner).process(&bytes[..length]);
            }
        });
        let keys = pair.master.take_writer()?;
        Ok(Self { child, master: pair.master, keys, parser, written })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, vt100::Parser> {
        self.parser.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn press(&mut self, keys: &str) -> CaseResult {
        self.keys.write_all(keys.as_bytes())?;
        self.keys.flush()?;
        Ok(())
    }

    fn resize(&self, rows: u16, cols: u16) -> CaseResult {
        self.lock().screen_mut().set_size(rows, cols);
        self.master.resize(size(rows, cols))?;
        Ok(())
    }

    fn wait_for(&self, text: &str) -> Result<(), TimeUp> {
        self.wait_until(&format!("`{text}` on the screen"), |screen| screen.contains(text))
    }

    fn wait_until(&self, what: &str, holds: impl Fn(&str) -> bool) -> Result<(), TimeUp> {
        wait_for(what, LIMIT, || {
            let text = self.lock().screen().contents();
            if holds(&text) { Ok(()) } else { Err(format!("\n{text}")) }
        })
    }

    /// After the last change has been drawn not a byte is written.
    fn stays_quiet(&self) -> CaseResult {
        let mut last = (self.written.load(Ordering::SeqCst), Instant::now());
        wait_for("the screen to settle", LIMIT, || {
            let now = self.written.load(Ordering::SeqCst);
            if now != last.0 {
                last = (now, Instant::now());
            }
            if last.1.elapsed() > Duration::from_secs(2) { Ok(()) } else { Err(format!("{now}")) }
        })?;
        let (before, start) = (self.written.load(Ordering::SeqCst), Instant::now());
        let extra = wait_for("ten quiet seconds", LIMIT, || {
            let extra = self.written.load(Ordering::SeqCst) - before;
            let is_over = extra > 0 || start.elapsed() >= QUIET;
            if is_over { Ok(extra) } else { Err("quiet so far".to_owned()) }
        })?;
        assert_eq!(extra, 0, "bytes written to an idle screen after {:?}", start.elapsed());
        Ok(())
    }

    fn ended(&mut self) -> Result<ExitStatus, TimeUp> {
        let child = &mut self.child;
        wait_for("the interface to leave", LIMIT, || match child.try_wait() {
            Ok(Some(status)) => Ok(status),
            Ok(None) => Err("it still runs".to_owned()),
            Err(error) => Err(error.to_string()),
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        drop(self.child.kill());
    }
}

const fn size(rows: u16, cols: u16) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}
