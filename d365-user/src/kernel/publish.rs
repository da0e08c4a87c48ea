//! Builds the tries and the direct table of a generation in the standby buffer, and publishes them by one
//! store to `ACTIVE`.
//!
//! A trie in the active buffer is never edited: kernels before 6.13 have faults there, and packets would see
//! a half-edited list.

use d365_common::{
    direct,
    names::{self, PLACES},
};

use super::{
    buffers::{Proven, Staged},
    error::PublishError,
    object::Kernel,
};
use crate::generation::{Compiled, Table, TableSize};

impl Kernel {
    /// Builds `generation` in the standby buffer.
    ///
    /// # Errors
    /// [`PublishError`]; the active buffer still classifies packets.
    pub fn stage(&mut self, generation: &Compiled) -> Result<Staged, PublishError> {
        let places = &mut self.places;
        let active = places.active.get(&0, 0).map_err(PublishError::place(names::ACTIVE, 0))?;
        let table = Table::new(&generation.entries, places.tables.room());
        let tries = places.tries.build(generation.entries.iter().copied())?;
        let place = (direct::place(active) + 1) % PLACES;
        places.tries.set(place, &tries)?;
        // No running program read `ACTIVE` before the last store to it: replacing the tries has waited for
        // such programs.
        places.tables.write(place, &table)?;
        Ok(Staged { place, tries, table_size: table.size() })
    }

    /// Makes a verified generation the active one, by one store. When this returns, no packet is classified
    /// by the previous generation any more, and its tries are gone.
    ///
    /// # Errors
    /// [`PublishError`]; the previous generation still classifies packets.
    pub fn activate(&mut self, Proven(staged): Proven) -> Result<(), PublishError> {
        let places = &mut self.places;
        let first = places.tables.first(staged.place);
        places.active.set(0, first, 0).map_err(PublishError::place(names::ACTIVE, staged.place))?;
        places.table_size = staged.table_size;
        let old = (staged.place + 1) % PLACES;
        if let Err(error) = places.tries.set(old, &staged.tries) {
            tracing::warn!("published; the tries of the generation before stay in place {old}: {error}");
        }
        Ok(())
    }

    /// Size of the active direct table.
    #[must_use]
    pub fn table_size(&self) -> TableSize {
        self.places.table_size
    }

    /// Builds, verifies and activates `generation`.
    ///
    /// # Errors
    /// [`PublishError`]; the previous generation still classifies packets.
    pub fn publish(&mut self, generation: &Compiled) -> Result<(), PublishError> {
        let staged = self.stage(generation)?;
        let proven = self.prove(staged, generation)?;
        self.activate(proven)
    }
}
