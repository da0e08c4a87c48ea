//! The gates' state on disk: `gate.json`, each source by the name that the operator gave it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Damage, Found, Kind, StateDir, StateError, peek, read_checked, write_sealed};
use crate::generation::gate::{Gate, GatePolicy, Stored};

/// The file's name in the state directory.
pub const FILE: &str = "gate.json";
/// Raise the version when [`Stored`] changes.
pub(super) const KIND: Kind = Kind { name: "gate", version: 1 };
/// The largest file that is read. The largest list that can be accepted, of 262,144 ranges, is half of it.
pub(super) const LIMIT: u64 = 64 << 20;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    sources: BTreeMap<String, Stored>,
}

/// Gates by source.
pub type Gates = BTreeMap<String, Gate>;

/// Writes all gates down.
///
/// # Errors
/// [`StateError::Write`]; what was written before is kept.
pub fn save(directory: &StateDir, gates: &Gates) -> Result<(), StateError> {
    let path = directory.file(FILE);
    let body = body(gates).map_err(|cause| StateError::Write { path: path.clone(), cause: cause.into() })?;
    write_sealed(&path, KIND, &body)
}

/// Reads all gates back. A file that is not believed is set aside; it is not believed by halves.
///
/// # Errors
/// [`StateError::Read`].
pub fn load(directory: &StateDir, policy: GatePolicy) -> Result<Found<Gates>, StateError> {
    let path = directory.file(FILE);
    Ok(read_checked(&path, KIND, LIMIT)?.and_then(&path, |body| gates(&body, policy)))
}

/// Reads all gates in the directory of a daemon that may be running, and leaves everything as it is.
///
/// # Errors
/// [`StateError::Read`].
pub fn look(directory: &Path, policy: GatePolicy) -> Result<Found<Gates>, StateError> {
    let path: PathBuf = directory.join(FILE);
    Ok(match peek(&path, KIND, LIMIT)? {
        Found::Whole(body) => match gates(&body, policy) {
            Ok(gates) => Found::Whole(gates),
            Err(damage) => Found::Damaged { damage, set_aside: None },
        },
        Found::Nothing => Found::Nothing,
        Found::Damaged { damage, set_aside } => Found::Damaged { damage, set_aside },
    })
}

/// The file's body. Pure.
///
/// # Errors
/// None: what it holds can always be written as JSON.
pub fn body(gates: &Gates) -> serde_json::Result<Vec<u8>> {
    let sources = gates.iter().map(|(name, gate)| (name.clone(), gate.stored())).collect();
    let mut body = serde_json::to_vec_pretty(&Body { sources })?;
    body.push(b'\n');
    Ok(body)
}

/// Gates from the file's body. Pure.
///
/// # Errors
/// [`Damage::Content`].
pub fn gates(body: &[u8], policy: GatePolicy) -> Result<Gates, Damage> {
    let Body { sources } =
        serde_json::from_slice(body).map_err(|cause| Damage::Content(cause.to_string()))?;
    let restore = |(name, stored): (String, Stored)| match Gate::restore(policy, &stored) {
        Ok(gate) => Ok((name, gate)),
        Err(inconsistent) => Err(Damage::Content(format!("source {name:?}: {inconsistent}"))),
    };
    sources.into_iter().map(restore).collect()
}
