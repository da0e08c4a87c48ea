//! Looks a source up in a generation.

use aya_ebpf::btf_maps::lpm_trie::Key;
use d365_common::{
    entry::Entry,
    key::{IPV4_BITS, IPV6_BITS},
    packet::Source,
};

use crate::maps::{ACTIVE, FAILSAFE_V4, FAILSAFE_V6, PROVEN, TRIES_V4, TRIES_V6};

/// The entry of the longest prefix of the published generation that holds `source`, or `None`: not listed,
/// or nothing is published.
///
/// The place is read once, so that a packet sees one generation.
#[inline(always)]
pub(crate) fn find(source: &Source) -> Option<Entry> {
    find_in(*ACTIVE.get(0)?, source)
}

/// The same for the generation that is to be proven.
#[inline(always)]
pub(crate) fn find_proven(source: &Source) -> Option<Entry> {
    find_in(*PROVEN.get(0)?, source)
}

/// Whether a generation is published.
#[inline(always)]
pub(crate) fn is_published() -> bool {
    ACTIVE.get(0).is_some_and(|place| TRIES_V4.get(*place).is_some())
}

/// Whether no connection from `source` may ever be dropped. All are safe while no such list has been set.
#[inline(always)]
pub(crate) fn is_failsafe(source: &Source) -> bool {
    match source {
        Source::V4(address) => match FAILSAFE_V4.get(0) {
            Some(prefixes) => prefixes.get(&Key::new(IPV4_BITS, *address)).is_some(),
            None => true,
        },
        Source::V6(address) => match FAILSAFE_V6.get(0) {
            Some(prefixes) => prefixes.get(&Key::new(IPV6_BITS, *address)).is_some(),
            None => true,
        },
    }
}

#[inline(always)]
fn find_in(place: u32, source: &Source) -> Option<Entry> {
    let bits = match source {
        Source::V4(address) => TRIES_V4.get(place)?.get(&Key::new(IPV4_BITS, *address))?,
        Source::V6(address) => TRIES_V6.get(place)?.get(&Key::new(IPV6_BITS, *address))?,
    };
    Some(Entry::from_bits(*bits))
}
