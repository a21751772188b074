//! The output of a container, from any position on.
//!
//! The engine cannot seek in its log, so what is known is read and skipped: both streams are
//! counted in bytes, each for itself, because their order among each other is not kept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::query_parameters::{LogsOptionsBuilder, WaitContainerOptions};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use jiff::Timestamp;

use super::error::Engine;
use crate::domain::event::{LogSource, OutputCursor};
use crate::sandbox::{OutputFrame, SandboxError};

/// Follows the log until the container has ended, then reads its end once more: the engine
/// sometimes stops following before the last entries, when the container ends at the same moment.
pub(super) fn follow(
    docker: &Docker,
    engine: &Engine,
    name: &str,
    from: OutputCursor,
) -> BoxStream<'static, Result<OutputFrame, SandboxError>> {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let following = Pass { follow: true, since: 0, skip: from };
    let live = entries(docker, engine, name, &following, Some(Arc::clone(&seen)));
    let (docker, engine, name) = (docker.clone(), engine.clone(), name.to_owned());
    let rest = stream::once(async move {
        // The log is complete when the engine says that the container has ended.
        let mut ended = Box::pin(docker.wait_container(&name, None::<WaitContainerOptions>));
        drop(ended.next().await);
        let once_more = seen.lock().unwrap_or_else(PoisonError::into_inner).rest(from);
        entries(&docker, &engine, &name, &once_more, None)
    });
    live.chain(rest.flatten()).boxed()
}

/// One reading of the log.
struct Pass {
    follow: bool,
    /// Only entries of this second and later ones.
    since: i32,
    /// What of them is known already.
    skip: OutputCursor,
}

fn entries(
    docker: &Docker,
    engine: &Engine,
    name: &str,
    pass: &Pass,
    seen: Option<Arc<Mutex<Seen>>>,
) -> BoxStream<'static, Result<OutputFrame, SandboxError>> {
    let options = LogsOptionsBuilder::default()
        .follow(pass.follow)
        .since(pass.since)
        .stdout(true)
        .stderr(true)
        .timestamps(true)
        .build();
    let engine = engine.clone();
    let name = name.to_owned();
    let mut known = pass.skip;
    docker
        .logs(&name, Some(options))
        .filter_map(move |piece| {
            let passed = match piece {
                Ok(output) => frame(output).and_then(|frame| {
                    if let Some(seen) = &seen {
                        seen.lock().unwrap_or_else(PoisonError::into_inner).count(&frame);
                    }
                    frame.unknown(&mut known).map(Ok)
                }),
                Err(error) => Some(Err(engine.container("read the output of", &name, error))),
            };
            std::future::ready(passed)
        })
        .boxed()
}

/// How much of each stream was printed in each of the latest seconds.
#[derive(Default)]
struct Seen {
    seconds: BTreeMap<i64, OutputCursor>,
}

/// The streams come in an order of their own, so that the last second alone is not enough.
const KEPT_SECONDS: i64 = 3;

impl Seen {
    fn count(&mut self, frame: &OutputFrame) {
        let counted = self.seconds.entry(frame.at.as_second()).or_default();
        *counted.stream(frame.source) += frame.bytes.len() as u64;
        if let Some((newest, _)) = self.seconds.last_key_value() {
            let oldest = newest - KEPT_SECONDS;
            self.seconds.retain(|second, _| *second > oldest);
        }
    }

    /// The pass that finds what was not seen: from the first of the latest seconds, without what
    /// was seen in them; or everything, where nothing was seen.
    fn rest(&self, from: OutputCursor) -> Pass {
        let Some((first, _)) = self.seconds.first_key_value() else {
            return Pass { follow: false, since: 0, skip: from };
        };
        let mut skip = OutputCursor::default();
        for counted in self.seconds.values() {
            skip.stdout += counted.stdout;
            skip.stderr += counted.stderr;
        }
        Pass { follow: false, since: i32::try_from(*first).unwrap_or(0), skip }
    }
}

/// Each piece is one entry of the engine's log, with its time in front.
fn frame(output: LogOutput) -> Option<OutputFrame> {
    let (source, message) = match output {
        LogOutput::StdOut { message } | LogOutput::Console { message } => {
            (LogSource::Stdout, message)
        }
        LogOutput::StdErr { message } => (LogSource::Stderr, message),
        LogOutput::StdIn { .. } => return None,
    };
    let split = message.iter().take(40).position(|byte| *byte == b' ');
    let stamp = split.and_then(|at| std::str::from_utf8(&message[..at]).ok()?.parse().ok());
    let (at, bytes): (Timestamp, Bytes) = match (split, stamp) {
        (Some(space), Some(at)) => (at, message.slice(space + 1..)),
        _ => (Timestamp::UNIX_EPOCH, message),
    };
    Some(OutputFrame { source, at, bytes })
}

#[cfg(test)]
mod tests;
