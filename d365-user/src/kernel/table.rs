//! The direct tables: one array, in which each place has as many pages as a table can have.
//!
//! A plain array and no map in a map: the kernel's verifier puts the look-up in it where it is called, which it cannot do for
//! inner arrays of different sizes, and each call costs as much as the rest of a look-up. It must write the idle place only,
//! and only once no program runs that was still judging by it.

use aya::maps::{Array, MapData, MapError};
use d365_common::{
    direct::{self, FIRST_PAGE, Page},
    names::PLACES,
};

use super::{maps::PublishError, prove::ProofError};
use crate::generation::Table;

/// The tables of all places.
pub(super) struct Tables {
    map: Array<MapData, Page>,
    /// Pages of a place.
    pages: u32,
}

/// Pages of all places, where cells can name `named` of each.
pub(super) const fn pages_of_all(named: u32) -> u32 {
    direct::pages(named) * PLACES
}

impl Tables {
    pub(super) fn new(map: Array<MapData, Page>) -> Self {
        let pages = map.len() / PLACES;
        Self { map, pages }
    }

    /// How many pages the cells of one table can name.
    pub(super) fn room(&self) -> u32 {
        self.pages.saturating_sub(FIRST_PAGE)
    }

    /// The first page of a place.
    pub(super) fn first(&self, place: u32) -> u32 {
        place * self.pages
    }

    /// Writes a table: all of its pages, empty ones too, since another table was there before. No cell names a page behind
    /// them.
    pub(super) fn write(&mut self, place: u32, table: &Table) -> Result<(), PublishError> {
        for (number, page) in (0..).zip(table.pages()) {
            let at = self.first(place) + number;
            self.map.set(at, page, 0).map_err(|source| PublishError::Page { page: number, source })?;
        }
        Ok(())
    }

    /// Reads a place's pages, each once: a table in which one is named twice is none.
    pub(super) fn reader(&self, place: u32) -> impl FnMut(u32) -> Result<Option<Page>, ProofError> {
        let mut seen = vec![false; self.pages as usize];
        let first = self.first(place);
        move |page| {
            let Some(seen) = seen.get_mut(page as usize) else { return Ok(None) };
            if std::mem::replace(seen, true) {
                return Err(ProofError::Tangled { page });
            }
            let cells = self.map.get(&(first + page), 0);
            cells.map(Some).map_err(|source: MapError| ProofError::Read { page, source })
        }
    }
}
