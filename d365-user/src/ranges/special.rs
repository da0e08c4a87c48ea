//! Address space from which no mail of the vendor can come: IANA's special-purpose registries (RFC 6890 and
//! its successors), multicast, and the space that IANA has not assigned at all. `--allow-special` accepts it,
//! for labs and tests.
//!
//! IPv4: <https://www.iana.org/assignments/iana-ipv4-special-registry>, IPv6:
//! <https://www.iana.org/assignments/iana-ipv6-special-registry> and
//! <https://www.iana.org/assignments/ipv6-address-space>. The blocks that the registries call "globally
//! reachable" (AS112, AMT) count as ordinary addresses here. `64:ff9b::/96` does not: it holds translated
//! IPv4 addresses, and an entry of the IPv4 list does not make those trusted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// One block of special addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its addresses.
    pub prefix: IpNet,
    /// Its purpose, as a phrase after "it is".
    pub purpose: &'static str,
}

const fn v4(a: u8, b: u8, c: u8, length: u8, purpose: &'static str) -> Block {
    Block { prefix: IpNet::new_assert(IpAddr::V4(Ipv4Addr::new(a, b, c, 0)), length), purpose }
}

const fn v6(start: [u16; 6], length: u8, purpose: &'static str) -> Block {
    let [a, b, c, d, e, f] = start;
    Block { prefix: IpNet::new_assert(IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, 0, 0)), length), purpose }
}

/// The blocks. A nested block is before the one that contains it, because the first match supplies the
/// reason.
#[rustfmt::skip]
pub const BLOCKS: &[Block] = &[
    v4(0, 0, 0, 8, "\"this network\", the unspecified address in it"), // RFC 791
    v4(10, 0, 0, 8, "private"),                                       // RFC 1918
    v4(100, 64, 0, 10, "shared (carrier-grade NAT)"),                 // RFC 6598
    v4(127, 0, 0, 8, "loopback"),                                     // RFC 1122
    v4(169, 254, 0, 16, "link-local"),                                // RFC 3927
    v4(172, 16, 0, 12, "private"),                                    // RFC 1918
    v4(192, 0, 0, 24, "for IETF protocols"),                          // RFC 6890
    v4(192, 0, 2, 24, "for documentation"),                           // RFC 5737
    v4(192, 88, 99, 24, "the former 6to4 relays'"),                   // RFC 7526
    v4(192, 168, 0, 16, "private"),                                   // RFC 1918
    v4(198, 18, 0, 15, "for benchmarking"),                           // RFC 2544
    v4(198, 51, 100, 24, "for documentation"),                        // RFC 5737
    v4(203, 0, 113, 24, "for documentation"),                         // RFC 5737
    v4(224, 0, 0, 4, "multicast"),                                    // RFC 5771
    v4(240, 0, 0, 4, "reserved"),                                     // RFC 1112
    // Inside 2000::/3, the eighth of IPv6 that is global unicast.
    v6([0x2001, 0x0db8, 0, 0, 0, 0], 32, "for documentation"),        // RFC 3849
    v6([0x2001, 0, 0, 0, 0, 0], 23, "for IETF protocols"),            // RFC 2928
    v6([0x2002, 0, 0, 0, 0, 0], 16, "6to4"),                          // RFC 3056
    v6([0x3fff, 0, 0, 0, 0, 0], 20, "for documentation"),             // RFC 9637
    // Outside it: the known blocks by name, then all other addresses.
    v6([0, 0, 0, 0, 0, 0xffff], 96, "an IPv4-mapped address: write it as IPv4"), // RFC 4291
    v6([0x64, 0xff9b, 0, 0, 0, 0], 96, "translated IPv4 (NAT64)"),    // RFC 6052
    v6([0x64, 0xff9b, 1, 0, 0, 0], 48, "translated IPv4 (NAT64)"),    // RFC 8215
    v6([0, 0, 0, 0, 0, 0], 96, "the unspecified, the loopback or an IPv4-compatible address"), // RFC 4291
    v6([0x100, 0, 0, 0, 0, 0], 64, "for discarding"),                 // RFC 6666
    v6([0x5f00, 0, 0, 0, 0, 0], 16, "for segment routing"),           // RFC 9602
    v6([0xfc00, 0, 0, 0, 0, 0], 7, "unique local (private)"),         // RFC 4193
    v6([0xfe80, 0, 0, 0, 0, 0], 10, "link-local"),                    // RFC 4291
    v6([0xfec0, 0, 0, 0, 0, 0], 10, "the former site-local"),         // RFC 3879
    v6([0xff00, 0, 0, 0, 0, 0], 8, "multicast"),                      // RFC 4291
    v6([0, 0, 0, 0, 0, 0], 3, "reserved: not global unicast"),        // RFC 4291
    v6([0x4000, 0, 0, 0, 0, 0], 2, "reserved: not global unicast"),   // RFC 4291
    v6([0x8000, 0, 0, 0, 0, 0], 1, "reserved: not global unicast"),   // RFC 4291
];

