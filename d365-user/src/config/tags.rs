//! Tags and drops: the tags of trusted packets, and the action on unlisted ones.

use d365_common::{dscp::Dscp, mark::Mark};
use ipnet::IpNet;

use super::{ConfigError, Warning, once};
use crate::cli::{self, Tag, Verdict};

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

/// The position of the tc program among the others of its interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum TcOrder {
    /// Before all others: they see the mark.
    #[default]
    First,
    /// After all others.
    Last,
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

impl Tags {
    /// The tags from the flags. A flag without an effect is rejected: the operator who gives it expects
    /// tagged packets.
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

    /// Returns true if there is a tag.
    #[must_use]
    pub const fn any(&self) -> bool {
        self.mark.is_some() || self.dscp.is_some()
    }
}

impl Unlisted {
    /// The action from the flags. `--failsafe` may stay if nothing is dropped: removing `--unlisted drop`
    /// must be enough to end the drops.
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
