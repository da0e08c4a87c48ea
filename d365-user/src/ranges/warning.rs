//! Oddities of the lists that do no harm. The set carries them, and the daemon logs them.

use std::fmt;

use ipnet::IpNet;

use crate::geo::{Geo, GeoCode};
use crate::source;

/// The place of an entry: the name of its list and the line, from 1; 0 if the list has no lines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Name of the list ([`crate::source::Origin::name`]).
    pub list: String,
    /// The line.
    pub line: usize,
}

/// One oddity, and its consequence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant describes its fields")]
pub enum Warning {
    #[error("{place}: {written} has host bits set; taken as {used}")]
    HostBits { place: Place, written: IpNet, used: IpNet },
    #[error("{place}: geo {listed} of {prefix} is ignored; the vendor documents {documented}")]
    DocumentedGeoKept { place: Place, prefix: IpNet, documented: GeoCode, listed: GeoCode },
    #[error(
        "{prefix} has two geos: {kept} from {kept_from}, kept, and {dropped} from {dropped_from}, ignored; the list named \
         first wins"
    )]
    GeoConflict { prefix: IpNet, kept: Geo, kept_from: Place, dropped: Geo, dropped_from: Place },
    /// A prefix lies in a broader one of the same geo; `within` is the narrowest of those.
    #[error("{prefix} lies within {within}, of the same geo {geo}; it is counted on its own")]
    NestedSameGeo { prefix: IpNet, within: IpNet, geo: GeoCode },
    /// A list names a geo without a registered number. Reported once for each code.
    #[error("{place}: geo {code} is not a registered one; it is counted, but it has no number for a tag")]
    UnregisteredGeo { place: Place, code: GeoCode },
    /// No geo is known for an Azure region. Reported once for each region.
    #[error("{place}: no geo is known for the region {region:?}; counted as {}", GeoCode::UNKNOWN)]
    UnknownRegion { place: Place, region: String },
    #[error("{list}: {warning}")]
    Source { list: String, warning: source::Warning },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.list),
            line => write!(f, "{}, line {line}", self.list),
        }
    }
}
