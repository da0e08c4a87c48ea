//! What is odd in the lists but does no harm: carried with the set, shown by the daemon.

use std::fmt;

use ipnet::IpNet;

use super::{Geo, GeoCode};
use crate::source;

/// Where a record is written: the list's name and the line, from 1; 0 where the list has no lines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Name of the list ([`crate::source::Origin::name`]).
    pub list: String,
    /// The line.
    pub line: usize,
}

/// One oddity, with what was done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// Bits behind the prefix length were set; they were cleared.
    HostBits {
        /// Where.
        place: Place,
        /// As written.
        written: IpNet,
        /// As used.
        used: IpNet,
    },
    /// A list names another geo than the vendor's table, which stands.
    DocumentedGeoKept {
        /// Where the other geo is named.
        place: Place,
        /// The range.
        prefix: IpNet,
        /// The vendor's geo, kept.
        documented: GeoCode,
        /// The list's geo, left out.
        listed: GeoCode,
    },
    /// Two records give the same prefix different geos; the first stands.
    GeoConflict {
        /// The range.
        prefix: IpNet,
        /// The geo kept.
        kept: Geo,
        /// Where it is from.
        kept_from: Place,
        /// The geo left out.
        dropped: Geo,
        /// Where it is from.
        dropped_from: Place,
    },
    /// A prefix lies in a broader one of the same geo; both are kept, each with counters of its own.
    NestedSameGeo {
        /// The inner prefix.
        prefix: IpNet,
        /// The closest broader one.
        within: IpNet,
        /// The geo of both.
        geo: GeoCode,
    },
    /// A list names a geo without a registered number; said once a code.
    UnregisteredGeo {
        /// Where it is first named.
        place: Place,
        /// The code.
        code: GeoCode,
    },
    /// No geo is known for an Azure region; said once a region.
    UnknownRegion {
        /// Where it is first named.
        place: Place,
        /// The region as written.
        region: String,
    },
    /// What a source found odd in its list.
    Source {
        /// Name of the list.
        list: String,
        /// What it found.
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
