//! The counts so far, in `counters.json`: enough to continue after a restart without any total falling.
//!
//! While a daemon runs, the file names the kernel maps that hold the counts which are not in the file
//! ([`Stored::maps`]), and the owner of each slot in them. After a crash, the next daemon reads those maps,
//! which were pinned, and adds their counts. After a clean stop, the file contains all counts. A file that
//! names maps which no longer exist is useless: its totals are lower than those that were exported before.
//! Such a counter would fall without looking like one that started again at zero. This module handles neither
//! times nor packets: it writes and reads plain data.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Damage, Found, Kind, StateDir, StateError, read_checked, write_sealed};
use crate::{
    generation::CounterKey,
    ledger::{Ledger, Row},
    ranges::{Geo, GeoCode, GeoSource},
    snapshot::Count,
};

/// The file's name in the state directory.
pub const FILE: &str = "counters.json";
/// Raise the version when the form changes.
pub(super) const KIND: Kind = Kind { name: "counters", version: 1 };
/// The largest file that is read: 262,144 owners in each of 17 rows at 100 bytes, and the same amount again.
pub(super) const LIMIT: u64 = 1 << 30;

/// The kernel maps that hold counts, and their layout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Maps {
    /// Id of the map of the ranges' counters.
    pub ranges: u32,
    /// Id of the map of the classes' counters.
    pub classes: u32,
    /// The interfaces of the first rows, in the order of the rows.
    pub interfaces: Vec<String>,
    /// Slots in each row.
    pub capacity: u32,
}

/// The stored counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// The maps whose counts must be added; `None` if all counts are in the file.
    pub maps: Option<Maps>,
    /// The owner of each used slot in the maps.
    pub owners: Vec<(CounterKey, u32)>,
    /// The baselines: row, slot, and the slot's reading when its owner got it. The baseline of all other
    /// slots is zero.
    pub begun: Vec<(usize, u32, Count)>,
    /// The counts before, by interface.
    pub rows: Vec<Row>,
}

impl Stored {
    /// The content to write while `maps` are in use.
    #[must_use]
    pub fn running(maps: Maps, owners: Vec<(CounterKey, u32)>, ledger: &Ledger) -> Self {
        let (begun, rows) = (ledger.begun().collect(), ledger.rows().cloned().collect());
        Self { maps: Some(maps), owners, begun, rows }
    }

    /// The content to write when no maps are in use.
    #[must_use]
    pub fn settled(rows: Vec<Row>) -> Self {
        Self { rows, ..Self::default() }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    maps: Option<Maps>,
    owners: Vec<(WrittenOwner, u32)>,
    begun: Vec<(usize, u32, WrittenCount)>,
    rows: Vec<WrittenRow>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRow {
    name: String,
    kept: Vec<(WrittenOwner, WrittenCount)>,
    carried: Vec<(String, String, bool, WrittenCount)>,
    unlisted: WrittenCount,
    other: std::collections::BTreeMap<String, u64>,
}

/// Prefix, geo code, geo source, and true if retired.
type WrittenOwner = (String, String, String, bool);
/// Packets, bytes, connections.
type WrittenCount = (u64, u64, u64);

/// Writes the file.
///
/// # Errors
/// [`StateError::Write`]. The older file is still there then. Its totals are too low by now: the caller must
/// remove it.
pub fn save(directory: &StateDir, stored: &Stored) -> Result<(), StateError> {
    let body = body(stored)
        .map_err(|cause| StateError::Write { path: directory.file(FILE), cause: cause.into() })?;
    write_sealed(directory, FILE, KIND, &body)
}

/// Reads the file. A damaged file is set aside.
///
/// # Errors
/// [`StateError::Read`].
pub fn load(directory: &StateDir) -> Result<Found<Stored>, StateError> {
    Ok(read_checked(directory, FILE, KIND, LIMIT)?.and_then(directory, FILE, |body| parse(&body)))
}

/// The body of the file. Pure.
///
/// # Errors
/// None in practice: this content can always be written as JSON.
pub fn body(stored: &Stored) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&written(stored))
}

/// Parses the body of the file. Pure.
///
/// # Errors
/// [`Damage::Content`].
pub fn parse(body: &[u8]) -> Result<Stored, Damage> {
    let body: Body = serde_json::from_slice(body).map_err(|cause| Damage::Content(cause.to_string()))?;
    let owners = body.owners.iter().map(|(owner, slot)| Ok((read_owner(owner)?, *slot)));
    let begun = body.begun.iter().map(|(row, slot, count)| (*row, *slot, read_count(*count)));
    Ok(Stored {
        maps: body.maps,
        owners: owners.collect::<Result<_, Damage>>()?,
        begun: begun.collect(),
        rows: body.rows.into_iter().map(read_row).collect::<Result<_, _>>()?,
    })
}

