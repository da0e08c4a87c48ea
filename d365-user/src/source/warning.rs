//! Oddities in a list that do no harm. The list carries them, and they are shown together with the warnings
//! of the range set.

use std::fmt;

use ipnet::IpNet;

/// One oddity of a list, and how it was handled. Its size is bounded: for many cases of one kind, it holds
/// the first case and their number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// Entries of a service tag that are not prefixes. They were skipped.
    InvalidPrefixes {
        /// The number of such entries.
        count: usize,
        /// The first of them, shortened.
        first: String,
    },
    /// Prefixes of a service tag that are in none of its regional entries. They are used, with the region of
    /// the Azure prefix that contains them.
    NotInARegion {
        /// The number of such prefixes.
        count: usize,
        /// The first of them.
        first: IpNet,
    },
    /// Prefixes of a service tag's regional entries that are not in the tag itself. They are not used.
    OnlyInARegion {
        /// The number of such prefixes.
        count: usize,
        /// The first of them.
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
