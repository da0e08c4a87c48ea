//! The prefixes from which no connection is ever dropped.
//!
//! The daemon replaces the prefixes of each family as a whole: a packet sees either the old or the new ones.
//! The program drops nothing until the daemon has set the prefixes for the first time.

use aya::{
    Ebpf,
    maps::{ArrayOfMaps, MapData},
};
use d365_common::{entry::Entry, key, names};
use ipnet::IpNet;

use super::{
    buffers::{PublishError, Trie, place_error, tries, typed},
    error::LoadError,
    load::Kernel,
};

pub(super) struct Failsafe {
    v4: ArrayOfMaps<MapData, Trie<key::Ipv4>>,
    v6: ArrayOfMaps<MapData, Trie<key::Ipv6>>,
}

impl Failsafe {
    pub(super) fn take(ebpf: &mut Ebpf) -> Result<Self, LoadError> {
        Ok(Self { v4: typed(ebpf, names::FAILSAFE_V4)?, v6: typed(ebpf, names::FAILSAFE_V6)? })
    }
}

impl Kernel {
    /// Replaces the prefixes from which no connection is dropped.
    ///
    /// # Errors
    /// [`PublishError`]. A family that could not be replaced keeps its previous prefixes.
    pub fn set_failsafe(&mut self, prefixes: &[IpNet]) -> Result<(), PublishError> {
        // The program does not read the entry, only whether there is one.
        let entries = prefixes.iter().map(|prefix| (*prefix, Entry::from_bits(0)));
        let (v4, v6) = tries([names::FAILSAFE_V4, names::FAILSAFE_V6], entries)?;
        self.failsafe.v4.set(0, &v4, 0).map_err(place_error(names::FAILSAFE_V4, 0))?;
        self.failsafe.v6.set(0, &v6, 0).map_err(place_error(names::FAILSAFE_V6, 0))
    }
}
