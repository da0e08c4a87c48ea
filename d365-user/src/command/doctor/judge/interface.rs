//! The checks of one interface: if the program can run on it, and in which mode.

use super::{Check, Finding, generic, programs};
use crate::{
    kernel::{
        LinkLayer,
        survey::{Fact, InterfaceFacts, LinkFacts, Machine, Version},
    },
    snapshot::Mode,
};

/// The largest MTU at which a frame surely fits into a driver's buffer of one page, together with XDP's
/// headroom (256 bytes), the kernel's bookkeeping (320) and headers (veth: 3506; ixgbe, i40e and others a
/// little less).
const ONE_BUFFER: u32 = 3498;
/// From this version on, programs take frames in several buffers.
const WITH_FRAGS: Version = Version(5, 18);

pub(super) fn judge(name: &str, facts: &Fact<Option<InterfaceFacts>>, machine: &Machine) -> Vec<Finding> {
    let findings = match facts {
        Ok(Some(facts)) => there(name, facts, machine),
        Ok(None) => vec![Finding::error(
            Check::Interface,
            "not in this network namespace",
            "`ip -br link` lists those that exist",
        )],
        Err(unknown) => vec![Finding::unknown(Check::Interface, unknown)],
    };
    findings.into_iter().map(|finding| finding.on(name)).collect()
}

fn there(name: &str, facts: &InterfaceFacts, machine: &Machine) -> Vec<Finding> {
    let mtu = facts.link.as_ref().ok().and_then(|link| link.mtu);
    let buffers = Buffers::of(facts, machine);
    let mut findings = vec![
        interface(name, &facts.link),
        place(facts),
        driver(&facts.driver),
        features(facts),
        self::mtu(mtu, buffers),
        lro(name, facts),
        gro(facts),
    ];
    let native = native(facts, mtu, buffers);
    let generic = generic::judge(facts, native.level);
    findings.extend([native, generic]);
    findings.extend(programs::judge(facts));
    findings
}

fn interface(name: &str, link: &Fact<LinkFacts>) -> Finding {
    let check = Check::Interface;
    let link = match link {
        Ok(link) => link,
        Err(unknown) => return Finding::unknown(check, unknown),
    };
    match &link.link_layer {
        LinkLayer::Other(link_type) => Finding::error(
            check,
            format!(
                "link type {link_type}: its packets do not begin with an Ethernet header, and the daemon refuses it"
            ),
            "watch an Ethernet interface; on the one below a tunnel, mail inside the tunnel counts as not_tcp",
        ),
        LinkLayer::Ethernet if link.kind.as_deref() == Some("ifb") => Finding::error(
            check,
            "an ifb device: no XDP program sees the packets that pass through it, and the daemon refuses it",
            "watch the interface whose traffic it shapes",
        ),
        LinkLayer::Ethernet if link.is_up => Finding::ok(check, "up"),
        LinkLayer::Ethernet => Finding::warning(check, "down", format!("ip link set dev {name} up")),
    }
}

fn place(facts: &InterfaceFacts) -> Finding {
    let place = match &facts.place {
        Ok(place) => place,
        Err(unknown) => return Finding::unknown(Check::Place, unknown),
    };
    match place.concern(&facts.beside) {
        Some((found, advice)) => Finding::warning(Check::Place, found, advice),
        None => Finding::ok(Check::Place, place.describe()),
    }
}

fn driver(driver: &Fact<String>) -> Finding {
    match driver {
        Ok(driver) if driver.is_empty() => Finding::ok(Check::Driver, "without a name"),
        Ok(driver) => Finding::ok(Check::Driver, driver),
        Err(unknown) => Finding::unknown(Check::Driver, unknown),
    }
}

fn features(facts: &InterfaceFacts) -> Finding {
    match &facts.features {
        Ok(Some(features)) if features.names().is_empty() => Finding::ok(Check::XdpFeatures, "none"),
        Ok(Some(features)) => Finding::ok(Check::XdpFeatures, features.names().join(", ")),
        Ok(None) if runs_natively(facts) => {
            Finding::ok(Check::XdpFeatures, "not reported by this kernel; a program runs in native mode")
        }
        Ok(None) => Finding::warning(
            Check::XdpFeatures,
            "not known: this kernel does not report it (6.3 and later do)",
            "nothing: the daemon tries native mode and falls back to generic",
        ),
        Err(unknown) => Finding::unknown(Check::XdpFeatures, unknown),
    }
}

