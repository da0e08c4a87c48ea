//! Sets our code point on trusted packets, and clears it on others.
//!
//! This module changes no classification and drops nothing. A packet that cannot be written passes unchanged,
//! and is counted.

use d365_common::{
    dscp,
    packet::{self, Reader, Reason, Segment, Source},
    packet_action::PacketAction,
};

use crate::{
    context::{Context, Writer},
    count, maps,
    observe::Seen,
};

/// Sets the code point of a trusted segment, or clears our code point on another segment.
#[inline(always)]
pub(crate) fn dscp<C: Context>(seen: &Seen<C>, segment: &Segment, is_taggable: bool) {
    let Some(tag) = maps::dscp() else { return };
    let is_ipv4 = matches!(segment.source, Source::V4(_));
    let (only, to) = if is_taggable { (None, tag.number()) } else { (Some(tag.number()), 0) };
    let action = match rewrite(&seen.ctx.packet(), segment.network, is_ipv4, only, to) {
        Some(true) if is_taggable => PacketAction::DscpSet,
        Some(true) => PacketAction::DscpCleared,
        Some(false) => return,
        None => PacketAction::DscpNotSet,
    };
    count::action(seen, action);
}

/// Clears our code point on a packet of which a receiver may make a segment: a fragment, or a packet with a
/// header that the parser does not look through.
#[inline(always)]
pub(crate) fn clear_unparsed_dscp<C: Context>(seen: &Seen<C>, reason: Reason) {
    let Some(tag) = maps::dscp() else { return };
    if !reason.may_carry_segment() {
        return;
    }
    let packet = seen.ctx.packet();
    let Some((network, is_ipv4)) = packet::network(&packet) else { return };
    let action = match rewrite(&packet, network, is_ipv4, Some(tag.number()), 0) {
        Some(true) => PacketAction::DscpCleared,
        Some(false) => return,
        None => PacketAction::DscpNotSet,
    };
    count::action(seen, action);
}

/// Writes the code point `to` into the IP header at `network`. With `only`, it writes only if the header has
/// that code point. Returns true if it wrote, false if there is no such header, and `None` if the header
/// cannot be written. A header is never changed in part: the word at the greater offset is written first, and
/// the second write cannot fail then.
#[inline(always)]
fn rewrite(
    packet: &(impl Reader + Writer),
    network: usize,
    is_ipv4: bool,
    only: Option<u8>,
    to: u8,
) -> Option<bool> {
    const CHECKSUM: usize = 10;
    let Some(old) = packet.read(network) else { return Some(false) };
    let found = if is_ipv4 { dscp::of_ipv4(old) } else { dscp::of_ipv6(old) };
    if only.is_some_and(|only| only != found) {
        return Some(false);
    }
    if is_ipv4 {
        let new = dscp::in_ipv4(old, to);
        let Some(checksum) = packet.read(network + CHECKSUM) else { return Some(false) };
        packet.write(network + CHECKSUM, dscp::checksum(checksum, old, new))?;
        packet.write(network, new)?;
    } else {
        packet.write(network, dscp::in_ipv6(old, to))?;
    }
    Some(true)
}
