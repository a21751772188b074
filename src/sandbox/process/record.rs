//! What is kept about one process: a folder with its specification, who it is, its output, its
//! exit code.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::BytesMut;
use futures_util::stream::{self, BoxStream, StreamExt};
use jiff::Timestamp;
use rustix::fs::inotify;
use serde::{Deserialize, Serialize};
use tokio::io::unix::AsyncFd;

use crate::domain::event::{LogSource, OutputCursor};
use crate::sandbox::{Exit, LaunchSpec, OutputFrame, SandboxError};

/// The longest frame; what a process prints at once is cut into such pieces.
pub(super) const MAX_FRAME: usize = 64 << 10;
/// A frame's head: stream, milliseconds, length.
pub(super) const HEAD: usize = 1 + 8 + 4;

/// The processes behind a record. A number alone may be given again after its process has ended,
/// the time of its start may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    /// The keeper.
    pub(super) keeper: i32,
    /// When the keeper was started, in ticks since the machine was.
    pub(super) started: u64,
    /// The process itself, which leads a group of its own.
    pub(super) child: i32,
    /// When it was started.
    #[serde(default)]
    pub(super) child_started: u64,
}

/// One process's folder.
#[derive(Debug, Clone)]
pub(super) struct Record {
    folder: PathBuf,
}

impl Record {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn spec_file(&self) -> PathBuf {
        self.folder.join("spec.json")
    }

    pub(super) fn identity_file(&self) -> PathBuf {
        self.folder.join("identity.json")
    }

    pub(super) fn claim_file(&self) -> PathBuf {
        self.folder.join("claim")
    }

    pub(super) fn exit_file(&self) -> PathBuf {
        self.folder.join("exit.json")
    }

    pub(super) fn output_file(&self) -> PathBuf {
        self.folder.join("output")
    }

    pub(super) fn keeper_log(&self) -> PathBuf {
        self.folder.join("keeper.log")
    }

    /// Whether it was launched: a folder without an identity is what an interrupted launch left.
    pub(super) fn is_there(&self) -> bool {
        self.identity_file().exists()
    }

    pub(super) fn write_spec(&self, spec: &LaunchSpec) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        write_whole(&self.spec_file(), spec)
    }

    pub(super) fn read_spec(&self) -> io::Result<LaunchSpec> {
        Ok(serde_json::from_slice(&fs::read(self.spec_file())?)?)
    }

    pub(super) fn identity(&self) -> Option<Identity> {
        serde_json::from_slice(&fs::read(self.identity_file()).ok()?).ok()
    }

    pub(super) fn exit(&self) -> Option<Exit> {
        serde_json::from_slice(&fs::read(self.exit_file()).ok()?).ok()
    }

    /// The process's number, while it lives and is the one that was started, with or without its
    /// keeper.
    pub(super) fn live_child(&self) -> Option<i32> {
        let identity = self.identity()?;
        let is_alive = start_time(identity.child) == Some(identity.child_started);
        (identity.child > 0 && is_alive).then_some(identity.child)
    }

    /// The keeper's number, while it lives and is the one that was started.
    pub(super) fn live_keeper(&self) -> Option<i32> {
        let identity = self.identity()?;
        (start_time(identity.keeper) == Some(identity.started)).then_some(identity.keeper)
    }
}

/// Writes a file as a whole or not at all.
pub(super) fn write_whole(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut file =
        File::options().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(&serde_json::to_vec(value)?)?;
    fs::rename(draft, path)
}

/// When a process was started, in ticks since the machine was. A process that has ended and is
/// only waited for counts as gone.
pub(super) fn start_time(pid: i32) -> Option<u64> {
    stat_field(pid, 19)
}

/// Whose child a process is.
pub(super) fn parent_of(pid: i32) -> Option<i32> {
    i32::try_from(stat_field(pid, 1)?).ok()
}

/// A field of the kernel's account of a process, counted from its state.
fn stat_field(pid: i32, index: usize) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name is in parentheses and may contain anything; the fields begin after the last one.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    match fields.first() {
        Some(&("Z" | "X")) | None => None,
        Some(_) => fields.get(index)?.parse().ok(),
    }
}

