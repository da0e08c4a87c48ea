//! The direct table: it answers for the first four bytes of an address in at most three loads, without a
//! search.
//!
//! It consists of pages of 256 cells. Each family has 256 pages for the first byte, and their cells are for
//! the second byte. A cell can name another page for the third byte, and a cell of that page one for the
//! fourth byte. The table never differs from the trie: a cell that cannot hold the answer refers to the trie.
//!
//! A cell has the bits of an [`Entry`], and its kind is in the two bits that an entry leaves free. A page
//! that was never written is all zeros, which means "not listed".
//!
//! The kernel program and the daemon both use [`find`], each with its own function that reads a cell.

use crate::entry::Entry;

/// Cells in a page.
pub const CELLS: usize = 256;
/// A page: the bits of its [`Cell`]s. They are integers, not structs, for the reason that the tries in the
/// kernel program's `maps.rs` have.
pub type Page = [u32; CELLS];

/// First of the 256 pages for the first byte of IPv4 addresses.
pub const ROOT_V4: u32 = 0;
/// First of the 256 pages for the first byte of IPv6 addresses.
pub const ROOT_V6: u32 = 256;
/// First page that a cell can name.
pub const FIRST_PAGE: u32 = 512;

/// Maximum number of pages that cells name: each range needs at most two, one for the third and one for the
/// fourth byte.
pub const MOST_PAGES: u32 = 2 * crate::entry::MAX_SLOTS;
/// Default number of pages that cells can name.
pub const DEFAULT_PAGES: u32 = 4096;

/// Total number of pages in a table whose cells can name `named` pages.
#[must_use]
pub const fn pages(named: u32) -> u32 {
    FIRST_PAGE + named
}

/// The buffer whose table begins with the page `first` of the map that holds all tables.
#[inline(always)]
#[must_use]
pub const fn buffer(first: u32) -> u32 {
    (first != 0) as u32
}

const _: () = assert!(crate::names::BUFFERS == 2);

const KIND: u32 = 0b11 << 26;
const RANGE: u32 = 0b01 << 26;
const PAGE: u32 = 0b10 << 26;
const TRIE: u32 = 0b11 << 26;

/// One cell of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cell(u32);

/// The table's answer for an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableLookup {
    /// Not listed.
    Unlisted,
    /// Listed, in this range.
    Listed(Entry),
    /// The trie has the answer.
    AskTrie,
}

impl Cell {
    /// No range contains an address of this cell.
    pub const UNLISTED: Self = Self(0);
    /// The trie has the answers for the addresses of this cell.
    pub const ASK_TRIE: Self = Self(TRIE);

    /// One range is the answer for all addresses of this cell.
    #[must_use]
    pub const fn listed(entry: Entry) -> Self {
        Self(entry.bits() & !KIND | RANGE)
    }

    /// Another page has the answers for the next byte. `number` is below `FIRST_PAGE + MOST_PAGES`.
    #[must_use]
    pub const fn page(number: u32) -> Self {
        Self(number & !KIND | PAGE)
    }

    /// Unpacks a cell of a page.
    #[inline(always)]
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The packed form, as it is in a page, in host byte order.
    #[inline(always)]
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The page for the next byte, if this cell names one.
    #[inline(always)]
    #[must_use]
    pub const fn next(self) -> Option<u32> {
        if self.0 & KIND == PAGE { Some(self.0 & !KIND) } else { None }
    }

    /// The answer of this cell alone. A cell that names a page gives [`TableLookup::AskTrie`].
    #[inline(always)]
    #[must_use]
    pub const fn lookup(self) -> TableLookup {
        if self.0 == 0 {
            TableLookup::Unlisted
        } else if self.0 & KIND == RANGE {
            TableLookup::Listed(Entry::from_bits(self.0 & !KIND))
        } else {
            TableLookup::AskTrie
        }
    }

    /// The range, if the cell's answer is a range.
    #[inline(always)]
    #[must_use]
    pub const fn entry(self) -> Option<Entry> {
        match self.lookup() {
            TableLookup::Listed(entry) => Some(entry),
            TableLookup::Unlisted | TableLookup::AskTrie => None,
        }
    }
}

/// Finds the cell for addresses whose first four bytes are `address` (network byte order). `root` is the
/// family's first page. `read` returns a cell of a page, or `None` if the page does not exist; the trie has
/// the answer then.
#[inline(always)]
pub fn find(root: u32, address: &[u8; 4], read: impl Fn(u32, u8) -> Option<Cell>) -> Cell {
    walk(root, address, read).unwrap_or(Cell::ASK_TRIE)
}

#[inline(always)]
fn walk(root: u32, [a, b, c, d]: &[u8; 4], read: impl Fn(u32, u8) -> Option<Cell>) -> Option<Cell> {
    let first = read(root + u32::from(*a), *b)?;
    let Some(page) = first.next() else { return Some(first) };
    let second = read(page, *c)?;
    let Some(page) = second.next() else { return Some(second) };
    read(page, *d)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_come_back() {
        let entry = Entry::new(crate::entry::MAX_SLOTS - 1, 255).unwrap();
        for entry in [entry, entry.retire(), Entry::new(0, 0).unwrap(), Entry::new(0, 0).unwrap().retire()] {
            let cell = Cell::from_bits(Cell::listed(entry).bits());
            assert_eq!((cell.lookup(), cell.next()), (TableLookup::Listed(entry), None));
        }
        for number in [0, FIRST_PAGE, FIRST_PAGE + MOST_PAGES - 1] {
            let cell = Cell::page(number);
            assert_eq!((cell.lookup(), cell.next()), (TableLookup::AskTrie, Some(number)));
        }
        assert_eq!((Cell::UNLISTED.lookup(), Cell::default().bits()), (TableLookup::Unlisted, 0));
        assert_eq!((Cell::ASK_TRIE.lookup(), Cell::ASK_TRIE.next()), (TableLookup::AskTrie, None));
    }

    #[test]
    fn each_byte_decides_in_its_turn() {
        let entry = |slot| Entry::new(slot, 7).unwrap();
        let read = |page, cell| match (page, cell) {
            (13, 71) => Some(Cell::page(600)),
            (13, 72) => Some(Cell::listed(entry(1))),
            (13, 73) => Some(Cell::page(999)),
            (600, 171) => Some(Cell::page(601)),
            (600, 172) => Some(Cell::listed(entry(2))),
            (601, 9) => Some(Cell::listed(entry(3))),
            (601, 10) => Some(Cell::page(600)),
            (999, _) => None,
            _ => Some(Cell::UNLISTED),
        };
        let found = |address| find(ROOT_V4, &address, read).lookup();
        assert_eq!(found([13, 70, 171, 9]), TableLookup::Unlisted);
        assert_eq!(found([13, 72, 171, 9]), TableLookup::Listed(entry(1)));
        assert_eq!(found([13, 71, 172, 9]), TableLookup::Listed(entry(2)));
        assert_eq!(found([13, 71, 171, 9]), TableLookup::Listed(entry(3)));
        assert_eq!(found([13, 71, 171, 8]), TableLookup::Unlisted);
        assert_eq!(found([13, 71, 171, 10]), TableLookup::AskTrie, "a page below the last byte");
        assert_eq!(found([13, 73, 0, 0]), TableLookup::AskTrie, "a page that is not there");
        assert_eq!(find(ROOT_V6, &[13, 72, 0, 0], read).lookup(), TableLookup::Unlisted, "another family");
    }
}
