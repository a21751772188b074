//! The keeper of one process: what `orch __keep FOLDER` does.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process_group, setsid};

use super::record::{HEAD, Identity, MAX_FRAME, Record, start_time, write_whole};
use crate::sandbox::{Exit, LaunchSpec};

/// The hidden command under which this program is a keeper.
pub const COMMAND: &str = "__keep";

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
    let record = Record::new(folder);
    let spec = record.read_spec()?;
    let mut output =
        File::options().create(true).append(true).mode(0o600).open(record.output_file())?;
    let keeper = i32::try_from(std::process::id()).map_err(io::Error::other)?;
    let started = start_time(keeper).ok_or(io::ErrorKind::NotFound)?;
    let mut identity = Identity { keeper, started, child: 0 };
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
    write_whole(&record.identity_file(), &identity)?;

    let (pieces, arriving) = mpsc::sync_channel::<Piece>(64);
    if let Some(stdout) = child.stdout.take() {
        pump(0, stdout, pieces.clone());
    }
    if let Some(stderr) = child.stderr.take() {
        pump(1, stderr, pieces.clone());
    }
    let waiter = thread::spawn(move || {
        let status = child.wait();
        drop(pieces.send(None));
        status
    });
    drain(&arriving, &mut output, None)?;
    let status = waiter.join().map_err(|_| io::Error::other("the waiting thread panicked"))??;
    // What it left behind in its group ends with it.
    if let Some(group) = Pid::from_raw(identity.child) {
        let _gone_already = kill_process_group(group, Signal::KILL);
    }
    drain(&arriving, &mut output, Some(Instant::now() + LEFTOVERS))?;
    write_whole(&record.exit_file(), &exit_of(status))
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
