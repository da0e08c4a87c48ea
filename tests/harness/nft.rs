//! nftables in a namespace, through its own program: shows how other tools treat a packet's mark and code
//! point.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::netns::Netns;

/// Adds a ruleset (nft(8)) to the rules of the namespace.
pub fn load(netns: &Netns, ruleset: &str) -> Result<()> {
    netns.feed(Command::new("nft").args(["-f", "-"]), ruleset)?;
    Ok(())
}

/// Packets that a named counter of a table has counted. `table` is a family and a name.
pub fn packets(netns: &Netns, table: &str, counter: &str) -> Result<u64> {
    let arguments = ["list", "counter"].into_iter().chain(table.split(' ')).chain([counter]);
    sum(&netns.output(Command::new("nft").args(arguments))?)
}

/// Adds up the numbers after each word "packets", at least one.
pub fn sum(text: &str) -> Result<u64> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let counts = words.windows(2).filter(|pair| pair[0] == "packets").map(|pair| pair[1].parse::<u64>());
    let counts: Vec<u64> =
        counts.collect::<Result<_, _>>().with_context(|| format!("odd count in {text:?}"))?;
    ensure!(!counts.is_empty(), "no count in {text:?}");
    Ok(counts.iter().sum())
}
