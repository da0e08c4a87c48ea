//! The formats, a file each. Each renders an [`Export`], and decides nothing else.

use ipnet::IpNet;

use super::Export;

pub(super) mod bind_acl;
pub(super) mod cisco_hat;
pub(super) mod csv;
pub(super) mod exchange_online;
pub(super) mod exim;
pub(super) mod haproxy;
pub(super) mod ipset;
pub(super) mod json;
pub(super) mod nftables;
pub(super) mod pf;
pub(super) mod plain;
pub(super) mod postfix_cidr;
pub(super) mod postscreen;
pub(super) mod rspamd_map;
pub(super) mod spamassassin;

/// The comment with the sign `#`, and a line for each aggregated prefix.
fn lines(export: &Export, line: impl Fn(IpNet) -> String) -> String {
    export.head("#") + &export.aggregated().into_iter().map(line).collect::<String>()
}

/// The text of these prefixes, with `between` between them.
fn joined(prefixes: impl IntoIterator<Item = IpNet>, between: &str) -> String {
    prefixes.into_iter().map(|prefix| prefix.to_string()).collect::<Vec<_>>().join(between)
}

/// The aggregated prefixes, IPv4's and IPv6's, for formats that have a set for each family.
fn by_family(export: &Export) -> [Vec<IpNet>; 2] {
    let (v4, v6) = export.aggregated().into_iter().partition(|prefix| matches!(prefix, IpNet::V4(_)));
    [v4, v6]
}

#[cfg(test)]
mod tests;
