//! Sizes as people write them: `2GiB`, `512MiB`, `100MB`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
    ("B", 1),
];

/// A number of bytes.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct ByteSize(u64);

/// Text that is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a size: {why}")]
pub struct InvalidSize {
    text: String,
    why: &'static str,
}

impl ByteSize {
    /// So many bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// So many mebibytes.
    pub const fn from_mib(mebibytes: u64) -> Self {
        Self(mebibytes << 20)
    }

    /// In bytes.
    pub const fn as_bytes(self) -> u64 {
        self.0
    }

    /// For people: one decimal, the largest binary unit that fits.
    pub fn rounded(self) -> String {
        for (name, scale) in UNITS {
            if name.ends_with("iB") && self.0 >= scale {
                // Tenths without floats: exact for any u64.
                let tenths = u128::from(self.0) * 10 / u128::from(scale);
                return format!("{}.{} {name}", tenths / 10, tenths % 10);
            }
        }
        format!("{} B", self.0)
    }
}

impl FromStr for ByteSize {
    type Err = InvalidSize;

    fn from_str(text: &str) -> Result<Self, InvalidSize> {
        let refused = |why| InvalidSize { text: super::text::excerpt(text, 40), why };
        let trimmed = text.trim();
        if trimmed.starts_with('-') {
            return Err(refused("it is negative"));
        }
        let digits = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(digits);
        if number.is_empty() {
            return Err(refused("write a whole number and a unit, such as 512MiB or 2GiB"));
        }
        let unit = unit.trim_start();
        if unit.is_empty() {
            return Err(refused("its unit is missing; write B, kB, MB, GB, KiB, MiB or GiB"));
        }
        let Some((_, scale)) = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))
        else {
            return Err(refused("its unit is unknown; write B, kB, MB, GB, KiB, MiB or GiB"));
        };
        let bytes = number.parse::<u64>().ok().and_then(|count| count.checked_mul(*scale));
        bytes.map(Self).ok_or_else(|| refused("it is too large"))
    }
}

impl TryFrom<String> for ByteSize {
    type Error = InvalidSize;

    fn try_from(text: String) -> Result<Self, InvalidSize> {
        text.parse()
    }
}

impl From<ByteSize> for String {
    fn from(size: ByteSize) -> Self {
        size.to_string()
    }
}

impl fmt::Display for ByteSize {
    /// Exact, so that it reads back as the same size: the largest unit that divides it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, scale) in UNITS {
            if self.0 != 0 && name.ends_with("iB") && self.0.is_multiple_of(scale) {
                return write!(f, "{}{name}", self.0 / scale);
            }
        }
        write!(f, "{}B", self.0)
    }
}

#[cfg(test)]
mod tests;
