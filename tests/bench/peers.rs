//! Other ways to do the same job, in a lab's host. Their configurations are the files in `peers/`.

use std::{fmt::Write as _, process::Command};

use anyhow::Result;
use d365_tests::{netns::Netns, nft};
use d365_user::ranges::Range;

const NFTABLES: &str = include_str!("peers/nftables.nft");
const IPSET: &str = include_str!("peers/ipset.restore");
const IPTABLES: &str = include_str!("peers/iptables.restore");
/// The mark that our program sets for geo 1.
const MARK: u32 = 0xd365_0001;

/// nftables: a named set with intervals, a map to named counters, and a map to marks.
pub(crate) fn load_nftables(host: &Netns, ranges: &[Range]) -> Result<()> {
    let list = |each: &dyn Fn(usize, &Range) -> String| {
        let items: Vec<String> =
            ranges.iter().enumerate().map(|(number, range)| each(number, range)).collect();
        items.join(", ")
    };
    let mut counters = String::new();
    for number in 0..ranges.len() {
        writeln!(counters, "counter range{number} {{ }}")?;
    }
    // Longer names are replaced first, because one name is the beginning of another. Comments are removed,
    // because they contain the names too.
    let code: Vec<&str> = NFTABLES.lines().filter(|line| !line.starts_with('#')).collect();
    let ruleset = code
        .join("\n")
        .replace("COUNTER_OF", &list(&|number, range| format!("{} : \"range{number}\"", range.prefix)))
        .replace("MARK_OF", &list(&|_, range| format!("{} : {MARK:#x}", range.prefix)))
        .replace("COUNTERS", &counters)
        .replace("RANGES", &list(&|_, range| range.prefix.to_string()));
    nft::load(host, &ruleset)
}

/// Number of packets in nftables' counters.
pub(crate) fn counted_by_nftables(host: &Netns) -> Result<u64> {
    nft::sum(&host.output(Command::new("nft").args(["list", "counters", "table", "ip", "d365"]))?)
}

/// ipset and iptables: a set of networks with counters, and a rule that marks packets from the set.
pub(crate) fn load_ipset(host: &Netns, ranges: &[Range]) -> Result<()> {
    let elements: String = ranges.iter().map(|range| format!("add d365 {}\n", range.prefix)).collect();
    host.feed(Command::new("ipset").arg("restore"), &format!("{IPSET}{elements}"))?;
    host.feed(&mut Command::new("iptables-restore"), IPTABLES)?;
    Ok(())
}

/// Number of packets in the set's counters.
pub(crate) fn counted_by_ipset(host: &Netns) -> Result<u64> {
    nft::sum(&host.output(Command::new("ipset").args(["list", "d365"]))?)
}
