//! Approvals and rejections of waiting changes by the operator.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{
    change::Wait,
    decision::{By, Decision},
    machine::Gate,
    time::Timestamp,
};

/// The result of an approval or a rejection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The pending changes are published.
    Approved,
    /// A part of the pending changes is published. The others keep waiting: there is no room for them
    /// (`--max-ranges`), or they would leave the list empty.
    Partly,
    /// The pending changes are rejected.
    Rejected,
    /// One of the prefixes has no pending change: nothing was done.
    NotPending,
    /// The pending changes are not those that the operator saw: nothing was done.
    Stale,
    /// No change is pending.
    NothingPending,
    /// There is no such source.
    UnknownSource,
}

impl Gate {
    /// Accepts the changes that wait and were not rejected, if `digest` ([`Self::pending_digest`]) is that of
    /// the changes that wait now. With `only`, accepts the changes of these prefixes, also rejected ones, and
    /// a lower change number keeps waiting. An addition without room keeps waiting for room, and so does a
    /// removal that would leave the list empty.
    ///
    /// # Errors
    /// [`Verdict::NothingPending`], [`Verdict::NotPending`] or [`Verdict::Stale`]; nothing is changed then.
    pub fn approve(
        &mut self,
        digest: &str,
        only: Option<&[IpNet]>,
        now: Timestamp,
    ) -> Result<Vec<Decision>, Verdict> {
        self.check(digest, only)?;
        let mut decisions = self.end_grace(now);
        if only.is_none() {
            decisions.extend(self.state.number.approve());
        }
        let chosen = self.state.waiting.extract_if(.., |prefix, waiting| match only {
            Some(only) => only.contains(prefix),
            None => !waiting.is_rejected(),
        });
        let chosen = chosen.map(|(_, waiting)| waiting).collect();
        self.carry_out(chosen, |_| By::Approval, now, &mut decisions);
        Ok(decisions)
    }

    /// Rejects the changes that wait, or only those of these prefixes. Each then waits for its own approval,
    /// for as long as the source offers it. A lower change number cannot be rejected.
    ///
    /// # Errors
    /// As [`Self::approve`].
    pub fn reject(&mut self, digest: &str, only: Option<&[IpNet]>) -> Result<Vec<Decision>, Verdict> {
        self.check(digest, only)?;
        let is_chosen = |prefix: &IpNet| only.is_none_or(|only| only.contains(prefix));
        let waiting = self.state.waiting.iter_mut().filter(|(_, waiting)| !waiting.is_rejected());
        let rejected = waiting.filter(|(prefix, _)| is_chosen(prefix)).map(|(prefix, waiting)| {
            waiting.wait = Wait::Rejected;
            Decision::Rejected { prefix: *prefix, action: waiting.action.clone() }
        });
        let rejected: Vec<_> = rejected.collect();
        if rejected.is_empty() { Err(Verdict::NothingPending) } else { Ok(rejected) }
    }

    fn check(&self, digest: &str, only: Option<&[IpNet]>) -> Result<(), Verdict> {
        let pending = self.pending_digest().ok_or(Verdict::NothingPending)?;
        let mut prefixes = only.unwrap_or_default().iter();
        match pending == digest {
            false => Err(Verdict::Stale),
            true if prefixes.all(|prefix| self.state.waiting.contains_key(prefix)) => Ok(()),
            true => Err(Verdict::NotPending),
        }
    }
}
