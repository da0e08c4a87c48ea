//! The record in front of a packet: written by the XDP program, read by the tc program.
//!
//! It is kernel metadata and no part of the packet: nobody else reads it, and nothing of it leaves the host.

use aya_ebpf::{EbpfContext as _, helpers::generated::bpf_xdp_adjust_meta, programs::XdpContext};
use d365_common::{
    path::Path,
    record::{self, Record},
};

use crate::{
    maps::{TAG_PATHS, TAG_SEEN},
    skb::Skb,
};

/// Writes a record; `None` where the driver leaves no room for one. Every pointer into the packet is void after it.
#[inline(always)]
pub(crate) fn write(ctx: &XdpContext, record: Record) -> Option<()> {
    // SAFETY: the kernel hands the program a valid context.
    let error = unsafe { bpf_xdp_adjust_meta(ctx.as_ptr().cast(), -(record::LEN as i32)) };
    if error != 0 {
        return None;
    }
    let start = ctx.metadata();
    if start + record::LEN > ctx.data() {
        return None;
    }
    // SAFETY: the record lies between the start of the metadata and the start of the packet; the kernel keeps metadata at
    // multiples of 4 bytes, to which the record is aligned.
    unsafe { (start as *mut Record).write(record) };
    Some(())
}

/// The record of a frame, if it has one of ours.
#[inline(always)]
pub(crate) fn read(skb: &Skb) -> Option<Record> {
    let (start, end) = skb.metadata()?;
    read_at(start, end)
}

/// The record that was written before, if it can be read.
#[inline(always)]
pub(crate) fn read_back(ctx: &XdpContext) -> Option<Record> {
    read_at(ctx.metadata(), ctx.data())
}

#[inline(always)]
fn read_at(start: usize, end: usize) -> Option<Record> {
    if start + record::LEN > end {
        return None;
    }
    // SAFETY: so many bytes lie in the metadata, whose start is aligned to 4 bytes; every bit pattern is a record.
    let record = unsafe { *(start as *const Record) };
    record.is_ours().then_some(record)
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
