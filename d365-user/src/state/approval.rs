//! How the operator's approval comes to the running daemon: `d365-user approve` shows what waits in `gate.json` and writes
//! `approval.json` beside it; the daemon takes that file away, does what it says, and writes `approval-answer.json`.
//!
//! - Whoever may write into the state directory may approve; the file's permissions are the whole of the authority.
//! - An approval names the digest of what the operator saw ([`Gate::pending_digest`]): anything else that waits by then is
//!   not approved by it.
//! - A daemon that is not running finds the approval at its next start. It is taken once.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::gates::Gates;
use super::{Damage, Found, Kind, StateDir, StateError, peek, write_sealed};
use crate::generation::gate::{ApprovalError, Decision, Gate, Timestamp};
use crate::source::shown_name;

/// The request's name in the state directory.
pub const REQUEST: &str = "approval.json";
/// The answer's.
pub const ANSWER: &str = "approval-answer.json";
pub(super) const REQUEST_KIND: Kind = Kind { name: "approval", version: 1 };
pub(super) const ANSWER_KIND: Kind = Kind { name: "approval-answer", version: 1 };
/// The largest file that is read.
pub(super) const LIMIT: u64 = 1 << 20;

/// What the operator approves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Names the request in the answer: when it was made, and by which process.
    pub id: String,
    /// Each source of which the operator approves what waits.
    pub approvals: Vec<Approval>,
}

/// The approval of everything that waits of one source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// The source's name.
    pub source: String,
    /// What the operator saw.
    pub digest: String,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The request's.
    pub id: String,
    /// For each approval, in its order.
    pub outcomes: Vec<Outcome>,
}

/// What became of one approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The source's name.
    pub source: String,
    /// What was done.
    pub verdict: Verdict,
}

/// What was done with an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// What waited is published.
    Approved,
    /// Something else waits by now: nothing was done.
    Stale,
    /// Nothing waits.
    NothingPending,
    /// There is no such source.
    UnknownSource,
}

impl Request {
    /// A request for everything that waits in these gates; `None` when nothing waits.
    #[must_use]
    pub fn of(gates: &Gates, now: Timestamp, process: u32) -> Option<Self> {
        let approval = |(source, gate): (&String, &Gate)| {
            Some(Approval { source: source.clone(), digest: gate.pending_digest()? })
        };
        let approvals: Vec<_> = gates.iter().filter_map(approval).collect();
        (!approvals.is_empty()).then(|| Self { id: format!("{now}-{process}"), approvals })
    }

    /// Does what the request says to these gates, and answers.
    pub fn carry_out(&self, gates: &mut Gates, now: Timestamp) -> (Vec<(String, Decision)>, Answer) {
        let mut decisions = Vec::new();
        let mut outcome = |approval: &Approval| {
            // An earlier release's name may hold a token; today's is what is shown of it.
            let is_known = gates.contains_key(&approval.source);
            let name = approval.source.as_str();
            let source = if is_known { name } else { shown_name(name) }.to_owned();
            let result = gates.get_mut(&source).map(|gate| gate.approve(&approval.digest, now));
            let verdict = match result {
                None => Verdict::UnknownSource,
                Some(Err(ApprovalError::NothingPending)) => Verdict::NothingPending,
                Some(Err(ApprovalError::Stale)) => Verdict::Stale,
                Some(Ok(done)) => {
                    decisions.extend(done.into_iter().map(|decision| (source.clone(), decision)));
                    Verdict::Approved
                }
            };
            Outcome { source, verdict }
        };
        let outcomes = self.approvals.iter().map(&mut outcome).collect();
        (decisions, Answer { id: self.id.clone(), outcomes })
    }
}

/// Hands a request to the daemon that uses `directory`. A request that was not taken yet is replaced.
///
/// # Errors
/// [`StateError::Write`].
pub fn submit(directory: &Path, request: &Request) -> Result<(), StateError> {
    write_json(&directory.join(REQUEST), REQUEST_KIND, request)
}

/// Takes the request away, if there is one; one that is damaged is set aside and never tried again.
///
/// # Errors
/// [`StateError::Read`], or [`StateError::Write`] when the request cannot be removed: then it is not to be carried out,
/// for it would be found again.
pub fn take(directory: &StateDir) -> Result<Found<Request>, StateError> {
    let path = directory.file(REQUEST);
    let found = super::read_checked(&path, REQUEST_KIND, LIMIT)?.and_then(&path, |body| parse(&body));
    if let Found::Whole(_) = found {
        fs::remove_file(&path).map_err(|cause| StateError::Write { path, cause })?;
    }
    Ok(found)
}

/// Answers.
///
/// # Errors
/// [`StateError::Write`].
pub fn answer(directory: &StateDir, answer: &Answer) -> Result<(), StateError> {
    write_json(&directory.file(ANSWER), ANSWER_KIND, answer)
}

/// The answer to the request `id`, if it is there by now.
///
/// # Errors
/// [`StateError::Read`].
pub fn answer_to(directory: &Path, id: &str) -> Result<Option<Answer>, StateError> {
    let Found::Whole(body) = peek(&directory.join(ANSWER), ANSWER_KIND, LIMIT)? else { return Ok(None) };
    Ok(parse(&body).ok().filter(|answer: &Answer| answer.id == id))
}

/// A request or an answer from the file's body. Pure.
///
/// # Errors
/// [`Damage::Content`].
pub fn parse<T: for<'a> Deserialize<'a>>(body: &[u8]) -> Result<T, Damage> {
    serde_json::from_slice(body).map_err(|cause| Damage::Content(cause.to_string()))
}

fn write_json(path: &Path, kind: Kind, value: &impl Serialize) -> Result<(), StateError> {
    let written = serde_json::to_vec(value);
    let body = written.map_err(|cause| StateError::Write { path: path.to_owned(), cause: cause.into() })?;
    write_sealed(path, kind, &body)
}
