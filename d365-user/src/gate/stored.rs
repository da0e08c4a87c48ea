//! The stored form of a gate's state: plain text and numbers, which are checked when they are read. No file
//! is touched here.

use std::collections::BTreeMap;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{
    change::{Action, Change, Wait, Waiting},
    machine::Gate,
    number::Number,
    policy::{GatePolicy, Trust},
    state::{Mark, Retired, State},
    time::Timestamp,
};
use crate::{
    geo::{Geo, GeoCode, GeoSource},
    ranges::Range,
};

/// A gate's state in a form that serde can write and read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stored {
    accepted: Vec<StoredRange>,
    retired: Vec<StoredRetired>,
    waiting: Vec<StoredWaiting>,
    number: Option<u64>,
    higher_number: Option<(u64, u64)>,
    lower_number: Option<(Option<u64>, u64)>,
    /// Since version 2.
    #[serde(default)]
    grown: Vec<(Timestamp, u64)>,
    mark: Option<(Timestamp, Trust)>,
    confirmed: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredRange {
    prefix: String,
    geo: String,
    geo_source: String,
    region: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredRetired {
    range: StoredRange,
    until: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredWaiting {
    action: StoredAction,
    change: Change,
    wait: Wait,
    seen: u64,
    /// Since version 2. Version 1 had only one time, `seen`.
    #[serde(default)]
    elapsed: Option<u64>,
    again: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredAction {
    Add(StoredRange),
    Remove(String),
    Relabel(StoredRange),
}

/// A state that no gate can have written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Inconsistent {
    /// The text is not a prefix, or the prefix has host bits.
    #[error("{0:?} is not a prefix without host bits")]
    Prefix(String),
    /// The code or the source of a geo is not valid.
    #[error("{prefix} has no valid geo: {geo:?}, {geo_source:?}")]
    Geo {
        /// The prefix.
        prefix: String,
        /// The code as written.
        geo: String,
        /// The source as written.
        geo_source: String,
    },
    /// A prefix occurs twice where it may occur only once.
    #[error("{0} occurs twice")]
    Twice(IpNet),
    /// A change does not fit the accepted list.
    #[error("a change of {0} waits that does not fit the accepted list")]
    Change(IpNet),
    /// The waiting changes would leave an empty list.
    #[error("the changes that wait would leave nothing")]
    Emptied,
}

impl Gate {
    /// The form to store.
    #[must_use]
    pub fn stored(&self) -> Stored {
        let State { accepted, retired, waiting, number, grown, mark, confirmed } = &self.state;
        let stored_retired = |retired: &Retired| StoredRetired {
            range: StoredRange::from(&retired.range),
            until: retired.until,
        };
        Stored {
            accepted: accepted.values().map(StoredRange::from).collect(),
            retired: retired.values().map(stored_retired).collect(),
            waiting: waiting.iter().map(|(prefix, waiting)| StoredWaiting::new(prefix, waiting)).collect(),
            number: number.accepted,
            higher_number: number.higher,
            lower_number: number.lower,
            grown: grown.clone(),
            mark: mark.map(|mark| (mark.at, mark.trust)),
            confirmed: *confirmed,
        }
    }

    /// The form to store, without the waiting changes: a list to fall back to.
    #[must_use]
    pub fn stored_accepted(&self) -> Stored {
        let Number { accepted: number, .. } = self.state.number;
        Stored { waiting: Vec::new(), number, higher_number: None, lower_number: None, ..self.stored() }
    }

    /// The gate with this state, under a policy that may differ from the earlier one.
    ///
    /// # Errors
    /// [`Inconsistent`] if no gate can have written this.
    pub fn restore(policy: GatePolicy, stored: &Stored) -> Result<Self, Inconsistent> {
        let mut state = State {
            number: Number {
                accepted: stored.number,
                higher: stored.higher_number,
                lower: stored.lower_number,
            },
            grown: stored.grown.clone(),
            mark: stored.mark.map(|(at, trust)| Mark { at, trust }),
            confirmed: stored.confirmed,
            ..State::default()
        };
        for range in &stored.accepted {
            let range = range.read()?;
            insert(&mut state.accepted, range.prefix, range)?;
        }
        for StoredRetired { range, until } in &stored.retired {
            let range = range.read()?;
            if state.accepted.contains_key(&range.prefix) {
                return Err(Inconsistent::Twice(range.prefix));
            }
            insert(&mut state.retired, range.prefix, Retired { range, until: *until })?;
        }
        for waiting in &stored.waiting {
            let (prefix, waiting) = waiting.read()?;
            if state.accepted.contains_key(&prefix) == matches!(waiting.action, Action::Add(_)) {
                return Err(Inconsistent::Change(prefix));
            }
            insert(&mut state.waiting, prefix, waiting)?;
        }
        let leaves_nothing = |state: &State| {
            let removed = |waiting: &Waiting| waiting.action == Action::Remove;
            !state.accepted.is_empty()
                && state.waiting.len() == state.accepted.len()
                && state.waiting.values().all(removed)
        };
        if leaves_nothing(&state) {
            Err(Inconsistent::Emptied)
        } else {
            Ok(Self { state, ..Self::new(policy) })
        }
    }
}

fn insert<T>(map: &mut BTreeMap<IpNet, T>, prefix: IpNet, value: T) -> Result<(), Inconsistent> {
    match map.insert(prefix, value) {
        None => Ok(()),
        Some(_) => Err(Inconsistent::Twice(prefix)),
    }
}

fn read_prefix(text: &str) -> Result<IpNet, Inconsistent> {
    let prefix = text.parse().ok().filter(|prefix: &IpNet| prefix.trunc() == *prefix);
    prefix.ok_or_else(|| Inconsistent::Prefix(text.to_owned()))
}

impl From<&Range> for StoredRange {
    fn from(range: &Range) -> Self {
        Self {
            prefix: range.prefix.to_string(),
            geo: range.geo.code.to_string(),
            geo_source: range.geo.source.to_string(),
            region: range.region.clone(),
        }
    }
}

impl StoredRange {
    fn read(&self) -> Result<Range, Inconsistent> {
        let Self { prefix, geo, geo_source, region } = self;
        let source = GeoSource::ALL.into_iter().find(|source| source.as_str() == geo_source);
        let read = GeoCode::new(geo).zip(source).map(|(code, source)| Geo { code, source });
        let geo = read.ok_or_else(|| Inconsistent::Geo {
            prefix: prefix.clone(),
            geo: geo.clone(),
            geo_source: geo_source.clone(),
        })?;
        Ok(Range { prefix: read_prefix(prefix)?, geo, region: region.clone() })
    }
}

impl StoredWaiting {
    fn new(prefix: &IpNet, waiting: &Waiting) -> Self {
        let Waiting { action, change, wait, seen, elapsed, again } = waiting;
        let action = match action {
            Action::Add(range) => StoredAction::Add(range.into()),
            Action::Remove => StoredAction::Remove(prefix.to_string()),
            Action::Relabel(range) => StoredAction::Relabel(range.into()),
        };
        Self { action, change: *change, wait: *wait, seen: *seen, elapsed: Some(*elapsed), again: *again }
    }

    fn read(&self) -> Result<(IpNet, Waiting), Inconsistent> {
        let (prefix, action) = match &self.action {
            StoredAction::Add(range) => range.read().map(|range| (range.prefix, Action::Add(range)))?,
            StoredAction::Remove(prefix) => (read_prefix(prefix)?, Action::Remove),
            StoredAction::Relabel(range) => {
                range.read().map(|range| (range.prefix, Action::Relabel(range)))?
            }
        };
        let Self { change, wait, seen, elapsed, again, .. } = *self;
        Ok((prefix, Waiting { action, change, wait, seen, elapsed: elapsed.unwrap_or(seen), again }))
    }
}
