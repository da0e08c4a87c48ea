//! What is done to packets besides counting them: the tags of vouched-for ones, and what becomes of unlisted ones.

use d365_common::{dscp::Dscp, mark::Mark};
use ipnet::IpNet;

/// The tags that packets from listed ranges get while the list is vouched for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    /// The packet mark, if it is one.
    pub mark: Option<Mark>,
    /// The DSCP, if it is one.
    pub dscp: Option<Dscp>,
    /// Whether retired ranges are tagged as well.
    pub retired: bool,
    /// Where the tc program stands among others.
    pub order: TcOrder,
}

/// Where the tc program stands among the others of its interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum TcOrder {
    /// Before all others: they see the mark.
    #[default]
    First,
    /// Behind all others.
    Last,
}

/// What becomes of new connections to the watched ports from unlisted sources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Unlisted {
    /// They pass.
    #[default]
    Pass,
    /// They are dropped while the list is vouched for, unless they come from one of these prefixes, or from loopback or an
    /// interface's own subnet.
    Drop {
        /// `--failsafe`, each once, without host bits.
        failsafe: Vec<IpNet>,
    },
}
