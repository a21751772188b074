//! The lead of a store, for the time of the work: while it is ours no daemon writes.
//! It has to be renewed more often than the longest pause between two pieces.

use std::path::Path;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{TransferError, about, place};
use crate::config::paths::Paths;
use crate::daemon::instance::Held;
use crate::store::sqlite::SqliteStore;
use crate::store::{Lease, Store, StoreError, Taken};

/// Who is killed keeps others waiting so long.
const TIME: SignedDuration = SignedDuration::from_secs(30);
/// It is renewed when so much of it is over.
const RENEW: SignedDuration = SignedDuration::from_secs(8);

/// Who leads, for ever, in a file that is not the store any more.
const REPLACED: &str = "a restore, which put another file in its place";

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
        self.ask(store, name, |_| false).await
    }

    /// The same of a file. A lead without an end that nobody can have any more is given back: that
    /// of a daemon of this home, whose lock is ours; and that of a restore, if it was interrupted
    /// before it took the file away.
    pub(super) async fn take_file(
        &mut self,
        store: Arc<SqliteStore>,
        path: &Path,
        paths: &Paths,
    ) -> Result<(), TransferError> {
        let is_own = path == place::in_true_folder(&paths.store_file());
        let is_over = |lease: &Lease| lease.is_endless() && (is_own || lease.holder == REPLACED);
        self.ask(store, &path.display().to_string(), is_over).await
    }

    async fn ask(
        &mut self,
        store: Arc<dyn Store>,
        name: &str,
        is_over: impl Fn(&Lease) -> bool,
    ) -> Result<(), TransferError> {
        let now = Timestamp::now();
        let ask = || store.take_lease(&self.holder, now, TIME);
        let mut taken = ask().await.map_err(about(name))?;
        if let Taken::Held(lease) = &taken
            && is_over(lease)
        {
            store.release_lease(lease).await.map_err(about(name))?;
            taken = ask().await.map_err(about(name))?;
        }
        match taken {
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
        self.renew_older(RENEW).await
    }

    /// Renews what is ours before a step that nobody may be there for.
    pub(super) async fn renew(&mut self) -> Result<(), TransferError> {
        self.renew_older(SignedDuration::ZERO).await
    }

    async fn renew_older(&mut self, than: SignedDuration) -> Result<(), TransferError> {
        for lead in &mut self.taken {
            let now = Timestamp::now();
            if now.duration_since(lead.since) < than {
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

    /// Leaves a lead without an end in the file, so that who has it open never leads there.
    pub(super) async fn replace(&mut self) -> Result<(), TransferError> {
        self.renew().await?;
        let now = Timestamp::now();
        for lead in std::mem::take(&mut self.taken) {
            lead.store.release_lease(&lead.lease).await.map_err(about(&lead.name))?;
            match lead.store.take_lease(REPLACED, now, SignedDuration::MAX).await {
                Ok(Taken::Ours(_)) => {}
                Ok(Taken::Held(_)) => return Err(TransferError::LeadLost(lead.name)),
                Err(error) => return Err(about(&lead.name)(error)),
            }
        }
        Ok(())
    }

    /// Takes that lead away: the file stays where it is.
    pub(super) async fn stays(store: &SqliteStore) {
        let now = Timestamp::now();
        // The name is enough for who has it already. Where that fails, the next restore does it.
        if let Ok(Taken::Ours(lease)) = store.take_lease(REPLACED, now, SignedDuration::ZERO).await
        {
            drop(store.release_lease(&lease).await);
        }
    }

    /// Gives all of them back.
    pub(super) async fn release(self) {
        for lead in self.taken {
            // Where that fails it ends by itself.
            drop(lead.store.release_lease(&lead.lease).await);
        }
    }
}
