//! Reads the sampled sources: unlisted sources that open a connection to a watched port.
//!
//! Reading never waits, and takes at most as many samples at once as the ring holds. The kernel program
//! counts the samples that found the ring full.

use std::net::{IpAddr, Ipv6Addr};

use aya::maps::{Map, MapData, MapError, PerCpuArray, RingBuf};
use d365_common::names::{self, SAMPLE_RING};

use super::{
    error::{MapIndexError, error_chain},
    object::Kernel,
};

/// Bytes of one record in the ring: the address (16) and the kernel's header (8).
const RECORD: usize = 16 + 8;
/// Maximum number of records in the ring.
const MOST: usize = SAMPLE_RING as usize / RECORD;

/// Samples cannot be read.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the variants and fields are")]
pub enum SamplesError {
    /// The object has no such map, or the reader was taken before.
    #[error("the kernel object has no {0} to take; it is taken once")]
    Missing(&'static str),
    #[error("cannot read ring buffer {}: {}", names::SAMPLES, error_chain(.0))]
    Ring(#[from] MapError),
}

/// The reader of samples. It may live on another thread than the kernel object's owner.
pub struct Samples {
    ring: RingBuf<MapData>,
    lost: PerCpuArray<MapData, u64>,
}

impl Kernel {
    /// Takes the reader of samples. This works once. There are samples only if the object was loaded with
    /// [`Options::watch`](super::Options::watch).
    pub fn samples(&mut self) -> Result<Samples, SamplesError> {
        let mut map = |name| self.ebpf.take_map(name).ok_or(SamplesError::Missing(name));
        let (ring, lost): (Map, Map) = (map(names::SAMPLES)?, map(names::SAMPLES_LOST)?);
        Ok(Samples { ring: ring.try_into()?, lost: lost.try_into()? })
    }
}

impl Samples {
    /// Takes the samples since the last call, oldest first, at most as many as the ring holds. Samples that
    /// the caller does not take from the iterator stay in the ring.
    ///
    /// An IPv6 packet from an IPv4-mapped address is reported as IPv4. No such packet is valid on a network.
    pub fn drain(&mut self) -> impl Iterator<Item = IpAddr> + '_ {
        let records = std::iter::from_fn(|| Some(<[u8; 16]>::try_from(&*self.ring.next()?).ok()));
        records.take(MOST).flatten().map(|record| Ipv6Addr::from(record).to_canonical())
    }

    /// Number of samples that found the ring full since the object was loaded.
    ///
    /// # Errors
    /// [`MapIndexError`] if the kernel does not return the count.
    pub fn lost(&self) -> Result<u64, MapIndexError> {
        let cpus = self.lost.get(&0, 0).map_err(MapIndexError::at(names::SAMPLES_LOST, 0))?;
        Ok(cpus.iter().fold(0, |sum, cpu| sum.wrapping_add(*cpu)))
    }
}
