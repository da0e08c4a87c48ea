//! The state of a gate that outlives the process, in memory and in `gate.json` alike.

use std::collections::BTreeMap;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{
    change::{Action, Waiting},
    number::Number,
    policy::Trust,
    time::Timestamp,
};
use crate::{ranges::Range, state::sha256};

/// The state that outlives the process. A prefix is accepted, retired, or neither. It has at most one waiting
/// change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    #[serde(with = "values")]
    pub(super) accepted: BTreeMap<IpNet, Range>,
    #[serde(with = "values")]
    pub(super) retired: BTreeMap<IpNet, Retired>,
    #[serde(with = "values")]
    pub(super) waiting: BTreeMap<IpNet, Waiting>,
    #[serde(flatten)]
    pub(super) number: Number,
    /// Times and numbers of the additions within the last week that passed without a hold and without
    /// approval: by a second fetch, or because room became free. Since version 2.
    #[serde(default)]
    pub(super) grown: Vec<(Timestamp, u64)>,
    /// The time up to which waits are counted, and the origin of the last offer.
    pub(super) mark: Option<(Timestamp, Trust)>,
    /// The last offer that confirmed the list.
    pub(super) confirmed: Option<Timestamp>,
    /// True while nothing of the list is used, because it does not fit together with the others. Since
    /// version 3.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_left_out: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Retired {
    pub(super) range: Range,
    pub(super) until: Timestamp,
}

/// A state that no gate can have written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no gate can have written the entry of {0}")]
pub struct Inconsistent(pub IpNet);

impl State {
    /// The state without the waiting changes: a list to fall back to.
    pub(super) fn without_waiting(&self) -> Self {
        let number = Number { accepted: self.number.accepted, ..Number::default() };
        Self { waiting: BTreeMap::new(), number, ..self.clone() }
    }

    /// Accepts only a state that a gate can have.
    pub(super) fn check(&self) -> Result<(), Inconsistent> {
        let Self { accepted, retired, waiting, .. } = self;
        let mut prefixes = accepted.keys().chain(retired.keys()).chain(waiting.keys());
        let with_host_bits = prefixes.find(|prefix| prefix.trunc() != **prefix);
        let twice = || retired.keys().find(|prefix| accepted.contains_key(prefix));
        let is_misplaced = |(prefix, waiting): &(&IpNet, &Waiting)| {
            accepted.contains_key(prefix) == matches!(waiting.action, Action::Add(_))
        };
        let misplaced = || waiting.iter().find(is_misplaced).map(|(prefix, _)| prefix);
        with_host_bits.or_else(twice).or_else(misplaced).map_or(Ok(()), |prefix| Err(Inconsistent(*prefix)))
    }

    /// SHA-256 of the actions, one line for each change; `None` without actions. A region is written with
    /// escapes, so that no region can look like another line.
    pub(super) fn pending_digest(&self) -> Option<String> {
        let mut text = String::new();
        if let Some(step_back) = self.number.step_back() {
            text.push_str(&format!("number {} {:?}\n", step_back.from, step_back.to));
        }
        for (prefix, waiting) in &self.waiting {
            let (word, range) = match &waiting.action {
                Action::Add(range) => ("add", Some(range)),
                Action::Remove(_) => ("remove", None),
                Action::Relabel(range) => ("relabel", Some(range)),
            };
            let label = range.map(|range| format!("{} {:?}", range.geo, range.region)).unwrap_or_default();
            let rejected = if waiting.is_rejected() { "rejected " } else { "" };
            text.push_str(&format!("{rejected}{word} {prefix} {label}\n"));
        }
        (!text.is_empty()).then(|| sha256(text.as_bytes()))
    }
}

/// An entry of the state. It contains its key.
trait Entry {
    fn prefix(&self) -> IpNet;
}

impl Entry for Range {
    fn prefix(&self) -> IpNet {
        self.prefix
    }
}

impl Entry for Retired {
    fn prefix(&self) -> IpNet {
        self.range.prefix
    }
}

impl Entry for Waiting {
    fn prefix(&self) -> IpNet {
        self.action.prefix()
    }
}

/// A map is a list of its values in the file.
mod values {
    use std::collections::BTreeMap;

    use ipnet::IpNet;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

    use super::Entry;

    pub(super) fn serialize<T: Serialize, S: Serializer>(
        map: &BTreeMap<IpNet, T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map.values())
    }

    pub(super) fn deserialize<'a, T: Entry + Deserialize<'a>, D: Deserializer<'a>>(
        deserializer: D,
    ) -> Result<BTreeMap<IpNet, T>, D::Error> {
        let values = Vec::deserialize(deserializer)?;
        let count = values.len();
        let map: BTreeMap<_, _> = values.into_iter().map(|value: T| (value.prefix(), value)).collect();
        if map.len() == count { Ok(map) } else { Err(D::Error::custom("a prefix occurs twice")) }
    }
}
