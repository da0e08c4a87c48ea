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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// Bits after the prefix length were set; they were cleared.
    HostBits {
        /// The place of the prefix.
        place: Place,
        /// The prefix as written.
        written: IpNet,
        /// The prefix as used.
        used: IpNet,
    },
    /// A list names another geo than the vendor's table. The geo of the table is used.
    DocumentedGeoKept {
        /// The place of the other geo.
        place: Place,
        /// The range.
        prefix: IpNet,
        /// The vendor's geo, which is used.
        documented: GeoCode,
        /// The list's geo, which is ignored.
        listed: GeoCode,
    },
    /// Two entries give different geos to the same prefix. The first is used.
    GeoConflict {
        /// The range.
        prefix: IpNet,
        /// The geo that is used.
        kept: Geo,
        /// The place of that geo.
        kept_from: Place,
        /// The geo that is ignored.
        dropped: Geo,
        /// The place of that geo.
        dropped_from: Place,
    },
    /// A prefix lies in a broader one of the same geo. Both are kept, and each has its own counters.
    NestedSameGeo {
        /// The inner prefix.
        prefix: IpNet,
        /// The narrowest prefix that contains it.
        within: IpNet,
        /// The geo of both.
        geo: GeoCode,
    },
    /// A list names a geo without a registered number. Reported once for each code.
    UnregisteredGeo {
        /// The first place of the code.
        place: Place,
        /// The code.
        code: GeoCode,
    },
    /// No geo is known for an Azure region. Reported once for each region.
    UnknownRegion {
        /// The first place of the region.
        place: Place,
        /// The region as written.
        region: String,
    },
    /// A warning of a source about its list.
    Source {
        /// Name of the list.
        list: String,
        /// The source's warning.
        warning: source::Warning,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.list),
            line => write!(f, "{}, line {line}", self.list),
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HostBits { place, written, used } => {
                write!(f, "{place}: {written} has host bits set; taken as {used}")
            }
            Self::DocumentedGeoKept { place, prefix, documented, listed } => {
                write!(f, "{place}: geo {listed} of {prefix} is ignored; the vendor documents {documented}")
            }
            Self::GeoConflict { prefix, kept, kept_from, dropped, dropped_from } => write!(
                f,
                "{prefix} has two geos: {kept} from {kept_from}, kept, and {dropped} from {dropped_from}, ignored; \
                 the list named first wins"
            ),
            Self::NestedSameGeo { prefix, within, geo } => {
                write!(f, "{prefix} lies within {within}, of the same geo {geo}; it is counted on its own")
            }
            Self::Source { list, warning } => write!(f, "{list}: {warning}"),
            Self::UnregisteredGeo { place, code } => {
                write!(
                    f,
                    "{place}: geo {code} is not a registered one; it is counted, but it has no number for a tag"
                )
            }
            Self::UnknownRegion { place, region } => {
                write!(
                    f,
                    "{place}: no geo is known for the region {region:?}; counted as {}",
                    GeoCode::UNKNOWN
                )
            }
        }
    }
}
