//! Patience with an engine that does not answer: what runs on it goes on meanwhile.

use std::time::Duration;

use tokio::time::Instant;

use super::broken::chain;
use crate::sandbox::SandboxError;

/// The first wait,
pub(super) const FIRST_WAIT: Duration = Duration::from_millis(500);
/// and the longest, while an engine does not answer.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// Repeats a call while the engine is away, for at most `limit`; then its last word counts.
pub(super) async fn while_away<T, F>(
    limit: Duration,
    mut call: impl FnMut() -> F,
) -> Result<T, SandboxError>
where
    F: Future<Output = Result<T, SandboxError>>,
{
    let given_up = Instant::now() + limit;
    let mut wait = FIRST_WAIT;
    loop {
        match call().await {
            Err(error) if error.is_away() && Instant::now() < given_up => {
                tracing::warn!(error = chain(&error), "waiting for the engine");
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
            other => return other,
        }
    }
}
