//! nftables in a namespace, through its own program: shows how other tools treat a packet's mark and code
//! point.

use std::process::Command;

use anyhow::{Context as _, Result};

use crate::netns::Netns;

/// Adds a ruleset (nft(8)) to the rules of the namespace.
pub fn load(netns: &Netns, ruleset: &str) -> Result<()> {
    netns.feed(Command::new("nft").args(["-f", "-"]), ruleset)?;
    Ok(())
}

/// Packets that a named counter of a table has counted. `table` is a family and a name.
pub fn packets(netns: &Netns, table: &str, counter: &str) -> Result<u64> {
    let arguments = ["list", "counter"].into_iter().chain(table.split(' ')).chain([counter]);
    let text = netns.output(Command::new("nft").args(arguments))?;
    let count = text.split_whitespace().skip_while(|word| *word != "packets").nth(1);
    count.and_then(|count| count.parse().ok()).with_context(|| format!("no count in {text:?}"))
}
