//! The end of the trust in a source's ranges.

use serde::{Deserialize, Serialize};

/// The end of the trust in a source's ranges. A larger value is trusted longer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lease {
    /// The source has never confirmed its list.
    #[default]
    Unconfirmed,
    /// Until this many seconds after the Unix epoch, which may have passed.
    Until(u64),
    /// Without an end.
    Endless,
}

impl Lease {
    /// Returns true if the trust has ended `now`, in seconds after the Unix epoch, or never began.
    #[must_use]
    pub const fn has_ended(self, now: u64) -> bool {
        match self {
            Self::Unconfirmed => true,
            Self::Until(end) => end <= now,
            Self::Endless => false,
        }
    }
}
