//! `nftables`: a script for `nft -f`. It makes the table `inet d365_list` and its sets `d365_v4` and
//! `d365_v6` if they are absent, and replaces their elements. The kernel commits a script as one transaction,
//! so no packet finds a set empty or half filled. The script adds no chain: the operator adds the rules.

use std::fmt::Write as _;

use crate::export::Export;

const TABLE: &str = "inet d365_list";

pub(in crate::export) fn render(export: &Export) -> String {
    let mut text = export.head("#");
    // Writing to a string cannot fail.
    let _ = writeln!(text, "add table {TABLE}");
    let sets = [("d365_v4", "ipv4_addr"), ("d365_v6", "ipv6_addr")];
    for (prefixes, (set, kind)) in super::by_family(export).into_iter().zip(sets) {
        let _ = writeln!(text, "add set {TABLE} {set} {{ type {kind}; flags interval; }}");
        let _ = writeln!(text, "flush set {TABLE} {set}");
        // An empty list of elements is a syntax error.
        if !prefixes.is_empty() {
            let elements = super::joined(prefixes, ",\n    ");
            let _ = writeln!(text, "add element {TABLE} {set} {{\n    {elements}\n}}");
        }
    }
    text
}
