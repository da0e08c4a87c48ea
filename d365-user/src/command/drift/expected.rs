//! The differences that are expected. A timer must not fail for them, because nothing on this host removes
//! them sooner. Pure.

use std::collections::BTreeSet;

use ipnet::IpNet;
use serde::Serialize;

use super::list::{Kind, List, Mark, agree};

/// The reason for which a difference is no fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Expected {
    /// Only the lists of this build differ from the others: the source's list is newer, or another one is
    /// used.
    Build,
    /// A change of the prefix waits at a gate, or was rejected there.
    Waiting,
    /// The prefix is in a list of the operator's own.
    OwnList,
    /// The kernel has it from the embedded list, which the daemon uses as well.
    Embedded,
}

/// The prefixes that the gates and the flags explain.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// Prefixes with a change that waits or was rejected.
    pub(super) waiting: BTreeSet<IpNet>,
    /// Prefixes that are accepted from a file.
    pub(super) own: BTreeSet<IpNet>,
    /// True if the operator named a document to be compared with this build, and it is not newer than this
    /// build.
    pub(super) is_build_newer: bool,
}

impl Expected {
    /// The text for people.
    pub(super) const fn as_text(self) -> &'static str {
        match self {
            Self::Build => "this build is older, or other lists are used",
            Self::Waiting => "a change waits or was rejected",
            Self::OwnList => "a list of your own",
            Self::Embedded => "the embedded list is used too",
        }
    }

    /// The reason for which the difference of a prefix is no fault; `None` if it is one. `lists` are those of
    /// `marks`.
    pub(super) fn of(prefix: &IpNet, marks: &[Option<Mark>], lists: &[&List], known: &Known) -> Option<Self> {
        let marks_but = |kinds: &[Kind]| {
            let marks = marks.iter().zip(lists).filter(|(_, list)| !kinds.contains(&list.kind));
            marks.filter_map(|(mark, _)| *mark).collect::<Vec<Mark>>()
        };
        let is_in_all = |kinds: &[Kind]| {
            let mut marks = marks.iter().zip(lists).filter(|(_, list)| kinds.contains(&list.kind));
            marks.all(|(mark, _)| matches!(mark, Some(Mark::Listed(_))))
        };
        let others = marks_but(&[Kind::Documented, Kind::Embedded]);
        if agree(&others) {
            return (!others.is_empty() && !known.is_build_newer).then_some(Self::Build);
        }
        if known.waiting.contains(prefix) {
            return Some(Self::Waiting);
        }
        if known.own.contains(prefix)
            && agree(&marks_but(&[Kind::Documented, Kind::Embedded, Kind::Document]))
        {
            return Some(Self::OwnList);
        }
        let with_embedded = [Kind::Documented, Kind::Embedded, Kind::Kernel];
        let of_embedded = |list: &&List| list.kind == Kind::Kernel && list.holds_embedded(lists);
        let is_embedded = is_in_all(&with_embedded) && lists.iter().any(of_embedded);
        (is_embedded && agree(&marks_but(&with_embedded))).then_some(Self::Embedded)
    }
}
