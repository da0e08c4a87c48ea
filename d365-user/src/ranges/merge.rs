//! Records that become ranges one after another: checked, masked, attributed, merged with what came before.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use ipnet::IpNet;

use super::{Geo, GeoCode, GeoSource, Place, Policy, Range, RangeError, Warning, geo};
use crate::source::Record;

/// What is known so far of one prefix.
struct Claim<'a> {
    geo: Geo,
    region: Option<&'a str>,
    list: &'a str,
    line: usize,
}

/// Everything so far.
#[derive(Default)]
pub(super) struct Merge<'a> {
    claims: BTreeMap<IpNet, Claim<'a>>,
    warnings: Vec<Warning>,
    refused: Option<RangeError>,
    unregistered: BTreeSet<GeoCode>,
    unknown_regions: BTreeSet<&'a str>,
}

impl<'a> Merge<'a> {
    /// Takes one record of the list called `list`.
    pub(super) fn add(&mut self, list: &'a str, record: &'a Record, policy: &Policy) {
        let place = || Place { list: list.to_owned(), line: record.line };
        if let Err(refusal) = policy.check(&record.prefix) {
            match &mut self.refused {
                Some(RangeError::Refused { more, .. }) => *more += 1,
                _ => {
                    let prefix = record.prefix;
                    self.refused = Some(RangeError::Refused { place: place(), prefix, refusal, more: 0 });
                }
            }
            return;
        }
        let prefix = record.prefix.trunc();
        if prefix != record.prefix {
            self.warnings.push(Warning::HostBits { place: place(), written: record.prefix, used: prefix });
        }
        let region = record.region.as_deref();
        let geo = geo::attribute(&prefix, record.geo, region);
        match (geo.source, record.geo, region) {
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
        self.claim(prefix, Claim { geo, region, list, line: record.line });
    }

    /// Takes one range of a set that was built before.
    pub(super) fn add_range(&mut self, list: &'a str, range: &'a Range) {
        self.claim(range.prefix, Claim { geo: range.geo, region: range.region.as_deref(), list, line: 0 });
    }

    fn claim(&mut self, prefix: IpNet, claim: Claim<'a>) {
        match self.claims.entry(prefix) {
            Entry::Vacant(free) => drop(free.insert(claim)),
            Entry::Occupied(mut taken) => self.warnings.extend(taken.get_mut().merge(prefix, claim)),
        }
    }

    /// The ranges, sorted by prefix, and what was odd.
    pub(super) fn finish(self) -> Result<(Vec<Range>, Vec<Warning>), RangeError> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        let range = |(prefix, claim): (IpNet, Claim<'_>)| Range {
            prefix,
            geo: claim.geo,
            region: claim.region.map(str::to_owned),
        };
        let ranges: Vec<Range> = self.claims.into_iter().map(range).collect();
        let mut warnings = self.warnings;
        warnings.extend(nested(&ranges));
        Ok((ranges, warnings))
    }
}

impl<'a> Claim<'a> {
    /// Takes in another claim on the same prefix. A region goes with the geo that was concluded from it.
    fn merge(&mut self, prefix: IpNet, other: Self) -> Option<Warning> {
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

/// The prefixes that lie in a broader one of the same geo. `ranges` are sorted: what holds a prefix stands before it.
fn nested(ranges: &[Range]) -> Vec<Warning> {
    let mut around: Vec<&Range> = Vec::new();
    let mut found = Vec::new();
    for range in ranges {
        while around.pop_if(|outer| !outer.prefix.contains(&range.prefix)).is_some() {}
        if let Some(outer) = around.last().filter(|outer| outer.geo.code == range.geo.code) {
            let geo = range.geo.code;
            found.push(Warning::NestedSameGeo { prefix: range.prefix, within: outer.prefix, geo });
        }
        around.push(range);
    }
    found
}
