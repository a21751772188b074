//! Output on its way into the record: bytes become lines, lines become chunks, and what is stored
//! is told. Bounded in memory, whatever comes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::Shared;
use crate::api::notice::Notice;
use crate::domain::event::{EventKind, LogChunk, LogLine, LogSource, OutputCursor};
use crate::domain::id::RunId;
use crate::domain::stage::Stage;
use crate::domain::text::excerpt;
use crate::sandbox::OutputFrame;
use crate::store::{LogPosition, StoreError};

/// A chunk is stored when it has so many bytes of text,
const CHUNK_BYTES: usize = 64 << 10;
/// or so many lines,
const CHUNK_LINES: usize = 4_096;
/// or when its first line has waited so long.
const CHUNK_WAIT: Duration = Duration::from_millis(250);
/// A longer line is cut into several.
const MAX_LINE: usize = 64 << 10;
/// How many of the last lines are remembered for summaries and failures.
const TAIL: usize = 30;

/// Writes the log of one execution of a stage.
pub(crate) struct LogWriter {
    shared: Arc<Shared>,
    run: RunId,
    stage: Stage,
    attempt: u32,
    position: LogPosition,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    pending: Vec<LogLine>,
    pending_bytes: usize,
    first_at: Timestamp,
    due: Option<Instant>,
    tail: VecDeque<String>,
}

impl LogWriter {
    /// Goes on where the stored log ends.
    pub(crate) async fn open(
        shared: Arc<Shared>,
        run: RunId,
        stage: Stage,
        attempt: u32,
    ) -> Result<Self, StoreError> {
        let position = shared.store.log_position(run, stage, attempt).await?;
        let tail = stored_tail(&shared, run, stage, attempt, position.line).await?;
        Ok(Self {
            shared,
            run,
            stage,
            attempt,
            position,
            stdout: Vec::new(),
            stderr: Vec::new(),
            pending: Vec::new(),
            pending_bytes: 0,
            first_at: Timestamp::UNIX_EPOCH,
            due: None,
            tail,
        })
    }

    /// From where the raw output has to be read.
    pub(crate) fn cursor(&self) -> OutputCursor {
        self.position.cursor
    }

    /// How many bytes of output were stored, both streams together.
    pub(crate) fn bytes(&self) -> u64 {
        self.position.cursor.stdout + self.position.cursor.stderr
    }

    /// The last lines.
    pub(crate) fn tail(&self) -> Vec<String> {
        self.tail.iter().cloned().collect()
    }

