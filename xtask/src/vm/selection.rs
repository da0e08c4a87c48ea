//! Selects the tests that run: all, the named ones, or the quick ones. Pure.

/// Modules for `--quick`, which use each kind of kernel feature: loading and the verifier, verdicts by each
/// reader and by the oracle, direct table and tries, publishing, attaching, packets of a whole stack, tags by
/// either way, drops, samples, the lease, the hand-over to the next daemon, stopping, calls that fail. Tests
/// of the daemon's own work (updates, reports) have the same result on every kernel.
const QUICK: [&str; 20] = [
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
    "every_call::start::",
    "every_call::update::",
];

/// Selects from `all` the tests whose name contains one of `filter`, or any name if it is empty. The second
/// value is the note for the table's head, if these are not all tests.
pub(super) fn select(all: Vec<String>, filter: &[String], quick: bool) -> (Vec<String>, Option<String>) {
    let is_named = |test: &String| filter.is_empty() || filter.iter().any(|part| test.contains(part));
    let is_quick = |test: &String| !quick || QUICK.iter().any(|module| test.starts_with(module));
    let count = all.len();
    let tests: Vec<String> = all.into_iter().filter(|test| is_named(test) && is_quick(test)).collect();
    let why = if quick { "those that use the kernel (--quick)" } else { "selected by name" };
    let note = (tests.len() < count).then(|| format!("{} of {count} tests: {why}", tests.len()));
    (tests, note)
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
        let select = |filter: &[&str], quick| select(all.clone(), &names(filter), quick);
        let (quick, note) = select(&[], true);
        assert_eq!(quick, names(&["lease::a", "drops::c"]), "modules are named from their beginning");
        assert_eq!(note.unwrap(), "2 of 3 tests: those that use the kernel (--quick)");
        assert_eq!(select(&[], false), (all.clone(), None));
        let (named, note) = select(&["lease::a", "c"], false);
        assert_eq!(named, names(&["lease::a", "drops::c"]));
        assert_eq!(note.unwrap(), "2 of 3 tests: selected by name");
        assert_eq!(select(&["c"], true).0, names(&["drops::c"]));
    }

    #[test]
    fn every_quick_module_is_there() {
        for module in QUICK {
            assert!(test::is_module(module), "no test is in {module}");
        }
    }
}
