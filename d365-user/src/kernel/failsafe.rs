//! The prefixes from which no connection is ever dropped.
//!
//! They are replaced whole, family by family: a packet sees the old ones or the new ones. While there are none at all, the
//! program drops nothing.

use aya::{
    Ebpf,
    maps::{ArrayOfMaps, MapData},
};
use d365_common::{entry::Entry, key, names};
use ipnet::IpNet;

use super::{
    load::{Kernel, LoadError},
    maps::{PublishError, Trie, place_error, tries, typed},
};

/// The maps that hold them.
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
    /// [`PublishError`]; a family that could not be replaced has the prefixes before.
    pub fn set_failsafe(&mut self, prefixes: &[IpNet]) -> Result<(), PublishError> {
        // What stands in an entry is not read.
        let entries = prefixes.iter().map(|prefix| (*prefix, Entry::from_bits(0)));
        let (v4, v6) = tries([names::FAILSAFE_V4, names::FAILSAFE_V6], entries)?;
        self.failsafe.v4.set(0, &v4, 0).map_err(place_error(names::FAILSAFE_V4, 0))?;
        self.failsafe.v6.set(0, &v6, 0).map_err(place_error(names::FAILSAFE_V6, 0))
    }
}