    /// When [`LogWriter::flush`] wants to be called.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Takes a piece of output; calls `seen` with each line that it completes.
    pub(crate) async fn push(
        &mut self,
        frame: &OutputFrame,
        mut seen: impl FnMut(&str) + Send,
    ) -> Result<(), StoreError> {
        for piece in frame.bytes.split_inclusive(|byte| *byte == b'\n') {
            let partial = match frame.source {
                LogSource::Stdout => &mut self.stdout,
                LogSource::Stderr => &mut self.stderr,
            };
            partial.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                let line = std::mem::take(partial);
                self.add(frame.source, frame.at, &line, &mut seen);
            } else {
                while self.partial(frame.source).len() > MAX_LINE {
                    let cut = boundary(self.partial(frame.source));
                    let line: Vec<u8> = self.partial(frame.source).drain(..cut).collect();
                    self.add(frame.source, frame.at, &line, &mut seen);
                }
            }
            if self.pending_bytes >= CHUNK_BYTES || self.pending.len() >= CHUNK_LINES {
                self.flush().await?;
            }
        }
        Ok(())
    }

    /// Stores what is left, also lines without an end.
    pub(crate) async fn finish(
        &mut self,
        mut seen: impl FnMut(&str) + Send,
    ) -> Result<(), StoreError> {
        for source in [LogSource::Stdout, LogSource::Stderr] {
            let rest = std::mem::take(self.partial(source));
            if !rest.is_empty() {
                self.add(source, Timestamp::now(), &rest, &mut seen);
            }
        }
        self.flush().await
    }

    fn partial(&mut self, source: LogSource) -> &mut Vec<u8> {
        match source {
            LogSource::Stdout => &mut self.stdout,
            LogSource::Stderr => &mut self.stderr,
        }
    }

    fn add(
        &mut self,
        source: LogSource,
        at: Timestamp,
        raw: &[u8],
        seen: &mut (impl FnMut(&str) + Send),
    ) {
        *self.position.cursor.stream(source) += raw.len() as u64;
        let text = raw.strip_suffix(b"\n").unwrap_or(raw);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let text = String::from_utf8_lossy(text).into_owned();
        seen(&text);
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(excerpt(&text, 500));
        if self.pending.is_empty() {
            self.first_at = at;
            self.due = Some(Instant::now() + CHUNK_WAIT);
        }
        let since = at.as_millisecond().saturating_sub(self.first_at.as_millisecond());
        self.pending_bytes += text.len();
        self.pending.push(LogLine(u32::try_from(since).unwrap_or(0), source, text));
    }

    /// Stores the lines that wait.
    pub(crate) async fn flush(&mut self) -> Result<(), StoreError> {
        self.due = None;
        if self.pending.is_empty() {
            return Ok(());
        }
        let lines = std::mem::take(&mut self.pending);
        self.pending_bytes = 0;
        let chunk = LogChunk {
            stage: self.stage,
            attempt: self.attempt,
            first_line: self.position.line + 1,
            checksum: checksum(&self.position.checksum, &lines),
            lines,
            cursor: self.position.cursor,
        };
        self.position.line = chunk.next_line() - 1;
        self.position.checksum.clone_from(&chunk.checksum);
        let seq = self.store(chunk).await?;
        let line = self.position.line;
        self.shared.news.tell(Notice::Log { run: self.run, seq, line });
        Ok(())
    }

    /// Stores a chunk, with patience: meanwhile nothing is read, and the sandbox's own log keeps
    /// what it prints.
    async fn store(&self, chunk: LogChunk) -> Result<u64, StoreError> {
        let mut wait = Duration::from_millis(100);
        loop {
            match self.try_to_store(&chunk).await {
                Err(StoreError::Unavailable(source)) if wait < Duration::from_secs(30) => {
                    tracing::error!(run = %self.run, %source, "cannot store output yet");
                    tokio::time::sleep(wait).await;
                    wait *= 2;
                }
                other => return other,
            }
        }
    }

    async fn try_to_store(&self, chunk: &LogChunk) -> Result<u64, StoreError> {
        let Shared { store, fence, .. } = self.shared.as_ref();
        match store.append_chunk(self.run, self.first_at, chunk.clone(), *fence).await {
            // An attempt before this one had reached the store, and its answer was lost.
            Err(StoreError::Conflict(_)) if self.is_stored(chunk).await? => {
                Ok(store.log(self.run, u64::MAX >> 1, 1).await?.last_seq)
            }
            other => other,
        }
    }
}

impl LogWriter {
    async fn is_stored(&self, chunk: &LogChunk) -> Result<bool, StoreError> {
        let found = self.shared.store.log_position(self.run, self.stage, self.attempt).await?;
        Ok(found.checksum == chunk.checksum && found.line + 1 == chunk.next_line())
    }
}

/// The last lines of an execution that were stored before: whoever goes on with it has to know
/// its last words too.
async fn stored_tail(
    shared: &Shared,
    run: RunId,
    stage: Stage,
    attempt: u32,
    last_line: u64,
) -> Result<VecDeque<String>, StoreError> {
    let from = (last_line + 1).saturating_sub(TAIL as u64).max(1);
    let mut tail = VecDeque::with_capacity(TAIL);
    for event in shared.store.log(run, from, TAIL).await?.events {
        let EventKind::Log { chunk } = event.kind else { continue };
        if (chunk.stage, chunk.attempt) != (stage, attempt) {
            continue;
        }
        for LogLine(_, _, text) in chunk.lines {
            if tail.len() == TAIL {
                tail.pop_front();
            }
            tail.push_back(excerpt(&text, 500));
        }
    }
    Ok(tail)
}

/// The checksum of a chunk: over the one before it and every line with its source.
pub(crate) fn checksum(before: &str, lines: &[LogLine]) -> String {
    let mut sum = Sha256::new();
    sum.update(before.as_bytes());
    for LogLine(_, source, text) in lines {
        sum.update(source.name().as_bytes());
        sum.update([0]);
        sum.update(text.as_bytes());
        sum.update([0]);
    }
    sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where a line that is too long is cut: not inside a character.
fn boundary(bytes: &[u8]) -> usize {
    let mut cut = MAX_LINE.min(bytes.len());
    // A character has at most four bytes; what looks longer is not UTF-8 anyway.
    for _ in 0..3 {
        if cut < bytes.len() && cut > 1 && bytes[cut] & 0b1100_0000 == 0b1000_0000 {
            cut -= 1;
        }
    }
    cut
}

#[cfg(test)]
mod tests;
