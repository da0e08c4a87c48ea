//! Looks a source up in a generation: in its direct table, and in its trie where that says so.

use aya_ebpf::btf_maps::lpm_trie::Key;
use d365_common::{
    direct::{self, Cell, ROOT_V4, ROOT_V6, Said},
    entry::Entry,
    key::{IPV4_BITS, IPV6_BITS},
    packet::Source,
    verdict::Find,
};

use crate::maps::{self, ACTIVE, FAILSAFE_V4, FAILSAFE_V6, PROVEN, TABLES, TRIES_V4, TRIES_V6};

/// The published generation, or nothing while none is.
///
/// The place is read once, so that a packet sees one generation.
pub(crate) struct Published;

/// The generation that is to be proven.
pub(crate) struct Proven;

impl Find for Published {
    #[inline(always)]
    fn find(&self, source: &Source) -> Option<Entry> {
        find_in(*ACTIVE.get(0)?, source)
    }
}

impl Find for Proven {
    #[inline(always)]
    fn find(&self, source: &Source) -> Option<Entry> {
        find_in(*PROVEN.get(0)?, source)
    }
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
        Source::V4([address, ..]) => match FAILSAFE_V4.get(0) {
            Some(prefixes) => prefixes.get(&Key::new(IPV4_BITS, address.to_ne_bytes())).is_some(),
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
    let said = match source {
        Source::V4([first, ..]) => table(place, ROOT_V4, first.to_ne_bytes()),
        Source::V6([first, ..]) => table(place, ROOT_V6, first.to_ne_bytes()),
    };
    match said {
        Said::Unlisted => return None,
        Said::Listed(entry) => return Some(entry),
        Said::AskTrie => {}
    }
    let bits = match source {
        Source::V4([address, ..]) => TRIES_V4.get(place)?.get(&Key::new(IPV4_BITS, address.to_ne_bytes()))?,
        Source::V6(address) => TRIES_V6.get(place)?.get(&Key::new(IPV6_BITS, *address))?,
    };
    Some(Entry::from_bits(*bits))
}

/// What the place's direct table says.
#[inline(always)]
fn table(place: u32, root: u32, address: [u8; 4]) -> Said {
    let pages = maps::pages();
    if pages == 0 {
        return Said::AskTrie;
    }
    let first = place * pages;
    direct::find(root, address, |page, cell| {
        TABLES.get(first + page).map(|cells| Cell::from_bits(cells[usize::from(cell)]))
    })
}
