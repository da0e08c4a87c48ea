//! What is done to packets that are vouched for, and to those that only look so.
//!
//! Nothing here changes what a packet was counted as, and nothing drops one: what cannot be written passes as it is, and is
//! counted.

use aya_ebpf::programs::{TcContext, XdpContext};
use d365_common::{
    dscp,
    effect::Effect,
    packet::{Reader, Segment, Source},
    path::Path,
    record::Record,
    verdict::{self, Verdict},
};

use crate::{context::Frame, count, lease, lookup, maps, meta, skb::Skb};

/// Sets the code point of a vouched-for segment; takes it from another that bears it.
#[inline(always)]
pub(crate) fn dscp(frame: &Frame, row: u32, segment: &Segment, vouched: bool) {
    let Some(tag) = maps::dscp() else { return };
    let effect = if vouched {
        match rewrite(frame, segment, None, tag.number()) {
            Some(_) => Effect::DscpSet,
            None => Effect::DscpNotSet,
        }
    } else {
        match rewrite(frame, segment, Some(tag.number()), 0) {
            Some(true) => Effect::DscpCleared,
            Some(false) => return,
            None => Effect::DscpNotSet,
        }
    };
    count::effect(row, frame.frame_len(), effect);
}

/// Writes the code point `to`, or only where `only` stands if that is given; whether it did, and `None` where the header
/// cannot be written. Nothing is written by halves: the word that lies farther back is written first.
#[inline(always)]
fn rewrite(frame: &Frame, segment: &Segment, only: Option<u8>, to: u8) -> Option<bool> {
    const CHECKSUM: usize = 10;
    let at = segment.network;
    let old = frame.read(at)?;
    let is_ipv4 = matches!(segment.source, Source::V4(_));
    let found = if is_ipv4 { dscp::of_ipv4(old) } else { dscp::of_ipv6(old) };
    if only.is_some_and(|only| only != found) {
        return Some(false);
    }
    if is_ipv4 {
        let new = dscp::in_ipv4(old, to);
        let checksum = dscp::checksum(frame.read(at + CHECKSUM)?, old, new);
        frame.write(at + CHECKSUM, checksum)?;
        frame.write(at, new)?;
    } else {
        frame.write(at, dscp::in_ipv6(old, to))?;
    }
    Some(true)
}

/// Tells the tc program what it needs to know of a packet: `geo` is that of a vouched-for one. It comes last: the packet
/// is not to be read after it.
#[inline(always)]
pub(crate) fn tell(ctx: &XdpContext, row: u32, len: usize, geo: Option<u8>) {
    if maps::mark().is_none() {
        return;
    }
    let is_wanted = match meta::path(row) {
        Path::Undecided => true,
        Path::Metadata => geo.is_some(),
        Path::Classify => false,
    };
    if is_wanted && meta::write(ctx, Record::of(geo)).is_none() && geo.is_some() {
        count::effect(row, len, Effect::NotMarked);
    }
}

/// Gives a packet its mark, or takes away one that is not vouched for.
#[inline(always)]
pub(crate) fn mark(ctx: &TcContext) {
    let (Some(mark), Some(skb)) = (maps::mark(), Skb::new(ctx)) else { return };
    let row = maps::row(|| skb.ifindex());
    let geo = geo(&skb, row);
    let old = skb.mark();
    let new = match geo {
        Some(geo) => mark.on(old, geo),
        None => mark.without(old),
    };
    if new != old {
        ctx.set_mark(new);
    }
    if geo.is_some() {
        count::effect(row, skb.frame_len(), Effect::Marked);
    } else if new != old {
        count::effect(row, skb.frame_len(), Effect::MarkCleared);
    }
}

/// The geo's number of a packet that is vouched for.
#[inline(always)]
fn geo(skb: &Skb, row: u32) -> Option<u8> {
    let path = meta::path(row);
    let record = meta::read(skb);
    if path == Path::Undecided {
        meta::seen(row, record.is_some());
    }
    match (record, path) {
        (Some(record), _) => record.geo(),
        (None, Path::Metadata) => None,
        (None, _) => match verdict::judge(skb, maps::is_watched, lookup::Published) {
            Verdict::Listed(entry, _) if lease::vouches_for(entry) => Some(entry.geo()),
            _ => None,
        },
    }
}
