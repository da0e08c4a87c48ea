//! Selects the tests that run: all, the named ones, or the quick ones. Pure.

/// Modules for `--quick`, which use each kind of kernel feature: loading and the verifier, verdicts by each
/// reader and by the oracle, direct table and tries, publishing, attaching, packets of a whole stack, tags by
/// either way, drops, samples, the lease, the hand-over to the next daemon, stopping, calls that fail. Tests
/// of the daemon's own work (updates, reports) have the same result on every kernel.
const QUICK: [&str; 19] = [
    "object::",
    "verdicts::",
    "oracle::",
    "random_sets::",
    "end_to_end::",
    "table::",
    "publishing::",
    "operation::",
    "tags::daemon::",
    "tags::dscp::",
    "tags::marks::",
    "tags::order::",
    "drops::",
    "unlisted::",
    "samples::",
    "lease::",
    "handover::",
    "stopping::",
    "every_call::",
];

/// The tests of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Selection {
    /// The names of the tests.
    pub(super) tests: Vec<String>,
    /// The note for the table's head, if these are not all tests.
    pub(super) note: Option<String>,
}

impl Selection {
    /// Selects from `all` the tests whose name contains one of `filter` (or any name, if it is empty) and
    /// none of `skip`, as libtest does.
    pub(super) fn of(all: Vec<String>, filter: &[String], skip: &[String], quick: bool) -> Self {
        let names = |test: &String, parts: &[String]| parts.iter().any(|part| test.contains(part));
        let is_quick = |test: &String| QUICK.iter().any(|module| test.starts_with(module));
        let is_selected = |test: &String| {
            (filter.is_empty() || names(test, filter)) && !names(test, skip) && (!quick || is_quick(test))
        };
        let (count, tests) = (all.len(), all.into_iter().filter(is_selected).collect::<Vec<_>>());
        let why = if quick { "those that use the kernel (--quick)" } else { "selected by name" };
        let note = (tests.len() < count).then(|| format!("{} of {count} tests: {why}", tests.len()));
        Self { tests, note }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_part_says_that_it_is_one() {
        let all = names(&["lease::a", "updates::lease::b", "drops::c"]);
        let select = |filter: &[&str], skip: &[&str], quick| {
            Selection::of(all.clone(), &names(filter), &names(skip), quick)
        };
        let quick = select(&[], &[], true);
        assert_eq!(quick.tests, names(&["lease::a", "drops::c"]), "modules are named from their beginning");
        assert_eq!(quick.note.unwrap(), "2 of 3 tests: those that use the kernel (--quick)");
        assert_eq!(select(&[], &[], false), Selection { tests: all.clone(), note: None });
        let named = select(&["lease::", "c"], &["updates"], false);
        assert_eq!(named.tests, names(&["lease::a", "drops::c"]));
        assert_eq!(named.note.unwrap(), "2 of 3 tests: selected by name");
        assert_eq!(select(&["c"], &[], true).tests, names(&["drops::c"]));
    }

    #[test]
    fn every_quick_module_is_there() {
        for module in QUICK {
            assert!(test::is_module(module), "no test is in {module}");
        }
    }
}
