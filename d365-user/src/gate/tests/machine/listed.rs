//! The lists of the model: prefixes by number, the label of each, and the difference between two labels.

use std::collections::BTreeMap;

use proptest::{prelude::*, sample::select};

use super::GeoSource;

/// A prefix, by its position in the pool.
pub(super) type Id = usize;

pub(super) const POOL: [&str; 16] = [
    "20.0.0.0/24",
    "20.0.1.0/24",
    "20.0.2.0/24",
    "20.0.3.0/24",
    "20.0.4.0/24",
    "20.0.5.0/24",
    "20.0.6.0/24",
    "20.0.7.0/24",
    "20.0.8.0/24",
    "20.0.9.0/24",
    "21.0.0.0/16",
    "22.0.0.0/15",
    "23.0.0.0/8",
    "2603:1000::/32",
    "2603:1001::/48",
    "2a00::/31",
];

/// True if it is too broad for a download.
pub(super) const fn is_broad(id: Id) -> bool {
    matches!(id, 11 | 12 | 15)
}

/// The label of a range: geo, source of the geo, region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Label(pub(super) &'static str, pub(super) GeoSource, pub(super) Option<&'static str>);

pub(super) type List = BTreeMap<Id, Label>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Action {
    Add(Label),
    Remove,
    Relabel(Label),
}

/// The difference between two labels. Knowledge is never lost: a missing geo or region, or a less trusted
/// source of the same geo, is no difference.
pub(super) fn difference(old: Option<Label>, new: Option<Label>) -> Option<Action> {
    let Some(Label(geo, source, region)) = old else { return new.map(Action::Add) };
    let Some(Label(new_geo, new_source, new_region)) = new else { return Some(Action::Remove) };
    let (to_geo, to_source) = if new_source == GeoSource::Unknown {
        (geo, source)
    } else if new_geo == geo {
        (geo, source.min(new_source))
    } else {
        (new_geo, new_source)
    };
    let to = Label(to_geo, to_source, new_region.or(region));
    (to != Label(geo, source, region)).then_some(Action::Relabel(to))
}

fn any_label() -> impl Strategy<Value = Label> {
    select(vec![
        Label("NAM", GeoSource::Inferred, None),
        Label("NAM", GeoSource::Inferred, None),
        Label("NAM", GeoSource::Documented, Some("East")),
        Label("NAM", GeoSource::Documented, Some("West")),
        Label("NAM", GeoSource::Configured, None),
        Label("EUR", GeoSource::Inferred, Some("West")),
        Label("EUR", GeoSource::Documented, None),
        Label("ZZZ", GeoSource::Unknown, None),
    ])
}

pub(super) fn any_list() -> impl Strategy<Value = List> {
    prop::collection::btree_map(0..POOL.len(), any_label(), 0..POOL.len())
}

/// A list similar to this one: some ranges are removed, added or relabelled.
pub(super) fn like(list: List) -> impl Strategy<Value = List> {
    let changes = prop::collection::btree_map(0..POOL.len(), prop::option::of(any_label()), 0..4);
    changes.prop_map(move |changes| {
        let mut list = list.clone();
        for (id, label) in changes {
            match label {
                Some(label) => _ = list.insert(id, label),
                None => _ = list.remove(&id),
            }
        }
        list
    })
}
