//! Builds the tries and the direct table of a generation in the standby buffer, and publishes them by one
//! store to `ACTIVE`. Replaces the prefixes from which no connection is ever dropped.
//!
//! A trie in the active buffer is never edited: kernels before 6.13 have faults there, and packets would see
//! a half-edited list.

use d365_common::{
    direct,
    entry::Entry,
    names::{self, BUFFERS},
};
use ipnet::IpNet;

use super::{
    buffers::{Staged, Verified},
    error::{MapIndexError, PublishError},
    object::Kernel,
};
use crate::generation::{Compiled, Table, TableSize};

impl Kernel {
    /// Builds `generation` in the standby buffer.
    ///
    /// # Errors
    /// [`PublishError`]; the active buffer still classifies packets.
    pub fn stage(&mut self, generation: &Compiled) -> Result<Staged, PublishError> {
        let buffers = &mut self.buffers;
        let active = buffers.active.get(&0, 0).map_err(MapIndexError::at(names::ACTIVE, 0))?;
        let table = Table::new(&generation.entries, buffers.tables.room());
        let tries = buffers.tries.build(generation.entries.iter().copied())?;
        let buffer = (direct::buffer(active) + 1) % BUFFERS;
        buffers.tries.set(buffer, &tries)?;
        // No running program read `ACTIVE` before the last store to it: replacing the tries has waited for
        // such programs.
        buffers.tables.write(buffer, &table)?;
        Ok(Staged { buffer, tries, table_size: table.size() })
    }

    /// Makes a verified generation the active one, by one store. When this returns, no packet is classified
    /// by the previous generation any more, and its tries are gone.
    ///
    /// # Errors
    /// [`MapIndexError`]; the previous generation still classifies packets.
    pub fn activate(&mut self, Verified(staged): Verified) -> Result<(), MapIndexError> {
        let buffers = &mut self.buffers;
        let first = buffers.tables.first(staged.buffer);
        buffers.active.set(0, first, 0).map_err(MapIndexError::at(names::ACTIVE, 0))?;
        buffers.table_size = staged.table_size;
        let old = (staged.buffer + 1) % BUFFERS;
        if let Err(error) = buffers.tries.set(old, &staged.tries) {
            tracing::warn!(buffer = old, %error, "published; the tries of the generation before stay");
        }
        Ok(())
    }

    /// Size of the active direct table.
    #[must_use]
    pub fn table_size(&self) -> TableSize {
        self.buffers.table_size
    }

    /// Builds, verifies and activates `generation`.
    ///
    /// # Errors
    /// [`PublishError`]; the previous generation still classifies packets.
    pub fn publish(&mut self, generation: &Compiled) -> Result<(), PublishError> {
        let staged = self.stage(generation)?;
        let verified = self.verify(staged, generation)?;
        Ok(self.activate(verified)?)
    }

    /// Replaces the prefixes from which no connection is dropped, those of each family as a whole: a packet
    /// sees either the old or the new ones. The program drops nothing until they are set for the first time.
    ///
    /// # Errors
    /// [`PublishError`]. A family that could not be replaced keeps its previous prefixes.
    pub fn set_failsafe(&mut self, prefixes: &[IpNet]) -> Result<(), PublishError> {
        // The program does not read the entry, only whether there is one.
        let entries = prefixes.iter().map(|prefix| (*prefix, Entry::from_bits(0)));
        let tries = self.failsafe.build(entries)?;
        Ok(self.failsafe.set(0, &tries)?)
    }
}
