//! The keeper of one process: what `orch __keep FOLDER` does.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitOptions, getpid, kill_process, kill_process_group,
    set_child_subreaper, setsid, waitid, waitpid,
};

use super::record::{HEAD, Identity, MAX_FRAME, Record, parent_of, start_time, write_whole};
use crate::sandbox::{Exit, LaunchSpec};

/// The hidden command under which this program is a keeper.
pub const COMMAND: &str = "__keep";

/// How many generations of strays are ended.
const STRAY_ROUNDS: usize = 100;
/// How long output may still come after the process has ended, from children that it left.
const LEFTOVERS: Duration = Duration::from_secs(1);

type Piece = Option<(u8, Vec<u8>)>;

/// Keeps the process whose specification lies in `folder`, until it has ended.
///
/// # Errors
/// Where it cannot be started or written about.
pub fn keep(folder: PathBuf) -> io::Result<()> {
    // Without a session of its own it would go with the terminal.
    setsid()?;
    // What leaves the group of the process becomes ours when its parent ends, so that it is found.
    set_child_subreaper(Some(getpid()))?;
    let record = Record::new(folder);
    // Of two keepers of one process, launched by two daemons, the first has it.
    match File::options().write(true).create_new(true).open(record.claim_file()) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        other => drop(other?),
    }
    let spec = record.read_spec()?;
    let mut output =
        File::options().create(true).append(true).mode(0o600).open(record.output_file())?;
    let keeper = i32::try_from(std::process::id()).map_err(io::Error::other)?;
    let started = start_time(keeper).ok_or(io::ErrorKind::NotFound)?;
    let mut identity = Identity { keeper, started, child: 0, child_started: 0 };
    let mut child = match command(&spec).spawn() {
        Ok(child) => child,
        Err(error) => {
            // As a shell says it: 127 where there is no such program, 126 where it cannot be run.
            let code = if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 };
            let words = format!("orch: cannot start {}: {error}\n", spec.argv[0]);
            write_frame(&mut output, 1, words.as_bytes())?;
            write_whole(&record.exit_file(), &Exit { code, out_of_memory: false })?;
            return write_whole(&record.identity_file(), &identity);
        }
    };
    identity.child = i32::try_from(child.id()).map_err(io::Error::other)?;
    identity.child_started = start_time(identity.child).unwrap_or(0);
    let kept = write_whole(&record.identity_file(), &identity)
        .and_then(|()| keep_child(&mut child, &record, &mut output));
    // What it left behind in its group ends with it; it as well, where it can be kept no longer.
    if let Some(group) = Pid::from_raw(identity.child) {
        let _gone_already = kill_process_group(group, Signal::KILL);
    }
    let kept = kept.inspect(|_| end_strays());
    let (status, arriving) = kept?;
    drain(&arriving, &mut output, Some(Instant::now() + LEFTOVERS))?;
    write_whole(&record.exit_file(), &exit_of(status))
}

/// Ends what has left the group. Each that ends may leave its own children to us.
fn end_strays() {
    let me = getpid().as_raw_nonzero().get();
    for _ in 0..STRAY_ROUNDS {
        let strays = children_of(me);
        if strays.is_empty() {
            return;
        }
        for stray in strays.into_iter().filter_map(Pid::from_raw) {
            let _gone_already = kill_process(stray, Signal::KILL);
            let _collected = waitpid(Some(stray), WaitOptions::empty());
        }
    }
}

fn children_of(parent: i32) -> Vec<i32> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| parent_of(*pid) == Some(parent))
        .collect()
}

/// Writes down what the process prints until it has ended.
fn keep_child(
    child: &mut Child,
    record: &Record,
    output: &mut File,
) -> io::Result<(ExitStatus, mpsc::Receiver<Piece>)> {
    let (pieces, arriving) = mpsc::sync_channel::<Piece>(64);
    if let Some(stdout) = child.stdout.take() {
        pump(0, stdout, pieces.clone());
    }
    if let Some(stderr) = child.stderr.take() {
        pump(1, stderr, pieces.clone());
    }
    let pid = Pid::from_child(child);
    thread::spawn(move || {
        // Waits without collecting it: until that is done below, its number is nobody else's.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while matches!(waitid(WaitId::Pid(pid), options), Err(rustix::io::Errno::INTR)) {}
        drop(pieces.send(None));
    });
    drain(&arriving, output, None).inspect_err(|error| {
        let mut log = File::options().append(true).open(record.keeper_log());
        if let Ok(log) = &mut log {
            drop(writeln!(log, "cannot write the output: {error}"));
        }
    })?;
    Ok((child.wait()?, arriving))
}

fn command(spec: &LaunchSpec) -> Command {
    let mut command = Command::new(&spec.argv[0]);
    command
        .args(&spec.argv[1..])
        .env_clear()
        .envs(spec.env.iter().map(|(name, value)| (name, value)))
        .current_dir(&spec.folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A group of its own, so that all of it can be signalled without the keeper.
        .process_group(0);
    command
}

fn pump(stream: u8, mut from: impl Read + Send + 'static, to: mpsc::SyncSender<Piece>) {
    thread::spawn(move || {
        let mut buffer = vec![0; MAX_FRAME];
        loop {
            match from.read(&mut buffer) {
                Ok(0) | Err(_) => return,
                Ok(count) => {
                    if to.send(Some((stream, buffer[..count].to_vec()))).is_err() {
                        return;
                    }
                }
            }
        }
    });
}

/// Writes what arrives: until the process has ended, or, with a limit, until all streams are
/// closed or the limit is reached.
fn drain(
    arriving: &mpsc::Receiver<Piece>,
    output: &mut File,
    limit: Option<Instant>,
) -> io::Result<()> {
    loop {
        let piece = match limit {
            None => arriving.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(limit) => arriving.recv_timeout(limit.saturating_duration_since(Instant::now())),
        };
        match piece {
            Ok(Some((stream, bytes))) => write_frame(output, stream, &bytes)?,
            Ok(None) if limit.is_none() => return Ok(()),
            Ok(None) => {}
            Err(RecvTimeoutError::Disconnected | RecvTimeoutError::Timeout) => return Ok(()),
        }
    }
}

fn write_frame(output: &mut File, stream: u8, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    let mut frame = Vec::with_capacity(HEAD + bytes.len());
    frame.push(stream);
    frame.extend_from_slice(&Timestamp::now().as_millisecond().to_le_bytes());
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(bytes);
    output.write_all(&frame)
}

fn exit_of(status: ExitStatus) -> Exit {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1);
    Exit { code, out_of_memory: false }
}
