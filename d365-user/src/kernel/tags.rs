//! How marks travel: asks the kernel whether a program may write metadata, reads what the tc program saw, and sets the way of
//! each row.
//!
//! It decides nothing: the way is [`daemon`](crate::daemon)'s to choose. It never writes a counter.

use aya::{
    Ebpf,
    maps::{Array, MapData, MapError, PerCpuArray},
    programs::ProgramError,
};
use d365_common::{
    names,
    packet::ETHERNET_LEN,
    path::{Path, Seen},
};

use super::{
    chain,
    load::{Kernel, LoadError},
    maps::typed,
};

/// Why the way of a mark is not known or not set.
#[derive(Debug, thiserror::Error)]
pub enum TagError {
    /// A map cannot be read or written.
    #[error("cannot use index {row} of map {map}: {}", chain(.source))]
    Map {
        /// The map.
        map: &'static str,
        /// The index: the interface's row.
        row: u32,
        /// What the kernel said.
        source: MapError,
    },
    /// The probe cannot be run.
    #[error("cannot ask whether a program may write metadata: the kernel does not run d365_probe: {}", chain(.0))]
    Probe(#[from] ProgramError),
}

/// The way of each row.
pub struct TagPaths {
    paths: Array<MapData, u32>,
    seen: PerCpuArray<MapData, Seen>,
}

impl TagPaths {
    pub(super) fn take(ebpf: &mut Ebpf) -> Result<Self, LoadError> {
        Ok(Self { paths: typed(ebpf, names::TAG_PATHS)?, seen: typed(ebpf, names::TAG_SEEN)? })
    }

    /// The way of a row: interfaces in the order in which the object was loaded with them.
    ///
    /// # Errors
    /// [`TagError::Map`].
    pub fn path(&self, row: u32) -> Result<Path, TagError> {
        let error = |source| TagError::Map { map: names::TAG_PATHS, row, source };
        Ok(Path::from_number(self.paths.get(&row, 0).map_err(error)?))
    }

    /// Sets the way of a row.
    ///
    /// # Errors
    /// [`TagError::Map`]; the way is the one before.
    pub fn set(&mut self, row: u32, path: Path) -> Result<(), TagError> {
        let error = |source| TagError::Map { map: names::TAG_PATHS, row, source };
        self.paths.set(row, path as u32, 0).map_err(error)
    }

    /// What the tc program saw in a row while the way was not [`Path::Classify`].
    ///
    /// # Errors
    /// [`TagError::Map`].
    pub fn seen(&self, row: u32) -> Result<Seen, TagError> {
        let error = |source| TagError::Map { map: names::TAG_SEEN, row, source };
        let cpus = self.seen.get(&row, 0).map_err(error)?;
        Ok(cpus.iter().fold(Seen::default(), |sum, cpu| Seen {
            with: sum.with.saturating_add(cpu.with),
            without: sum.without.saturating_add(cpu.without),
        }))
    }
}

impl Kernel {
    /// Whether this kernel lets an XDP program write metadata, as a packet shows that the kernel sends itself
    /// (`BPF_PROG_TEST_RUN`). Whether a driver carries it only its own packets show: [`TagPaths::seen`].
    ///
    /// # Errors
    /// [`TagError::Probe`].
    pub fn writes_metadata(&mut self) -> Result<bool, TagError> {
        let frame = [0; ETHERNET_LEN];
        Ok(self.ask(names::PROGRAM_PROBE, &frame)? == names::PROBE_WRITTEN)
    }
}
