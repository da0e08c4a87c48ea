//! The maps of generations. There are two buffers, the active one and the standby (a `place` is the number of
//! a buffer). This module builds the tries and the direct table of a generation in the standby buffer, and
//! publishes them by one store to `ACTIVE`.
//!
//! A trie in the active buffer is never edited: kernels before 6.13 have faults there, and packets would see
//! a half-edited list.

use aya::{
    Ebpf, Pod,
    maps::{Array, ArrayOfMaps, InnerMap, LpmTrie, Map, MapData, MapError, MapType, lpm_trie::Key},
};
use d365_common::{
    direct,
    entry::Entry,
    key,
    names::{self, PLACES},
};
use ipnet::IpNet;

use super::{
    error::{LoadError, error_chain},
    load::Kernel,
    memory::explained,
    table::Tables,
    verify::ProofError,
};
use crate::generation::{Compiled, Table, TableSize};

/// LPM tries must not be preallocated (`kernel/bpf/lpm_trie.c`).
const BPF_F_NO_PREALLOC: u32 = 1;

pub(super) type Trie<K> = LpmTrie<MapData, K, Entry>;
type Tries<K> = ArrayOfMaps<MapData, Trie<K>>;

/// The two buffers.
pub(super) struct Places {
    v4: Tries<key::Ipv4>,
    v6: Tries<key::Ipv6>,
    pub(super) tables: Tables,
    /// Size of the active buffer's direct table.
    table_size: TableSize,
    pub(super) active: Array<MapData, u32>,
    pub(super) proven: Array<MapData, u32>,
}

/// A generation was not published. The published one is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// A trie could not be created.
    #[error("cannot create a trie of {entries} entries for {map}: {}", explained(.source))]
    Create {
        /// The outer map.
        map: &'static str,
        /// The number of entries of the trie.
        entries: usize,
        /// The kernel's error.
        source: MapError,
    },
    /// A range could not be inserted.
    #[error("cannot put {prefix} into {map}: {}", explained(.source))]
    Insert {
        /// The outer map.
        map: &'static str,
        /// The range.
        prefix: IpNet,
        /// The kernel's error.
        source: MapError,
    },
    /// A page of the direct table could not be written.
    #[error("cannot put page {page} into {}: {}", names::TABLES, explained(.source))]
    Page {
        /// The page's number.
        page: u32,
        /// The kernel's error.
        source: MapError,
    },
    /// The kernel's answers differ from the reference's.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// A trie could not be put into its buffer, or the buffer could not be made the active one.
    #[error("cannot set place {place} of {map}: {}", error_chain(.source))]
    Place {
        /// The map.
        map: &'static str,
        /// The buffer's number.
        place: u32,
        /// The kernel's error.
        source: MapError,
    },
}

impl Places {
    pub(super) fn take(ebpf: &mut Ebpf) -> Result<Self, LoadError> {
        Ok(Self {
            v4: typed(ebpf, names::TRIES_V4)?,
            v6: typed(ebpf, names::TRIES_V6)?,
            tables: Tables::new(typed(ebpf, names::TABLES)?),
            table_size: TableSize::default(),
            active: typed(ebpf, names::VARIABLES)?,
            proven: typed(ebpf, names::PROVEN)?,
        })
    }
}

/// Takes a map out of the object by its name, as the type that the caller uses.
pub(super) fn typed<T: TryFrom<Map, Error = MapError>>(
    ebpf: &mut Ebpf,
    name: &'static str,
) -> Result<T, LoadError> {
    ebpf.take_map(name).and_then(|map| T::try_from(map).ok()).ok_or(LoadError::Missing(name))
}

/// A generation in the standby buffer, not verified yet.
#[must_use]
pub struct Staged {
    pub(super) place: u32,
    v4: Trie<key::Ipv4>,
    v6: Trie<key::Ipv6>,
    table_size: TableSize,
}

/// A generation in the standby buffer whose verification succeeded.
#[must_use]
pub struct Proven(pub(super) Staged);

impl Kernel {
    /// Builds `generation` in the standby buffer.
    ///
    /// # Errors
    /// [`PublishError`]; the active buffer still classifies packets.
    pub fn stage(&mut self, generation: &Compiled) -> Result<Staged, PublishError> {
        let active = self.places.active.get(&0, 0).map_err(place_error(names::ACTIVE, 0))?;
        let table = Table::new(&generation.entries, self.places.tables.room());
        let (v4, v6) = tries([names::TRIES_V4, names::TRIES_V6], generation.entries.iter().copied())?;
        let place = (direct::place(active) + 1) % PLACES;
        let staged = Staged { place, v4, v6, table_size: table.size() };
        self.places.put(staged.place, &staged)?;
        // No running program read `ACTIVE` before the last store to it: replacing the tries has waited for
        // such programs.
        self.places.tables.write(staged.place, &table)?;
        Ok(staged)
    }

    /// Makes a verified generation the active one, by one store. When this returns, no packet is classified
    /// by the previous generation any more, and its tries are gone.
    ///
    /// # Errors
    /// [`PublishError`]; the previous generation still classifies packets.
    pub fn activate(&mut self, Proven(staged): Proven) -> Result<(), PublishError> {
        let places = &mut self.places;
        let first = places.tables.first(staged.place);
        places.active.set(0, first, 0).map_err(place_error(names::ACTIVE, staged.place))?;
        places.table_size = staged.table_size;
        let old = (staged.place + 1) % PLACES;
        if let Err(error) = places.put(old, &staged) {
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

impl Places {
    /// Puts a generation's tries into a buffer. When this returns, the previous tries of the buffer are gone
    /// and classify no packet.
    ///
    /// The kernel returns from setting an inner map only when no program that could use the old one still
    /// runs (`maybe_wait_bpf_programs`, `kernel/bpf/syscall.c`). That takes a few milliseconds for each map.
    /// Waiting for both in parallel would need a second thread, and an update must not fail for lack of a
    /// thread.
    fn put(&mut self, place: u32, staged: &Staged) -> Result<(), PublishError> {
        set(names::TRIES_V4, &mut self.v4, place, &staged.v4)?;
        set(names::TRIES_V6, &mut self.v6, place, &staged.v6)
    }
}

fn set<M: InnerMap>(
    map: &'static str,
    places: &mut ArrayOfMaps<MapData, M>,
    place: u32,
    inner: &M,
) -> Result<(), PublishError> {
    places.set(place, inner, 0).map_err(place_error(map, place))
}

pub(super) fn place_error(map: &'static str, place: u32) -> impl FnOnce(MapError) -> PublishError {
    move |source| PublishError::Place { map, place, source }
}

/// Creates and fills a trie of each family, for outer maps with these names.
pub(super) fn tries(
    [v4, v6]: [&'static str; 2],
    entries: impl Iterator<Item = (IpNet, Entry)> + Clone,
) -> Result<(Trie<key::Ipv4>, Trie<key::Ipv6>), PublishError> {
    let in_v4 = entries.clone().filter_map(|(prefix, entry)| match prefix {
        IpNet::V4(net) => Some((net.network().octets(), prefix, entry)),
        IpNet::V6(_) => None,
    });
    let in_v6 = entries.filter_map(|(prefix, entry)| match prefix {
        IpNet::V4(_) => None,
        IpNet::V6(net) => Some((net.network().octets(), prefix, entry)),
    });
    Ok((build(v4, in_v4)?, build(v6, in_v6)?))
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
