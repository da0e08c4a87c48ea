//! By which names packets, programs and ways stand in a report: what is measured under one is found under it.

// Packets.
pub(crate) const OTHER_PORT: &str = "IPv4, TCP to port 443";
pub(crate) const UNLISTED: &str = "IPv4, port 25, unlisted";
pub(crate) const LISTED: &str = "IPv4, port 25, listed";
pub(crate) const UNLISTED_V6: &str = "IPv6, port 25, unlisted";
pub(crate) const LISTED_V6: &str = "IPv6, port 25, listed";

// Programs: ours, and those that it is held against.
pub(crate) const OWN: &str = "d365";
pub(crate) const OWN_TRIE_ONLY: &str = "d365, trie only";
pub(crate) const OWN_MARK: &str = "d365, --tag mark";
pub(crate) const TRIE: &str = "kernel's trie alone";
pub(crate) const XDP_FILTER: &str = "xdp-filter";

// Ways end to end, besides ours.
pub(crate) const NOTHING: &str = "do-nothing XDP";
pub(crate) const NFTABLES: &str = "nftables";
pub(crate) const IPSET: &str = "ipset, iptables";
