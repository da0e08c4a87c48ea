//! How the operator's approval comes to the running daemon: `d365-user approve` shows what waits in `gate.json` and writes
//! `approval.json` beside it; the daemon takes that file away, does what it says, and writes `approval-answer.json`.
//!
//! - Whoever may write into the state directory may approve; the file's permissions are the whole of the authority.
//! - An approval names the digest of what the operator saw ([`Gate::pending_digest`]): anything else that waits by then is
//!   not approved by it.
//! - A daemon that is not running finds the approval at its next start. It is taken once.

use std::path::Path;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::gates::{Gates, write_readable};
use super::{Beneath, Damage, Found, Kind, StateDir, StateError, peek_in, read_checked};
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

/// The approval, or the rejection, of everything that waits of one source, or of some of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// The source's name.
    pub source: String,
    /// What the operator saw.
    pub digest: String,
    /// The prefixes whose changes are meant; `None` for all. A daemon of an earlier release knows neither this nor the next,
    /// and refuses a request that has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefixes: Option<Vec<String>>,
    /// True if they are rejected.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reject: bool,
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
    /// What waited is published but for what goes on waiting: there is no room for it (`--max-ranges`), or it would leave
    /// nothing of the list.
    Partly,
    /// The waiting changes are rejected.
    Rejected,
    /// No change of one of the prefixes waits: nothing was done.
    NotPending,
    /// Something else waits by now: nothing was done.
    Stale,
    /// Nothing waits.
    NothingPending,
    /// There is no such source.
    UnknownSource,
}

impl Request {
    /// A request with these approvals.
    #[must_use]
    pub fn new(approvals: Vec<Approval>, now: Timestamp, process: u32) -> Self {
        Self { id: format!("{now}-{process}"), approvals }
    }

    /// A request for everything that waits in these gates; `None` when nothing waits.
    #[must_use]
    pub fn of(gates: &Gates, now: Timestamp, process: u32) -> Option<Self> {
        let waits = gates.iter().filter(|(_, gate)| gate.waits());
        let approvals: Vec<_> = waits.filter_map(|(source, gate)| Approval::of(source, gate)).collect();
        (!approvals.is_empty()).then(|| Self::new(approvals, now, process))
    }

    /// Does what the request says to these gates, and answers.
    pub fn carry_out(&self, gates: &mut Gates, now: Timestamp) -> (Vec<(String, Decision)>, Answer) {
        let mut decisions = Vec::new();
        let outcomes = self.approvals.iter().map(|approval| {
            let (done, outcome) = approval.carry_out(gates, now);
            decisions.extend(done.into_iter().map(|decision| (outcome.source.clone(), decision)));
            outcome
        });
        let outcomes = outcomes.collect();
        (decisions, Answer { id: self.id.clone(), outcomes })
    }
}

impl Approval {
    /// The approval of everything that waits at a gate; `None` when nothing does.
    #[must_use]
    pub fn of(source: &str, gate: &Gate) -> Option<Self> {
        let digest = gate.pending_digest()?;
        Some(Self { source: source.to_owned(), digest, prefixes: None, reject: false })
    }

    /// Does what the approval says to one of these gates, and what became of it.
    pub fn carry_out(&self, gates: &mut Gates, now: Timestamp) -> (Vec<Decision>, Outcome) {
        // An earlier release's name may hold a token; today's is what is shown of it.
        let is_known = gates.contains_key(&self.source);
        let source = if is_known { &self.source } else { shown_name(&self.source) }.to_owned();
        let outcome = |verdict| Outcome { source: source.clone(), verdict };
        let Some(gate) = gates.get_mut(&source) else { return (Vec::new(), outcome(Verdict::UnknownSource)) };
        let parsed: Option<Result<Vec<IpNet>, _>> =
            self.prefixes.as_ref().map(|prefixes| prefixes.iter().map(|prefix| prefix.parse()).collect());
        let Ok(prefixes) = parsed.transpose() else { return (Vec::new(), outcome(Verdict::NotPending)) };
        let result = match (&prefixes, self.reject) {
            (only, true) => gate.reject(&self.digest, only.as_deref()),
            (Some(only), false) => gate.approve_only(&self.digest, only, now),
            (None, false) => gate.approve(&self.digest, now),
        };
        let is_left = || match &prefixes {
            Some(only) => gate.pending().any(|pending| only.contains(&pending.prefix)),
            None => gate.waits(),
        };
        let verdict = match &result {
            Ok(_) if self.reject => Verdict::Rejected,
            Ok(_) if is_left() => Verdict::Partly,
            Ok(_) => Verdict::Approved,
            Err(ApprovalError::NothingPending) => Verdict::NothingPending,
            Err(ApprovalError::NotPending(_)) => Verdict::NotPending,
            Err(ApprovalError::Stale) => Verdict::Stale,
        };
        (result.unwrap_or_default(), outcome(verdict))
    }
}

/// Hands a request to the daemon that uses `directory`. A request that was not taken yet is replaced.
///
/// # Errors
/// [`StateError::Write`].
pub fn submit(directory: &Path, request: &Request) -> Result<(), StateError> {
    let opened = Beneath::open(directory)
        .map_err(|cause| StateError::Directory { path: directory.to_owned(), cause })?;
    write_json(&opened, REQUEST, REQUEST_KIND, request)
}

/// Takes the request away, if there is one; one that is damaged is set aside and never tried again.
///
/// # Errors
/// [`StateError::Read`], or [`StateError::Write`] when the request cannot be removed: then it is not to be carried out,
/// for it would be found again.
pub fn take(directory: &StateDir) -> Result<Found<Request>, StateError> {
    let found = read_checked(directory, REQUEST, REQUEST_KIND, LIMIT)?;
    let found = found.and_then(directory, REQUEST, |body| parse(&body));
    if let Found::Whole(_) = found {
        let failed = |cause| StateError::Write { path: directory.file(REQUEST), cause };
        directory.unlink(REQUEST).map_err(failed)?;
    }
    Ok(found)
}

/// Answers.
///
/// # Errors
/// [`StateError::Write`].
pub fn answer(directory: &StateDir, answer: &Answer) -> Result<(), StateError> {
    write_json(directory, ANSWER, ANSWER_KIND, answer)
}

/// The answer to the request `id`, if it is there by now.
///
/// # Errors
/// [`StateError::Read`].
pub fn answer_to(directory: &Path, id: &str) -> Result<Option<Answer>, StateError> {
    let Found::Whole(body) = peek_in(directory, ANSWER, ANSWER_KIND, LIMIT)? else { return Ok(None) };
    Ok(parse(&body).ok().filter(|answer: &Answer| answer.id == id))
}

/// A request or an answer from the file's body. Pure.
///
/// # Errors
/// [`Damage::Content`].
pub fn parse<T: for<'a> Deserialize<'a>>(body: &[u8]) -> Result<T, Damage> {
    serde_json::from_slice(body).map_err(|cause| Damage::Content(cause.to_string()))
}

fn write_json(directory: &Beneath, name: &str, kind: Kind, value: &impl Serialize) -> Result<(), StateError> {
    let failed =
        |cause: serde_json::Error| StateError::Write { path: directory.file(name), cause: cause.into() };
    write_readable(directory, name, kind, LIMIT, &serde_json::to_vec(value).map_err(failed)?)
}
