//! Compiles ranges into a direct table ([`d365_common::direct`]), and finds the addresses at which a table's
//! result changes. Pure.
//!
//! Ranges are painted from the shortest prefix to the longest, so that for each address the longest prefix
//! that contains it is painted last. The trie decides where there are not enough pages, and for IPv6 prefixes
//! longer than the four bytes that the table covers. No range is ever left out.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use d365_common::{
    direct::{CELLS, Cell, FIRST_PAGE, Page, ROOT_V4, ROOT_V6, TableLookup},
    entry::Entry,
};
use ipnet::IpNet;

/// Bits of the first two bytes. A block is the addresses that share them: one cell of the pages for the first
/// byte.
const BLOCK_BITS: u8 = 16;
/// Bits of the first three bytes.
const THREE_BYTES: u8 = 24;
/// Bits that the table covers.
const KNOWN_BITS: u8 = 32;

/// A direct table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The cells' bits, page after page.
    cells: Vec<u32>,
    /// Blocks for which the trie decides, because there are not enough pages.
    trie_blocks: BTreeSet<usize>,
}

/// The size of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableSize {
    /// Pages for third and fourth bytes.
    pub pages: u32,
    /// Blocks (IPv4 /16 and IPv6 /16) for which pages are missing: their sources are looked up in the trie.
    pub trie_blocks: u32,
}

/// One prefix to paint: all cells that share the first `length` bits of `address`.
struct Stroke {
    root: u32,
    address: u32,
    length: u8,
    cell: Cell,
}

impl Stroke {
    fn of(prefix: IpNet, entry: Entry) -> Self {
        let (root, address) = match prefix {
            IpNet::V4(net) => (ROOT_V4, u32::from(net.network())),
            IpNet::V6(net) => (ROOT_V6, first_four_bytes(net.network())),
        };
        let length = prefix.prefix_len().min(KNOWN_BITS);
        let cell = if prefix.prefix_len() > KNOWN_BITS { Cell::ASK_TRIE } else { Cell::listed(entry) };
        Self { root, address, length, cell }
    }

    /// Position of its first cell in the pages for the first byte.
    fn block(&self) -> usize {
        self.root as usize * CELLS + (self.address >> BLOCK_BITS) as usize
    }

    fn third_byte(&self) -> usize {
        self.address.to_be_bytes()[2].into()
    }

    fn fourth_byte(&self) -> usize {
        self.address.to_be_bytes()[3].into()
    }
}

fn first_four_bytes(address: Ipv6Addr) -> u32 {
    let [a, b, c, d, ..] = address.octets();
    u32::from_be_bytes([a, b, c, d])
}

impl Table {
    /// Compiles entries with at most `max_pages` pages for third and fourth bytes. The entries may be in any
    /// order; no prefix may be in them twice. If there are not enough pages, the blocks that need the fewest
    /// get them.
    #[must_use]
    pub fn new(entries: &[(IpNet, Entry)], max_pages: u32) -> Self {
        let mut by_length = entries.to_vec();
        by_length.sort_by_key(|(prefix, _)| prefix.prefix_len());
        let strokes: Vec<_> =
            by_length.into_iter().map(|(prefix, entry)| Stroke::of(prefix, entry)).collect();
        let cells = vec![Cell::UNLISTED.bits(); FIRST_PAGE as usize * CELLS];
        let mut table = Self { cells, trie_blocks: beyond(&strokes, max_pages) };
        strokes.iter().for_each(|stroke| table.paint(stroke));
        table
    }

    /// All pages, by number.
    #[must_use]
    pub fn pages(&self) -> &[Page] {
        self.cells.as_chunks().0
    }

    /// The size of the table.
    #[must_use]
    pub fn size(&self) -> TableSize {
        let number = |count| u32::try_from(count).unwrap_or(u32::MAX);
        TableSize {
            pages: number(self.pages().len()) - FIRST_PAGE,
            trie_blocks: number(self.trie_blocks.len()),
        }
    }

    fn paint(&mut self, stroke: &Stroke) {
        let Stroke { length, cell, .. } = *stroke;
        let block = stroke.block();
        if length <= BLOCK_BITS {
            return self.fill(block, BLOCK_BITS - length, cell);
        }
        if self.trie_blocks.contains(&block) {
            return self.fill(block, 0, Cell::ASK_TRIE);
        }
        let third = self.page_below(block) + stroke.third_byte();
        if length <= THREE_BYTES {
            return self.fill(third, THREE_BYTES - length, cell);
        }
        let fourth = self.page_below(third) + stroke.fourth_byte();
        self.fill(fourth, KNOWN_BITS - length, cell);
    }

