//! Infers the geo of a range from its Azure region, if no document names the geo.
//!
//! The rule: if the region belongs to the Azure geography of a documented range, the geo is the vendor's
//! documented code. Otherwise it is the country's ISO 3166-1 alpha-3 code. Geographies:
//! <https://azure.microsoft.com/explore/global-infrastructure/geographies>. The region names are those of the
//! service tags documents of 2019 to 2026. Some have a second spelling there (`FranceCentral`,
//! `centralfrance`).

use super::GeoCode;

/// Region names in lower case, letters and digits only, by geo.
#[rustfmt::skip]
const REGIONS: &[(GeoCode, &[&str])] = &[
    // Geographies with a documented range.
    (GeoCode(*b"NAM"), &[
        "centralus", "centraluseuap", "eastus", "eastus2", "eastus2euap", "eastus2stage", "eastus3", "eastusstg",
        "northcentralus", "northcentralusstage", "southcentralus", "southcentralus2", "southcentralusstg", "southeastus",
        "southeastus3", "usstagec", "usstagee", "westcentralus", "westus", "westus2", "westus3",
    ]),
    (GeoCode(*b"CAN"), &["canadacentral", "canadaeast"]),
    (GeoCode(*b"SAM"), &["brazilne", "brazilse", "brazilsouth", "brazilsoutheast"]),
    (GeoCode(*b"APJ"), &["eastasia", "southeastasia"]),
    (GeoCode(*b"OCE"), &["australiacentral", "australiacentral2", "australiaeast", "australiasoutheast"]),
    (GeoCode(*b"UAE"), &["uaecentral", "uaenorth"]),
    (GeoCode(*b"IND"), &["centralindia", "jioindiacentral", "jioindiawest", "southindia", "westindia"]),
    (GeoCode(*b"JPN"), &["japaneast", "japanwest"]),
    (GeoCode(*b"EUR"), &["northeurope", "northeurope2", "westeurope"]),
    (GeoCode(*b"FRA"), &["centralfrance", "francecentral", "francesouth", "southfrance"]),
    (GeoCode(*b"CHE"), &["switzerlandn", "switzerlandnorth", "switzerlandw", "switzerlandwest"]),
    (GeoCode(*b"GBR"), &["uknorth", "uksouth", "uksouth2", "ukwest"]),
    // Countries.
    (GeoCode(*b"ZAF"), &["southafricanorth", "southafricawest"]),
    (GeoCode(*b"KOR"), &["koreacentral", "koreas2", "koreasouth"]),
    (GeoCode(*b"NOR"), &["norwaye", "norwayeast", "norwayw", "norwaywest"]),
    (GeoCode(*b"SWE"), &["swedencentral", "swedensouth"]),
    (GeoCode(*b"DEU"), &["germanyn", "germanynorth", "germanywc", "germanywestcentral"]),
    (GeoCode(*b"ITA"), &["italynorth"]),
    (GeoCode(*b"POL"), &["polandcentral"]),
    (GeoCode(*b"NZL"), &["newzealandnorth"]),
    (GeoCode(*b"ESP"), &["spaincentral"]),
    (GeoCode(*b"AUT"), &["austriaeast"]),
    (GeoCode(*b"BEL"), &["belgiumcentral"]),
    (GeoCode(*b"DNK"), &["denmarkeast"]),
    (GeoCode(*b"ISR"), &["israelcentral", "israelnorthwest"]),
    (GeoCode(*b"QAT"), &["qatarcentral"]),
    (GeoCode(*b"TWN"), &["taiwannorth", "taiwannorthwest"]),
    (GeoCode(*b"MYS"), &["malaysiasouth", "malaysiawest"]),
    (GeoCode(*b"IDN"), &["indonesiacentral"]),
    (GeoCode(*b"MEX"), &["mexicocentral"]),
    (GeoCode(*b"CHL"), &["chilec", "chilecentral"]),
];

/// The sovereign clouds: prefixes of region names, one geo for each whole cloud.
const CLOUDS: &[(GeoCode, &[&str])] =
    &[(GeoCode(*b"USG"), &["usgov", "usdod"]), (GeoCode(*b"CHN"), &["china"])];

/// The geo of a range in `region`, in any spelling (`WestUS2`, `westus2`, `West US 2`); `None` if the table
/// does not contain the region.
pub(super) fn code(region: &str) -> Option<GeoCode> {
    let name: String =
        region.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let whole = REGIONS.iter().find(|(_, names)| names.contains(&name.as_str()));
    let begun = || CLOUDS.iter().find(|(_, starts)| starts.iter().any(|start| name.starts_with(start)));
    whole.or_else(begun).map(|(code, _)| *code)
}

/// Every code that [`code`] can return.
#[cfg(test)]
pub(super) fn codes() -> impl Iterator<Item = GeoCode> {
    REGIONS.iter().chain(CLOUDS).map(|(code, _)| *code)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn of(region: &str) -> Option<String> {
        code(region).map(|code| code.to_string())
    }

    #[test]
    fn regions_follow_their_geography_or_their_country() {
        let expected = [
            ("NAM", "EastUS WestUS WestUS2 EastUS2"),
            ("APJ", "SoutheastAsia EastAsia"),
            ("FRA", "FranceSouth southfrance"),
            ("DEU", "GermanyNorth GermanyWestCentral germanywc"),
            ("USG", "USGovTexas USGovVirginia USDoDEast"),
            ("CHN", "chinanorth2 chinaeast2 ChinaNorth3"),
        ];
        for (code, regions) in expected {
            for region in regions.split(' ') {
                assert_eq!(of(region).as_deref(), Some(code), "{region}");
            }
        }
    }

    #[test]
    fn spelling_does_not_matter_and_the_unknown_stays_unknown() {
        assert_eq!(of("West US 2").as_deref(), Some("NAM"));
        assert_eq!(of("west-us-2").as_deref(), Some("NAM"));
        for region in ["", "-", "Mars", "WestUS99", "AzureAppServiceUx", "ｗｅｓｔｕｓ"] {
            assert_eq!(of(region), None, "{region:?}");
        }
    }

    #[test]
    fn no_region_is_listed_twice_or_misspelled() {
        let mut seen = BTreeSet::new();
        for name in REGIONS.iter().flat_map(|(_, names)| names.iter()) {
            assert!(seen.insert(name), "{name} twice");
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()), "{name}");
            assert!(!CLOUDS.iter().any(|(_, starts)| starts.iter().any(|s| name.starts_with(s))), "{name}");
        }
    }
}
