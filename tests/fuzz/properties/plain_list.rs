//! The operator's own list: it is rejected with one line, or read. A list that is read, written and read
//! again gives the same set.

use std::collections::BTreeSet;

use d365_user::{
    ranges::{Policy, RangeSet},
    source::{List, ListEntry, plain},
};

const NAME: &str = "file:/list";

pub(crate) fn check(text: &[u8]) {
    let read = match plain::parse(text, NAME) {
        Ok(read) => read,
        Err(error) => {
            let message = error.to_string();
            assert!(message.starts_with(NAME) && !message.contains(char::is_control), "{message:?}");
            return;
        }
    };
    assert!(!read.entries.is_empty() && read.entries.len() <= plain::MAX_ENTRIES);
    let lines = text.iter().filter(|byte| **byte == b'\n').count() + 1;
    assert!(read.entries.iter().all(|entry| (1..=lines).contains(&entry.line)));
    assert!(read.entries.is_sorted_by_key(|entry| entry.line));

    let again = plain::parse(written(&read.entries).as_bytes(), NAME).expect("what was read can be written");
    let fields = |list: &List| -> Vec<_> {
        let fields = |ListEntry { prefix, geo, region, line: _ }: &ListEntry| (*prefix, *geo, region.clone());
        list.entries.iter().map(fields).collect()
    };
    assert_eq!(fields(&again), fields(&read));
    for allow_special in [false, true] {
        compiles_to_the_same_set(&read, &again, Policy { allow_special, ..Policy::default() });
    }
}

/// Formats the entries as an operator would write them.
fn written(entries: &[ListEntry]) -> String {
    let line = |ListEntry { prefix, geo, region, line: _ }: &ListEntry| {
        let geo = geo.map(|geo| geo.to_string()).unwrap_or_default();
        format!("{prefix},{geo},{}\n", region.as_deref().unwrap_or_default())
    };
    entries.iter().map(line).collect()
}

fn compiles_to_the_same_set(read: &List, again: &List, policy: Policy) {
    let build = |list: &List| RangeSet::build(std::slice::from_ref(list), &policy);
    let (set, other) = match (build(read), build(again)) {
        (Ok(set), Ok(other)) => (set, other),
        (Err(_), Err(_)) => return,
        (set, other) => panic!("{set:?} of what was read, {other:?} of what was written"),
    };
    assert_eq!(set.digest(), other.digest());
    assert!(set.ranges().len() <= read.entries.len());
    assert!(set.ranges().is_sorted_by(|one, next| one.prefix < next.prefix), "sorted, each once");
    let written: BTreeSet<_> = read.entries.iter().map(|entry| entry.prefix.trunc()).collect();
    for range in set.ranges() {
        assert_eq!(range.prefix, range.prefix.trunc());
        assert_eq!(policy.check(&range.prefix), Ok(()));
        assert!(written.contains(&range.prefix));
    }
}
