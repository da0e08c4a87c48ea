//! Compiles ranges into trie entries: each range gets a counter slot, and its geo's number.

use d365_common::{entry::Entry, key};
use ipnet::IpNet;

use crate::ranges::Range;

/// A compiled range list: the content of both tries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compiled {
    /// IPv4: address in network byte order, prefix length in bits, entry.
    pub v4: Vec<(key::Ipv4, u32, Entry)>,
    /// IPv6.
    pub v6: Vec<(key::Ipv6, u32, Entry)>,
}

/// Why a range list cannot be compiled.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CompileError {
    /// More ranges than counter slots.
    #[error("{ranges} ranges do not fit {capacity} counter slots; raise --max-ranges")]
    Capacity {
        /// How many ranges there are.
        ranges: usize,
        /// How many slots there are.
        capacity: u32,
    },
}

/// Compiles `ranges`; the slot of a range is its position. `capacity` is the number of counter slots
/// that the kernel object was loaded with.
///
/// # Errors
/// [`CompileError::Capacity`] when a range would get no slot.
pub fn compile(ranges: &[Range], capacity: u32) -> Result<Compiled, CompileError> {
    let no_slot = || CompileError::Capacity { ranges: ranges.len(), capacity };
    let mut compiled = Compiled::default();
    for (range, slot) in ranges.iter().zip(0u32..) {
        if slot >= capacity {
            return Err(no_slot());
        }
        let entry = Entry::new(slot, range.geo.code.number()).ok_or_else(no_slot)?;
        match range.prefix {
            IpNet::V4(net) => compiled.v4.push((net.network().octets(), net.prefix_len().into(), entry)),
            IpNet::V6(net) => compiled.v6.push((net.network().octets(), net.prefix_len().into(), entry)),
        }
    }
    Ok(compiled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranges::{Geo, GeoCode, GeoSource};

    fn range(prefix: &str) -> Range {
        let geo = Geo { code: GeoCode::new("NAM").unwrap(), source: GeoSource::Documented };
        Range { prefix: prefix.parse().unwrap(), geo, region: None }
    }

    #[test]
    fn each_range_gets_its_position_as_slot_and_its_geo() {
        let compiled = compile(&[range("192.0.2.0/24"), range("2001:db8::/32")], 2).unwrap();
        let geo = GeoCode::new("NAM").unwrap().number();
        assert_eq!(compiled.v4, [([192, 0, 2, 0], 24, Entry::new(0, geo).unwrap())]);
        let address = "2001:db8::".parse::<std::net::Ipv6Addr>().unwrap().octets();
        assert_eq!(compiled.v6, [(address, 32, Entry::new(1, geo).unwrap())]);
    }

    #[test]
    fn one_range_more_than_slots_is_an_error() {
        let ranges = [range("192.0.2.0/25"), range("192.0.2.128/25")];
        assert!(compile(&ranges, 2).is_ok());
        assert_eq!(compile(&ranges, 1), Err(CompileError::Capacity { ranges: 2, capacity: 1 }));
    }
}
