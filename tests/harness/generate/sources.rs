//! Source addresses: inside listed prefixes, at their edges, next to them, and anywhere.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::random::Random;

/// First and last addresses of the prefixes of both families, as numbers.
#[derive(Debug)]
pub(super) struct Sources {
    v4: Vec<(u128, u128)>,
    v6: Vec<(u128, u128)>,
}

impl Sources {
    pub(super) fn new(list: &[IpNet]) -> Self {
        let mut sources = Self { v4: Vec::new(), v6: Vec::new() };
        for prefix in list {
            match prefix {
                IpNet::V4(net) => {
                    sources.v4.push((u32::from(net.network()).into(), u32::from(net.broadcast()).into()));
                }
                IpNet::V6(net) => sources.v6.push((net.network().into(), net.broadcast().into())),
            }
        }
        sources
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "an address past the end of the space wraps to its other end"
    )]
    pub(super) fn v4(&self, random: &mut Random) -> Ipv4Addr {
        (near(random, &self.v4) as u32).into()
    }

    pub(super) fn v6(&self, random: &mut Random) -> Ipv6Addr {
        near(random, &self.v6).into()
    }
}

/// An address in or next to one of the prefixes, or any address.
fn near(random: &mut Random, prefixes: &[(u128, u128)]) -> u128 {
    if prefixes.is_empty() || random.one_in(10) {
        return random.address();
    }
    let (first, last) = random.pick(prefixes);
    match random.below(8) {
        0 => first,
        1 => last,
        2 => first.wrapping_sub(1),
        3 => last.wrapping_add(1),
        // The number of addresses in `::/0` does not fit in 128 bits.
        _ => match (last - first).checked_add(1) {
            Some(addresses) => first + random.address() % addresses,
            None => random.address(),
        },
    }
}
