//! Following what executes: its output into the record, its end into an exit, and the ways in
//! which it is made to end.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::time::Instant;

use super::Execution;
use crate::daemon::broken::{Broken, chain};
use crate::daemon::log_writer::LogWriter;
use crate::daemon::patience::{FIRST_WAIT, LONGEST_WAIT};
use crate::domain::run::{Deadline, Fact};
use crate::domain::size::ByteSize;
use crate::harness;
use crate::sandbox::{Exit, OutputFrame, SandboxError};
use crate::store::StoreError;

impl Execution {
    /// Follows what executes until it has ended and its output is stored. Tells the exit, the last
    /// lines, and whether it printed too much.
    pub(super) async fn follow(
        &self,
        name: &str,
        command: &mut Option<String>,
    ) -> Result<(Exit, Vec<String>, bool), Broken> {
        let sandbox = self.sandbox();
        let (id, stage, attempt) = (self.run.id(), self.stage, self.attempt);
        let mut writer = LogWriter::open(Arc::clone(&self.shared), id, stage, attempt).await?;
        let stopping = self.stop_when_asked(name);
        // Of what was stored before: the command that was on, and whether it was too much already.
        for line in writer.tail() {
            if let Some(heading) = harness::heading(stage, self.run.spec(), &line) {
                *command = Some(heading);
            }
        }
        let mut excess = ByteSize::from_bytes(writer.bytes()) > self.run.spec().sandbox.log;
        let mut wait = FIRST_WAIT;
        let following = async {
            loop {
                let ended = match sandbox.output(name, writer.cursor()).await {
                    Ok(output) => {
                        self.write_output(output, &mut writer, command, &mut excess).await
                    }
                    Err(error) => Err(error.into()),
                };
                let waited = match ended {
                    Ok(()) => sandbox.wait(name).await.map_err(Follow::from),
                    Err(error) => Err(error),
                };
                match waited {
                    Ok(exit) => return Ok(exit),
                    Err(Follow::Sandbox(error)) if error.is_away() => {
                        // It goes on without us; its end is found when the engine is back.
                        tracing::warn!(run = %id, error = chain(&error), "lost sight of a stage");
                        writer =
                            LogWriter::open(Arc::clone(&self.shared), id, stage, attempt).await?;
                        tokio::time::sleep(wait).await;
                        wait = (wait * 2).min(LONGEST_WAIT);
                    }
                    Err(Follow::Sandbox(error)) => return Err(Broken::from(error)),
                    Err(Follow::Store(error)) => return Err(Broken::from(error)),
                }
            }
        };
        let exit = tokio::select! {
            biased;
            () = self.leaving.cancelled() => return Err(Broken::Leaving),
            exit = following => exit?,
            never = stopping => match never {},
        };
        let tail = writer.tail();
        Ok((exit, tail, excess))
    }

    /// Stops what executes when that is asked for; never ends by itself, because its end is seen
    /// by who follows it.
    async fn stop_when_asked(&self, name: &str) -> std::convert::Infallible {
        self.asked_to_stop.cancelled().await;
        let sandbox = self.sandbox();
        let mut wait = FIRST_WAIT;
        while let Err(error) = sandbox.stop(name, self.grace()).await {
            tracing::warn!(run = %self.run.id(), error = chain(&error), "cannot stop a stage yet");
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
        std::future::pending().await
    }

    async fn write_output(
        &self,
        mut output: BoxStream<'static, Result<OutputFrame, SandboxError>>,
        writer: &mut LogWriter,
        command: &mut Option<String>,
        excess: &mut bool,
    ) -> Result<(), Follow> {
        let spec = self.run.spec();
        let idle_limit = spec.timeouts.idle.as_std();
        let mut idle_at = Instant::now() + idle_limit;
        let mut idle_told = false;
        let mut seen = |line: &str| {
            if let Some(heading) = harness::heading(self.stage, spec, line) {
                *command = Some(heading);
            }
        };
        loop {
            let flush_at = writer.due().unwrap_or(idle_at + Duration::from_secs(3600));
            tokio::select! {
                biased;
                frame = output.next() => match frame {
                    Some(Ok(frame)) => {
                        idle_at = Instant::now() + idle_limit;
                        writer.push(&frame, &mut seen).await?;
                        if ByteSize::from_bytes(writer.bytes()) > spec.sandbox.log {
                            *excess = true;
                            // It gets no grace, for it may fill the disk meanwhile; and what it
                            // printed beyond the limit is not read.
                            self.sandbox().stop(&self.name(), Duration::ZERO).await?;
                            break;
                        }
                    }
                    Some(Err(error)) => {
                        writer.flush().await?;
                        return Err(error.into());
                    }
                    None => break,
                },
                () = tokio::time::sleep_until(flush_at) => writer.flush().await?,
                () = tokio::time::sleep_until(idle_at), if !idle_told => {
                    idle_told = true;
                    let fact = Fact::DeadlinePassed(Deadline::Idle);
                    // Gone only when the daemon leaves.
                    drop(self.handle.tell(self.run.id(), fact).await);
                }
            }
        }
        writer.finish(&mut seen).await?;
        Ok(())
    }
}

enum Follow {
    Sandbox(SandboxError),
    Store(StoreError),
}

impl From<SandboxError> for Follow {
    fn from(error: SandboxError) -> Self {
        Self::Sandbox(error)
    }
}

impl From<StoreError> for Follow {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