    /// Fills `2^bits` cells, starting at the position `first`.
    fn fill(&mut self, first: usize, bits: u8, cell: Cell) {
        self.cells[first..first + (1 << bits)].fill(cell.bits());
    }

    /// Position of the first cell of the page to which the cell at `position` points. A missing page is
    /// created; each of its cells gets the value of that cell.
    fn page_below(&mut self, position: usize) -> usize {
        if let Some(page) = Cell::from_bits(self.cells[position]).next() {
            return page as usize * CELLS;
        }
        let first = self.cells.len();
        self.cells.resize(first + CELLS, self.cells[position]);
        let number = u32::try_from(first / CELLS).expect("fewer pages than twice the ranges");
        self.cells[position] = Cell::page(number).bits();
        first
    }
}

/// The blocks for which `max_pages` are not enough.
fn beyond(strokes: &[Stroke], max_pages: u32) -> BTreeSet<usize> {
    let mut third_bytes = BTreeMap::<usize, BTreeSet<usize>>::new();
    for stroke in strokes.iter().filter(|stroke| stroke.length > BLOCK_BITS) {
        let divided = third_bytes.entry(stroke.block()).or_default();
        divided.extend((stroke.length > THREE_BYTES).then(|| stroke.third_byte()));
    }
    let mut needs: Vec<_> =
        third_bytes.into_iter().map(|(block, divided)| (1 + divided.len(), block)).collect();
    needs.sort_unstable();
    let mut left = max_pages as usize;
    let fitting = needs.iter().take_while(|(need, _)| match left.checked_sub(*need) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    });
    let fitting = fitting.count();
    needs.split_off(fitting).into_iter().map(|(_, block)| block).collect()
}

/// An address from which on a table has the same result, up to the address of the next change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The first address.
    pub from: IpAddr,
    /// The table's result from there on.
    pub lookup: TableLookup,
}

/// All changes of a table's result, over all addresses of both families in their order. `read` returns a
/// page, or `None` if the page does not exist.
///
/// # Errors
/// The errors of `read`.
pub fn changes<E>(mut read: impl FnMut(u32) -> Result<Option<Page>, E>) -> Result<Vec<Change>, E> {
    let mut changes = Vec::new();
    for (root, family) in [(ROOT_V4, v4 as fn(u32) -> IpAddr), (ROOT_V6, v6)] {
        let mut before = None;
        walk(root, &mut read, &mut |first_bytes, lookup| {
            if before.replace(lookup) != Some(lookup) {
                changes.push(Change { from: family(first_bytes), lookup });
            }
        })?;
    }
    Ok(changes)
}

fn v4(first_bytes: u32) -> IpAddr {
    Ipv4Addr::from(first_bytes).into()
}

fn v6(first_bytes: u32) -> IpAddr {
    Ipv6Addr::from(u128::from(first_bytes) << 96).into()
}

/// Shows each cell that decides, and the first address that it covers.
fn walk<E>(
    root: u32,
    read: &mut impl FnMut(u32) -> Result<Option<Page>, E>,
    show: &mut impl FnMut(u32, TableLookup),
) -> Result<(), E> {
    for a in 0..=u8::MAX {
        below(root + u32::from(a), u32::from(a) << 24, 16, read, show)?;
    }
    Ok(())
}

/// Shows the cells of one page and of the pages below it. `address` is the first address that the page
/// covers, and `shift` is the position of the byte that selects a cell.
fn below<E>(
    page: u32,
    address: u32,
    shift: u8,
    read: &mut impl FnMut(u32) -> Result<Option<Page>, E>,
    show: &mut impl FnMut(u32, TableLookup),
) -> Result<(), E> {
    let Some(cells) = read(page)? else {
        show(address, TableLookup::AskTrie);
        return Ok(());
    };
    for (byte, bits) in (0_u32..).zip(cells) {
        let (cell, address) = (Cell::from_bits(bits), address | byte << shift);
        match cell.next().zip(shift.checked_sub(8)) {
            Some((page, shift)) => below(page, address, shift, read, show)?,
            None => show(address, cell.lookup()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
