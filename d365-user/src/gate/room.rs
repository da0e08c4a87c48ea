//! The room that the lists of all other sources leave for the list of one source. The owner of all gates
//! computes it and sets it on each gate; a gate by itself has no limit.

use std::{collections::BTreeMap, sync::Arc};

use ipnet::IpNet;

/// The number of further prefixes that may be accepted, and the accepted ones. A prefix of several sources
/// takes room once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// `None`: no limit.
    left: Option<usize>,
    /// For each accepted prefix, the number of sources that accepted it.
    held: Arc<BTreeMap<IpNet, usize>>,
}

impl Room {
    /// Room for `left` more prefixes than those of `held`, each with the number of sources that accepted it.
    #[must_use]
    pub const fn new(left: usize, held: Arc<BTreeMap<IpNet, usize>>) -> Self {
        Self { left: Some(left), held }
    }

    /// No room, even after removals.
    #[must_use]
    pub fn none() -> Self {
        Self::new(0, Arc::default())
    }

    /// Takes room for a prefix. Returns false if no room is left.
    pub(super) fn take(&mut self, prefix: &IpNet) -> bool {
        match &mut self.left {
            Some(_) if self.held.contains_key(prefix) => true,
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
            None => true,
        }
    }

    /// Returns true if room becomes free when this source no longer has the prefix.
    pub(super) fn is_freed_by(&self, prefix: &IpNet) -> bool {
        self.held.get(prefix) == Some(&1)
    }

    pub(super) fn give_back(&mut self, prefix: &IpNet) {
        if self.is_freed_by(prefix) {
            self.left = self.left.map(|left| left + 1);
        }
    }
}
