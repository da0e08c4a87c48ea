//! The list, its sources and its ranges.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::Lease;
use crate::geo::Geo;

/// The list of one published generation. As JSON it is an object with these fields and the format's name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedList {
    /// The name and version of the form.
    pub format: ListFormat,
    /// The number of the generation. Each daemon begins at 1.
    pub generation: u64,
    /// SHA-256 of all ranges of the generation, lower-case hexadecimal, as `RangeSet::digest` has it. A
    /// selection of its ranges keeps it.
    pub digest: String,
    /// The time of the publication, in seconds since the Unix epoch.
    pub published: u64,
    /// The sources, in the order of the command line.
    pub sources: Vec<PublishedSource>,
    /// The ranges: IPv4 before IPv6, by address and then by length.
    pub ranges: Vec<PublishedRange>,
    /// Ranges that have left the list and are still recognised, in the same order. They are not trusted.
    pub retired: Vec<PublishedRange>,
}

/// The name and version of the form. Another version is another name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListFormat {
    /// This form.
    #[default]
    #[serde(rename = "d365-ranges-1")]
    V1,
}

/// A source of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedSource {
    /// Its name, such as `azure` or `file:/etc/d365/ranges.csv`.
    pub name: String,
    /// The date of its list in ISO 8601, if the list has one.
    pub date: Option<String>,
    /// The change number of its list, if the list has one.
    pub change_number: Option<u64>,
    /// The time of its last good list, in seconds since the Unix epoch; `None` if it never gave one.
    pub last_success: Option<u64>,
    /// The end of the trust in its ranges.
    pub lease: Lease,
}

/// A range of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedRange {
    /// The prefix, without host bits.
    pub prefix: IpNet,
    /// The geo.
    #[serde(flatten)]
    pub geo: Geo,
    /// The Azure region's name (`WestUS2`), if known.
    pub region: Option<String>,
    /// The sources that list it or a prefix that contains it, as positions in the list's sources.
    pub sources: Vec<usize>,
}

impl PublishedList {
    /// The end of the trust in a range: that of the source which is trusted longest.
    #[must_use]
    pub fn lease(&self, range: &PublishedRange) -> Lease {
        let sources = range.sources.iter().filter_map(|place| self.sources.get(*place));
        sources.map(|source| source.lease).max().unwrap_or_default()
    }

    /// The names of the sources, joined by a comma.
    #[must_use]
    pub fn source_names(&self) -> String {
        self.sources.iter().map(|source| source.name.as_str()).collect::<Vec<_>>().join(",")
    }
}
