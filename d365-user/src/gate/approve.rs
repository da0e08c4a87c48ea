//! Approvals and rejections of waiting changes by the operator.

use ipnet::IpNet;

use super::{
    change::Wait,
    decision::{By, Decision},
    machine::Gate,
    time::Timestamp,
};

/// Reason why an approval or a rejection does nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApprovalError {
    /// No change waits.
    #[error("no change waits for approval; there is nothing to do")]
    NothingPending,
    /// No change of this prefix waits.
    #[error("no change of {0} waits; `d365-user approve` shows what does")]
    NotPending(IpNet),
    /// Other changes wait than those that the operator saw.
    #[error(
        "the changes that wait are no longer those that were approved; look at them again and approve again"
    )]
    Stale,
}

impl Gate {
    /// Accepts all changes that wait and were not rejected, if `digest` ([`Self::pending_digest`]) is that of
    /// the changes that wait now. An addition without room keeps waiting for room, and so does a removal that
    /// would leave the list empty; see [`Self::pending`].
    ///
    /// # Errors
    /// [`ApprovalError`]; nothing is changed then.
    pub fn approve(&mut self, digest: &str, now: Timestamp) -> Result<Vec<Decision>, ApprovalError> {
        self.check(digest)?;
        let mut decisions = self.end_grace(now);
        decisions.extend(self.state.number.approve());
        let chosen = self.state.waiting.extract_if(.., |_, waiting| !waiting.is_rejected());
        let chosen = chosen.map(|(_, waiting)| waiting).collect();
        self.carry_out(chosen, |_| By::Approval, now, &mut decisions);
        Ok(decisions)
    }

    /// Accepts only the changes of these prefixes, also rejected ones. A lower change number keeps waiting.
    ///
    /// # Errors
    /// [`ApprovalError`]; nothing is changed then.
    pub fn approve_only(
        &mut self,
        digest: &str,
        prefixes: &[IpNet],
        now: Timestamp,
    ) -> Result<Vec<Decision>, ApprovalError> {
        self.check(digest)?;
        self.check_prefixes(prefixes)?;
        let mut decisions = self.end_grace(now);
        let chosen = self.state.waiting.extract_if(.., |prefix, _| prefixes.contains(prefix));
        let chosen = chosen.map(|(_, waiting)| waiting).collect();
        self.carry_out(chosen, |_| By::Approval, now, &mut decisions);
        Ok(decisions)
    }

    /// Rejects the changes that wait, or only those of these prefixes. Each then waits for its own approval,
    /// for as long as the source offers it. A lower change number cannot be rejected.
    ///
    /// # Errors
    /// [`ApprovalError`]; nothing is changed then.
    pub fn reject(&mut self, digest: &str, only: Option<&[IpNet]>) -> Result<Vec<Decision>, ApprovalError> {
        self.check(digest)?;
        self.check_prefixes(only.unwrap_or_default())?;
        let is_chosen = |prefix: &IpNet| only.is_none_or(|only| only.contains(prefix));
        let waiting = self.state.waiting.iter_mut().filter(|(_, waiting)| !waiting.is_rejected());
        let rejected = waiting.filter(|(prefix, _)| is_chosen(prefix)).map(|(prefix, waiting)| {
            waiting.wait = Wait::Rejected;
            Decision::Rejected { prefix: *prefix, action: waiting.action.clone() }
        });
        let rejected: Vec<_> = rejected.collect();
        if rejected.is_empty() { Err(ApprovalError::NothingPending) } else { Ok(rejected) }
    }

    fn check(&self, digest: &str) -> Result<(), ApprovalError> {
        let pending = self.pending_digest().ok_or(ApprovalError::NothingPending)?;
        if pending == digest { Ok(()) } else { Err(ApprovalError::Stale) }
    }

    fn check_prefixes(&self, prefixes: &[IpNet]) -> Result<(), ApprovalError> {
        let unknown = prefixes.iter().find(|prefix| !self.state.waiting.contains_key(*prefix));
        unknown.map_or(Ok(()), |prefix| Err(ApprovalError::NotPending(*prefix)))
    }
}
