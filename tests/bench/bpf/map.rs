//! Maps of the benchmark's own programs, and how much memory maps take.

use std::{
    collections::BTreeMap,
    fs,
    os::fd::{AsFd as _, AsRawFd as _, OwnedFd, RawFd},
};

use anyhow::{Context as _, Result};
use aya::maps::loaded_maps;

use super::{Program, bpf, bpf_fd};

const BPF_MAP_CREATE: u32 = 0;
const BPF_MAP_UPDATE_ELEM: u32 = 2;
const BPF_MAP_TYPE_ARRAY: u32 = 2;
const BPF_MAP_TYPE_PROG_ARRAY: u32 = 3;
const BPF_MAP_TYPE_LPM_TRIE: u32 = 11;
const BPF_F_NO_PREALLOC: u32 = 1;

/// A map; gone with this value and the programs that use it.
pub(crate) struct Map(OwnedFd);

#[repr(C)]
#[derive(Default)]
struct Create {
    kind: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    flags: u32,
}

#[repr(C)]
#[derive(Default)]
struct Update {
    map: u32,
    padding: u32,
    key: u64,
    value: u64,
    flags: u64,
}

impl Map {
    /// An array of these values, each of `N` bytes.
    pub(crate) fn array<const N: usize>(values: &[[u8; N]]) -> Result<Self> {
        let max_entries = u32::try_from(values.len())?;
        let value_size = u32::try_from(N)?;
        let map = Self::create(Create {
            kind: BPF_MAP_TYPE_ARRAY,
            key_size: 4,
            value_size,
            max_entries,
            ..Create::default()
        })?;
        for (index, value) in (0..max_entries).zip(values) {
            map.update(&index.to_ne_bytes(), value)?;
        }
        Ok(map)
    }

    /// A longest-prefix-match trie of these keys (prefix length in host byte order, then the address), each with the value 0.
    pub(crate) fn trie<const N: usize>(keys: &[[u8; N]]) -> Result<Self> {
        let map = Self::create(Create {
            kind: BPF_MAP_TYPE_LPM_TRIE,
            key_size: u32::try_from(N)?,
            value_size: 4,
            max_entries: u32::try_from(keys.len())?.max(1),
            flags: BPF_F_NO_PREALLOC,
        })?;
        keys.iter().try_for_each(|key| map.update(key, &[0; 4]))?;
        Ok(map)
    }

    /// What a tail call goes to.
    pub(crate) fn tail_call() -> Result<Self> {
        let kind = BPF_MAP_TYPE_PROG_ARRAY;
        Self::create(Create { kind, key_size: 4, value_size: 4, max_entries: 1, ..Create::default() })
    }

    /// Has the tail call go to this program.
    pub(crate) fn call(&self, program: &Program) -> Result<()> {
        self.update(&[0; 4], &program.fd().to_ne_bytes())
    }

    pub(super) fn fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    fn create(mut create: Create) -> Result<Self> {
        // SAFETY: the structure holds no pointer.
        Ok(Self(unsafe { bpf_fd(BPF_MAP_CREATE, &mut create) }.context("cannot make a map")?))
    }

    fn update(&self, key: &[u8], value: &[u8]) -> Result<()> {
        let (key, value) = (key.as_ptr() as u64, value.as_ptr() as u64);
        let mut update = Update { map: self.fd().cast_unsigned(), key, value, ..Update::default() };
        // SAFETY: key and value are as long as the map was made for, and live until the call returns.
        unsafe { bpf(BPF_MAP_UPDATE_ELEM, &mut update) }.context("cannot fill a map")?;
        Ok(())
    }
}

/// Bytes of memory that the kernel accounts for each map of the machine, by its id. A map that goes meanwhile is left out.
pub(crate) fn locked_bytes() -> BTreeMap<u32, u64> {
    let bytes = |info: &aya::maps::MapInfo| {
        let fd = info.fd().ok()?;
        let text = fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_fd().as_raw_fd())).ok()?;
        text.lines().find_map(|line| line.strip_prefix("memlock:")?.trim().parse().ok())
    };
    loaded_maps().filter_map(Result::ok).filter_map(|info| Some((info.id(), bytes(&info)?))).collect()
}
