//! Maps of the lab's own programs.

use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};

use anyhow::{Context as _, Result};

use super::{Program, call, command, descriptor, named};

const BPF_MAP_TYPE_ARRAY: u32 = 2;
const BPF_MAP_TYPE_PROG_ARRAY: u32 = 3;
const BPF_MAP_TYPE_PERCPU_ARRAY: u32 = 6;
const BPF_MAP_TYPE_LPM_TRIE: u32 = 11;
const BPF_F_NO_PREALLOC: u32 = 1;

/// A map. The kernel frees it with this value and with the last program that uses it.
#[derive(Debug)]
pub struct Map(OwnedFd);

#[repr(C)]
#[derive(Default)]
struct Create {
    kind: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    flags: u32,
    inner_map: u32,
    numa_node: u32,
    name: [u8; 16],
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
    /// Creates an array of this name and these values, each of `N` bytes.
    pub fn array<const N: usize>(name: &str, values: &[[u8; N]]) -> Result<Self> {
        let max_entries = u32::try_from(values.len())?;
        let value_size = u32::try_from(N)?;
        let map = Self::create(Create {
            kind: BPF_MAP_TYPE_ARRAY,
            key_size: 4,
            value_size,
            max_entries,
            name: named(name)?,
            ..Create::default()
        })?;
        for (index, value) in (0..max_entries).zip(values) {
            map.update(&index.to_ne_bytes(), value)?;
        }
        Ok(map)
    }

    /// Creates a per-CPU array of `max_entries` values of `value_size` bytes, a multiple of 8.
    pub fn per_cpu(name: &str, value_size: u32, max_entries: u32) -> Result<Self> {
        let name = named(name)?;
        let kind = BPF_MAP_TYPE_PERCPU_ARRAY;
        Self::create(Create { kind, key_size: 4, value_size, max_entries, name, ..Create::default() })
    }

    /// Creates a longest-prefix-match trie of these keys, each with the value 0. A key is the prefix length
    /// in host byte order, then the address.
    pub fn trie<const N: usize>(keys: &[[u8; N]]) -> Result<Self> {
        let map = Self::create(Create {
            kind: BPF_MAP_TYPE_LPM_TRIE,
            key_size: u32::try_from(N)?,
            value_size: 4,
            max_entries: u32::try_from(keys.len())?.max(1),
            flags: BPF_F_NO_PREALLOC,
            ..Create::default()
        })?;
        keys.iter().try_for_each(|key| map.update(key, &[0; 4]))?;
        Ok(map)
    }

    /// Creates a program array of one entry, the target of a tail call.
    pub fn tail_call() -> Result<Self> {
        let kind = BPF_MAP_TYPE_PROG_ARRAY;
        Self::create(Create { kind, key_size: 4, value_size: 4, max_entries: 1, ..Create::default() })
    }

    /// Sets this program as the target of the tail call.
    pub fn goes_to(&self, program: &Program) -> Result<()> {
        self.update(&[0; 4], &program.fd().to_ne_bytes())
    }

    pub(super) fn fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    fn create(mut create: Create) -> Result<Self> {
        // SAFETY: the structure holds no pointer.
        Ok(Self(unsafe { descriptor(command::MAP_CREATE, &mut create) }.context("cannot make a map")?))
    }

    /// Reads the value at `index` of a per-CPU array: `value_size` bytes for each possible processor.
    pub fn read(&self, index: u32, value_size: usize, processors: usize) -> Result<Vec<u8>> {
        let mut value = vec![0; value_size * processors];
        let key = index.to_ne_bytes();
        let (key, to) = (key.as_ptr() as u64, value.as_mut_ptr() as u64);
        let mut lookup = Update { map: self.fd().cast_unsigned(), key, value: to, ..Update::default() };
        // SAFETY: the key has four bytes, and the value has room for each processor. Both live until the call
        // returns.
        unsafe { call(command::MAP_LOOKUP_ELEM, &mut lookup) }.context("cannot read a map")?;
        Ok(value)
    }

    fn update(&self, key: &[u8], value: &[u8]) -> Result<()> {
        let (key, value) = (key.as_ptr() as u64, value.as_ptr() as u64);
        let mut update = Update { map: self.fd().cast_unsigned(), key, value, ..Update::default() };
        // SAFETY: key and value have the lengths that the map was created for, and live until the call
        // returns.
        unsafe { call(command::MAP_UPDATE_ELEM, &mut update) }.context("cannot fill a map")?;
        Ok(())
    }
}