/// Returns true if a program runs in native mode, the best proof that the driver supports it.
pub(super) fn runs_natively(facts: &InterfaceFacts) -> bool {
    matches!(&facts.xdp, Ok(Some((xdp, _))) if xdp.mode == Mode::Native)
}

/// States if frames in several buffers reach the program in native mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Buffers {
    Several,
    One(&'static str),
    Unknown(&'static str),
}

impl Buffers {
    fn of(facts: &InterfaceFacts, machine: &Machine) -> Self {
        let takes = machine.kernel.as_ref().map(|(version, _)| *version >= WITH_FRAGS);
        match (takes, &facts.features) {
            (Ok(false), _) => Self::One("before Linux 5.18 programs take no frames in several buffers"),
            (_, Ok(Some(features))) if !features.has_frags() => {
                Self::One("the driver gives programs no frames in several buffers")
            }
            (Ok(true), Ok(Some(_))) => Self::Several,
            (Ok(true), Ok(None)) if runs_natively(facts) => Self::Several,
            _ => Self::Unknown("whether the driver gives programs frames in several buffers is not known"),
        }
    }
}

fn mtu(mtu: Option<u32>, buffers: Buffers) -> Finding {
    let advice = format!("lower the MTU to {ONE_BUFFER}, or expect generic mode");
    match (mtu, buffers) {
        (None, _) => {
            let advice = "nothing was concluded from it; `ip link` may show it";
            Finding::warning(Check::Mtu, "not known: the kernel did not report it", advice)
        }
        (Some(mtu), _) if mtu <= ONE_BUFFER => Finding::ok(Check::Mtu, format!("{mtu}, one buffer")),
        (Some(mtu), Buffers::Several) => Finding::ok(Check::Mtu, format!("{mtu}, in several buffers")),
        (Some(mtu), Buffers::One(why) | Buffers::Unknown(why)) => {
            Finding::warning(Check::Mtu, format!("{mtu} needs several buffers, and {why}"), advice)
        }
    }
}

fn lro(name: &str, facts: &InterfaceFacts) -> Finding {
    match &facts.offloads {
        Ok(offloads) if offloads.lro => Finding::warning(
            Check::Lro,
            "on: most drivers refuse native XDP with it",
            format!("ethtool -K {name} lro off"),
        ),
        Ok(_) => Finding::ok(Check::Lro, "off"),
        Err(unknown) => Finding::unknown(Check::Lro, unknown),
    }
}

fn gro(facts: &InterfaceFacts) -> Finding {
    match &facts.offloads {
        Ok(offloads) if offloads.gro => {
            Finding::ok(Check::Gro, "on: in generic mode packets are counted as they were joined")
        }
        Ok(_) => Finding::ok(Check::Gro, "off"),
        Err(unknown) => Finding::unknown(Check::Gro, unknown),
    }
}

fn native(facts: &InterfaceFacts, mtu: Option<u32>, buffers: Buffers) -> Finding {
    let check = Check::Native;
    let generic = "--mode auto takes generic mode, which costs more; for native mode see to the reason";
    if runs_natively(facts) {
        return Finding::ok(check, "possible: a program runs in native mode");
    }
    let features = match &facts.features {
        Ok(Some(features)) => features,
        Ok(None) => {
            let found = "not known before it is tried: this kernel does not report what the driver has";
            return Finding::warning(
                check,
                found,
                "--mode auto tries it, and reports the result in log and metric",
            );
        }
        Err(unknown) => return Finding::unknown(check, unknown),
    };
    if !features.has_native() {
        return Finding::warning(
            check,
            "not possible: the driver has no XDP of its own, as it is set",
            generic,
        );
    }
    match (mtu, buffers) {
        (Some(mtu), Buffers::One(why)) if mtu > ONE_BUFFER => {
            return Finding::warning(check, format!("hardly possible at MTU {mtu}: {why}"), generic);
        }
        (None, _) => return Finding::warning(check, "not known: the MTU is not", generic),
        (Some(mtu), Buffers::Unknown(why)) if mtu > ONE_BUFFER => {
            return Finding::warning(check, format!("not known at MTU {mtu}: {why}"), generic);
        }
        _ => {}
    }
    match &facts.offloads {
        Ok(offloads) if offloads.lro => Finding::warning(check, "hardly possible while LRO is on", generic),
        Ok(_) => Finding::ok(check, "possible"),
        Err(_) => Finding::warning(check, "not known: whether LRO is on is not", generic),
    }
}

#[cfg(test)]
mod tests;
