//! Names of packets, programs and ways in a report. A measurement is stored and found by its name.

// Packets.
pub(crate) const OTHER_PORT: &str = "IPv4, TCP to port 443";
pub(crate) const UNLISTED: &str = "IPv4, port 25, unlisted";
pub(crate) const LISTED: &str = "IPv4, port 25, listed";
pub(crate) const LISTED_VLAN: &str = "IPv4, port 25, listed, VLAN tag";
pub(crate) const UNLISTED_V6: &str = "IPv6, port 25, unlisted";
pub(crate) const LISTED_V6: &str = "IPv6, port 25, listed";

// Programs: ours, and those that they are compared with.
pub(crate) const OWN: &str = "d365";
pub(crate) const OWN_TRIE_ONLY: &str = "d365, trie only";
pub(crate) const OWN_MARK: &str = "d365, --tag mark";
/// The tc program that sets the mark, compared with a tc program that does nothing.
pub(crate) const OWN_TC: &str = "d365_tag (tc)";
/// The job for a plain frame and nothing else.
pub(crate) const LIMIT: &str = "limit";
pub(crate) const LIMIT_MARK: &str = "limit, with a mark";
/// A helper call that does almost nothing.
pub(crate) const HELPER: &str = "one helper call";
pub(crate) const TRIE: &str = "kernel's trie alone";
pub(crate) const XDP_FILTER: &str = "xdp-filter";

// Ways end to end, in addition to ours.
pub(crate) const NOTHING: &str = "do-nothing XDP";
pub(crate) const NFTABLES: &str = "nftables";
pub(crate) const IPSET: &str = "ipset, iptables";
