//! The XDP features that a driver reports, over the generic netlink family `netdev` (Linux 6.3; the kernel's
//! `Documentation/netlink/specs/netdev.yaml`). No privilege is needed.

use netlink_packet_core::{
    DecodeError, DefaultNla, Emitable, Nla as _, NlasIterator, Parseable as _, ParseableParametrized,
};
use netlink_packet_generic::{
    GenlFamily, GenlHeader, GenlMessage,
    ctrl::{GenlCtrl, GenlCtrlCmd, nlas::GenlCtrlAttrs},
};
use netlink_sys::protocols::NETLINK_GENERIC;
use nix::libc::ENOENT;

use super::fact::{Fact, Unknown};
use crate::kernel::netlink;

/// `NETDEV_CMD_DEV_GET`.
const DEVICE_GET: u8 = 1;
/// `NETDEV_FAMILY_VERSION`.
const VERSION: u8 = 1;
/// `NETDEV_A_DEV_IFINDEX`, a `u32`.
const IFINDEX: u16 = 1;
/// `NETDEV_A_DEV_XDP_FEATURES`, a `u64` of bits.
const XDP_FEATURES: u16 = 3;

/// A driver's XDP features: the bits of `enum netdev_xdp_act`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct XdpFeatures(pub u64);

impl XdpFeatures {
    /// The features' names by bit, from the lowest bit, as in the kernel's specification.
    const NAMES: [&'static str; 8] =
        ["basic", "redirect", "ndo-xmit", "xsk-zerocopy", "hw-offload", "rx-sg", "ndo-xmit-sg", "zc-sg"];

    /// Returns true if the driver itself runs XDP programs.
    #[must_use]
    pub const fn has_native(self) -> bool {
        self.0 & 1 != 0
    }

    /// Returns true if the driver passes frames in several buffers to programs that accept them.
    #[must_use]
    pub const fn has_frags(self) -> bool {
        self.0 & (1 << 5) != 0
    }

    /// Returns the names of the features that are set. A bit without a name is left out.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        let named = Self::NAMES.iter().enumerate();
        named.filter(|(bit, _)| self.0 & (1 << bit) != 0).map(|(_, name)| *name).collect()
    }
}

/// The generic netlink family. The kernel gives it a number at boot.
pub(super) struct Netdev {
    family: u16,
}

impl Netdev {
    /// Finds the family; `None` if the kernel does not have it.
    pub(super) fn find() -> Fact<Option<Self>> {
        let question = GenlCtrl {
            cmd: GenlCtrlCmd::GetFamily,
            nlas: vec![GenlCtrlAttrs::FamilyName(Device::family_name().to_owned())],
        };
        let answer = match netlink::ask(NETLINK_GENERIC, GenlMessage::from_payload(question), 0) {
            Err(error) if error.raw_os_error() == Some(ENOENT) => return Ok(None),
            answer => answer?,
        };
        let family =
            answer.iter().flat_map(|message| &message.payload.nlas).find_map(|attribute| match attribute {
                GenlCtrlAttrs::FamilyId(family) => Some(*family),
                _ => None,
            });
        Ok(Some(Self { family: family.ok_or_else(|| nothing("number of the family"))? }))
    }

    /// Requests the features of one interface.
    pub(super) fn features(&self, index: u32) -> Fact<XdpFeatures> {
        let index = DefaultNla::new(IFINDEX, index.to_ne_bytes().to_vec());
        let mut question = GenlMessage::from_payload(Device { attributes: vec![index] });
        question.set_resolved_family_id(self.family);
        let answer = netlink::ask(NETLINK_GENERIC, question, 0)?;
        let bits = answer.iter().flat_map(|message| &message.payload.attributes).find_map(|attribute| {
            let mut bits = [0; 8];
            if attribute.kind() != XDP_FEATURES || attribute.value_len() != bits.len() {
                return None;
            }
            attribute.emit_value(&mut bits);
            Some(u64::from_ne_bytes(bits))
        });
        bits.map(XdpFeatures).ok_or_else(|| nothing("XDP features"))
    }
}

fn nothing(what: &str) -> Unknown {
    Unknown::Failed(format!("the kernel's answer has no {what}"))
}

/// A message of the family, with undecoded attributes.
#[derive(Clone, Debug)]
struct Device {
    attributes: Vec<DefaultNla>,
}

impl GenlFamily for Device {
    fn family_name() -> &'static str {
        "netdev"
    }

    fn command(&self) -> u8 {
        DEVICE_GET
    }

    fn version(&self) -> u8 {
        VERSION
    }
}

impl Emitable for Device {
    fn buffer_len(&self) -> usize {
        self.attributes.as_slice().buffer_len()
    }

    fn emit(&self, buffer: &mut [u8]) {
        self.attributes.as_slice().emit(buffer);
    }
}

impl ParseableParametrized<[u8], GenlHeader> for Device {
    fn parse_with_param(bytes: &[u8], _: GenlHeader) -> Result<Self, DecodeError> {
        let attributes = NlasIterator::new(bytes).map(|attribute| DefaultNla::parse(&attribute?));
        Ok(Self { attributes: attributes.collect::<Result<_, _>>()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_have_their_names() {
        assert_eq!(XdpFeatures(0b10_0011).names(), ["basic", "redirect", "rx-sg"]);
        assert_eq!(XdpFeatures(1 << 7 | 1 << 40).names(), ["zc-sg"]);
        assert!(XdpFeatures(0b10_0001).has_native() && XdpFeatures(0b10_0000).has_frags());
        assert!(!XdpFeatures(0b10).has_native() && !XdpFeatures(1).has_frags());
    }
}
