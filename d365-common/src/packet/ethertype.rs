//! `EtherType`s, IEEE 802 numbers in host byte order. This module must not read a packet.

pub(super) const IPV4: u16 = 0x0800;
pub(super) const IPV6: u16 = 0x86dd;
const VLAN: u16 = 0x8100;
const SERVICE_VLAN: u16 = 0x88a8;

/// True for IPv4 and IPv6.
#[inline(always)]
#[must_use]
pub const fn is_ip(ethertype: u16) -> bool {
    ethertype == IPV4 || ethertype == IPV6
}

/// True for the tags of 802.1Q and 802.1ad.
#[inline(always)]
pub(super) const fn is_vlan(ethertype: u16) -> bool {
    ethertype == VLAN || ethertype == SERVICE_VLAN
}
