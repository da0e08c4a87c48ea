//! Plain choices of the operator that several stages share. Imports nothing of ours, and no parser of the
//! command line.

use std::time::Duration;

use d365_common::{dscp::Dscp, mark::Mark};
use ipnet::IpNet;

mod http_host;
mod listen;

pub use http_host::HttpHost;
pub use listen::Listen;

/// The modes that may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ModePolicy {
    /// Native where the driver takes it, otherwise tc.
    #[default]
    Auto,
    /// Native XDP (in the driver), or fail.
    Native,
    /// Generic XDP (in the network stack), with a warning where it blinds tc filters.
    Generic,
    /// A tc program, without XDP.
    Tc,
}

/// The position of the tc program among the others of its interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TcOrder {
    /// Before all others: they see the mark.
    #[default]
    First,
    /// After all others.
    Last,
}

/// The tags of packets from listed ranges while these are trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    /// The packet mark; `None` if packets are not marked.
    pub mark: Option<Mark>,
    /// The DSCP; `None` if it is not written.
    pub dscp: Option<Dscp>,
    /// True if retired ranges are tagged as well.
    pub retired: bool,
    /// The position of the tc program among others.
    pub order: TcOrder,
}

impl Tags {
    /// Returns true if there is a tag.
    #[must_use]
    pub const fn any(&self) -> bool {
        self.mark.is_some() || self.dscp.is_some()
    }
}

/// The action on new connections to the watched ports from unlisted sources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Unlisted {
    /// They pass.
    #[default]
    Pass,
    /// They are dropped while the list is trusted, unless they come from one of these prefixes, from loopback
    /// or from an interface's own subnet.
    Drop {
        /// The prefixes of `--failsafe`, each once, without host bits.
        failsafe: Vec<IpNet>,
    },
}

/// Time for which a source's ranges are trusted after its last confirmation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseTerm {
    /// For this time.
    For(Duration),
    /// Without an end.
    Never,
}

/// Series by range, in addition to those by geo.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RangeMetrics {
    /// If there are at most 1000 ranges.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

impl RangeMetrics {
    /// The largest number of ranges for which `auto` shows each: three series and some 220 bytes a range and
    /// interface, so that a scrape of one interface stays below a quarter of a megabyte. The vendor's list
    /// has had at most 50.
    pub const MOST: usize = 1000;

    /// Returns true if a list of this many ranges is shown range by range.
    #[must_use]
    pub const fn shows(self, ranges: usize) -> bool {
        match self {
            Self::Auto => ranges <= Self::MOST,
            Self::On => true,
            Self::Off => false,
        }
    }
}
