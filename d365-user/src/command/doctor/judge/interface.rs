//! The checks of one interface: if the program can run on it, and in which mode.

use d365_common::names::MAX_INTERFACES;

use super::{
    super::finding::{Check, Finding, Judged, error, ok, warning},
    generic, kind,
    native::{self, described, one_buffer, runs_natively},
    programs,
};
use crate::kernel::{
    Header, Objection,
    survey::{Fact, InterfaceFacts, LinkFacts, Machine},
};

/// Judges an interface. One that is optional, because it only matches a pattern, does not keep the daemon
/// from starting.
pub(super) fn judge(
    name: &str,
    facts: &Fact<Option<InterfaceFacts>>,
    machine: &Machine,
    is_optional: bool,
) -> Vec<Finding> {
    let findings = match facts {
        Ok(Some(InterfaceFacts { link: Ok(LinkFacts { header: Err(unfit), .. }), .. })) if is_optional => {
            let found = format!("matches a pattern, and the daemon leaves it out: {}", unfit.reason);
            Finding::all([(Check::Interface, warning(found, unfit.advice))])
        }
        Ok(Some(facts)) => there(name, facts, machine),
        Ok(None) => Finding::all([(
            Check::Interface,
            error("not in this network namespace", "`ip -br link` lists those that exist"),
        )]),
        Err(unknown) => Finding::all([(Check::Interface, Err(unknown))]),
    };
    findings.into_iter().map(|finding| finding.on(name)).collect()
}

/// Returns true if nothing that is known keeps the daemon from watching the interface.
pub(super) fn may_be_watched(facts: &Fact<Option<InterfaceFacts>>) -> bool {
    match facts {
        Ok(Some(InterfaceFacts { link: Ok(link), .. })) => link.header.is_ok(),
        Ok(found) => found.is_some(),
        Err(_) => true,
    }
}

/// The findings about all `count` interfaces together; `same` is the message about two names of one.
pub(super) fn together(count: usize, same: Option<&str>) -> Vec<Finding> {
    let same = same.map(|same| error(same, "name each interface once"));
    let found = format!("{count} interfaces match, and the daemon has room for {MAX_INTERFACES}");
    let many = (count > MAX_INTERFACES).then(|| warning(found, "use a narrower pattern"));
    Finding::all(same.into_iter().chain(many).map(|judged| (Check::Interface, judged)))
}

/// The finding about a pattern that no interface matches.
pub(super) fn unmatched(pattern: &str, is_any_watched: bool) -> Vec<Finding> {
    let found = "no interface of this network namespace matches the pattern";
    let advice = "`ip -br link` lists those that exist; a pattern does not match the loopback";
    let judged = if is_any_watched { warning(found, advice) } else { error(found, advice) };
    Finding::all([(Check::Interface, judged)]).into_iter().map(|finding| finding.on(pattern)).collect()
}

fn there(name: &str, facts: &InterfaceFacts, machine: &Machine) -> Vec<Finding> {
    let native = native::judge(facts, machine);
    let generic = generic::judge(facts);
    Finding::all([
        (Check::Interface, interface(name, &facts.link)),
        (Check::Kind, kind::judge(facts)),
        (Check::Place, place(facts)),
        (Check::Driver, driver(facts)),
        (Check::XdpFeatures, features(facts)),
        (Check::Mtu, mtu(facts, machine)),
        (Check::Lro, lro(name, facts)),
        (Check::Gro, gro(facts)),
        (Check::Native, native),
        (Check::Generic, generic),
        (Check::Tc, programs::tc(facts)),
        (Check::XdpPrograms, programs::xdp(facts)),
        (Check::TcPrograms, programs::behind(facts)),
    ])
}

fn interface<'a>(name: &str, link: &'a Fact<LinkFacts>) -> Judged<'a> {
    let link = link.as_ref()?;
    match &link.header {
        Err(Objection { reason, advice }) => error(reason, *advice),
        Ok(_) if !link.is_up => warning("down", format!("ip link set dev {name} up")),
        Ok(Header::Ethernet) => ok("up"),
        Ok(Header::Ip) => ok("up; its packets begin with the IP header"),
    }
}

fn place(facts: &InterfaceFacts) -> Judged<'_> {
    match facts.place.as_ref()? {
        Ok(description) => ok(description),
        Err((problem, advice)) => warning(problem, advice),
    }
}

fn driver(facts: &InterfaceFacts) -> Judged<'_> {
    match facts.driver.as_ref()?.as_str() {
        "" => ok("without a name"),
        driver
            if described(facts).is_some_and(|driver| driver.interrupts && driver.defect.is_none())
                && !runs_natively(facts) =>
        {
            warning(
                format!("{driver}: it interrupts traffic when a native program is attached or detached"),
                "attach in a maintenance window; then keep the program over restarts (docs/drivers.md)",
            )
        }
        driver => ok(driver),
    }
}

fn features(facts: &InterfaceFacts) -> Judged<'_> {
    match facts.features.as_ref()? {
        Some(features) if features.names().is_empty() => ok("none"),
        Some(features) => ok(features.names().join(", ")),
        None if runs_natively(facts) => ok("not reported by this kernel; a program runs in native mode"),
        None => warning(
            "not known: this kernel does not report it (6.3 and later do)",
            "nothing: the daemon tries native mode and falls back to tc",
        ),
    }
}

fn mtu<'a>(facts: &'a InterfaceFacts, machine: &Machine) -> Judged<'a> {
    let mtu = facts.link.as_ref()?.mtu;
    if native::has_bare_packets(facts) {
        return ok(mtu.to_string());
    }
    let one_buffer = one_buffer(facts);
    if mtu <= one_buffer {
        return ok(format!("{mtu}, one buffer"));
    }
    match native::objection(facts, machine) {
        None => ok(format!("{mtu}, in several buffers")),
        Some((_, why)) => warning(
            format!("{mtu} needs several buffers, and {why}"),
            format!("lower the MTU to {one_buffer}, or expect tc"),
        ),
    }
}

fn lro<'a>(name: &str, facts: &'a InterfaceFacts) -> Judged<'a> {
    if facts.offloads.as_ref()?.lro {
        if described(facts).is_some_and(|driver| driver.ends_lro) {
            return ok("on: the driver switches it off for a native program");
        }
        let advice = format!("ethtool -K {name} lro off");
        return warning("on: most drivers refuse native XDP with it", advice);
    }
    ok("off")
}

fn gro(facts: &InterfaceFacts) -> Judged<'_> {
    ok(match facts.offloads.as_ref()?.gro {
        true => "on: by tc packets are counted as they were joined",
        false => "off",
    })
}

#[cfg(test)]
mod tests;
