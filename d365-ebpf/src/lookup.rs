//! Looks up a source in a generation: in its direct table, and in its trie if the table refers to it.

use aya_ebpf::btf_maps::lpm_trie::Key;
use d365_common::{
    classification::RangeLookup,
    direct::{self, Cell, ROOT_V4, ROOT_V6, TableLookup},
    entry::Entry,
    key::{IPV4_BITS, IPV6_BITS},
    packet::{self, Source},
    setup::Setup,
};

use crate::maps::{ACTIVE, FAILSAFE_V4, FAILSAFE_V6, PROVEN, TABLES, TRIES_V4, TRIES_V6};

/// A generation, identified by the first page of its direct table.
#[derive(Clone, Copy)]
pub(crate) struct Generation {
    setup: Setup,
    first: u32,
}

/// An address in a frame, in network byte order. The lookup uses the caller's reference and makes no copy,
/// see [`Head::address`](d365_common::packet::plain::Head::address).
pub(crate) trait Address {
    /// First page of the address family in a table.
    const ROOT: u32;

    /// The first four bytes of the address.
    fn first(&self) -> &[u8; 4];

    /// The entry of the longest prefix in the trie of this family and of a buffer.
    fn in_trie(&self, buffer: u32) -> Option<Entry>;
}

impl Address for [u8; 4] {
    const ROOT: u32 = ROOT_V4;

    #[inline(always)]
    fn first(&self) -> &[u8; 4] {
        self
    }

    #[inline(always)]
    fn in_trie(&self, buffer: u32) -> Option<Entry> {
        TRIES_V4.get(buffer)?.get(&Key::new(IPV4_BITS, *self)).map(|bits| Entry::from_bits(*bits))
    }
}

impl Address for [u8; 16] {
    const ROOT: u32 = ROOT_V6;

    #[inline(always)]
    fn first(&self) -> &[u8; 4] {
        let ([first, ..], _) = self.as_chunks() else { return &[0; 4] };
        first
    }

    #[inline(always)]
    fn in_trie(&self, buffer: u32) -> Option<Entry> {
        let (Source::V4(words) | Source::V6(words)) = Source::v6(*self);
        TRIES_V6.get(buffer)?.get(&Key::new(IPV6_BITS, words)).map(|bits| Entry::from_bits(*bits))
    }
}

impl Generation {
    /// The published generation, or an empty one before the first is published. A packet reads `ACTIVE` once,
    /// so that it sees one generation.
    #[inline(always)]
    pub(crate) fn published(setup: Setup) -> Self {
        Self { setup, first: ACTIVE.load() }
    }

    /// The generation that `d365_prove` verifies.
    #[inline(always)]
    pub(crate) fn proven(setup: Setup) -> Self {
        Self { setup, first: PROVEN.get(0).copied().unwrap_or_default() }
    }

    /// True if the generation exists: its buffer has tries.
    #[inline(always)]
    pub(crate) fn is_there(self) -> bool {
        TRIES_V4.get(direct::buffer(self.first)).is_some()
    }

    /// Looks up `address`: the result is a cell with the range of the longest prefix that contains it, or an
    /// unlisted cell. A cell is one number. An `Option` would leave the payload of `None` unset, and kernels
    /// before 6.3 reject a load of it.
    #[inline(always)]
    pub(crate) fn look_up<A: Address>(self, address: &A) -> Cell {
        let cell = self.table(A::ROOT, address.first());
        match cell.lookup() {
            TableLookup::AskTrie => {
                address.in_trie(direct::buffer(self.first)).map_or(Cell::UNLISTED, Cell::listed)
            }
            TableLookup::Unlisted | TableLookup::Listed(_) => cell,
        }
    }

    /// Looks up the first four bytes in the direct table.
    #[inline(always)]
    fn table(self, root: u32, address: &[u8; 4]) -> Cell {
        if self.setup.is_trie_only() {
            return Cell::ASK_TRIE;
        }
        direct::find(root, address, |page, cell| {
            TABLES.get(self.first + page).map(|cells| Cell::from_bits(cells[usize::from(cell)]))
        })
    }
}

impl RangeLookup for Generation {
    #[inline(always)]
    fn find(&self, source: &Source) -> Option<Entry> {
        let cell = match source {
            Source::V4([address, ..]) => self.look_up(&address.to_ne_bytes()),
            Source::V6(address) => self.look_up(&packet::bytes(*address)),
        };
        cell.entry()
    }
}

/// True if no connection from `source` may ever be dropped. All sources are failsafe until the daemon has set
/// the prefixes.
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
