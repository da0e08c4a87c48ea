//! The gates' state on disk. `gate.json` holds each source's gate by the source's name. `gate-copy.json`
//! holds a copy of what the gates accepted, in case the first file is damaged.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    gate::{Gate, GatePolicy, State},
    state::{Damage, Kind, StateDir, StateError, read_checked, read_only, read_only_in, write_checksummed},
};

/// The file's name in the state directory.
pub const FILE: &str = "gate.json";
/// The name of the copy of the accepted lists. It has the same form: the operator may copy it over
/// `gate.json`.
pub const COPY: &str = "gate-copy.json";
/// Raise the version when [`State`] changes, and keep reading the versions before. They lack newer fields.
///
/// The largest list that can be accepted (262,144 ranges), with each range replaced by another, takes two
/// thirds of the limit: as many removals and additions wait then.
pub(crate) const KIND: Kind = Kind { name: "gate", oldest: 1, version: 3, limit: 256 << 20 };

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    /// The daemon's periods in seconds. Commands compute the times that they show from them. Version 1 has no
    /// periods.
    #[serde(default)]
    periods: Option<Periods>,
    sources: BTreeMap<String, State>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Periods {
    confirm_after: u64,
    hold: u64,
}

/// Gates by source.
pub type Gates = BTreeMap<String, Gate>;

/// The gates that a start found.
#[derive(Debug, Default)]
pub struct Recovered {
    /// The gates of the file; if it is missing or damaged, those of the copy; otherwise no gates.
    pub gates: Gates,
    /// True if the gates come from the copy.
    pub is_copy: bool,
    /// The errors of the files that could not be used.
    pub errors: Vec<StateError>,
}

/// Writes all gates. Then reads the file back to verify it, and only after that writes the copy, if that has
/// changed.
///
/// # Errors
/// [`StateError::Write`], [`StateError::TooLarge`], or [`StateError::Read`] when the file cannot be read
/// back. If the file itself cannot be written, the previous one is kept.
pub fn save(directory: &StateDir, gates: &Gates) -> Result<(), StateError> {
    let failed = |cause| StateError::Write { path: directory.file(FILE), cause };
    let body = body(gates).map_err(|cause| failed(cause.into()))?;
    write_checksummed(directory, FILE, KIND, &body)?;
    if !holds(directory, FILE, &body)? {
        return Err(failed(std::io::Error::other("what is read back is not what was written")));
    }
    let copy = written(gates, Gate::stored_accepted).map_err(|cause| failed(cause.into()))?;
    if holds(directory, COPY, &copy).unwrap_or(false) {
        return Ok(());
    }
    write_checksummed(directory, COPY, KIND, &copy)
}

/// Returns true if the file `name` is whole and has this body.
fn holds(directory: &StateDir, name: &str, body: &[u8]) -> Result<bool, StateError> {
    match read_only(directory, name, KIND, |found| Ok(found == body)) {
        Err(StateError::Damaged { .. }) => Ok(false),
        found => Ok(found? == Some(true)),
    }
}

/// Reads the gates, from the copy if the file is missing or damaged. A damaged file is set aside as a whole;
/// no part of it is used. A downloaded document never replaces the gates: it was saved before any gate judged
/// it.
pub fn recover(directory: &StateDir, policy: GatePolicy) -> Recovered {
    let mut errors = Vec::new();
    for (file, is_copy) in [(FILE, false), (COPY, true)] {
        match read_checked(directory, file, KIND, |body| gates(body, policy)) {
            Ok(Some(gates)) => return Recovered { gates, is_copy, errors },
            Ok(None) => {}
            Err(error) => errors.push(error),
        }
    }
    Recovered { errors, ..Recovered::default() }
}

/// Reads all gates in the directory of a daemon that may be running. Nothing is changed. The gates get that
/// daemon's periods from the file.
///
/// # Errors
/// [`StateError::Read`] or [`StateError::Damaged`].
pub fn look(directory: &Path, policy: GatePolicy) -> Result<Option<Gates>, StateError> {
    look_at(directory, FILE, policy)
}

/// Returns true if the copy in the directory can take the place of a damaged file.
#[must_use]
pub fn has_copy(directory: &Path) -> bool {
    matches!(look_at(directory, COPY, GatePolicy::default()), Ok(Some(_)))
}

/// Reads the file or its copy, without a change.
pub(crate) fn look_at(directory: &Path, name: &str, policy: GatePolicy) -> Result<Option<Gates>, StateError> {
    read_only_in(directory, name, KIND, |body| read(body, |periods| with_periods(policy, periods)))
}

fn with_periods(policy: GatePolicy, periods: Option<Periods>) -> GatePolicy {
    periods.map_or(policy, |Periods { confirm_after, hold }| GatePolicy {
        confirm_after: Duration::from_secs(confirm_after),
        hold: Duration::from_secs(hold),
        ..policy
    })
}

/// The body of the file. Pure.
///
/// # Errors
/// None in practice: this content can always be written as JSON.
pub fn body(gates: &Gates) -> serde_json::Result<Vec<u8>> {
    written(gates, Gate::stored)
}

fn written(gates: &Gates, stored: impl Fn(&Gate) -> State) -> serde_json::Result<Vec<u8>> {
    let periods = gates.values().next().map(|gate| Periods {
        confirm_after: gate.policy().confirm_after.as_secs(),
        hold: gate.policy().hold.as_secs(),
    });
    let sources = gates.iter().map(|(name, gate)| (name.clone(), stored(gate))).collect();
    let mut body = serde_json::to_vec_pretty(&Body { periods, sources })?;
    body.push(b'\n');
    Ok(body)
}

/// Parses the gates in the body of the file, under this policy. Pure.
pub fn gates(body: &[u8], policy: GatePolicy) -> Result<Gates, Damage> {
    read(body, |_| policy)
}

fn read(body: &[u8], policy: impl Fn(Option<Periods>) -> GatePolicy) -> Result<Gates, Damage> {
    let Body { periods, sources } =
        serde_json::from_slice(body).map_err(|cause| Damage::Content(cause.to_string()))?;
    let policy = policy(periods);
    let restore = |(name, stored): (String, State)| match Gate::restore(policy, stored) {
        Ok(gate) => Ok((name, gate)),
        Err(inconsistent) => Err(Damage::Content(format!("source {name:?}: {inconsistent}"))),
    };
    sources.into_iter().map(restore).collect()
}
