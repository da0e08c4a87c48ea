//! What is odd in a list but does no harm: carried with the list, shown with the set's own warnings.

use std::fmt;

use ipnet::IpNet;

/// One oddity of a list, with what was done about it. Bounded: of many of a kind, the first and their number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// Entries of a service tag that are no prefix; they were skipped.
    InvalidPrefixes {
        /// How many.
        count: usize,
        /// The first, shortened.
        first: String,
    },
    /// Prefixes of a service tag that are in none of its regional entries; used, with the region of the Azure prefix around.
    NotInARegion {
        /// How many.
        count: usize,
        /// The first.
        first: IpNet,
    },
    /// Prefixes of a service tag's regional entries that are not in the tag itself; not used.
    OnlyInARegion {
        /// How many.
        count: usize,
        /// The first.
        first: IpNet,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidPrefixes { count, first } => {
                write!(
                    f,
                    "{count} of the tag's entries are no prefix and are skipped, the first is {first:?}"
                )
            }
            Self::NotInARegion { count, first } => {
                write!(
                    f,
                    "{count} of the tag's prefixes are in none of its regional entries, the first is {first}"
                )
            }
            Self::OnlyInARegion { count, first } => write!(
                f,
                "{count} prefixes are in a regional entry of the tag but not in the tag, and are not used, \
                 the first is {first}"
            ),
        }
    }
}
