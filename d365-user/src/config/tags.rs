//! What is done to packets besides counting them: the tags of vouched-for ones, and what becomes of unlisted ones.

use d365_common::{dscp::Dscp, mark::Mark};
use ipnet::IpNet;

use super::{ConfigError, Warning, once};
use crate::cli::{self, Tag, Verdict};

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

impl Tags {
    /// The meaning of the flags. One that would do nothing is refused: whoever gives it believes that packets are tagged.
    pub(super) fn new(flags: &cli::Tags) -> Result<Self, ConfigError> {
        let has = |tag| flags.tag.contains(&tag);
        let (mark, dscp) = (has(Tag::Mark), has(Tag::Dscp));
        if has(Tag::None) && (mark || dscp) {
            return Err(ConfigError::NoneAndMore);
        }
        for (given, flag, met, needed) in [
            (flags.mark.is_some(), "--mark", mark, "--tag mark"),
            (flags.tc_order.is_some(), "--tc-order", mark, "--tag mark"),
            (flags.dscp.is_some(), "--dscp", dscp, "--tag dscp"),
            (flags.tag_retired, "--tag-retired", mark || dscp, "--tag mark or --tag dscp"),
        ] {
            if given && !met {
                return Err(ConfigError::Needs { flag, needed });
            }
        }
        Ok(Self {
            mark: mark.then(|| flags.mark.unwrap_or(Mark::DEFAULT)),
            dscp: dscp.then(|| flags.dscp.unwrap_or(Dscp::DEFAULT)),
            retired: flags.tag_retired,
            order: flags.tc_order.unwrap_or_default(),
        })
    }

    /// Whether there is any.
    #[must_use]
    pub const fn any(&self) -> bool {
        self.mark.is_some() || self.dscp.is_some()
    }
}

impl Unlisted {
    /// The meaning of the flags. `--failsafe` may stay where nothing is dropped: taking `--unlisted drop` away must be enough
    /// to end it.
    pub(super) fn new(flags: &cli::Tags, warnings: &mut Vec<Warning>) -> Self {
        const FLAG: &str = "--failsafe";
        let failsafe = &flags.failsafe;
        match flags.unlisted {
            Verdict::Pass => {
                if !failsafe.is_empty() {
                    warnings.push(Warning::Idle { flag: FLAG, needed: "--unlisted drop" });
                }
                Self::Pass
            }
            Verdict::Drop => {
                let odd = failsafe.iter().filter(|prefix| prefix.trunc() != **prefix);
                warnings.extend(odd.map(|prefix| Warning::HostBits { flag: FLAG, given: *prefix }));
                let masked = failsafe.iter().map(IpNet::trunc).collect();
                Self::Drop { failsafe: once(FLAG, masked, warnings) }
            }
        }
    }
}
