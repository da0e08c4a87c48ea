//! What is done to packets that are vouched for, and to those that only look so.
//!
//! Nothing here changes what a packet was counted as, and nothing drops one: what cannot be written passes as it is, and is
//! counted.

use aya_ebpf::programs::TcContext;
use d365_common::{
    dscp,
    effect::Effect,
    entry::Entry,
    packet::{
        self, Reader, Reason, Segment, Source,
        plain::{self, Head},
    },
    path::Path,
    setup::Setup,
    verdict::{self, Verdict},
};

use crate::{
    context::Frame,
    count, lease,
    lookup::{Address, Generation},
    maps, meta,
    observe::Seen,
    skb::Skb,
};

/// Sets the code point of a vouched-for segment; takes it from another that bears it.
#[inline(always)]
pub(crate) fn dscp(seen: &Seen<'_>, segment: &Segment, vouched: bool) {
    let Some(tag) = maps::dscp() else { return };
    let is_ipv4 = matches!(segment.source, Source::V4(_));
    let (only, to) = if vouched { (None, tag.number()) } else { (Some(tag.number()), 0) };
    let effect = match rewrite(&Frame::new(seen.ctx), segment.network, is_ipv4, only, to) {
        Some(true) if vouched => Effect::DscpSet,
        Some(true) => Effect::DscpCleared,
        Some(false) => return,
        None => Effect::DscpNotSet,
    };
    count::effect(seen, effect);
}

/// Takes the code point from a frame that a receiver may make a segment of: out of fragments, or behind headers that are not
/// looked through here.
#[inline(always)]
pub(crate) fn unread(seen: &Seen<'_>, reason: Reason) {
    let Some(tag) = maps::dscp() else { return };
    if !reason.may_carry_segment() {
        return;
    }
    let frame = Frame::new(seen.ctx);
    let Some((network, is_ipv4)) = packet::network(&frame) else { return };
    if rewrite(&frame, network, is_ipv4, Some(tag.number()), 0) == Some(true) {
        count::effect(seen, Effect::DscpCleared);
    }
}

/// Writes the code point `to` into the IP header at `network`, or only where `only` stands if that is given; whether it did,
/// and `None` where the header cannot be written. Nothing is written by halves: the word that lies farther back is written
/// first.
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

/// Tells the tc program what it needs to know of a packet: `geo` is that of a vouched-for one. Every packet is told of: what
/// an earlier hop left in front of it is written over. It comes last: the packet is not to be read after it.
#[inline(always)]
pub(crate) fn tell(seen: &Seen<'_>, geo: Option<u8>) {
    if maps::mark().is_none() {
        return;
    }
    let row = seen.row();
    if meta::path(row) == Path::Classify {
        return;
    }
    // Where there is no room for it, the tc program looks itself.
    let _ = meta::write(seen.ctx, geo, row);
}

/// Gives a packet its mark, or takes away one that is not vouched for.
#[inline(always)]
pub(crate) fn mark(ctx: &TcContext) {
    let (Some(mark), Some(skb)) = (maps::mark(), Skb::new(ctx)) else { return };
    let row = maps::row(maps::setup(), || skb.ifindex());
    let geo = geo(&skb, row);
    let old = skb.mark();
    let new = match geo {
        Some(geo) => mark.on(old, geo),
        None => mark.without(old),
    };
    skb.set_mark(new);
    if geo.is_some() {
        count::effect_in(row, skb.frame_len(), Effect::Marked);
    } else if new != old {
        count::effect_in(row, skb.frame_len(), Effect::MarkCleared);
    }
}

/// [`told`] by a packet without a record, and by the record of one that is not vouched for.
const NOTHING: u32 = u32::MAX;
const NO_GEO: u32 = u32::MAX - 1;

/// What a record tells, as one number. Of an `Option` the compiler leaves what lies behind the discriminant unset where there is
/// none, and restores it behind a call all the same, which kernels before 6.3 refuse (seen on 5.10).
#[inline(always)]
fn told(record: Option<Option<u8>>) -> u32 {
    match record {
        Some(Some(geo)) => u32::from(geo),
        Some(None) => NO_GEO,
        None => NOTHING,
    }
}

/// The geo's number of a packet that is vouched for.
#[inline(always)]
fn geo(skb: &Skb, row: u32) -> Option<u8> {
    if meta::path(row) != Path::Classify {
        let told = told(meta::read(skb, row));
        meta::seen(row, told != NOTHING);
        if told != NOTHING {
            return u8::try_from(told).ok();
        }
    }
    let setup = maps::setup();
    let found = if let Some(head) = skb.plain::<plain::Ipv4>() {
        listed(setup, &head)
    } else if let Some(head) = skb.plain::<plain::Ipv6>() {
        listed(setup, &head)
    } else {
        match verdict::judge(skb, |port| maps::is_watched(setup, port), Generation::published(setup)) {
            Verdict::Listed(entry, _) => Some(entry),
            _ => None,
        }
    };
    found.filter(|entry| lease::vouches_for(*entry)).map(Entry::geo)
}

/// The entry of a plain frame's source, if it is a segment to a watched port.
#[inline(always)]
fn listed<H: Head<Address: Address>>(setup: Setup, head: &H) -> Option<Entry> {
    if !maps::is_watched(setup, head.tcp().port()) {
        return None;
    }
    Generation::published(setup).look_up(head.address()).entry()
}
