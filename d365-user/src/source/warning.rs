//! Oddities in a list that do no harm. The list carries them, and they are shown together with the warnings
//! of the range set.

use ipnet::IpNet;

/// One oddity of a list, and how it was handled. Its size is bounded: for many cases of one kind, it holds
/// the first case and their number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant describes its fields")]
pub enum Warning {
    #[error("{count} of the tag's entries are not prefixes and are skipped; the first is {first:?}")]
    InvalidPrefixes { count: usize, first: String },
    /// Prefixes of a service tag that are in none of its regional entries. They are used, with the region of
    /// the Azure prefix that contains them.
    #[error("{count} of the tag's prefixes are in none of its regional entries; the first is {first}")]
    NotInARegion { count: usize, first: IpNet },
    #[error(
        "{count} prefixes are in a regional entry of the tag but not in the tag, and are not used; the first is {first}"
    )]
    OnlyInARegion { count: usize, first: IpNet },
}
