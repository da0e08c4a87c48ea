//! The register of geos, and the rules that give a range its geo.
//!
//! **Numbers are permanent.** A geo's number is in a packet's mark, where other people's firewall rules
//! compare it. A number, once assigned, is never changed and never assigned to another geo. New geos are
//! appended.

use ipnet::IpNet;

use super::{Geo, GeoCode, GeoSource, azure, documented};

/// One geo of the register: the place from which the service sends, not the place of a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Its number, from 1, stable across releases. 0 means no geo, or one that is not registered.
    pub number: u8,
    /// Its code.
    pub code: GeoCode,
    /// Its name: the vendor's region name for a documented code, the ISO 3166-1 English short name for a
    /// country.
    pub name: &'static str,
}

const fn geo(number: u8, code: [u8; 3], name: &'static str) -> Registered {
    Registered { number, code: GeoCode(code), name }
}

/// Every registered geo, in the order of the numbers, without gaps. Append only.
///
/// NAM and UAE are the vendor's codes: in ISO 3166-1, NAM is Namibia, and the United Arab Emirates are ARE.
pub const REGISTER: &[Registered] = &[
    // The vendor's page of ranges: code and region in its spelling.
    geo(1, *b"NAM", "North America"),
    geo(2, *b"CAN", "Canada"),
    geo(3, *b"SAM", "South America"),
    geo(4, *b"APJ", "Asia-Pacific"),
    geo(5, *b"OCE", "Oceania"),
    geo(6, *b"UAE", "United Arab Emirates"),
    geo(7, *b"IND", "India"),
    geo(8, *b"JPN", "Japan"),
    geo(9, *b"EUR", "Europe"),
    geo(10, *b"FRA", "France"),
    geo(11, *b"CHE", "Switzerland"),
    geo(12, *b"GBR", "Great Britain"),
    // Countries with a range in the embedded list: ISO 3166-1.
    geo(13, *b"ZAF", "South Africa"),
    geo(14, *b"KOR", "Korea (the Republic of)"),
    geo(15, *b"NOR", "Norway"),
    geo(16, *b"SWE", "Sweden"),
    geo(17, *b"DEU", "Germany"),
    geo(18, *b"ITA", "Italy"),
    geo(19, *b"POL", "Poland"),
    geo(20, *b"NZL", "New Zealand"),
    // The sovereign clouds. USG is the vendor's own abbreviation (`USGovTexas`), CHN is ISO 3166-1.
    geo(21, *b"USG", "US Government"),
    geo(22, *b"CHN", "China"),
    // Countries with an Azure region and no range so far: ISO 3166-1.
    geo(23, *b"ESP", "Spain"),
    geo(24, *b"AUT", "Austria"),
    geo(25, *b"BEL", "Belgium"),
    geo(26, *b"DNK", "Denmark"),
    geo(27, *b"ISR", "Israel"),
    geo(28, *b"QAT", "Qatar"),
    geo(29, *b"TWN", "Taiwan (Province of China)"),
    geo(30, *b"MYS", "Malaysia"),
    geo(31, *b"IDN", "Indonesia"),
    geo(32, *b"MEX", "Mexico"),
    geo(33, *b"CHL", "Chile"),
];

impl GeoCode {
    /// The code with this number; `None` for 0 and for a number that is not assigned yet.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        REGISTER.iter().find(|geo| geo.number == number).map(|geo| geo.code)
    }

    /// The number, stable across releases; 0 if the code has none.
    #[must_use]
    pub fn number(self) -> u8 {
        REGISTER.iter().find(|geo| geo.code == self).map_or(0, |geo| geo.number)
    }
}

/// The geo of a range. The vendor's table decides first and cannot be overruled; then the geo in the list
/// (`ZZZ` counts as no geo); then the Azure region. Otherwise the geo is [`Geo::UNKNOWN`].
#[must_use]
pub fn attribute(prefix: &IpNet, listed: Option<GeoCode>, region: Option<&str>) -> Geo {
    if let Some(code) = documented::code(prefix) {
        return Geo { code, source: GeoSource::Documented };
    }
    if let Some(code) = listed.filter(|code| *code != GeoCode::UNKNOWN) {
        return Geo { code, source: GeoSource::Configured };
    }
    region.and_then(azure::code).map_or(Geo::UNKNOWN, |code| Geo { code, source: GeoSource::Inferred })
}

/// Returns true if [`attribute`] infers a geo from this Azure region's name, in any spelling.
#[must_use]
pub fn knows(region: &str) -> bool {
    azure::code(region).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(prefix: &str, listed: Option<&str>, region: Option<&str>) -> String {
        attribute(&prefix.parse().unwrap(), listed.and_then(GeoCode::new), region).to_string()
    }

    /// Never edit this list, only append to it: firewalls compare these numbers.
    #[test]
    fn numbers_never_change() {
        let given = "1 NAM 2 CAN 3 SAM 4 APJ 5 OCE 6 UAE 7 IND 8 JPN 9 EUR 10 FRA 11 CHE 12 GBR 13 ZAF 14 KOR 15 NOR \
            16 SWE 17 DEU 18 ITA 19 POL 20 NZL 21 USG 22 CHN 23 ESP 24 AUT 25 BEL 26 DNK 27 ISR 28 QAT 29 TWN 30 MYS \
            31 IDN 32 MEX 33 CHL";
        let now: Vec<_> = REGISTER.iter().map(|geo| format!("{} {}", geo.number, geo.code)).collect();
        assert_eq!(now.join(" "), given);
    }

    #[test]
    fn numbers_and_codes_lead_to_each_other() {
        for (index, geo) in REGISTER.iter().enumerate() {
            assert_eq!(usize::from(geo.number), index + 1);
            assert_eq!(GeoCode::from_number(geo.number), Some(geo.code));
            assert_eq!(geo.code.number(), geo.number);
        }
        assert_eq!(GeoCode::from_number(0), None);
        assert_eq!(GeoCode::from_number(u8::MAX), None);
        assert_eq!(GeoCode::UNKNOWN.number(), 0);
        assert_eq!(GeoCode::new("LAB").map(GeoCode::number), Some(0));
    }

    #[test]
    fn every_code_that_can_be_attributed_is_registered() {
        let documented = documented::documented().iter().map(|(_, code)| *code);
        for code in documented.chain(azure::codes()) {
            assert_ne!(code.number(), 0, "{code}");
        }
    }

    #[test]
    fn the_vendors_table_overrules_the_list_which_overrules_the_region() {
        assert_eq!(of("13.71.171.0/24", Some("FRA"), Some("WestUS")), "CAN (documented)");
        assert_eq!(of("13.71.171.64/26", Some("FRA"), None), "CAN (documented)");
        assert_eq!(of("13.71.170.0/24", Some("FRA"), Some("WestUS")), "FRA (configured)");
        assert_eq!(of("13.71.170.0/23", None, Some("WestUS")), "NAM (inferred)");
        assert_eq!(of("2603:1000::/32", None, Some("chinaeast2")), "CHN (inferred)");
        assert_eq!(of("13.71.170.0/24", Some("ZZZ"), Some("WestUS")), "NAM (inferred)");
        assert_eq!(of("13.71.170.0/24", Some("ZZZ"), None), "ZZZ (unknown)");
        assert_eq!(of("13.71.170.0/24", None, Some("Atlantis")), "ZZZ (unknown)");
    }
}
