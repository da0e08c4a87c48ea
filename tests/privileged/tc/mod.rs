//! The tc programs that need no XDP program: they classify, count, tag and drop as the XDP program and
//! `d365_tag` do together.

mod beside;
mod daemon;
mod forged;
mod l3;
mod same;
mod tunnels;

use d365_common::{dscp::Dscp, mark::Mark};
use d365_user::{kernel::Options, settings::Tags};

use crate::{
    judged::{Judged, options, ranges},
    kernel::KernelExt as _,
};

/// `TC_ACT_UNSPEC`: the next program decides. `TC_ACT_SHOT`: the packet is dropped.
const TC_NEXT: i32 = -1;
const TC_SHOT: i32 = 2;
const XDP_DROP: u32 = 1;
const XDP_PASS: u32 = 2;
/// Bits of another program, between the mask and the geo.
const FOREIGN: u32 = 0x0000_5a00;
const ETHERNET: usize = 14;

/// Options for the tc programs with both tags, without anything else.
fn tagging() -> Options {
    let tags = Tags { mark: Some(Mark::DEFAULT), dscp: Some(Dscp::DEFAULT), ..Tags::default() };
    Options { tags, ..options() }
}

/// Loads the programs, publishes `list` and sets everything that tags and drops need.
fn armed(list: &[&str], options: &Options) -> Judged {
    let mut judged = Judged::by(ranges(list), options);
    judged.kernel.set_failsafe(&["203.0.113.0/24".parse().unwrap()]).unwrap();
    judged.kernel.set_lease(None).unwrap();
    judged
}

/// The `EtherType` of a frame, without a look behind VLAN tags.
fn ethertype(frame: &[u8]) -> u16 {
    u16::from_be_bytes([frame[12], frame[13]])
}

/// True for the `EtherType`s of IPv4 and IPv6.
fn is_ip(ethertype: u16) -> bool {
    matches!(ethertype, 0x0800 | 0x86dd)
}
