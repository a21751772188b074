//! The lead of a store on a server, for the time of the work: while it is ours no daemon writes.
//! It has to be renewed more often than the longest pause between two pieces.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{TransferError, about};
use crate::daemon::instance::Held;
use crate::store::{Lease, Store, StoreError, Taken};

/// Who is killed keeps others waiting so long.
const TIME: SignedDuration = SignedDuration::from_secs(30);
/// It is renewed when so much of it is over.
const RENEW: SignedDuration = SignedDuration::from_secs(8);

/// The leads that are ours until they are given back.
#[derive(Default)]
pub(super) struct Leads {
    holder: String,
    taken: Vec<Lead>,
}

struct Lead {
    store: Arc<dyn Store>,
    name: String,
    lease: Lease,
    since: Timestamp,
}

impl Leads {
    /// Leads are taken under the name of the home that is held: of one that was killed the next
    /// gets them back without waiting, and two at a time there cannot be.
    pub(super) fn of(held: &Held) -> Self {
        let holder = format!("a backup, restore or migration ({})", held.instance);
        Self { holder, taken: Vec::new() }
    }

    /// Takes the lead of one more store, where nobody has it.
    pub(super) async fn take(
        &mut self,
        store: Arc<dyn Store>,
        name: &str,
    ) -> Result<(), TransferError> {
        let now = Timestamp::now();
        match store.take_lease(&self.holder, now, TIME).await.map_err(about(name))? {
            Taken::Ours(lease) => {
                self.taken.push(Lead { store, name: name.to_owned(), lease, since: now });
                Ok(())
            }
            Taken::Held(lease) => Err(TransferError::Led {
                holder: lease.holder,
                store: name.to_owned(),
                until: lease.until,
            }),
        }
    }

    /// Renews what has been ours for a while.
    pub(super) async fn keep(&mut self) -> Result<(), TransferError> {
        for lead in &mut self.taken {
            let now = Timestamp::now();
            if now.duration_since(lead.since) < RENEW {
                continue;
            }
            match lead.store.renew_lease(&lead.lease, now, TIME).await {
                Ok(renewed) => (lead.lease, lead.since) = (renewed, now),
                Err(StoreError::Fenced(_)) => {
                    return Err(TransferError::LeadLost(lead.name.clone()));
                }
                Err(error) => return Err(about(&lead.name)(error)),
            }
        }
        Ok(())
    }

    /// Gives all of them back.
    pub(super) async fn release(self) {
        for lead in self.taken {
            // Where that fails it ends by itself.
            drop(lead.store.release_lease(&lead.lease).await);
        }
    }
}
