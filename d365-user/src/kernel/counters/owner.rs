//! The record of a slot's owner, as it is in its map. Only daemons of this layout read it: the map's size of
//! a value changes with the layout.
//!
//! ```text
//!  byte  0              16       17       18        19          20    23
//!       ┌──────────────┬────────┬────────┬─────────┬───────────┬──────┐
//!       │ address      │ family │ length │ retired │ geo source│ geo  │
//!       └──────────────┴────────┴────────┴─────────┴───────────┴──────┘
//! ```
//! The address is in network byte order, an IPv4 address in the first four bytes. The family is 4 or 6, and 0
//! in a slot without an owner. The geo source is its place in [`GeoSource::ALL`].

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::{
    generation::CounterKey,
    geo::{Geo, GeoCode, GeoSource},
};

/// Bytes of a record.
pub(super) const SIZE: u32 = 23;

/// A record.
pub(super) type Record = [u8; SIZE as usize];

/// The record of a slot without an owner.
pub(super) const NONE: Record = [0; SIZE as usize];

pub(super) fn record(owner: &CounterKey) -> Record {
    let CounterKey { prefix, geo, retired } = owner;
    let mut record = NONE;
    let family = match prefix {
        IpNet::V4(net) => {
            record[..4].copy_from_slice(&net.network().octets());
            4
        }
        IpNet::V6(net) => {
            record[..16].copy_from_slice(&net.network().octets());
            6
        }
    };
    let source = GeoSource::ALL.iter().position(|source| *source == geo.source).unwrap_or_default();
    let source = u8::try_from(source).unwrap_or_default();
    record[16..20].copy_from_slice(&[family, prefix.prefix_len(), u8::from(*retired), source]);
    record[20..].copy_from_slice(geo.code.as_str().as_bytes());
    record
}

/// The owner in a record; `None` if [`record`] does not write such a record.
pub(super) fn of(bytes: &Record) -> Option<CounterKey> {
    let (address, rest) = bytes.split_first_chunk::<16>()?;
    let ([family, length, retired, source], code) = rest.split_first_chunk::<4>()?;
    let [a, b, c, d, ..] = *address;
    let prefix = match family {
        4 => Ipv4Net::new(Ipv4Addr::new(a, b, c, d), *length).ok()?.into(),
        6 => Ipv6Net::new(Ipv6Addr::from(*address), *length).ok()?.into(),
        _ => return None,
    };
    let code = GeoCode::new(std::str::from_utf8(code).ok()?)?;
    let geo = Geo { code, source: *GeoSource::ALL.get(usize::from(*source))? };
    let owner = CounterKey { prefix, geo, retired: *retired == 1 };
    (record(&owner) == *bytes).then_some(owner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_comes_back_and_a_damaged_record_does_not() {
        for (prefix, code, source, retired) in [
            ("192.0.2.0/24", "NAM", GeoSource::Documented, false),
            ("2001:db8::/32", "ZZZ", GeoSource::Unknown, true),
            ("0.0.0.0/0", "EUR", GeoSource::Configured, false),
        ] {
            let geo = Geo { code: GeoCode::new(code).unwrap(), source };
            let owner = CounterKey { prefix: prefix.parse().unwrap(), geo, retired };
            let whole = record(&owner);
            assert_eq!(of(&whole), Some(owner));
            for (at, value) in [(16, 5), (17, 129), (18, 2), (19, 4), (20, b'n')] {
                let mut damaged = whole;
                damaged[at] = value;
                assert_eq!(of(&damaged), None, "byte {at}");
            }
        }
        assert_eq!(of(&NONE), None);
    }
}
