//! The generations' maps: builds the tries of a generation in the idle place and publishes them by one
//! store to `ACTIVE`.
//!
//! A trie in the active place is never edited: kernels before 6.13 have faults there, and packets would
//! see half a list.

use aya::{
    Ebpf, Pod,
    maps::{Array, ArrayOfMaps, LpmTrie, Map, MapData, MapError, MapType, lpm_trie::Key},
};
use d365_common::{
    entry::Entry,
    key,
    names::{self, PLACES},
};

use super::load::{Kernel, LoadError};
use crate::generation::Compiled;

/// LPM tries must not be preallocated (`kernel/bpf/lpm_trie.c`).
const BPF_F_NO_PREALLOC: u32 = 1;

type Tries<K> = ArrayOfMaps<MapData, LpmTrie<MapData, K, Entry>>;

/// The places of generations.
pub(super) struct Places {
    v4: Tries<key::Ipv4>,
    v6: Tries<key::Ipv6>,
    active: Array<MapData, u32>,
}

/// Why a generation was not published. The published one is untouched.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// A trie could not be made.
    #[error("cannot create a trie of {entries} entries for {map}: {source}")]
    Create {
        /// The outer map.
        map: &'static str,
        /// How many entries it has to hold.
        entries: usize,
        /// What the kernel said.
        source: MapError,
    },
    /// A range could not be put in.
    #[error("cannot put {prefix} into {map}: {source}")]
    Insert {
        /// The outer map.
        map: &'static str,
        /// The range.
        prefix: String,
        /// What the kernel said.
        source: MapError,
    },
    /// A trie could not be put in its place, or the place not be made the active one.
    #[error("cannot set place {place} of {map}: {source}")]
    Place {
        /// The map.
        map: &'static str,
        /// The place.
        place: u32,
        /// What the kernel said.
        source: MapError,
    },
}

impl Places {
    pub(super) fn take(ebpf: &mut Ebpf) -> Result<Self, LoadError> {
        fn typed<T: TryFrom<Map, Error = MapError>>(
            ebpf: &mut Ebpf,
            name: &'static str,
        ) -> Result<T, LoadError> {
            ebpf.take_map(name).and_then(|map| T::try_from(map).ok()).ok_or(LoadError::Missing(name))
        }
        Ok(Self {
            v4: typed(ebpf, names::TRIES_V4)?,
            v6: typed(ebpf, names::TRIES_V6)?,
            active: typed(ebpf, names::ACTIVE)?,
        })
    }
}

impl Kernel {
    /// Builds `generation` in the idle place and makes it the active one.
    ///
    /// # Errors
    /// [`PublishError`]; packets are then still judged by the generation before.
    pub fn publish(&mut self, generation: &Compiled) -> Result<(), PublishError> {
        let Places { v4, v6, active } = &mut self.places;
        let place_error = |map, place| move |source| PublishError::Place { map, place, source };
        let current = active.get(&0, 0).map_err(place_error(names::ACTIVE, 0))?;
        let idle = (current + 1) % PLACES;
        let trie = build(names::TRIES_V4, &generation.v4, |a| std::net::Ipv4Addr::from(a).to_string())?;
        v4.set(idle, &trie, 0).map_err(place_error(names::TRIES_V4, idle))?;
        let trie = build(names::TRIES_V6, &generation.v6, |a| std::net::Ipv6Addr::from(a).to_string())?;
        v6.set(idle, &trie, 0).map_err(place_error(names::TRIES_V6, idle))?;
        active.set(0, idle, 0).map_err(place_error(names::ACTIVE, idle))
    }
}

/// Makes and fills a trie.
fn build<K: Pod>(
    map: &'static str,
    entries: &[(K, u32, Entry)],
    show: impl Fn(K) -> String,
) -> Result<LpmTrie<MapData, K, Entry>, PublishError> {
    let create = |source| PublishError::Create { map, entries: entries.len(), source };
    let size = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
    let definition = aya_obj::Map::new_from_params(
        MapType::LpmTrie as u32,
        size(size_of::<Key<K>>()),
        size(size_of::<Entry>()),
        size(entries.len()).max(1),
        BPF_F_NO_PREALLOC,
    );
    let data = MapData::create(definition, map, None).map_err(create)?;
    let mut trie = LpmTrie::try_from(Map::LpmTrie(data)).map_err(create)?;
    for (address, len, entry) in entries {
        trie.insert(&Key::new(*len, *address), entry, 0).map_err(|source| PublishError::Insert {
            map,
            prefix: format!("{}/{len}", show(*address)),
            source,
        })?;
    }
    Ok(trie)
}
