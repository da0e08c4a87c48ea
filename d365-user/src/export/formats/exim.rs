//! `exim`: a file for Exim's `iplsearch`: the prefix is the key, and the geo is the value. IPv6 keys are in
//! quotes, because a colon ends a key. The lookup takes the first key that contains the address, so longer
//! prefixes come first.

use std::cmp::Reverse;

use ipnet::IpNet;

use crate::{export::Export, published::PublishedRange};

pub(in crate::export) fn render(export: &Export) -> String {
    let mut ranges: Vec<&PublishedRange> = export.ranges().collect();
    ranges.sort_by_key(|range| {
        (matches!(range.prefix, IpNet::V6(_)), Reverse(range.prefix.prefix_len()), range.prefix)
    });
    let line = |range: &PublishedRange| match range.prefix {
        IpNet::V4(prefix) => format!("{prefix}: {}\n", range.geo.code),
        IpNet::V6(prefix) => format!("\"{prefix}\": {}\n", range.geo.code),
    };
    export.head("#") + &ranges.into_iter().map(line).collect::<String>()
}