/// A descriptor whose readiness can be awaited.
#[expect(
    deprecated,
    reason = "it is unsound for types that give their descriptor away; an \
                               OwnedFd keeps it, and the other way is unsafe code"
)]
pub(super) fn readable(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(descriptor)
}

struct Watch {
    descriptor: AsyncFd<OwnedFd>,
}

impl Watch {
    fn new(path: &Path) -> io::Result<Self> {
        use inotify::{CreateFlags, WatchFlags};
        let descriptor = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        let changes = WatchFlags::MODIFY | WatchFlags::CREATE | WatchFlags::MOVED_TO;
        inotify::add_watch(&descriptor, path, changes)?;
        Ok(Self { descriptor: readable(descriptor)? })
    }

    async fn changed(&self) -> io::Result<()> {
        let mut ready = self.descriptor.readable().await?;
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(self.descriptor.get_ref(), &mut buffer);
        while reader.next().is_ok() {}
        ready.clear_ready();
        Ok(())
    }
}

/// Waits until a file of a record is there.
pub(super) async fn wait_for(path: &Path, record: &Record, limit: Duration) -> io::Result<()> {
    let watch = Watch::new(record.folder())?;
    let waiting = async {
        while !path.exists() {
            watch.changed().await?;
        }
        Ok(())
    };
    tokio::time::timeout(limit, waiting).await.map_err(|_| io::ErrorKind::TimedOut)?
}

/// The frames after a position, until there is an exit code and all is read.
pub(super) fn follow(
    record: Record,
    from: OutputCursor,
) -> io::Result<BoxStream<'static, Result<OutputFrame, SandboxError>>> {
    let watch = Watch::new(record.folder())?;
    let reader = Reader {
        file: File::open(record.output_file())?,
        buffer: BytesMut::new(),
        known: from,
        watch,
        record,
    };
    let frames = stream::unfold(Some(reader), |reader| async move {
        let mut reader = reader?;
        match reader.next().await {
            Ok(Some(frame)) => Some((Ok(frame), Some(reader))),
            Ok(None) => None,
            Err(error) => {
                let action = "read the output of a process".to_owned();
                Some((Err(SandboxError::Failed { action, source: Box::new(error) }), None))
            }
        }
    });
    Ok(frames.boxed())
}

struct Reader {
    record: Record,
    file: File,
    buffer: BytesMut,
    known: OutputCursor,
    watch: Watch,
}

impl Reader {
    async fn next(&mut self) -> io::Result<Option<OutputFrame>> {
        loop {
            while let Some(frame) = self.take_frame() {
                if let Some(frame) = frame.unknown(&mut self.known) {
                    return Ok(Some(frame));
                }
            }
            // Looked at before reading: what is written before the exit code is read as well.
            let ended = self.record.exit_file().exists() || self.record.live_keeper().is_none();
            if self.fill()? > 0 {
                continue;
            }
            if ended {
                return Ok(None);
            }
            // A keeper that was killed writes nothing more that would wake us.
            drop(tokio::time::timeout(Duration::from_secs(2), self.watch.changed()).await);
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut piece = [0; MAX_FRAME];
        let count = self.file.read(&mut piece)?;
        self.buffer.extend_from_slice(&piece[..count]);
        Ok(count)
    }

    fn take_frame(&mut self) -> Option<OutputFrame> {
        let head: [u8; HEAD] = self.buffer.get(..HEAD)?.try_into().ok()?;
        let millis = i64::from_le_bytes(head[1..9].try_into().ok()?);
        let length = u32::from_le_bytes(head[9..13].try_into().ok()?) as usize;
        if self.buffer.len() < HEAD + length {
            return None;
        }
        let frame = self.buffer.split_to(HEAD + length).freeze();
        Some(OutputFrame {
            source: if head[0] == 0 { LogSource::Stdout } else { LogSource::Stderr },
            at: Timestamp::from_millisecond(millis).unwrap_or_default(),
            bytes: frame.slice(HEAD..),
        })
    }
}
