//! Pairs of LPM tries, one of each family, in a pair of outer maps.
//!
//! A trie in an outer map is never edited. It is built first, and then replaced as a whole.

use aya::{
    Ebpf, Pod,
    maps::{ArrayOfMaps, LpmTrie, Map, MapData, MapError, MapType, lpm_trie::Key},
};
use d365_common::{entry::Entry, key};
use ipnet::IpNet;

use super::error::{LoadError, MapIndexError, PublishError};

/// LPM tries must not be preallocated (`kernel/bpf/lpm_trie.c`).
const BPF_F_NO_PREALLOC: u32 = 1;

type Trie<K> = LpmTrie<MapData, K, Entry>;

/// A trie of each family.
pub(super) struct TriePair {
    v4: Trie<key::Ipv4>,
    v6: Trie<key::Ipv6>,
}

/// The outer maps of both families, with their names.
pub(super) struct Tries {
    names: [&'static str; 2],
    v4: ArrayOfMaps<MapData, Trie<key::Ipv4>>,
    v6: ArrayOfMaps<MapData, Trie<key::Ipv6>>,
}

impl Tries {
    /// Takes the outer maps with these names: first that of IPv4, then that of IPv6.
    pub(super) fn take(ebpf: &mut Ebpf, names: [&'static str; 2]) -> Result<Self, LoadError> {
        let [v4, v6] = names;
        Ok(Self { names, v4: typed(ebpf, v4)?, v6: typed(ebpf, v6)? })
    }

    /// Creates and fills a trie of each family. No packet sees them yet.
    pub(super) fn build(
        &self,
        entries: impl Iterator<Item = (IpNet, Entry)> + Clone,
    ) -> Result<TriePair, PublishError> {
        let in_v4 = entries.clone().filter_map(|(prefix, entry)| match prefix {
            IpNet::V4(net) => Some((net.network().octets(), prefix, entry)),
            IpNet::V6(_) => None,
        });
        let in_v6 = entries.filter_map(|(prefix, entry)| match prefix {
            IpNet::V4(_) => None,
            IpNet::V6(net) => Some((net.network().octets(), prefix, entry)),
        });
        let [v4, v6] = self.names;
        Ok(TriePair { v4: build(v4, in_v4)?, v6: build(v6, in_v6)? })
    }

    /// Puts tries into the outer maps. When this returns, the previous tries of this buffer are gone and
    /// classify no packet.
    ///
    /// The kernel returns from setting an inner map only when no program that could use the old one still
    /// runs (`maybe_wait_bpf_programs`, `kernel/bpf/syscall.c`). That takes a few milliseconds for each map.
    /// Waiting for both in parallel would need a second thread, and an update must not fail for lack of a
    /// thread.
    pub(super) fn set(&mut self, buffer: u32, tries: &TriePair) -> Result<(), MapIndexError> {
        let [v4, v6] = self.names;
        self.v4.set(buffer, &tries.v4, 0).map_err(MapIndexError::at(v4, buffer))?;
        self.v6.set(buffer, &tries.v6, 0).map_err(MapIndexError::at(v6, buffer))
    }
}

/// Takes a map out of the object by its name, as the type that the caller uses.
pub(super) fn typed<T: TryFrom<Map, Error = MapError>>(
    ebpf: &mut Ebpf,
    name: &'static str,
) -> Result<T, LoadError> {
    ebpf.take_map(name).and_then(|map| T::try_from(map).ok()).ok_or(LoadError::Missing(name))
}

fn build<K: Pod>(
    map: &'static str,
    entries: impl Iterator<Item = (K, IpNet, Entry)> + Clone,
) -> Result<Trie<K>, PublishError> {
    let count = entries.clone().count();
    let create = |source| PublishError::Create { map, entries: count, source };
    let size = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
    let definition = aya_obj::Map::new_from_params(
        MapType::LpmTrie as u32,
        size(size_of::<Key<K>>()),
        size(size_of::<Entry>()),
        size(count).max(1),
        BPF_F_NO_PREALLOC,
    );
    let data = MapData::create(definition, map, None).map_err(create)?;
    let mut trie = LpmTrie::try_from(Map::LpmTrie(data)).map_err(create)?;
    for (address, prefix, entry) in entries {
        trie.insert(&Key::new(prefix.prefix_len().into(), address), entry, 0)
            .map_err(|source| PublishError::Insert { map, prefix, source })?;
    }
    Ok(trie)
}
