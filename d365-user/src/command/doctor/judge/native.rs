//! The check of native mode: if the driver can run the program on each frame.

use super::super::finding::{Judged, ok, warning};
use crate::{
    kernel::{
        Header,
        survey::{Driver, InterfaceFacts, KernelVersion, LinkFacts, Machine, driver},
    },
    snapshot::XdpMode,
};

/// The largest MTU at which a frame fits into the buffer of a driver that is not described: one page less
/// XDP's headroom (256 bytes), the kernel's bookkeeping (320) and headers.
const ONE_BUFFER: u32 = 3498;
/// From this version on, programs take frames in several buffers.
const WITH_FRAGS: KernelVersion = KernelVersion::new(5, 18, 0);

/// The page's description of the driver, if it has one.
pub(super) fn described(facts: &InterfaceFacts) -> Option<&'static Driver> {
    facts.driver.as_ref().ok().and_then(|name| driver(name))
}

/// The largest MTU at which a frame fits into one buffer.
pub(super) fn one_buffer(facts: &InterfaceFacts) -> u32 {
    described(facts).and_then(|driver| driver.one_buffer).unwrap_or(ONE_BUFFER)
}

/// Returns true if a program runs in native mode, the best proof that the driver supports it.
pub(super) fn runs_natively(facts: &InterfaceFacts) -> bool {
    matches!(&facts.xdp, Ok(Some((xdp, _))) if xdp.mode == XdpMode::Native)
}

/// Returns true if its packets begin with the IP header: only tc is possible there.
pub(super) fn has_bare_packets(facts: &InterfaceFacts) -> bool {
    matches!(&facts.link, Ok(LinkFacts { header: Ok(Header::Ip), .. }))
}

/// The reason why frames in several buffers do not or may not reach the program in native mode, after the
/// prospect of that mode. `None` if they reach it.
pub(super) fn objection(facts: &InterfaceFacts, machine: &Machine) -> Option<(&'static str, &'static str)> {
    let takes = machine.kernel.as_ref().map(|(version, _)| *version >= WITH_FRAGS);
    match (takes, &facts.features) {
        (Ok(false), _) => {
            Some(("hardly possible", "before Linux 5.18 programs take no frames in several buffers"))
        }
        (_, Ok(Some(features))) if !features.has_frags() => {
            Some(("hardly possible", "the driver gives programs no frames in several buffers"))
        }
        (Ok(true), Ok(Some(_))) => None,
        (Ok(true), Ok(None)) if runs_natively(facts) => None,
        _ => Some(("not known", "whether the driver gives programs frames in several buffers is not known")),
    }
}

pub(super) fn judge<'a>(facts: &'a InterfaceFacts, machine: &Machine) -> Judged<'a> {
    let tc = "--mode auto takes tc, which costs more; for native mode see to the reason";
    if runs_natively(facts) {
        return ok("possible: a program runs in native mode");
    }
    if has_bare_packets(facts) {
        return ok("not possible, as its packets begin with the IP header; --mode auto takes tc");
    }
    let Some(features) = facts.features.as_ref()? else {
        return warning(
            "not known before it is tried: this kernel does not report what the driver has",
            "--mode auto tries it, and reports the result in log and metric",
        );
    };
    if !features.has_native() {
        return warning("not possible: the driver has no XDP of its own, as it is set", tc);
    }
    if let Some(defect) = described(facts).and_then(|driver| driver.defect) {
        return warning(format!("not used: {defect}"), "nothing: --mode auto takes tc, which costs more");
    }
    let Ok(LinkFacts { mtu, .. }) = &facts.link else {
        return warning("not known: the MTU is not", tc);
    };
    if *mtu > one_buffer(facts)
        && let Some((prospect, why)) = objection(facts, machine)
    {
        return warning(format!("{prospect} at MTU {mtu}: {why}"), tc);
    }
    let driver = described(facts);
    match &facts.offloads {
        Ok(offloads) if offloads.lro && !driver.is_some_and(|driver| driver.ends_lro) => {
            warning("hardly possible while LRO is on", tc)
        }
        Ok(_) => ok(match driver.and_then(|driver| driver.condition) {
            Some(condition) => format!("possible; {condition}"),
            None => "possible".to_owned(),
        }),
        Err(_) => warning("not known: whether LRO is on is not", tc),
    }
}
