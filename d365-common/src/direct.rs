//! The direct table: what the first four bytes of an address say, in at most three loads and without a search.
//!
//! It is made of pages of 256 cells. For each family 256 pages stand for the first byte, their cells for the second one;
//! a cell can name a further page, whose cells stand for the third byte, and those can name pages for the fourth. It says
//! nothing that the trie does not say: what it cannot hold, the trie is asked for.
//!
//! A cell is an [`Entry`]'s word, with the kind in the two bits that an entry leaves free. A page that nothing was written
//! to says "not listed".
//!
//! The kernel program and the daemon walk the table by [`find`]; who reads a cell is handed in.

use crate::entry::Entry;

/// Cells of a page.
pub const CELLS: usize = 256;
/// A page: the bits of its [`Cell`]s. Integers, no structures: see the tries' values in the kernel program.
pub type Page = [u32; CELLS];

/// The first of the 256 pages for the first byte of IPv4 addresses.
pub const ROOT_V4: u32 = 0;
/// The same for IPv6.
pub const ROOT_V6: u32 = 256;
/// The first page that is named by a cell.
pub const FIRST_PAGE: u32 = 512;

/// Pages that can be needed at most: each range asks for two at most, one for the third and one for the fourth byte.
pub const MOST_PAGES: u32 = 2 * crate::entry::MAX_SLOTS;
/// Pages unless told otherwise.
pub const DEFAULT_PAGES: u32 = 4096;

/// Pages of a table with so many that cells can name.
#[must_use]
pub const fn pages(named: u32) -> u32 {
    FIRST_PAGE + named
}

/// The place whose table begins with the page `first` of all tables.
#[inline(always)]
#[must_use]
pub const fn place(first: u32) -> u32 {
    (first != 0) as u32
}

const _: () = assert!(crate::names::PLACES == 2);

const KIND: u32 = 0b11 << 26;
const RANGE: u32 = 0b01 << 26;
const PAGE: u32 = 0b10 << 26;
const TRIE: u32 = 0b11 << 26;

/// One cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cell(u32);

/// What the table says of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// Not listed.
    Unlisted,
    /// Listed, of this range.
    Listed(Entry),
    /// The trie is to be asked.
    AskTrie,
}

impl Cell {
    /// No range holds any address of this cell.
    pub const UNLISTED: Self = Self(0);
    /// The trie decides about the cell's addresses.
    pub const ASK_TRIE: Self = Self(TRIE);

    /// One range decides for all addresses of this cell.
    #[must_use]
    pub const fn listed(entry: Entry) -> Self {
        Self(entry.bits() & !KIND | RANGE)
    }

    /// Another page says more. `number` is below `FIRST_PAGE + MOST_PAGES`.
    #[must_use]
    pub const fn page(number: u32) -> Self {
        Self(number & !KIND | PAGE)
    }

    /// A cell out of a page.
    #[inline(always)]
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The packed form.
    #[inline(always)]
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The page that says more, where there is one.
    #[inline(always)]
    #[must_use]
    pub const fn next(self) -> Option<u32> {
        if self.0 & KIND == PAGE { Some(self.0 & !KIND) } else { None }
    }

    /// What it says by itself. A page says nothing: the trie is to be asked.
    #[inline(always)]
    #[must_use]
    pub const fn said(self) -> Said {
        if self.0 == 0 {
            Said::Unlisted
        } else if self.0 & KIND == RANGE {
            Said::Listed(Entry::from_bits(self.0 & !KIND))
        } else {
            Said::AskTrie
        }
    }

    /// The range that decides, if one does.
    #[inline(always)]
    #[must_use]
    pub const fn entry(self) -> Option<Entry> {
        match self.said() {
            Said::Listed(entry) => Some(entry),
            Said::Unlisted | Said::AskTrie => None,
        }
    }
}

/// The cell for addresses that begin with `address`, in network byte order. `root` is the family's first
/// page; `read` gives a cell of a page, `None` where there is no such page: then the trie is to be asked.
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
            assert_eq!((cell.said(), cell.next()), (Said::Listed(entry), None));
        }
        for number in [0, FIRST_PAGE, FIRST_PAGE + MOST_PAGES - 1] {
            let cell = Cell::page(number);
            assert_eq!((cell.said(), cell.next()), (Said::AskTrie, Some(number)));
        }
        assert_eq!((Cell::UNLISTED.said(), Cell::default().bits()), (Said::Unlisted, 0));
        assert_eq!((Cell::ASK_TRIE.said(), Cell::ASK_TRIE.next()), (Said::AskTrie, None));
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
        let found = |address| find(ROOT_V4, &address, read).said();
        assert_eq!(found([13, 70, 171, 9]), Said::Unlisted);
        assert_eq!(found([13, 72, 171, 9]), Said::Listed(entry(1)));
        assert_eq!(found([13, 71, 172, 9]), Said::Listed(entry(2)));
        assert_eq!(found([13, 71, 171, 9]), Said::Listed(entry(3)));
        assert_eq!(found([13, 71, 171, 8]), Said::Unlisted);
        assert_eq!(found([13, 71, 171, 10]), Said::AskTrie, "a page below the last byte");
        assert_eq!(found([13, 73, 0, 0]), Said::AskTrie, "a page that is not there");
        assert_eq!(find(ROOT_V6, &[13, 72, 0, 0], read).said(), Said::Unlisted, "another family");
    }
}
