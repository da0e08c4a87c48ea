//! Finds the differences between lists that should be the same, prefix by prefix. Pure: this module knows
//! neither the source of a list nor its presentation.
//!
//! Prefixes are compared as written: a range and its two halves are three prefixes here, as they are for the
//! gate and in the kernel.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use crate::geo::GeoCode;

/// The state of one prefix in a list. A geo is `None` if the list knows geos by number only and this geo has
/// no number ([`GeoCode::number`] 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The prefix is in the list.
    Listed(Option<GeoCode>),
    /// It has left the list and is still recognised, as retired.
    Retired(Option<GeoCode>),
    /// It is not in the list.
    Absent,
}

/// The prefixes of one list, without host bits.
pub type Marks = BTreeMap<IpNet, Mark>;

/// The prefixes about which a list makes a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All prefixes: one that is not in the list is absent.
    Everything,
    /// Only its own prefixes: the list makes no statement about others.
    Own,
}

/// One prefix in all lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The prefix.
    pub prefix: IpNet,
    /// The state in each list, in the given order; `None` if the list makes no statement about the prefix.
    pub marks: Vec<Option<Mark>>,
    /// True if two of the states contradict each other.
    pub differs: bool,
}

/// Compares lists. Returns a row for each prefix of any list: IPv4 before IPv6, by address and then by
/// length.
#[must_use]
pub fn compare(lists: &[(&Marks, Scope)]) -> Vec<Row> {
    let prefixes: BTreeSet<IpNet> = lists.iter().flat_map(|(marks, _)| marks.keys().copied()).collect();
    let row = |prefix: IpNet| {
        let mark = |(marks, scope): &(&Marks, Scope)| match (marks.get(&prefix), scope) {
            (Some(mark), _) => Some(*mark),
            (None, Scope::Everything) => Some(Mark::Absent),
            (None, Scope::Own) => None,
        };
        let marks: Vec<_> = lists.iter().map(mark).collect();
        let differs = !agree(&marks.iter().flatten().copied().collect::<Vec<_>>());
        Row { prefix, marks, differs }
    };
    prefixes.into_iter().map(row).collect()
}

/// Returns true if no two of these states of one prefix contradict each other.
#[must_use]
pub fn agree(marks: &[Mark]) -> bool {
    marks.iter().all(|one| marks.iter().all(|other| one.agrees(*other)))
}

impl Mark {
    /// Returns true if both states are possible in one list. A retired prefix is no longer listed, and other
    /// lists do not need to know how long it is still recognised.
    fn agrees(self, other: Self) -> bool {
        match (self, other) {
            (Self::Listed(one), Self::Listed(other)) => same(one, other),
            (Self::Listed(_), _) | (_, Self::Listed(_)) => false,
            (Self::Retired(_) | Self::Absent, Self::Retired(_) | Self::Absent) => true,
        }
    }
}

fn same(one: Option<GeoCode>, other: Option<GeoCode>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one == other,
        (Some(code), None) | (None, Some(code)) => code.number() == 0,
        (None, None) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(code: &str) -> Mark {
        Mark::Listed(GeoCode::new(code))
    }

    fn marks(marks: &[(&str, Mark)]) -> Marks {
        marks.iter().map(|(prefix, mark)| (prefix.parse().unwrap(), *mark)).collect()
    }

    fn differing(lists: &[(&Marks, Scope)]) -> Vec<String> {
        compare(lists).into_iter().filter(|row| row.differs).map(|row| row.prefix.to_string()).collect()
    }

    #[test]
    fn every_prefix_of_any_list_has_a_row() {
        let one = marks(&[("20.0.0.0/24", listed("NAM")), ("2603::/32", listed("EUR"))]);
        let other = marks(&[("20.0.0.0/23", listed("NAM")), ("20.0.0.0/24", listed("NAM"))]);
        let rows = compare(&[(&one, Scope::Everything), (&other, Scope::Everything)]);
        let shown: Vec<_> =
            rows.iter().map(|row| (row.prefix.to_string(), row.marks.clone(), row.differs)).collect();
        assert_eq!(
            shown,
            [
                ("20.0.0.0/23".to_owned(), vec![Some(Mark::Absent), Some(listed("NAM"))], true),
                ("20.0.0.0/24".to_owned(), vec![Some(listed("NAM")), Some(listed("NAM"))], false),
                ("2603::/32".to_owned(), vec![Some(listed("EUR")), Some(Mark::Absent)], true),
            ]
        );
    }

    #[test]
    fn a_list_of_a_part_is_compared_in_its_own_prefixes_only() {
        let part = marks(&[("20.0.0.0/24", listed("NAM")), ("20.0.1.0/24", listed("FRA"))]);
        let whole = marks(&[
            ("20.0.0.0/24", listed("NAM")),
            ("20.0.1.0/24", listed("CHE")),
            ("20.0.2.0/24", listed("CHE")),
        ]);
        assert_eq!(differing(&[(&part, Scope::Own), (&whole, Scope::Everything)]), ["20.0.1.0/24"]);
        assert_eq!(compare(&[(&part, Scope::Own), (&whole, Scope::Everything)])[2].marks[0], None);
        assert_eq!(differing(&[(&part, Scope::Own), (&Marks::new(), Scope::Everything)]).len(), 2);
    }

    #[test]
    fn one_list_or_none_cannot_differ() {
        let one = marks(&[("20.0.0.0/24", listed("NAM"))]);
        assert_eq!(compare(&[]), []);
        assert_eq!(differing(&[(&one, Scope::Everything)]), [""; 0]);
    }

    #[test]
    fn what_is_retired_is_not_listed() {
        let retired = marks(&[("20.0.0.0/24", Mark::Retired(GeoCode::new("NAM")))]);
        let listed = marks(&[("20.0.0.0/24", listed("NAM"))]);
        let both = |other: &Marks| differing(&[(&retired, Scope::Everything), (other, Scope::Everything)]);
        assert_eq!(both(&Marks::new()), [""; 0]);
        assert_eq!(both(&retired), [""; 0]);
        assert_eq!(both(&listed), ["20.0.0.0/24"]);
    }

    #[test]
    fn geos_known_by_number_are_compared_by_number() {
        let by_number = |code| marks(&[("20.0.0.0/24", Mark::Listed(code))]);
        let of = |one, other| {
            let (one, other) = (by_number(one), by_number(other));
            differing(&[(&one, Scope::Everything), (&other, Scope::Everything)]).is_empty()
        };
        assert!(of(None, GeoCode::new("LAB")) && of(None, GeoCode::new("ZZZ")) && of(None, None));
        assert!(!of(None, GeoCode::new("NAM")) && !of(GeoCode::new("LAB"), GeoCode::new("ZZZ")));
    }
}
