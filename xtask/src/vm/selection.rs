//! Which tests run: all, those that were named, or the quick ones. Pure.

/// Modules that ask the kernel for something of each kind, for `--quick`: loading and the verifier, verdicts, direct table and
/// tries, publishing, attaching, tags by either way, drops, samples, the lease, pins, stopping. What a module has of the
/// daemon's own doing (updates, reports, faults) is the same on every kernel.
const QUICK: [&str; 12] = [
    "object::",
    "verdicts::",
    "table::",
    "publishing::",
    "operation::",
    "tags::daemon::",
    "tags::marks::",
    "drops::",
    "samples::",
    "lease::",
    "pins::",
    "stopping::",
];

/// The tests of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Selection {
    /// By name.
    pub(super) tests: Vec<String>,
    /// What is to be said of them where they are not all: for the table's head.
    pub(super) note: Option<String>,
}

impl Selection {
    /// Of `named`, which are those of `all` that the user named, all or the quick ones.
    pub(super) fn new(all: usize, named: Vec<String>, quick: bool) -> Self {
        let is_quick = |test: &String| QUICK.iter().any(|module| test.starts_with(module));
        let tests: Vec<String> = named.into_iter().filter(|test| !quick || is_quick(test)).collect();
        let why = if quick { "what asks the kernel (--quick)" } else { "what was named" };
        let note = (tests.len() < all).then(|| format!("{} of {all} tests: {why}", tests.len()));
        Self { tests, note }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_says_that_it_is_one() {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let all = names(&["lease::a", "updates::lease::b", "drops::c"]);
        let quick = Selection::new(3, all.clone(), true);
        assert_eq!(quick.tests, names(&["lease::a", "drops::c"]), "modules are named from their beginning");
        assert_eq!(quick.note.unwrap(), "2 of 3 tests: what asks the kernel (--quick)");
        assert_eq!(Selection::new(3, all.clone(), false), Selection { tests: all, note: None });
        assert!(Selection::new(3, names(&["drops::c"]), false).note.is_some());
    }
}
