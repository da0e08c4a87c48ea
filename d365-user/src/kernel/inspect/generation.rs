//! Reads the published generation of a program: its tries, and which of the given prefixes are entries in
//! them.
//!
//! **Finding out whether exactly this prefix is an entry.** A lookup with a key of length L finds the longest
//! entry that contains the address and is not longer than L (`trie_lookup_elem`, `kernel/bpf/lpm_trie.c`). If
//! the prefix itself, of length L, is not an entry, a key of length L − 1 finds the same entry. If it is an
//! entry, that key finds another entry or none. No two entries of a generation have the same slot, so slots
//! distinguish the two cases.

use aya::{
    Pod,
    maps::{Array, ArrayOfMaps, LpmTrie, Map, MapData, MapError, MapInfo, lpm_trie::Key},
    programs::ProgramInfo,
};
use d365_common::{direct, entry::Entry, names};
use ipnet::IpNet;
use nix::libc::ENOENT;

use super::error::{InspectError, failed};

type Trie<K> = LpmTrie<MapData, K, Entry>;

/// Attempts to read a generation that the daemon replaces at the same time.
const TRIES: usize = 10;

/// The maps of a program that determine which sources it recognises.
pub(super) struct Maps {
    program: u32,
    active: Array<MapData, u32>,
    v4: ArrayOfMaps<MapData>,
    v6: ArrayOfMaps<MapData>,
}

impl Maps {
    pub(super) fn of(program: &ProgramInfo) -> Result<Self, InspectError> {
        let id = program.id();
        let maps = program.map_ids()?.unwrap_or_default();
        let find = |wanted: &'static str| {
            for map in &maps {
                let info = MapInfo::from_id(*map).map_err(failed(id, wanted))?;
                if info.name_as_str() == Some(wanted) {
                    let data = MapData::from_id(*map).map_err(failed(id, wanted))?;
                    return Map::from_map_data(data).map_err(failed(id, wanted));
                }
            }
            Err(InspectError::Missing { program: id, map: wanted })
        };
        Ok(Self {
            program: id,
            active: find(names::VARIABLES)?.try_into().map_err(failed(id, names::ACTIVE))?,
            v4: find(names::TRIES_V4)?.try_into().map_err(failed(id, names::TRIES_V4))?,
            v6: find(names::TRIES_V6)?.try_into().map_err(failed(id, names::TRIES_V6))?,
        })
    }

    /// Returns both tries of one generation. They do not change even if the daemon replaces them: a trie is
    /// never edited after it is published, and lives as long as somebody holds it.
    pub(super) fn published(&self) -> Result<(MapData, MapData), InspectError> {
        let id =
            |trie: &MapData| trie.info().map(|info| info.id()).map_err(failed(self.program, names::TRIES_V4));
        for _ in 0..TRIES {
            let (Some(first), Some(second)) = (self.active()?, self.active()?) else { continue };
            if id(&first.0)? == id(&second.0)? && id(&first.1)? == id(&second.1)? {
                return Ok(first);
            }
        }
        Err(InspectError::Unsettled { program: self.program })
    }

    /// The tries of the active buffer; `None` if one was removed between reading its id and opening it.
    fn active(&self) -> Result<Option<(MapData, MapData)>, InspectError> {
        let buffer = direct::buffer(self.active.get(&0, 0).map_err(failed(self.program, names::ACTIVE))?);
        let trie = |tries: &ArrayOfMaps<MapData>, map| match tries.get(&buffer, 0) {
            Err(error) if is_gone(&error) => Ok(None),
            trie => trie.map(Some).map_err(failed(self.program, map)),
        };
        let (v4, v6) = (trie(&self.v4, names::TRIES_V4)?, trie(&self.v6, names::TRIES_V6)?);
        Ok(v4.zip(v6))
    }
}

fn is_gone(error: &MapError) -> bool {
    matches!(error, MapError::SyscallError(error) if error.io_error.raw_os_error() == Some(ENOENT))
}

/// Adds the prefixes that are entries of the trie to `entries`, and returns the number of the trie's other
/// entries.
pub(super) fn read<K: Pod>(
    data: MapData,
    prefixes: impl Iterator<Item = (IpNet, K)>,
    entries: &mut Vec<(IpNet, Entry)>,
) -> Result<usize, MapError> {
    let room = usize::try_from(data.info()?.max_entries()).unwrap_or(usize::MAX);
    let trie = Trie::<K>::try_from(Map::from_map_data(data)?)?;
    let before = entries.len();
    for (prefix, address) in prefixes {
        entries.extend(exact(&trie, prefix.prefix_len(), address)?.map(|entry| (prefix, entry)));
    }
    let found = entries.len() - before;
    // An empty trie has room for one entry, because the kernel makes no trie without room. Reading the first
    // key is not an iteration: with at most one entry there is no path on which the kernel could lose its
    // way.
    let count = if room == 1 { trie.keys().next().transpose()?.iter().count() } else { room };
    Ok(count.saturating_sub(found))
}

/// Returns the entry of exactly this prefix.
fn exact<K: Pod>(trie: &Trie<K>, length: u8, address: K) -> Result<Option<Entry>, MapError> {
    let found = longest(trie, length, address)?;
    let around = match length.checked_sub(1) {
        Some(shorter) => longest(trie, shorter, address)?,
        None => None,
    };
    Ok(found.filter(|found| around.is_none_or(|around| around.slot() != found.slot())))
}

/// Returns the longest entry that contains `address` and is not longer than `length` bits.
fn longest<K: Pod>(trie: &Trie<K>, length: u8, address: K) -> Result<Option<Entry>, MapError> {
    match trie.get(&Key::new(length.into(), address), 0) {
        Ok(entry) => Ok(Some(entry)),
        Err(MapError::KeyNotFound) => Ok(None),
        Err(error) => Err(error),
    }
}
