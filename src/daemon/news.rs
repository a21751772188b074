//! News for everybody who listens. The latest are kept, so that a reader who was away shortly
//! goes on where it was; one who was away longer is told to read everything anew.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::broadcast;

use crate::api::notice::Notice;

const KEPT: usize = 2_048;

/// A notice with its number.
pub(crate) type Numbered = (u64, Arc<Notice>);

/// The latest news and who listens to them.
pub(crate) struct News {
    /// Tells the numbers of this daemon from those of the one before.
    epoch: String,
    recent: Mutex<Recent>,
    sender: broadcast::Sender<Numbered>,
}

struct Recent {
    last: u64,
    kept: VecDeque<Numbered>,
}

/// What a new listener gets: what it missed, and what comes.
pub(crate) struct Subscription {
    pub(crate) missed: Vec<Numbered>,
    pub(crate) coming: broadcast::Receiver<Numbered>,
    /// Whether more was missed than is kept.
    pub(crate) lost: bool,
}

impl News {
    pub(crate) fn new(epoch: String) -> Self {
        let (sender, _) = broadcast::channel(KEPT);
        Self { epoch, recent: Mutex::new(Recent { last: 0, kept: VecDeque::new() }), sender }
    }

    pub(crate) fn tell(&self, notice: Notice) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.last += 1;
        let numbered = (recent.last, Arc::new(notice));
        recent.kept.push_back(numbered.clone());
        if recent.kept.len() > KEPT {
            recent.kept.pop_front();
        }
        // Sent while the numbers are held, so that they arrive in their order. Nobody listening
        // is no failure.
        let _listeners = self.sender.send(numbered);
    }

    /// The id of a number, as readers keep it.
    pub(crate) fn id(&self, number: u64) -> String {
        format!("{}-{number}", self.epoch)
    }

    /// Listens, from now on or from after the id that was seen last.
    pub(crate) fn listen(&self, after: Option<&str>) -> Subscription {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let coming = self.sender.subscribe();
        let Some(after) = after.filter(|id| !id.is_empty()) else {
            return Subscription { missed: Vec::new(), coming, lost: false };
        };
        let seen = after
            .strip_prefix(&format!("{}-", self.epoch))
            .and_then(|number| number.parse::<u64>().ok());
        let oldest = recent.kept.front().map_or(recent.last + 1, |(number, _)| *number);
        match seen {
            Some(seen) if seen + 1 >= oldest && seen <= recent.last => {
                let missed =
                    recent.kept.iter().filter(|(number, _)| *number > seen).cloned().collect();
                Subscription { missed, coming, lost: false }
            }
            Some(_) | None => Subscription { missed: Vec::new(), coming, lost: true },
        }
    }
}

#[cfg(test)]
mod tests;
