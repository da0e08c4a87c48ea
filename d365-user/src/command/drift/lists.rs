//! Reads the lists that are files or part of the program.

use std::{
    io::ErrorKind::NotFound,
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{
    documents,
    expected::Known,
    list::{Kind, List, Mark, Marks, Origin},
};
use crate::{
    cli,
    command::{error::CommandError, saved_gates::gates, text::counted},
    gate::{GatePolicy, Part, PartList, Timestamp, gates::Gates, merge},
    geo::{self, DOCUMENTED_DATE, documented},
    ranges::RangeSet,
    source::{self, embedded, shown_name},
    state::{DEFAULT_DIRECTORY, StateError},
};

const DOCUMENTED: &str = "documented";
const EMBEDDED: &str = "embedded";
const ACCEPTED: &str = "accepted";

/// The documentation table, the embedded list, the service tag, its regions, and the lists that the gates
/// accepted. In addition it returns the known reasons for differences.
pub(super) fn read(flags: &cli::Drift) -> Result<(Vec<List>, Known), CommandError> {
    let directory = flags.state_dir.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_DIRECTORY));
    let named = flags.document.as_deref().map(documents::of_file).transpose()?;
    let kept = gates(&directory, GatePolicy::default()).and_then(|gates| {
        let gates = gates.unwrap_or_default();
        let kept = match &named {
            Some(_) => Default::default(),
            None => documents::kept(&directory, &gates)?,
        };
        Ok((gates, kept))
    });
    let mut known = Known::default();
    let (accepted, (kept, remarks)) = match kept {
        Ok((gates, kept)) => {
            known = of_gates(&gates);
            (accepted(&gates, &directory), kept)
        }
        Err(error) if flags.state_dir.is_some() => return Err(error),
        Err(CommandError::State(StateError::Directory { path, cause })) if cause.kind() == NotFound => {
            let why = format!("there is no {}: no daemon has run with it", path.display());
            (List::missing(ACCEPTED, Kind::Accepted, why), Default::default())
        }
        Err(error) => {
            (List::missing(ACCEPTED, Kind::Accepted, format!("not readable: {error}")), Default::default())
        }
    };
    let embedded = embedded()?;
    let number = embedded.origins.first().and_then(|origin| origin.change_number);
    known.is_build_newer = named.as_ref().is_some_and(|named| !named.is_newer_than(number));
    let [tag, regions] = documents::lists(&named.map_or(kept, |named| vec![named]), remarks);
    Ok((vec![table(), embedded, tag, regions, accepted], known))
}

/// The changes that wait at the gates, and the prefixes that a file's list adds.
fn of_gates(gates: &Gates) -> Known {
    let waiting = gates.values().flat_map(|gate| gate.pending().map(|pending| pending.prefix)).collect();
    let files = gates.iter().filter(|(name, _)| name.starts_with("file:"));
    let own = files.flat_map(|(_, gate)| gate.accepted().map(|range| range.prefix)).collect();
    Known { waiting, own, is_build_newer: false }
}

/// The vendor's table. Every other list must have all of it.
fn table() -> List {
    let marks: Marks =
        documented().iter().map(|(prefix, code)| (*prefix, Mark::Listed(Some(*code)))).collect();
    let origin = Origin {
        name: "the vendor's documentation".to_owned(),
        ranges: marks.len(),
        date: Some(DOCUMENTED_DATE.to_owned()),
        ..Origin::default()
    };
    List { origins: vec![origin], ..List::new(DOCUMENTED, Kind::Documented, marks, Vec::new()) }
}

fn embedded() -> Result<List, CommandError> {
    let list = embedded::list()?;
    let mark = |entry: &crate::source::ListEntry| {
        let geo = geo::attribute(&entry.prefix, entry.geo, entry.region.as_deref());
        (entry.prefix.trunc(), Mark::Listed(Some(geo.code)))
    };
    let marks: Marks = list.entries.iter().map(mark).collect();
    let origin = Origin {
        name: "this build".to_owned(),
        cloud: None,
        ranges: marks.len(),
        date: list.origin.date,
        change_number: list.origin.change_number,
        tag_change_number: list.origin.tag_change_number,
    };
    Ok(List { origins: vec![origin], ..List::new(EMBEDDED, Kind::Embedded, marks, Vec::new()) })
}

/// The lists that all gates have accepted, merged by the daemon's rule. The sources are in the order of their
/// names, because the command line of the daemon is not known. The order decides only between two geos of one
/// prefix.
fn accepted(gates: &Gates, directory: &Path) -> List {
    if gates.is_empty() {
        let why = format!("no daemon has written its gates to {} yet", directory.display());
        return List::missing(ACCEPTED, Kind::Accepted, why);
    }
    let now = Timestamp::from(SystemTime::now());
    let mut list = List::new(ACCEPTED, Kind::Accepted, Marks::new(), Vec::new());
    let parts = gates.iter().enumerate().map(|(place, (source, gate))| {
        let origin = source::Origin { name: source.clone(), ..source::Origin::default() };
        Part { place, origin, list: PartList::Accepted(gate) }
    });
    // Without a limit the only error is that no gate has accepted a range.
    let marks = merge(parts, now, u32::MAX).map_or_else(|_| Marks::new(), |set| marks(&set));
    for (source, gate) in gates {
        let source = shown_name(source);
        list.origins.push(Origin {
            name: source.to_owned(),
            ranges: gate.accepted().len(),
            tag_change_number: gate.change_number(),
            ..Origin::default()
        });
        if gate.confirmed().is_none() {
            list.remarks.push(format!("{source}: no reading of it has confirmed this yet"));
        }
        let waiting: usize = gate.pending_counts().iter().map(|(_, count)| count).sum();
        if waiting > 0 {
            let changes = counted(waiting, "change");
            list.remarks.push(format!("{source}: {changes} waiting; d365-user approve shows what and why"));
        }
    }
    List { marks: Some(marks), ..list }
}

fn marks(set: &RangeSet) -> Marks {
    let listed = set.ranges().iter().map(|range| (range.prefix, Mark::Listed(Some(range.geo.code))));
    let retired = set.retired().iter().map(|range| (range.prefix, Mark::Retired(Some(range.geo.code))));
    retired.chain(listed).collect()
}
