//! Who leads. Of several daemons on one store one decides; the others wait for its lease to end.

use jiff::{SignedDuration, Timestamp};

/// The right to lead, for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Who has it.
    pub holder: String,
    /// Grows with each time that it is taken, and never shrinks, so that of two who believe to
    /// lead the store can tell the later.
    pub token: u64,
    /// Until when, if it is not renewed.
    pub until: Timestamp,
}

impl Lease {
    /// What its holder shows with each write.
    pub fn fence(&self) -> Fence {
        Fence(Some(self.token))
    }

    /// When one ends that is asked for now. A time without an end ends with time itself.
    pub(super) fn end(now: Timestamp, time: SignedDuration) -> Timestamp {
        now.checked_add(time).unwrap_or(Timestamp::MAX)
    }

    /// Whether it lasts until it is given back. Stores keep milliseconds.
    pub fn is_endless(&self) -> bool {
        self.until.as_millisecond() == Timestamp::MAX.as_millisecond()
    }
}

/// The answer to who asked for the lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// The lead is the caller's.
    Ours(Lease),
    /// Somebody else has it.
    Held(Lease),
}

/// What a writer shows to prove that it still leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence(Option<u64>);

impl Fence {
    /// For who has the store for itself: nothing is asked.
    pub const NONE: Self = Self(None);

    pub(super) fn token(self) -> Option<u64> {
        self.0
    }
}
