//! Hands the operator's approval to the running daemon. `d365-user approve` shows the pending changes of
//! `gate.json` and writes `approval.json` into the same directory. The daemon removes that file, carries out
//! the request and writes `approval-answer.json`.
//!
//! - A user who can write to the state directory can approve changes. Only the directory's permissions
//!   control this.
//! - An approval names the digest of the pending changes that the operator saw ([`Gate::pending_digest`]). It
//!   does not approve other changes that are pending by then.
//! - A daemon that is not running finds the approval at its next start. The daemon takes each approval once.

use std::path::Path;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

pub use super::approve::Verdict;
use super::gates::Gates;
use crate::{
    gate::{Decision, Gate, Timestamp},
    source::shown_name,
    state::{Beneath, Damage, Kind, StateDir, StateError, read_checked, read_only_in, write_checksummed},
};

/// The request's file name in the state directory.
pub const REQUEST: &str = "approval.json";
/// The answer's file name in the state directory.
pub const ANSWER: &str = "approval-answer.json";
pub(crate) const REQUEST_KIND: Kind = Kind { name: "approval", oldest: 1, version: 1, limit: 1 << 20 };
pub(crate) const ANSWER_KIND: Kind = Kind { name: "approval-answer", ..REQUEST_KIND };

/// A request by the operator to approve or reject changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Identifies the request in the answer: the time of the request and the process that made it.
    pub id: String,
    /// One for each source whose pending changes the operator approves or rejects.
    pub approvals: Vec<Approval>,
}

/// Approves or rejects all pending changes of one source, or some of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// The source's name.
    pub source: String,
    /// The digest of the pending changes that the operator saw.
    pub digest: String,
    /// The prefixes whose changes are meant; `None` for all. A daemon of an earlier release knows neither
    /// this field nor the next, and rejects a request that has one of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefixes: Option<Vec<IpNet>>,
    /// True if the changes are rejected.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reject: bool,
}

/// The daemon's answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The id of the request.
    pub id: String,
    /// One outcome for each approval, in the same order.
    pub outcomes: Vec<Outcome>,
}

/// The outcome of one approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The source's name.
    pub source: String,
    /// The result of the approval.
    pub verdict: Verdict,
}

impl Request {
    /// A request with these approvals.
    #[must_use]
    pub fn new(approvals: Vec<Approval>, now: Timestamp, process: u32) -> Self {
        Self { id: format!("{now}-{process}"), approvals }
    }
}

impl Approval {
    /// The approval of all pending changes of a gate; `None` if nothing is pending.
    #[must_use]
    pub fn of(source: &str, gate: &Gate) -> Option<Self> {
        let digest = gate.pending_digest()?;
        Some(Self { source: source.to_owned(), digest, prefixes: None, reject: false })
    }

    /// Carries out the approval on one of these gates. Returns the gate's decisions and the outcome.
    pub fn carry_out(&self, gates: &mut Gates, now: Timestamp) -> (Vec<Decision>, Outcome) {
        // The name that an earlier release wrote may contain a token. Names are stored without it now.
        let is_known = gates.contains_key(&self.source);
        let source = if is_known { &self.source } else { shown_name(&self.source) }.to_owned();
        let result = match gates.get_mut(&source) {
            Some(gate) => self.carry_out_on(gate, now),
            None => Err(Verdict::UnknownSource),
        };
        let (decisions, verdict) = result.unwrap_or_else(|verdict| (Vec::new(), verdict));
        (decisions, Outcome { source, verdict })
    }

    fn carry_out_on(&self, gate: &mut Gate, now: Timestamp) -> Result<(Vec<Decision>, Verdict), Verdict> {
        let only = self.prefixes.as_deref();
        if self.reject {
            return Ok((gate.reject(&self.digest, only)?, Verdict::Rejected));
        }
        let decisions = gate.approve(&self.digest, only, now)?;
        let is_left = match only {
            Some(only) => gate.pending().any(|pending| only.contains(&pending.prefix)),
            None => gate.waits(),
        };
        Ok((decisions, if is_left { Verdict::Partly } else { Verdict::Approved }))
    }
}

/// Hands a request to the daemon that uses `directory`. Returns false, and writes nothing, while there is a
/// request that the daemon has not taken yet: once that is carried out, other changes wait.
///
/// # Errors
/// [`StateError::Directory`] when the directory cannot be opened, [`StateError::Write`] or
/// [`StateError::TooLarge`].
pub fn submit(directory: &Path, request: &Request) -> Result<bool, StateError> {
    let opened = Beneath::open(directory)
        .map_err(|cause| StateError::Directory { path: directory.to_owned(), cause })?;
    if opened.exists(REQUEST) {
        return Ok(false);
    }
    write_json(&opened, REQUEST, REQUEST_KIND, request).map(|()| true)
}

/// Takes the request from the directory, if there is one. A damaged request is set aside and not tried again.
///
/// # Errors
/// [`StateError::Read`] or [`StateError::Damaged`], or [`StateError::Write`] when the request cannot be
/// removed. The caller must not carry out such a request: the daemon would find it again.
pub fn take(directory: &StateDir) -> Result<Option<Request>, StateError> {
    let found = read_checked(directory, REQUEST, REQUEST_KIND, parse)?;
    if found.is_some() {
        let failed = |cause| StateError::Write { path: directory.file(REQUEST), cause };
        directory.unlink(REQUEST).map_err(failed)?;
    }
    Ok(found)
}

/// Writes the answer.
///
/// # Errors
/// [`StateError::Write`] or [`StateError::TooLarge`].
pub fn answer(directory: &StateDir, answer: &Answer) -> Result<(), StateError> {
    write_json(directory, ANSWER, ANSWER_KIND, answer)
}

/// The answer to the request `id`, or `None` if it is not there yet.
pub fn answer_to(directory: &Path, id: &str) -> Result<Option<Answer>, StateError> {
    match read_only_in(directory, ANSWER, ANSWER_KIND, parse) {
        Err(StateError::Damaged { .. }) => Ok(None),
        found => Ok(found?.filter(|answer: &Answer| answer.id == id)),
    }
}

/// Parses a request or an answer from a file's body. Pure.
pub fn parse<T: for<'a> Deserialize<'a>>(body: &[u8]) -> Result<T, Damage> {
    serde_json::from_slice(body).map_err(|cause| Damage::Content(cause.to_string()))
}

fn write_json(directory: &Beneath, name: &str, kind: Kind, value: &impl Serialize) -> Result<(), StateError> {
    let failed =
        |cause: serde_json::Error| StateError::Write { path: directory.file(name), cause: cause.into() };
    write_checksummed(directory, name, kind, &serde_json::to_vec(value).map_err(failed)?)
}
