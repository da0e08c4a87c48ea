//! All lists, compared prefix by prefix. Pure.
//!
//! Prefixes are compared as written: a range and its two halves are three prefixes here, as they are for the
//! gate and in the kernel.

use ipnet::IpNet;

use super::{
    expected::{Expected, Known},
    list::{List, Mark, agree},
};

/// One prefix in all compared lists.
pub(super) struct Row {
    pub(super) prefix: IpNet,
    /// The state in each compared list, in their order; `None` if the list makes no statement about the
    /// prefix.
    pub(super) marks: Vec<Option<Mark>>,
    /// True if two of the states contradict each other.
    pub(super) differs: bool,
    /// The reason for which a difference is no fault, if any.
    pub(super) expected: Option<Expected>,
}

/// All lists, compared.
pub(super) struct Comparison {
    pub(super) lists: Vec<List>,
    pub(super) rows: Vec<Row>,
}

/// The prefixes of all lists: IPv4 before IPv6, by address and then by length.
pub(super) fn prefixes(lists: &[List]) -> Vec<IpNet> {
    let marks = lists.iter().filter_map(|list| list.marks.as_ref());
    let mut prefixes: Vec<IpNet> = marks.flat_map(|marks| marks.keys().copied()).collect();
    prefixes.sort_unstable();
    prefixes.dedup();
    prefixes
}

impl Comparison {
    /// Compares lists in each of `prefixes`.
    pub(super) fn new(lists: Vec<List>, prefixes: &[IpNet], known: &Known) -> Self {
        let compared: Vec<&List> = lists.iter().filter(|list| list.marks.is_some()).collect();
        let row = |prefix: &IpNet| {
            let marks: Vec<_> = compared.iter().map(|list| list.mark(prefix)).collect();
            let differs = !agree(&marks.iter().flatten().copied().collect::<Vec<_>>());
            let expected = if differs { Expected::of(prefix, &marks, &compared, known) } else { None };
            Row { prefix: *prefix, marks, differs, expected }
        };
        let rows = prefixes.iter().map(row).collect();
        Self { lists, rows }
    }

    pub(super) fn compared(&self) -> impl Iterator<Item = &List> {
        self.lists.iter().filter(|list| list.marks.is_some())
    }

    /// The rows that differ.
    pub(super) fn differing(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.differs)
    }

    pub(super) fn differ(&self) -> bool {
        self.differing().any(|row| row.expected.is_none()) || self.lists.iter().any(|list| list.others > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{command::drift::list::Kind, geo::GeoCode};

    fn listed(code: &str) -> Mark {
        Mark::Listed(GeoCode::new(code))
    }

    fn list(kind: Kind, marks: &[(&str, Mark)]) -> List {
        let marks = marks.iter().map(|(prefix, mark)| (prefix.parse().unwrap(), *mark)).collect();
        List::new("", kind, marks, Vec::new())
    }

    fn rows(lists: &[&List]) -> Vec<Row> {
        let lists: Vec<List> = lists.iter().map(|list| (*list).clone()).collect();
        let prefixes = prefixes(&lists);
        Comparison::new(lists, &prefixes, &Known::default()).rows
    }

    fn differing(lists: &[&List]) -> Vec<String> {
        rows(lists).into_iter().filter(|row| row.differs).map(|row| row.prefix.to_string()).collect()
    }

    #[test]
    fn every_prefix_of_any_list_has_a_row() {
        let one = list(Kind::Accepted, &[("20.0.0.0/24", listed("NAM")), ("2603::/32", listed("EUR"))]);
        let other = list(Kind::Accepted, &[("20.0.0.0/23", listed("NAM")), ("20.0.0.0/24", listed("NAM"))]);
        let rows = rows(&[&one, &other]);
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
        let part = list(Kind::Documented, &[("20.0.0.0/24", listed("NAM")), ("20.0.1.0/24", listed("FRA"))]);
        let whole = list(
            Kind::Accepted,
            &[("20.0.0.0/24", listed("NAM")), ("20.0.1.0/24", listed("CHE")), ("20.0.2.0/24", listed("CHE"))],
        );
        assert_eq!(differing(&[&part, &whole]), ["20.0.1.0/24"]);
        assert_eq!(rows(&[&part, &whole])[2].marks[0], None);
        assert_eq!(differing(&[&part, &list(Kind::Accepted, &[])]).len(), 2);
    }

    #[test]
    fn one_list_or_none_cannot_differ() {
        let one = list(Kind::Accepted, &[("20.0.0.0/24", listed("NAM"))]);
        assert!(rows(&[]).is_empty());
        assert_eq!(differing(&[&one]), [""; 0]);
    }

    #[test]
    fn what_is_retired_is_not_listed() {
        let retired = list(Kind::Accepted, &[("20.0.0.0/24", Mark::Retired(GeoCode::new("NAM")))]);
        let listed = list(Kind::Accepted, &[("20.0.0.0/24", listed("NAM"))]);
        let both = |other: &List| differing(&[&retired, other]);
        assert_eq!(both(&list(Kind::Accepted, &[])), [""; 0]);
        assert_eq!(both(&retired), [""; 0]);
        assert_eq!(both(&listed), ["20.0.0.0/24"]);
    }

    #[test]
    fn geos_known_by_number_are_compared_by_number() {
        let by_number = |code| list(Kind::Accepted, &[("20.0.0.0/24", Mark::Listed(code))]);
        let of = |one, other| {
            let (one, other) = (by_number(one), by_number(other));
            differing(&[&one, &other]).is_empty()
        };
        assert!(of(None, GeoCode::new("LAB")) && of(None, GeoCode::new("ZZZ")) && of(None, None));
        assert!(!of(None, GeoCode::new("NAM")) && !of(GeoCode::new("LAB"), GeoCode::new("ZZZ")));
    }
}
