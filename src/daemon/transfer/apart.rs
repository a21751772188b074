//! The work on a thread of its own: files and pipes block, and a signal must be heard all the same.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{Told, TransferError, Watch};

/// How long the work may take to tidy up after a signal. What it leaves is found by the next one.
const GRACE: Duration = Duration::from_secs(3);

/// Does the work; a signal to leave stops it between two pieces.
pub(super) async fn apart<W, F, T>(told: Told, work: W) -> Result<T, TransferError>
where
    W: FnOnce(Watch) -> F + Send + 'static,
    F: Future<Output = Result<T, TransferError>>,
    T: Send + 'static,
{
    let listen = |kind| signal(kind).map_err(|error| TransferError::Broken(error.to_string()));
    let mut signals = [
        listen(SignalKind::interrupt())?,
        listen(SignalKind::terminate())?,
        listen(SignalKind::hangup())?,
    ];
    let [interrupt, terminate, hang_up] = &mut signals;
    let stop = CancellationToken::new();
    let watch = Watch { told, stop: stop.clone() };
    let runtime = tokio::runtime::Handle::current();
    let mut working = tokio::task::spawn_blocking(move || runtime.block_on(work(watch)));
    let done = tokio::select! {
        done = &mut working => done,
        _ = interrupt.recv() => return stopped(&stop, working).await,
        _ = terminate.recv() => return stopped(&stop, working).await,
        _ = hang_up.recv() => return stopped(&stop, working).await,
    };
    done.unwrap_or_else(|error| Err(TransferError::Broken(error.to_string())))
}

async fn stopped<T>(
    stop: &CancellationToken,
    working: tokio::task::JoinHandle<Result<T, TransferError>>,
) -> Result<T, TransferError> {
    stop.cancel();
    match tokio::time::timeout(GRACE, working).await {
        // It may have been done in that very moment.
        Ok(Ok(done)) => done,
        Ok(Err(error)) => Err(TransferError::Broken(error.to_string())),
        Err(_) => Err(TransferError::Stopped),
    }
}