/// The first block that shares an address with `prefix`: one of the two contains the other.
#[must_use]
pub fn overlapping(prefix: &IpNet) -> Option<&'static Block> {
    BLOCKS.iter().find(|block| block.prefix.contains(prefix) || prefix.contains(&block.prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purpose(prefix: &str) -> Option<&'static str> {
        overlapping(&prefix.parse().unwrap()).map(|block| block.purpose)
    }

    fn host(address: IpAddr) -> IpNet {
        address.into()
    }

    fn before(address: IpAddr) -> Option<IpAddr> {
        Some(match address {
            IpAddr::V4(a) => Ipv4Addr::from(u32::from(a).checked_sub(1)?).into(),
            IpAddr::V6(a) => Ipv6Addr::from(u128::from(a).checked_sub(1)?).into(),
        })
    }

    fn after(address: IpAddr) -> Option<IpAddr> {
        Some(match address {
            IpAddr::V4(a) => Ipv4Addr::from(u32::from(a).checked_add(1)?).into(),
            IpAddr::V6(a) => Ipv6Addr::from(u128::from(a).checked_add(1)?).into(),
        })
    }

    /// The registries' blocks a second time, as text, so that the test finds a typing error in either.
    const FIRST_AND_LAST: &str = "0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 \
        127.0.0.0 127.255.255.255 169.254.0.0 169.254.255.255 172.16.0.0 172.31.255.255 192.0.0.0 192.0.0.255 \
        192.0.2.0 192.0.2.255 192.88.99.0 192.88.99.255 192.168.0.0 192.168.255.255 198.18.0.0 198.19.255.255 \
        198.51.100.0 198.51.100.255 203.0.113.0 203.0.113.255 224.0.0.0 255.255.255.255 \
        :: 1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 2001:: 2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff \
        2001:db8:: 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff 2002:: 2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff \
        3fff:: 3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff 4000:: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";

    #[test]
    fn each_edge_is_special_and_each_neighbour_is_not() {
        let edges: Vec<IpAddr> = FIRST_AND_LAST.split_whitespace().map(|a| a.parse().unwrap()).collect();
        for pair in edges.chunks_exact(2) {
            for edge in pair {
                assert!(overlapping(&host(*edge)).is_some(), "{edge}");
            }
            for neighbour in [before(pair[0]), after(pair[1])].into_iter().flatten() {
                assert_eq!(overlapping(&host(neighbour)), None, "{neighbour}");
            }
        }
    }

    #[test]
    fn the_reason_is_the_inner_block() {
        let named = [
            ("::ffff:40.78.242.0/121", "an IPv4-mapped address: write it as IPv4"),
            ("::/128", "the unspecified, the loopback or an IPv4-compatible address"),
            ("::1/128", "the unspecified, the loopback or an IPv4-compatible address"),
            ("2001:db8::/32", "for documentation"),
            ("2001:2::/48", "for IETF protocols"),
            ("fe80::1/128", "link-local"),
            ("fd00::/8", "unique local (private)"),
            ("4000::/64", "reserved: not global unicast"),
            ("255.255.255.255/32", "reserved"),
            ("0.0.0.0/32", "\"this network\", the unspecified address in it"),
        ];
        for (prefix, expected) in named {
            assert_eq!(purpose(prefix), Some(expected), "{prefix}");
        }
    }

    #[test]
    fn no_block_has_host_bits_or_hides_a_later_one() {
        for (index, block) in BLOCKS.iter().enumerate() {
            assert_eq!(block.prefix.trunc(), block.prefix);
            let hides = |later: &&Block| block.prefix.contains(&later.prefix);
            assert_eq!(BLOCKS[index + 1..].iter().find(hides), None, "hidden by {}", block.prefix);
        }
    }

    #[test]
    fn no_documented_range_is_special() {
        for (prefix, _) in crate::geo::documented() {
            assert_eq!(overlapping(prefix), None);
        }
    }
}
