//! The configured store into another, empty one.

use std::sync::Arc;

use super::apart::apart;
use super::lead::Leads;
use super::place::{self, Place};
use super::restore::{Filling, companions, occupied, open_to_fill};
use super::{Progress, Step, Told, TransferError, Watch, about, check};
use crate::config::paths::Paths;
use crate::store::Store;
use crate::store::transfer::{Content, Export, Loader, Summary, is_known};

/// What to take where.
pub struct Migrate {
    /// The configured store.
    pub from: Place,
    /// The other one.
    pub to: Place,
    /// The home, which no daemon may have meanwhile.
    pub paths: Paths,
}

/// Two stores that hold the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrateDone {
    /// What is in both.
    pub summary: Summary,
}

/// Fills another store with what is in this one.
///
/// # Errors
/// What keeps it from that. The configured store is as it was in any case.
pub async fn migrate(order: Migrate, told: Told) -> Result<MigrateDone, TransferError> {
    apart(told, move |watch| async move {
        let Migrate { from, to, paths } = order;
        let name = from.to_string();
        let is_missing = matches!(&from, Place::File(path) if !place::is_there(path));
        if is_missing {
            return Err(TransferError::NoStore(name));
        }
        if from == to {
            let what = "all that is to be taken there".to_owned();
            return Err(TransferError::Occupied { store: name, what, can_be_kept: false });
        }
        let held = place::hold_home(&paths)?;
        let mut leads = Leads::of(&held);
        let filled = match &from {
            Place::File(path) => {
                let store = Arc::new(place::open_file(path)?);
                // A daemon of another home may have it.
                leads
                    .take_file(
                        Arc::clone(&store),
                        &path.canonicalize().unwrap_or_else(|_| path.clone()),
                        &paths,
                    )
                    .await?;
                fill(store.as_ref(), &name, &to, &watch, &mut leads).await
            }
            Place::Server(url) => {
                let store = place::open_led(url, &paths, &mut leads).await?;
                match place::holds_something(store.as_ref(), &name).await {
                    Ok(()) => fill(store.as_ref(), &name, &to, &watch, &mut leads).await,
                    Err(error) => Err(error),
                }
            }
        };
        leads.release().await;
        Ok(MigrateDone { summary: filled? })
    })
    .await
}

async fn fill(
    from: &dyn Store,
    name: &str,
    to: &Place,
    watch: &Watch,
    leads: &mut Leads,
) -> Result<Summary, TransferError> {
    is_known(from).await.map_err(about(name))?;
    leads.keep().await?;
    match to {
        Place::File(path) => {
            for file in [path.clone()].into_iter().chain(companions(path)) {
                if file.symlink_metadata().is_ok() {
                    return Err(TransferError::Exists(file));
                }
            }
            let filling = Filling::begin(path)?;
            let store = &filling.store;
            let filled = async {
                let summary = copy(from, name, store, watch, leads).await?;
                check(store, &to.to_string(), &summary, watch, leads).await?;
                Ok(summary)
            };
            let filled = filled.await;
            let (summary, ready) = filling.finish(filled).await?;
            ready.put_where_nothing_is(path)?;
            Ok(summary)
        }
        Place::Server(url) => {
            let server = to.to_string();
            let filling = open_to_fill(url, &server, leads).await?;
            let target = filling.store();
            let filled = async {
                leads.renew().await?;
                filling.begin().await.map_err(|error| occupied(&server, error))?;
                let summary = copy(from, name, target.as_ref(), watch, leads).await?;
                check(target.as_ref(), &server, &summary, watch, leads).await?;
                leads.renew().await?;
                filling.finish().await.map_err(about(&server))?;
                Ok(summary)
            };
            filled.await
        }
    }
}

async fn copy(
    from: &dyn Store,
    name: &str,
    to: &dyn Store,
    watch: &Watch,
    leads: &mut Leads,
) -> Result<Summary, TransferError> {
    let mut export = Export::new(from);
    let mut loader = Loader::new(to);
    let mut content = Content::default();
    let (mut bytes, mut pieces) = (0, 0);
    while let Some(piece) = export.next_piece().await.map_err(about(name))? {
        content.add(&piece);
        bytes += piece.bytes() as u64;
        pieces += piece.count();
        loader.add(piece).await.map_err(about("the new store"))?;
        watch.tell(Progress { step: Step::Transfer, bytes, of: None, pieces })?;
        leads.keep().await?;
    }
    loader.finish().await.map_err(about("the new store"))?;
    Ok(content.summary())
}
