//! The record in front of a packet: written by the XDP program, read by the tc program.
//!
//! It is kernel metadata and no part of the packet. What others wrote there is not believed, see [`Record`].

use aya_ebpf::{EbpfContext as _, helpers::generated::bpf_xdp_adjust_meta, programs::XdpContext};
use d365_common::{
    path::Path,
    record::{self, Record},
};

use crate::{
    maps::{TAG_PATHS, TAG_SEEN, tag_key},
    skb::Skb,
};

/// Writes the record of a packet in `row`: `geo` is that of a vouched-for one. `None` where the driver leaves no room for a
/// record. Every pointer into the packet is void after it.
#[expect(clippy::cast_possible_truncation, reason = "a record has eight bytes")]
#[inline(always)]
pub(crate) fn write(ctx: &XdpContext, geo: Option<u8>, row: u32) -> Option<()> {
    // SAFETY: the kernel hands the program a valid context.
    let error = unsafe { bpf_xdp_adjust_meta(ctx.as_ptr().cast(), -(record::LEN as i32)) };
    if error != 0 {
        return None;
    }
    let start = ctx.metadata();
    if start + record::LEN > ctx.data() {
        return None;
    }
    // SAFETY: the record lies between the start of the metadata and the start of the packet. Packets start at even addresses
    // (`NET_IP_ALIGN` is 0 or 2), and the length of metadata is a multiple of 4.
    unsafe { (start as *mut Record).write(Record::of(geo, row, tag_key())) };
    Some(())
}

/// What the record of a frame in `row` says, if it has one of ours.
#[inline(always)]
pub(crate) fn read(skb: &Skb, row: u32) -> Option<Option<u8>> {
    let (start, end) = skb.metadata()?;
    read_at(start, end, row)
}

/// Whether the record that was written before can be read again.
#[inline(always)]
pub(crate) fn is_written(ctx: &XdpContext, row: u32) -> bool {
    read_at(ctx.metadata(), ctx.data(), row).is_some()
}

#[inline(always)]
fn read_at(start: usize, end: usize, row: u32) -> Option<Option<u8>> {
    if start + record::LEN > end {
        return None;
    }
    // SAFETY: so many bytes lie in the metadata, which starts at an even address, see `write`; every bit pattern is a record.
    let record = unsafe { *(start as *const Record) };
    record.read(row, tag_key())
}

/// The way of a row; undecided where there is no such row.
#[inline(always)]
pub(crate) fn path(row: u32) -> Path {
    TAG_PATHS.get(row).map_or(Path::Undecided, |number| Path::from_number(*number))
}

/// Counts a packet that came with or without a record.
#[inline(always)]
pub(crate) fn seen(row: u32, with: bool) {
    if let Some(seen) = TAG_SEEN.get_ptr_mut(row) {
        // SAFETY: the pointer is this CPU's own value, of this type; a program is not interrupted by another packet's run on
        // the same CPU.
        let seen = unsafe { &mut *seen };
        if with {
            seen.with += 1;
        } else {
            seen.without += 1;
        }
    }
}
