//! Trying again: how long, how often, and when not.
//!
//! A read, and a write that may happen twice without harm, is simply repeated. A write that must
//! happen once carries a mark of its own, by which it is found again after its answer was lost; see
//! [`super::documents`] and [`super::runs`].

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::errors::{Failed, failed};
use crate::store::StoreError;

/// No call takes longer, whatever the driver waits for.
const WHOLE_CALL: Duration = Duration::from_secs(15);
/// Nobody begins a new round after so long.
const PATIENCE: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
const ATTEMPTS: u32 = 4;

/// A mark that no other write has.
pub(super) fn mark() -> String {
    Uuid::now_v7().simple().to_string()
}

/// Pauses between the rounds of one call, growing and random, so that many who want the same do
/// not meet again and again.
pub(super) struct Patience {
    began: Instant,
    pause: Duration,
}

impl Patience {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), pause: FIRST_PAUSE }
    }

    /// Waits; `false` where it has been long enough.
    pub(super) async fn lasts(&mut self) -> bool {
        if self.began.elapsed() > PATIENCE {
            return false;
        }
        let share = (Uuid::now_v7().as_u128() & 0xff) as u32;
        tokio::time::sleep(self.pause / 2 + self.pause * share / 512).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        true
    }
}

/// What is told to who was never in time.
pub(super) fn too_busy(what: &str) -> StoreError {
    StoreError::Unavailable(format!("{what} changed too often to get a turn").into())
}

/// Does what may happen twice, until it is answered.
pub(super) async fn repeat<T, F>(mut call: impl FnMut() -> F) -> Result<T, Failed>
where
    F: Future<Output = mongodb::error::Result<T>>,
{
    let mut patience = Patience::new();
    let mut attempt = 1;
    loop {
        match call().await.map_err(failed) {
            Err(Failed::Lost(error)) => {
                if attempt == ATTEMPTS || !patience.lasts().await {
                    return Err(Failed::Lost(error));
                }
            }
            answer => return answer,
        }
        attempt += 1;
    }
}

/// A whole call, which ends in time whatever happens.
pub(super) async fn within<T>(
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(WHOLE_CALL, call).await {
        Ok(answer) => answer,
        Err(_) => {
            let seconds = WHOLE_CALL.as_secs();
            Err(StoreError::Unavailable(format!("no answer within {seconds} s").into()))
        }
    }
}
