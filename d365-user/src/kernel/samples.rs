//! Reads the sources that the program samples: unlisted, and opening a connection to a watched port.
//!
//! It never waits, and takes no more at once than the ring holds. What the ring had no room for is counted by the
//! program.

use std::net::{IpAddr, Ipv6Addr};

use aya::maps::{Map, MapData, MapError, PerCpuArray, RingBuf};
use d365_common::names::{self, SAMPLE_RING};

use super::{chain, counters::CounterError, load::Kernel};

/// A record's length in the ring: the address, behind the kernel's header.
const RECORD: usize = 16 + 8;
/// Most records that the ring holds.
const MOST: usize = SAMPLE_RING as usize / RECORD;

/// Why samples cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SamplesError {
    /// The object has no such map, or it was taken before.
    #[error("the kernel object has no {0} to take; it is taken once")]
    Missing(&'static str),
    /// The ring cannot be mapped into memory.
    #[error("cannot read ring buffer {}: {}", names::SAMPLES, chain(.0))]
    Ring(#[from] MapError),
}

/// The reader of samples. It may live on another thread than the kernel's owner.
pub struct Samples {
    ring: RingBuf<MapData>,
    lost: PerCpuArray<MapData, u64>,
}

impl Kernel {
    /// Takes the reader of samples, once. There are none unless the object was loaded with
    /// [`Options::watch`](super::Options::watch).
    ///
    /// # Errors
    /// [`SamplesError`].
    pub fn samples(&mut self) -> Result<Samples, SamplesError> {
        let mut map = |name| self.ebpf.take_map(name).ok_or(SamplesError::Missing(name));
        let (ring, lost): (Map, Map) = (map(names::SAMPLES)?, map(names::SAMPLES_LOST)?);
        Ok(Samples { ring: ring.try_into()?, lost: lost.try_into()? })
    }
}

impl Samples {
    /// Takes what was sampled since the last call, oldest first, at most as many as the ring holds. What is not
    /// taken off the iterator stays in the ring.
    ///
    /// An IPv6 packet whose source is an IPv4-mapped address is shown as IPv4: no such packet belongs on a wire.
    pub fn drain(&mut self) -> impl Iterator<Item = IpAddr> + '_ {
        let records = std::iter::from_fn(|| Some(<[u8; 16]>::try_from(&*self.ring.next()?).ok()));
        records.take(MOST).flatten().map(|record| Ipv6Addr::from(record).to_canonical())
    }

    /// How many samples found the ring full since the object was loaded.
    ///
    /// # Errors
    /// [`CounterError`] when the kernel does not answer.
    pub fn lost(&self) -> Result<u64, CounterError> {
        let error = |source| CounterError { map: names::SAMPLES_LOST, index: 0, source };
        let cpus = self.lost.get(&0, 0).map_err(error)?;
        Ok(cpus.iter().fold(0, |sum, cpu| sum.wrapping_add(*cpu)))
    }
}
