//! The prefixes from which no connection is ever dropped.
//!
//! The daemon replaces the prefixes of each family as a whole: a packet sees either the old or the new ones.
//! The program drops nothing until the daemon has set the prefixes for the first time.

use d365_common::entry::Entry;
use ipnet::IpNet;

use super::{error::PublishError, object::Kernel};

impl Kernel {
    /// Replaces the prefixes from which no connection is dropped.
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
