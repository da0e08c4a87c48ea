//! Sets our code point on trusted packets, and clears it on others.
//!
//! This module changes no classification and drops nothing. A packet that cannot be written passes unchanged,
//! and is counted.

use d365_common::{
    dscp,
    packet::{self, Reader, Reason, Segment, Source},
    packet_action::PacketAction,
};

use crate::{context::Frame, count, maps, observe::Seen};

/// Sets the code point of a trusted segment, or clears our code point on another segment.
#[inline(always)]
pub(crate) fn dscp(seen: &Seen<'_>, segment: &Segment, is_taggable: bool) {
    let Some(tag) = maps::dscp() else { return };
    let is_ipv4 = matches!(segment.source, Source::V4(_));
    let (only, to) = if is_taggable { (None, tag.number()) } else { (Some(tag.number()), 0) };
    let action = match rewrite(&Frame::new(seen.ctx), segment.network, is_ipv4, only, to) {
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
pub(crate) fn clear_unparsed_dscp(seen: &Seen<'_>, reason: Reason) {
    let Some(tag) = maps::dscp() else { return };
    if !reason.may_carry_segment() {
        return;
    }
    let frame = Frame::new(seen.ctx);
    let Some((network, is_ipv4)) = packet::network(&frame) else { return };
    if rewrite(&frame, network, is_ipv4, Some(tag.number()), 0) == Some(true) {
        count::action(seen, PacketAction::DscpCleared);
    }
}

/// Writes the code point `to` into the IP header at `network`. With `only`, it writes only if the header has
/// that code point. Returns true if it wrote, and `None` if the header cannot be written. A header is never
/// changed in part: the word at the greater offset is written first.
#[inline(always)]
fn rewrite(
    frame: &Frame<'_, false>,
    network: usize,
    is_ipv4: bool,
    only: Option<u8>,
    to: u8,
) -> Option<bool> {
    const CHECKSUM: usize = 10;
    let old = frame.read(network)?;
    let found = if is_ipv4 { dscp::of_ipv4(old) } else { dscp::of_ipv6(old) };
    if only.is_some_and(|only| only != found) {
        return Some(false);
    }
    if is_ipv4 {
        let new = dscp::in_ipv4(old, to);
        let checksum = dscp::checksum(frame.read(network + CHECKSUM)?, old, new);
        frame.write(network + CHECKSUM, checksum)?;
        frame.write(network, new)?;
    } else {
        frame.write(network, dscp::in_ipv6(old, to))?;
    }
    Some(true)
}
