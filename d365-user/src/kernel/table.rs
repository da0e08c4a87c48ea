//! The direct tables of both buffers in one array. Each buffer has as many pages as a table can have.
//!
//! The map is a plain array and not a map in a map. The verifier inlines a lookup in a plain array. It cannot
//! do that for inner arrays of different sizes, and each call costs as much as the rest of a lookup. This
//! module must write the standby buffer only, and only when no running program still classifies by it.

use aya::maps::{Array, MapData};
use d365_common::{
    direct::{self, FIRST_PAGE, Page},
    names::{self, BUFFERS},
};

use super::error::{MapIndexError, VerifyError};
use crate::generation::Table;

/// The tables of both buffers.
pub(super) struct Tables {
    map: Array<MapData, Page>,
    /// Number of pages in one buffer.
    pages: u32,
}

/// Number of pages in both buffers, if cells can name `named` pages of each.
pub(super) const fn pages_of_all(named: u32) -> u32 {
    direct::pages(named) * BUFFERS
}

impl Tables {
    pub(super) fn new(map: Array<MapData, Page>) -> Self {
        let pages = map.len() / BUFFERS;
        Self { map, pages }
    }

    /// Number of pages that the cells of one table can name.
    pub(super) fn room(&self) -> u32 {
        self.pages.saturating_sub(FIRST_PAGE)
    }

    /// First page of a buffer.
    pub(super) fn first(&self, buffer: u32) -> u32 {
        buffer * self.pages
    }

    /// Writes all pages of a table, also the empty ones, because another table was there before. No cell
    /// names a page after them.
    pub(super) fn write(&mut self, buffer: u32, table: &Table) -> Result<(), MapIndexError> {
        for (number, page) in (0..).zip(table.pages()) {
            let at = self.first(buffer) + number;
            self.map.set(at, page, 0).map_err(MapIndexError::at(names::TABLES, at))?;
        }
        Ok(())
    }

    /// Reads the pages of a buffer, each once. A page that is named twice is an error.
    pub(super) fn reader(&self, buffer: u32) -> impl FnMut(u32) -> Result<Option<Page>, VerifyError> {
        let mut seen = vec![false; self.pages as usize];
        let first = self.first(buffer);
        move |page| {
            let Some(seen) = seen.get_mut(page as usize) else { return Ok(None) };
            if std::mem::replace(seen, true) {
                return Err(VerifyError::Tangled { page });
            }
            let at = first + page;
            Ok(Some(self.map.get(&at, 0).map_err(MapIndexError::at(names::TABLES, at))?))
        }
    }
}
