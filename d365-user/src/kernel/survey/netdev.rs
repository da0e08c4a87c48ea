//! The XDP features that a driver reports, over the generic netlink family `netdev` (Linux 6.3; the kernel's
//! `Documentation/netlink/specs/netdev.yaml`). No privilege is needed.

use std::io;

use netlink_packet_core::{DefaultNla, Emitable as _};
use netlink_sys::protocols::NETLINK_GENERIC;
use nix::libc::ENOENT;

use super::fact::Fact;
use crate::kernel::netlink::{self, Raw};

/// The family that knows the numbers of all others (`GENL_ID_CTRL`, `linux/genetlink.h`), its command
/// `CTRL_CMD_GETFAMILY`, and `CTRL_ATTR_FAMILY_NAME` and `CTRL_ATTR_FAMILY_ID`, a `u16`. A wanted attribute
/// has a name for messages.
const CONTROL: u16 = 0x10;
const GET_FAMILY: u8 = 3;
const FAMILY_NAME: u16 = 2;
const FAMILY_ID: (u16, &str) = (1, "number of the family");
/// `NETDEV_CMD_DEV_GET`.
const DEVICE_GET: u8 = 1;
/// `NETDEV_A_DEV_IFINDEX`, a `u32`.
const IFINDEX: u16 = 1;
/// `NETDEV_A_DEV_XDP_FEATURES`, a `u64` of bits.
const XDP_FEATURES: (u16, &str) = (3, "XDP features");

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
        match ask(CONTROL, GET_FAMILY, FAMILY_NAME, b"netdev\0", FAMILY_ID) {
            Err(error) if error.raw_os_error() == Some(ENOENT) => Ok(None),
            number => Ok(Some(Self { family: u16::from_ne_bytes(number?) })),
        }
    }

    /// Requests the features of one interface.
    pub(super) fn features(&self, index: u32) -> Fact<XdpFeatures> {
        let bits = ask(self.family, DEVICE_GET, IFINDEX, &index.to_ne_bytes(), XDP_FEATURES)?;
        Ok(XdpFeatures(u64::from_ne_bytes(bits)))
    }
}

/// Sends a command with one attribute to a family, and returns the wanted attribute of the answer.
fn ask<const SIZE: usize>(
    family: u16,
    command: u8,
    attribute: u16,
    value: &[u8],
    (wanted, name): (u16, &str),
) -> io::Result<[u8; SIZE]> {
    let attribute = DefaultNla::new(attribute, value.to_vec());
    // `struct genlmsghdr`: the command, the version, and two reserved bytes.
    let header = [command, 1, 0, 0];
    let mut bytes = header.to_vec();
    bytes.resize(header.len() + attribute.buffer_len(), 0);
    attribute.emit(&mut bytes[header.len()..]);
    let answer = netlink::ask(NETLINK_GENERIC, Raw { kind: family, bytes }, 0)?;
    let value = |answer: &Raw| {
        let attributes = answer.bytes.get(header.len()..)?;
        netlink::attribute(attributes, wanted)?.try_into().ok()
    };
    let nothing = || io::Error::other(format!("the kernel's answer has no {name}"));
    answer.iter().find_map(value).ok_or_else(nothing)
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
