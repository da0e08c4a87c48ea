//! The vendor's table of ranges with a geo code. The table is only here, and nothing changes it at run time.
//!
//! Source: "Public IP addresses used for sending e-mails", of [`DOCUMENTED_DATE`],
//! <https://learn.microsoft.com/dynamics365/customer-insights/journeys/public-ip-addresses-for-email-sending>

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use super::GeoCode;

const fn row(a: u8, b: u8, c: u8, d: u8, length: u8, code: [u8; 3]) -> (IpNet, GeoCode) {
    (IpNet::new_assert(IpAddr::V4(Ipv4Addr::new(a, b, c, d)), length), GeoCode(code))
}

/// The date on the page, ISO 8601.
pub const DOCUMENTED_DATE: &str = "2023-08-21";

/// In the order of the page.
const TABLE: [(IpNet, GeoCode); 15] = [
    row(40, 78, 242, 0, 25, *b"NAM"),
    row(13, 66, 138, 128, 25, *b"NAM"),
    row(13, 71, 171, 0, 24, *b"CAN"),
    row(191, 233, 202, 0, 24, *b"SAM"),
    row(13, 75, 35, 0, 24, *b"APJ"),
    row(13, 77, 51, 0, 24, *b"OCE"),
    row(40, 120, 64, 224, 27, *b"UAE"),
    row(65, 52, 252, 128, 27, *b"UAE"),
    row(104, 211, 80, 0, 24, *b"IND"),
    row(13, 78, 107, 0, 24, *b"JPN"),
    row(13, 69, 226, 128, 25, *b"EUR"),
    row(13, 74, 106, 128, 25, *b"EUR"),
    row(40, 79, 138, 192, 26, *b"FRA"),
    row(51, 107, 129, 64, 27, *b"CHE"),
    row(51, 140, 147, 0, 24, *b"GBR"),
];

/// The documented ranges, each with its geo code.
#[must_use]
pub const fn documented() -> &'static [(IpNet, GeoCode)] {
    &TABLE
}

/// The documented code of `prefix`, if `prefix` is a range of the table or a part of one: the table documents
/// each address of its ranges. A broader prefix has no code, because the table does not document all of it.
pub(super) fn code(prefix: &IpNet) -> Option<GeoCode> {
    TABLE.iter().find(|(range, _)| range.contains(prefix)).map(|(_, code)| *code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(prefix: &str) -> Option<GeoCode> {
        code(&prefix.parse().unwrap())
    }

    #[test]
    fn the_exact_range_and_parts_of_it_are_documented() {
        for (prefix, documented) in documented() {
            assert_eq!(code(prefix), Some(*documented));
            assert_eq!(prefix.trunc(), *prefix, "a range of the table has host bits");
        }
        assert_eq!(of("40.78.242.0/26"), GeoCode::new("NAM"));
        assert_eq!(of("40.78.242.127/32"), GeoCode::new("NAM"));
    }

    #[test]
    fn a_neighbour_and_a_broader_prefix_are_not() {
        assert_eq!(of("40.78.242.128/25"), None);
        assert_eq!(of("40.78.242.128/32"), None);
        assert_eq!(of("40.78.242.0/24"), None);
        assert_eq!(of("::ffff:40.78.242.0/121"), None);
    }
}
