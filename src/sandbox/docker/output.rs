//! The output of a container, from any position on.
//!
//! The engine cannot seek in its log, so what is known is read and skipped: both streams are
//! counted in bytes, each for itself, because their order among each other is not kept.

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptionsBuilder;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use jiff::Timestamp;

use super::error::Engine;
use crate::domain::event::{LogSource, OutputCursor};
use crate::sandbox::{OutputFrame, SandboxError};

pub(super) fn follow(
    docker: &Docker,
    engine: &Engine,
    name: &str,
    from: OutputCursor,
) -> BoxStream<'static, Result<OutputFrame, SandboxError>> {
    let options = LogsOptionsBuilder::default()
        .follow(true)
        .stdout(true)
        .stderr(true)
        .timestamps(true)
        .build();
    let engine = engine.clone();
    let name = name.to_owned();
    let mut skip = Skip { left: from };
    docker
        .logs(&name, Some(options))
        .filter_map(move |piece| {
            let frame = match piece {
                Ok(output) => frame(output).and_then(|frame| skip.pass(&frame)).map(Ok),
                Err(error) => Some(Err(engine.container("read the output of", &name, error))),
            };
            std::future::ready(frame)
        })
        .boxed()
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

struct Skip {
    left: OutputCursor,
}

impl Skip {
    fn pass(&mut self, frame: &OutputFrame) -> Option<OutputFrame> {
        let left = match frame.source {
            LogSource::Stdout => &mut self.left.stdout,
            LogSource::Stderr => &mut self.left.stderr,
        };
        let length = frame.bytes.len();
        let known = usize::try_from(*left).unwrap_or(usize::MAX).min(length);
        *left -= known as u64;
        let bytes = frame.bytes.slice(known..);
        (!bytes.is_empty()).then_some(OutputFrame { bytes, ..*frame })
    }
}

#[cfg(test)]
mod tests;
