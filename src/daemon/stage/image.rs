//! The image of a run, before its first container.

use std::time::Duration;

use super::Execution;
use crate::daemon::broken::Broken;
use crate::daemon::patience::while_away;
use crate::sandbox::SandboxError;

/// Longer than any stage may take: the deadline of the stage ends the waiting.
const STAGE_LIMIT: Duration = Duration::from_secs(400 * 86_400);
/// How many lines of progress may wait for the log.
const PROGRESS: usize = 1_024;

impl Execution {
    /// Makes the image if orch makes it itself and it is not there, telling each step in the log.
    pub(super) async fn provide_image(&self) -> Result<(), Broken> {
        let (lines, mut told) = tokio::sync::mpsc::channel::<String>(PROGRESS);
        let sandbox = self.sandbox();
        let image = self.run.spec().sandbox.image.clone();
        let making = async move {
            let tell = move |line: String| {
                // What the log cannot take in time is only progress.
                drop(lines.try_send(line));
            };
            while_away(STAGE_LIMIT, || sandbox.provide(&image, &tell)).await
        };
        let telling = async {
            while let Some(line) = told.recv().await {
                if let Err(error) = self.shared.note(self.run.id(), line).await {
                    tracing::warn!(%error, "could not store a line of progress");
                }
            }
        };
        let (made, ()) = self.unless_stopped(async { tokio::join!(making, telling) }).await?;
        made.map_err(|error: SandboxError| error.into())
    }
}
