//! Tags and drops: the tags of trusted packets, and the action on unlisted ones.

use d365_common::{dscp::Dscp, mark::Mark};
use ipnet::IpNet;

use super::{ConfigError, Warning, repeated::each_once};
use crate::{
    cli::{Tag, TagFlags, Verdict},
    settings::{ModePolicy, Tags, Unlisted},
};

/// The tags from the flags. A flag without an effect is rejected: the operator who gives it expects tagged
/// packets.
pub(super) fn tags(flags: &TagFlags, mode: ModePolicy) -> Result<Tags, ConfigError> {
    let has = |tag| flags.tag.contains(&tag);
    let (mark, dscp) = (has(Tag::Mark), has(Tag::Dscp));
    let may_be_tc = matches!(mode, ModePolicy::Tc | ModePolicy::Auto);
    if has(Tag::None) && (mark || dscp) {
        return Err(ConfigError::NoneAndMore);
    }
    for (given, flag, met, needed) in [
        (flags.mark.is_some(), "--mark", mark, "--tag mark"),
        (flags.tc_order.is_some(), "--tc-order", mark || may_be_tc, "--tag mark, or --mode tc or auto"),
        (flags.dscp.is_some(), "--dscp", dscp, "--tag dscp"),
        (flags.tag_retired, "--tag-retired", mark || dscp, "--tag mark or --tag dscp"),
    ] {
        if given && !met {
            return Err(ConfigError::Needs { flag, needed });
        }
    }
    Ok(Tags {
        mark: mark.then(|| flags.mark.unwrap_or(Mark::DEFAULT)),
        dscp: dscp.then(|| flags.dscp.unwrap_or(Dscp::DEFAULT)),
        retired: flags.tag_retired,
        order: flags.tc_order.unwrap_or_default(),
    })
}

/// The action from the flags. `--failsafe` may stay if nothing is dropped: removing `--unlisted drop` must be
/// enough to end the drops.
pub(super) fn unlisted(flags: &TagFlags, warnings: &mut Vec<Warning>) -> Result<Unlisted, ConfigError> {
    const FLAG: &str = "--failsafe";
    let failsafe = &flags.failsafe;
    match flags.unlisted {
        Verdict::Pass => {
            if !failsafe.is_empty() {
                warnings.push(Warning::Idle { flag: FLAG, needed: "--unlisted drop" });
            }
            Ok(Unlisted::Pass)
        }
        Verdict::Drop => {
            let odd = failsafe.iter().filter(|prefix| prefix.trunc() != **prefix);
            warnings.extend(odd.map(|prefix| Warning::HostBits { flag: FLAG, given: *prefix }));
            let masked = failsafe.iter().map(IpNet::trunc).collect();
            Ok(Unlisted::Drop { failsafe: each_once(FLAG, masked, usize::MAX, warnings)? })
        }
    }
}
