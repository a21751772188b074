//! Who leads. Of the daemons that share one record one decides; the others stand by, answer who
//! asks them with the leader's name, and take over when its lease ends.
//!
//! Clocks of several hosts differ. Who stands by therefore counts by its own how long it has seen
//! the same lease, and takes over when that is as long as a lease lasts; a leader whose clock is
//! wrong is neither robbed nor waited for. Only what ended long ago is taken at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::broken::chain;
use super::server;
use crate::api::view::{Health, Standby};
use crate::config::paths::Paths;
use crate::domain::address::StoreAddress;
use crate::store::{Lease, Store, StoreError, Taken};

/// How long a leader that died keeps the others waiting.
const LEASE: SignedDuration = SignedDuration::from_secs(15);
/// Three tries within the time of a lease.
const RENEWAL: Duration = Duration::from_secs(4);
/// An answer that takes longer is asked for again, while the lease still lasts.
const ANSWER: Duration = Duration::from_secs(3);
/// A leader that leaves in order is followed within this.
const LOOK: Duration = Duration::from_secs(1);
/// No two clocks differ by more.
const LONG_AGO: SignedDuration = SignedDuration::from_mins(5);

/// The right to decide, on one record.
pub(super) struct Lead {
    store: Arc<dyn Store>,
    time: SignedDuration,
    pub(super) lease: Lease,
}

/// Waits until the lead is ours; `None` where `leave` came first.
///
/// # Errors
/// Where the store cannot be used.
pub(super) async fn take(
    store: &Arc<dyn Store>,
    address: &StoreAddress,
    paths: &Paths,
    health: Health,
    leave: &CancellationToken,
) -> anyhow::Result<Option<Lead>> {
    // The lock of the home keeps others out of its own file, so nothing has to be renewed there. The
    // lease without an end is for who names that file from another home.
    let time = match address {
        StoreAddress::Embedded => SignedDuration::MAX,
        StoreAddress::File(_) | StoreAddress::Mongo(_) => LEASE,
    };
    let holder = match std::fs::read_to_string("/proc/sys/kernel/hostname") {
        Ok(host) => format!("{} on {}", health.instance, host.trim()),
        Err(_) => health.instance.clone(),
    };
    let ours = |lease| Some(Lead { store: Arc::clone(store), time, lease });
    let mut other = match ask(store.as_ref(), &holder, long_ago(), time).await? {
        Taken::Ours(lease) => return Ok(ours(lease)),
        Taken::Held(other) => other,
    };
    // A daemon of this home left it, under another name; the lock says that it is gone.
    if time == SignedDuration::MAX && other.is_endless() {
        match ask(store.as_ref(), &holder, other.until, time).await? {
            Taken::Ours(lease) => return Ok(ours(lease)),
            Taken::Held(now) => other = now,
        }
    }
    let mut seen = Instant::now();
    tracing::info!(leader = other.holder, "standing by: another daemon leads");
    let standby = Arc::new(server::standby::Standing::new(health, told(&other)));
    let over = leave.child_token();
    let listener = server::listen(&paths.socket)?;
    let serving = tokio::spawn(server::standby::serve(
        listener,
        Arc::clone(&standby),
        leave.clone(),
        over.clone(),
    ));
    let lead = loop {
        tokio::select! {
            () = leave.cancelled() => break None,
            () = tokio::time::sleep(LOOK) => {}
        }
        // What was not renewed for as long as a lease lasts has ended, whatever the clocks say.
        let is_over = seen.elapsed() >= LEASE.unsigned_abs() && !other.is_endless();
        let as_of = if is_over { other.until } else { long_ago() };
        match ask(store.as_ref(), &holder, as_of, time).await {
            Ok(Taken::Ours(lease)) => break ours(lease),
            Ok(Taken::Held(current)) => {
                if current.holder != other.holder {
                    tracing::info!(leader = current.holder, "another daemon leads now");
                }
                if current != other {
                    seen = Instant::now();
                    standby.led_by(told(&current));
                    other = current;
                }
            }
            // Who stands by has nothing to lose.
            Err(StoreError::Unavailable(error)) => {
                tracing::warn!(%error, "the store does not answer; still standing by");
            }
            Err(error) => return Err(error).context("cannot ask for the lead"),
        }
    };
    over.cancel();
    drop(serving.await);
    if lead.is_some() {
        tracing::info!("took the lead");
    }
    Ok(lead)
}

/// For who has not seen a lease being kept: only what ended before this is certainly over.
fn long_ago() -> Timestamp {
    Timestamp::now() - LONG_AGO
}

/// Asks for the lead as if it were that time. The lease itself counts from now.
async fn ask(
    store: &dyn Store,
    holder: &str,
    as_of: Timestamp,
    time: SignedDuration,
) -> Result<Taken, StoreError> {
    let since = Timestamp::now().duration_since(as_of);
    store.take_lease(holder, as_of, time.saturating_add(since)).await
}

fn told(lease: &Lease) -> Standby {
    let until = (!lease.is_endless()).then_some(lease.until);
    Standby { leader: lease.holder.clone(), until }
}

impl Lead {
    /// Keeps the lead until `stop`.
    ///
    /// # Errors
    /// Where it is lost: then nothing may be decided any more.
    pub(super) async fn keep(&self, stop: CancellationToken) -> anyhow::Result<()> {
        if self.time == SignedDuration::MAX {
            stop.cancelled().await;
            return Ok(());
        }
        let mut lease = self.lease.clone();
        let mut since = Instant::now();
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(RENEWAL) => {}
            }
            let asked = Instant::now();
            let answer = self.store.renew_lease(&lease, Timestamp::now(), self.time);
            match tokio::time::timeout(ANSWER, answer).await {
                Ok(Ok(renewed)) => (lease, since) = (renewed, asked),
                Ok(Err(StoreError::Unavailable(error))) => {
                    tracing::warn!(%error, "could not renew the lease");
                }
                Ok(Err(error)) => return Err(error).context("another daemon took the lead"),
                Err(_) => tracing::warn!("the store was too slow to renew the lease"),
            }
            if since.elapsed() >= LEASE.unsigned_abs() {
                bail!("the lease ended while the store did not answer");
            }
        }
    }

    /// Lets the next one lead at once.
    pub(super) async fn give_back(&self) {
        if let Err(error) = self.store.release_lease(&self.lease).await {
            tracing::warn!(
                error = chain(&error),
                "the lease was not given back; it ends by itself"
            );
        }
    }
}
