//! The mark: the tc program classifies each packet itself, sets the mark of a trusted one, and clears our
//! mark on others.
//!
//! This module counts only marks. It leaves the verdict on the packet to the programs that run later.

use aya_ebpf::programs::TcContext;
use d365_common::{
    classification::{self, Classification},
    entry::Entry,
    packet::plain::{self, Head},
    packet_action::PacketAction,
    setup::Setup,
};

use crate::{
    count, lease,
    lookup::{Address, Generation},
    maps,
    skb::{Buffer, Skb},
};

/// Sets the mark of a trusted packet, or clears our mark on another one.
#[inline(always)]
pub(crate) fn mark(ctx: &TcContext) {
    let Some(mark) = maps::mark() else { return };
    let buffer = Buffer::new(ctx);
    let trusted = entry(buffer, maps::setup()).filter(|entry| lease::is_taggable(*entry)).map(Entry::geo);
    let old = buffer.mark();
    let (new, action) = match trusted {
        Some(geo) => (mark.on(old, geo), PacketAction::Marked),
        None => (mark.without(old), PacketAction::MarkCleared),
    };
    if new != old {
        buffer.set_mark(new);
    }
    if trusted.is_some() || new != old {
        // The row is looked up here: with a row that is kept from before, the verifier would check the parser
        // once for each interface. A frame that was copied for generic XDP counts without its Ethernet
        // header.
        let row = maps::row(maps::setup(), || buffer.ifindex());
        count::action_in(row, buffer.len(), action);
    }
}

/// The entry of the packet's source, if the packet is a segment to a watched port.
///
/// A frame that the kernel copied for a generic XDP program has a buffer that starts after the Ethernet
/// header. The buffer's length is then too short for a plain frame, so the parser classifies it.
#[inline(always)]
fn entry(buffer: Buffer, setup: Setup) -> Option<Entry> {
    let head: plain::Ipv4 = buffer.head();
    if head.is_plain(buffer.len()) {
        return plain(setup, &head);
    }
    if head.is_ipv6() {
        let head: plain::Ipv6 = buffer.head();
        if head.is_plain(buffer.len()) {
            return plain(setup, &head);
        }
    }
    let skb = Skb::new(buffer, &head)?;
    match classification::classify(&skb, |port| maps::is_watched(setup, port), Generation::published(setup)) {
        Classification::Listed(entry, _) => Some(entry),
        _ => None,
    }
}

#[inline(always)]
fn plain<H: Head<Address: Address>>(setup: Setup, head: &H) -> Option<Entry> {
    if !maps::is_watched(setup, head.tcp().port()) {
        return None;
    }
    Generation::published(setup).look_up(head.address()).entry()
}
