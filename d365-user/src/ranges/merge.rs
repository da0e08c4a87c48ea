//! Turns entries into ranges one after another: checks, masks and attributes each, and merges it with those
//! before.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use ipnet::IpNet;

use super::{Place, Policy, Range, RangeError, SourceSet, Warning};
use crate::{
    geo::{self, Geo, GeoCode, GeoSource},
    source::ListEntry,
};

/// The knowledge so far about one prefix.
struct Claim<'a> {
    geo: Geo,
    region: Option<&'a str>,
    list: &'a str,
    line: usize,
    sources: SourceSet,
}

/// The ranges by prefix, the sources of each, and the warnings.
pub(super) type Merged = (Vec<Range>, Vec<SourceSet>, Vec<Warning>);

/// The state after the entries so far.
#[derive(Default)]
pub(super) struct Merge<'a> {
    claims: BTreeMap<IpNet, Claim<'a>>,
    warnings: Vec<Warning>,
    refused: Option<RangeError>,
    unregistered: BTreeSet<GeoCode>,
    unknown_regions: BTreeSet<&'a str>,
}

impl<'a> Merge<'a> {
    /// Adds one entry of the list `list`, from the source at position `source`.
    pub(super) fn add(&mut self, source: usize, list: &'a str, entry: &'a ListEntry, policy: &Policy) {
        let place = || Place { list: list.to_owned(), line: entry.line };
        if let Err(refusal) = policy.check(&entry.prefix) {
            match &mut self.refused {
                Some(RangeError::Refused { more, .. }) => *more += 1,
                _ => {
                    let prefix = entry.prefix;
                    self.refused = Some(RangeError::Refused { place: place(), prefix, refusal, more: 0 });
                }
            }
            return;
        }
        let prefix = entry.prefix.trunc();
        if prefix != entry.prefix {
            self.warnings.push(Warning::HostBits { place: place(), written: entry.prefix, used: prefix });
        }
        let region = entry.region.as_deref();
        let geo = geo::attribute(&prefix, entry.geo, region);
        match (geo.source, entry.geo, region) {
            (GeoSource::Documented, Some(listed), _) if listed != geo.code && listed != GeoCode::UNKNOWN => {
                let documented = geo.code;
                self.warnings.push(Warning::DocumentedGeoKept { place: place(), prefix, documented, listed });
            }
            (GeoSource::Configured, ..) if geo.code.number() == 0 && self.unregistered.insert(geo.code) => {
                self.warnings.push(Warning::UnregisteredGeo { place: place(), code: geo.code });
            }
            (GeoSource::Unknown, _, Some(region)) if self.unknown_regions.insert(region) => {
                self.warnings.push(Warning::UnknownRegion { place: place(), region: region.to_owned() });
            }
            _ => {}
        }
        let sources = SourceSet::of(source);
        self.claim(prefix, Claim { geo, region, list, line: entry.line, sources });
    }

    /// Adds one range of a set that was built before.
    pub(super) fn add_range(&mut self, source: usize, list: &'a str, range: &'a Range) {
        let (geo, region, sources) = (range.geo, range.region.as_deref(), SourceSet::of(source));
        self.claim(range.prefix, Claim { geo, region, list, line: 0, sources });
    }

    fn claim(&mut self, prefix: IpNet, claim: Claim<'a>) {
        match self.claims.entry(prefix) {
            Entry::Vacant(free) => drop(free.insert(claim)),
            Entry::Occupied(mut taken) => self.warnings.extend(taken.get_mut().merge(prefix, claim)),
        }
    }

    /// Returns the ranges sorted by prefix, the sources of each (those that list it or a prefix that contains
    /// it), and the warnings. Returns the error of the first prefix that was not accepted, if there was one.
    pub(super) fn finish(self) -> Result<Merged, RangeError> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        let range = |(prefix, claim): (IpNet, Claim<'_>)| Range {
            prefix,
            geo: claim.geo,
            region: claim.region.map(str::to_owned),
        };
        let mut sources: Vec<SourceSet> = self.claims.values().map(|claim| claim.sources).collect();
        let ranges: Vec<Range> = self.claims.into_iter().map(range).collect();
        let mut warnings = self.warnings;
        warnings.extend(nested(&ranges, &mut sources));
        Ok((ranges, sources, warnings))
    }
}

impl<'a> Claim<'a> {
    /// Merges another claim on the same prefix into this one. The region comes from the claim whose geo is
    /// kept, if that claim has one.
    fn merge(&mut self, prefix: IpNet, mut other: Self) -> Option<Warning> {
        self.sources = self.sources.with(other.sources);
        other.sources = self.sources;
        let place = |claim: &Claim<'_>| Place { list: claim.list.to_owned(), line: claim.line };
        let other_is_better = if self.geo.code == other.geo.code {
            other.geo.source < self.geo.source
        } else if other.geo.source == GeoSource::Unknown {
            false
        } else if self.geo.source == GeoSource::Unknown {
            true
        } else {
            return Some(Warning::GeoConflict {
                prefix,
                kept: self.geo,
                kept_from: place(self),
                dropped: other.geo,
                dropped_from: place(&other),
            });
        };
        let region = self.region;
        if other_is_better {
            *self = other;
            self.region = self.region.or(region);
        } else {
            self.region = region.or(other.region);
        }
        None
    }
}

/// Adds to each range the sources of the prefixes that contain it, and reports those that lie in a broader
/// one of the same geo. `ranges` must be sorted: a broader prefix comes first.
fn nested(ranges: &[Range], sources: &mut [SourceSet]) -> Vec<Warning> {
    let mut around: Vec<usize> = Vec::new();
    let mut found = Vec::new();
    for (at, range) in ranges.iter().enumerate() {
        while around.pop_if(|outer| !ranges[*outer].prefix.contains(&range.prefix)).is_some() {}
        if let Some(at_outer) = around.last() {
            sources[at] = sources[at].with(sources[*at_outer]);
            let (outer, geo) = (&ranges[*at_outer], range.geo.code);
            if outer.geo.code == geo {
                found.push(Warning::NestedSameGeo { prefix: range.prefix, within: outer.prefix, geo });
            }
        }
        around.push(at);
    }
    found
}
