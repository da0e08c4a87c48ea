//! `ipset`: a script for `ipset restore`. It fills new sets and swaps them with `d365_v4` and `d365_v6`,
//! which it makes if they are absent. A swap is atomic, and a script that fails before it leaves the set as
//! it was.

use std::fmt::Write as _;

use crate::export::Export;

/// The most elements of a set. `-exist` accepts a set only if it was made with the same number, so it is that
/// of the largest list (262,144 ranges).
const MOST: u32 = 1 << 18;

pub(in crate::export) fn render(export: &Export) -> String {
    let mut text = export.head("#");
    for (prefixes, (set, family)) in
        super::by_family(export).into_iter().zip([("d365_v4", "inet"), ("d365_v6", "inet6")])
    {
        // Writing to a string cannot fail.
        for name in [set.to_owned(), format!("{set}_new")] {
            let _ = writeln!(text, "create {name} hash:net family {family} maxelem {MOST} -exist");
        }
        let _ = writeln!(text, "flush {set}_new");
        for prefix in prefixes {
            let _ = writeln!(text, "add {set}_new {prefix}");
        }
        let _ = writeln!(text, "swap {set}_new {set}\ndestroy {set}_new");
    }
    text
}