fn written(stored: &Stored) -> Body {
    let row = |row: &Row| WrittenRow {
        name: row.name.clone(),
        kept: row.kept.iter().map(|(owner, count)| (write_owner(owner), write_count(*count))).collect(),
        carried: row
            .carried
            .iter()
            .map(|((geo, retired), count)| {
                (geo.code.to_string(), geo.source.to_string(), *retired, write_count(*count))
            })
            .collect(),
        unlisted: write_count(row.unlisted),
        other: row.other.clone(),
    };
    Body {
        maps: stored.maps.clone(),
        owners: stored.owners.iter().map(|(owner, slot)| (write_owner(owner), *slot)).collect(),
        begun: stored.begun.iter().map(|(row, slot, count)| (*row, *slot, write_count(*count))).collect(),
        rows: stored.rows.iter().map(row).collect(),
    }
}

fn read_row(row: WrittenRow) -> Result<Row, Damage> {
    let kept = row.kept.iter().map(|(owner, count)| Ok((read_owner(owner)?, read_count(*count))));
    let carried = row
        .carried
        .iter()
        .map(|(code, source, retired, count)| Ok(((read_geo(code, source)?, *retired), read_count(*count))));
    Ok(Row {
        kept: kept.collect::<Result<_, Damage>>()?,
        carried: carried.collect::<Result<_, Damage>>()?,
        unlisted: read_count(row.unlisted),
        name: row.name,
        other: row.other,
    })
}

fn write_owner(owner: &CounterKey) -> WrittenOwner {
    let CounterKey { prefix, geo, retired } = owner;
    (prefix.to_string(), geo.code.to_string(), geo.source.to_string(), *retired)
}

fn read_owner((prefix, code, source, retired): &WrittenOwner) -> Result<CounterKey, Damage> {
    let parsed: Option<IpNet> = prefix.parse().ok().filter(|net: &IpNet| net.trunc() == *net);
    let prefix = parsed.ok_or_else(|| Damage::Content(format!("{prefix:?} is not a prefix")))?;
    Ok(CounterKey { prefix, geo: read_geo(code, source)?, retired: *retired })
}

fn read_geo(code: &str, source: &str) -> Result<Geo, Damage> {
    let found = GeoSource::ALL.into_iter().find(|known| known.as_str() == source);
    let geo = GeoCode::new(code).zip(found).map(|(code, source)| Geo { code, source });
    geo.ok_or_else(|| Damage::Content(format!("{code:?}, {source:?} is not a geo")))
}

fn write_count(Count { packets, bytes, connections }: Count) -> WrittenCount {
    (packets, bytes, connections)
}

fn read_count((packets, bytes, connections): WrittenCount) -> Count {
    Count { packets, bytes, connections }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let count = |packets| Count { packets, bytes: packets * 60, connections: packets / 3 };
        let geo = Geo { code: GeoCode::new("NAM").unwrap(), source: GeoSource::Documented };
        let owner = |retired| CounterKey { prefix: "192.0.2.0/24".parse().unwrap(), geo, retired };
        let row = Row {
            name: "eth0".to_owned(),
            kept: [(owner(true), count(7))].into(),
            carried: [((geo, false), count(u64::MAX / 60)), ((Geo::UNKNOWN, true), count(1))].into(),
            unlisted: count(2),
            other: [("not_ip".to_owned(), 5)].into(),
        };
        let interfaces = vec!["eth0".to_owned()];
        let stored = Stored {
            maps: Some(Maps { ranges: 3, classes: 4, interfaces, capacity: 64 }),
            owners: vec![(owner(false), 0), (owner(true), 63)],
            begun: vec![(0, 63, count(9))],
            rows: vec![row],
        };
        let body = body(&stored).unwrap();
        assert_eq!(parse(&body).unwrap(), stored);
        for (from, to) in [("192.0.2.0/24", "192.0.2.1/24"), ("\"NAM\"", "\"nam\""), ("documented", "known")]
        {
            let text = String::from_utf8(body.clone()).unwrap().replace(from, to);
            assert!(matches!(parse(text.as_bytes()), Err(Damage::Content(_))), "{to}");
        }
    }
}
