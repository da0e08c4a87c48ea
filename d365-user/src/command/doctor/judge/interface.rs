//! The checks of one interface: if the program can run on it, and in which mode.

use super::{
    super::finding::{Check, Finding},
    generic,
    native::{self, FrameBuffers, ONE_BUFFER, runs_natively},
    programs,
};
use crate::kernel::{
    LinkLayer,
    survey::{Fact, InterfaceFacts, LinkFacts, Machine},
};

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
    let buffers = FrameBuffers::of(facts, machine);
    let mut findings = vec![
        interface(name, &facts.link),
        place(facts),
        driver(&facts.driver),
        features(facts),
        self::mtu(mtu, buffers),
        lro(name, facts),
        gro(facts),
    ];
    let native = native::judge(facts, mtu, buffers);
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

fn mtu(mtu: Option<u32>, buffers: FrameBuffers) -> Finding {
    let advice = format!("lower the MTU to {ONE_BUFFER}, or expect generic mode");
    match (mtu, buffers) {
        (None, _) => {
            let advice = "nothing was concluded from it; `ip link` may show it";
            Finding::warning(Check::Mtu, "not known: the kernel did not report it", advice)
        }
        (Some(mtu), _) if mtu <= ONE_BUFFER => Finding::ok(Check::Mtu, format!("{mtu}, one buffer")),
        (Some(mtu), FrameBuffers::Several) => Finding::ok(Check::Mtu, format!("{mtu}, in several buffers")),
        (Some(mtu), FrameBuffers::One(why) | FrameBuffers::Unknown(why)) => {
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

#[cfg(test)]
mod tests;
