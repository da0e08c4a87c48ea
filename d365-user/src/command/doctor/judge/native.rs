//! The check of native mode: if the driver can run the program on each frame.

use super::super::finding::{Check, Finding};
use crate::{
    kernel::survey::{InterfaceFacts, Machine, Version},
    snapshot::Mode,
};

/// The largest MTU at which a frame surely fits into a driver's buffer of one page, together with XDP's
/// headroom (256 bytes), the kernel's bookkeeping (320) and headers (veth: 3506; ixgbe, i40e and others a
/// little less).
pub(super) const ONE_BUFFER: u32 = 3498;
/// From this version on, programs take frames in several buffers.
const WITH_FRAGS: Version = Version(5, 18);

/// Returns true if a program runs in native mode, the best proof that the driver supports it.
pub(super) fn runs_natively(facts: &InterfaceFacts) -> bool {
    matches!(&facts.xdp, Ok(Some((xdp, _))) if xdp.mode == Mode::Native)
}

/// States if frames in several buffers reach the program in native mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameBuffers {
    Several,
    One(&'static str),
    Unknown(&'static str),
}

impl FrameBuffers {
    pub(super) fn of(facts: &InterfaceFacts, machine: &Machine) -> Self {
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

pub(super) fn judge(facts: &InterfaceFacts, mtu: Option<u32>, buffers: FrameBuffers) -> Finding {
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
        (Some(mtu), FrameBuffers::One(why)) if mtu > ONE_BUFFER => {
            return Finding::warning(check, format!("hardly possible at MTU {mtu}: {why}"), generic);
        }
        (None, _) => return Finding::warning(check, "not known: the MTU is not", generic),
        (Some(mtu), FrameBuffers::Unknown(why)) if mtu > ONE_BUFFER => {
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
