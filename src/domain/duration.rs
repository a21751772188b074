//! Durations as people write them: `45m`, `1h30m`, `90s`, `250ms`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

const UNITS: [(&str, u64); 6] = [
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];
const LIMIT_MS: u64 = 366 * 86_400_000;

/// A span of time in whole milliseconds, never negative, at most 366 days.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct HumanDuration(u64);

/// Text that is no duration, or not a usable one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a duration: {why}")]
pub struct InvalidDuration {
    text: String,
    why: &'static str,
}

impl HumanDuration {
    /// So many milliseconds; more than the limit counts as the limit.
    pub const fn from_millis(millis: u64) -> Self {
        Self(if millis > LIMIT_MS { LIMIT_MS } else { millis })
    }

    /// So many seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self::from_millis(seconds.saturating_mul(1_000))
    }

    /// So many minutes.
    pub const fn from_mins(minutes: u64) -> Self {
        Self::from_millis(minutes.saturating_mul(60_000))
    }

    /// The time between two instants, zero where the clock went backwards.
    pub fn between(from: Timestamp, to: Timestamp) -> Self {
        Self::from_millis(u64::try_from(to.as_millisecond() - from.as_millisecond()).unwrap_or(0))
    }

    /// In milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// As the standard library has it.
    pub const fn as_std(self) -> Duration {
        Duration::from_millis(self.0)
    }

    /// Whether it is no time at all.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// What is left after `spent`.
    pub const fn minus(self, spent: Self) -> Self {
        Self(self.0.saturating_sub(spent.0))
    }

    /// Both together, up to the limit.
    pub const fn plus(self, other: Self) -> Self {
        Self::from_millis(self.0.saturating_add(other.0))
    }

    /// The instant that lies this long after `start`.
    pub fn after(self, start: Timestamp) -> Timestamp {
        let millis = i64::try_from(self.0).unwrap_or(i64::MAX);
        start.saturating_add(SignedDuration::from_millis(millis)).unwrap_or(Timestamp::MAX)
    }
}

impl FromStr for HumanDuration {
    type Err = InvalidDuration;

    fn from_str(text: &str) -> Result<Self, InvalidDuration> {
        let refused = |why| InvalidDuration { text: super::text::excerpt(text, 40), why };
        let trimmed = text.trim();
        if trimmed.starts_with('-') {
            return Err(refused("it is negative; write a positive one, such as 45m"));
        }
        if trimmed == "0" {
            return Ok(Self(0));
        }
        let mut rest = trimmed;
        let mut total = 0u64;
        let mut smallest = u64::MAX;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let (number, tail) = rest.split_at(digits);
            let letters = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(letters);
            if number.is_empty() {
                return Err(refused("write a number and a unit, such as 90s, 45m or 1h30m"));
            }
            if unit.is_empty() {
                return Err(refused("its unit is missing; write ms, s, m, h, d or w"));
            }
            let Some((_, scale)) = UNITS.iter().find(|(name, _)| *name == unit) else {
                return Err(refused("its unit is unknown; write ms, s, m, h, d or w"));
            };
            if *scale >= smallest {
                return Err(refused("write the larger unit first, and each only once"));
            }
            smallest = *scale;
            let count: u64 = number.parse().unwrap_or(u64::MAX);
            total = total.saturating_add(count.saturating_mul(*scale));
            rest = tail;
        }
        if trimmed.is_empty() {
            return Err(refused("it is empty; write a number and a unit, such as 45m"));
        }
        if total > LIMIT_MS {
            return Err(refused("it is longer than 366 days"));
        }
        Ok(Self(total))
    }
}

impl TryFrom<String> for HumanDuration {
    type Error = InvalidDuration;

    fn try_from(text: String) -> Result<Self, InvalidDuration> {
        text.parse()
    }
}

impl From<HumanDuration> for String {
    fn from(duration: HumanDuration) -> Self {
        duration.to_string()
    }
}

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (name, scale) in UNITS {
            // A week is written as seven days: people count days.
            if name != "w" && rest >= scale {
                write!(f, "{}{name}", rest / scale)?;
                rest %= scale;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
