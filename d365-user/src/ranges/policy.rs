//! The rules for all lists: which prefixes a set may contain, and how many.

use d365_common::{entry, names};
use ipnet::IpNet;

use super::{Refusal, special};

/// The limits of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Accept special addresses ([`special::BLOCKS`]), for labs and tests. The limits on breadth still apply.
    pub allow_special: bool,
    /// Largest number of ranges, from 1 to [`Self::HIGHEST_MAX_RANGES`].
    pub max_ranges: u32,
}

impl Policy {
    /// The default of `max_ranges`: about a hundred times as many ranges as the vendor lists.
    pub const DEFAULT_MAX_RANGES: u32 = names::DEFAULT_CAPACITY;
    /// The highest value that the operator can set.
    pub const HIGHEST_MAX_RANGES: u32 = entry::MOST_RANGES;
    /// The shortest IPv4 prefix that is accepted: the registries' largest unit.
    pub const BROADEST_IPV4: u8 = 8;
    /// The shortest IPv6 prefix that is accepted: about the largest block of one network (`2003::/19`).
    pub const BROADEST_IPV6: u8 = 19;

    /// Checks if a prefix may be in a set. Host bits do not matter.
    ///
    /// # Errors
    /// The [`Refusal`] names the reason.
    pub fn check(&self, prefix: &IpNet) -> Result<(), Refusal> {
        let limit = match prefix {
            IpNet::V4(_) => Self::BROADEST_IPV4,
            IpNet::V6(_) => Self::BROADEST_IPV6,
        };
        if prefix.prefix_len() < limit {
            return Err(Refusal::TooBroad { limit });
        }
        match special::overlapping(prefix) {
            Some(block) if !self.allow_special => {
                Err(Refusal::Special { block: block.prefix, purpose: block.purpose })
            }
            _ => Ok(()),
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self { allow_special: false, max_ranges: Self::DEFAULT_MAX_RANGES }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(prefix: &str, allow_special: bool) -> Result<(), Refusal> {
        Policy { allow_special, ..Policy::default() }.check(&prefix.parse().unwrap())
    }

    #[test]
    fn breadth_ends_exactly_at_8_and_19_even_in_a_lab() {
        for allow_special in [false, true] {
            assert_eq!(check("13.0.0.0/8", allow_special), Ok(()));
            assert_eq!(check("12.0.0.0/7", allow_special), Err(Refusal::TooBroad { limit: 8 }));
            assert_eq!(check("0.0.0.0/0", allow_special), Err(Refusal::TooBroad { limit: 8 }));
            assert_eq!(check("13.71.171.9/0", allow_special), Err(Refusal::TooBroad { limit: 8 }));
            assert_eq!(check("2603:0::/19", allow_special), Ok(()));
            assert_eq!(check("2603:0::/18", allow_special), Err(Refusal::TooBroad { limit: 19 }));
            assert_eq!(check("::/0", allow_special), Err(Refusal::TooBroad { limit: 19 }));
        }
    }

    #[test]
    fn a_prefix_that_shares_an_address_with_special_space_is_for_labs() {
        for prefix in [
            "10.0.0.0/8",
            "192.168.77.1/16",
            "172.0.0.0/8",
            "198.0.0.0/8",
            "203.0.112.0/22",
            "2001:d80::/25",
            "2001::/19",
            "::1/128",
            // The host bits are outside the block.
            "192.0.255.255/16",
            "2001:fff::/20",
        ] {
            assert!(matches!(check(prefix, false), Err(Refusal::Special { .. })), "{prefix}");
            assert_eq!(check(prefix, true), Ok(()), "{prefix}");
        }
        for prefix in
            ["11.0.0.0/8", "172.32.0.0/11", "192.0.1.0/24", "192.0.3.0/24", "2001:200::/23", "2603::/19"]
        {
            assert_eq!(check(prefix, false), Ok(()), "{prefix}");
        }
    }
}
