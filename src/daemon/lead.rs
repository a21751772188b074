//! Who leads. Of the daemons that share one record one decides; the others stand by, answer who
//! asks them with the leader's name, and take over when its lease ends.

use std::sync::Arc;
use std::time::Duration;

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
/// A leader that leaves in order is followed within this.
const LOOK: Duration = Duration::from_secs(1);

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
    // The lock of the home keeps others out of its own file; only the token is needed.
    let time = match address {
        StoreAddress::Embedded => SignedDuration::ZERO,
        StoreAddress::File(_) | StoreAddress::Mongo(_) => LEASE,
    };
    let holder = match std::fs::read_to_string("/proc/sys/kernel/hostname") {
        Ok(host) => format!("{} on {}", health.instance, host.trim()),
        Err(_) => health.instance.clone(),
    };
    let ours = |lease| Some(Lead { store: Arc::clone(store), time, lease });
    let mut other = match ask(store.as_ref(), &holder, time).await? {
        Taken::Ours(lease) => return Ok(ours(lease)),
        Taken::Held(other) => other,
    };
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
            () = tokio::time::sleep(wait(&other)) => {}
        }
        match ask(store.as_ref(), &holder, time).await {
            Ok(Taken::Ours(lease)) => break ours(lease),
            Ok(Taken::Held(now)) => {
                if now.holder != other.holder {
                    tracing::info!(leader = now.holder, "another daemon leads now");
                }
                standby.led_by(told(&now));
                other = now;
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

async fn ask(store: &dyn Store, holder: &str, time: SignedDuration) -> Result<Taken, StoreError> {
    store.take_lease(holder, Timestamp::now(), time).await
}

fn told(lease: &Lease) -> Standby {
    Standby { leader: lease.holder.clone(), until: lease.until }
}

fn wait(lease: &Lease) -> Duration {
    let left = lease.until.duration_since(Timestamp::now());
    Duration::try_from(left).unwrap_or_default().clamp(Duration::from_millis(50), LOOK)
}

impl Lead {
    /// Keeps the lead until `stop`.
    ///
    /// # Errors
    /// Where it is lost: then nothing may be decided any more.
    pub(super) async fn keep(&self, stop: CancellationToken) -> anyhow::Result<()> {
        if self.time.is_zero() {
            stop.cancelled().await;
            return Ok(());
        }
        let mut lease = self.lease.clone();
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(RENEWAL) => {}
            }
            match self.store.renew_lease(&lease, Timestamp::now(), self.time).await {
                Ok(renewed) => lease = renewed,
                Err(StoreError::Unavailable(error)) => {
                    tracing::warn!(%error, "could not renew the lease");
                    if Timestamp::now() >= lease.until {
                        bail!("the lease ended while the store did not answer");
                    }
                }
                Err(error) => return Err(error).context("another daemon took the lead"),
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
