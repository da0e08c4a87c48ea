//! nftables in a namespace, by its own program: what other tools make of a packet's mark and code point.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use crate::netns::Netns;

/// Loads a ruleset (nft(8)) into the namespace, besides what is there.
pub fn load(netns: &Netns, ruleset: &str) -> Result<()> {
    let run = || -> Result<()> {
        let mut command = Command::new("nft");
        command.args(["-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut nft = command.spawn().context("cannot start nft")?;
        let mut input = nft.stdin.take().context("no standard input")?;
        input.write_all(ruleset.as_bytes())?;
        drop(input);
        let output = nft.wait_with_output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "nft refuses the ruleset: {said}\n{ruleset}");
        Ok(())
    };
    netns.run(run)
}

/// Packets that a named counter of a table has seen; `table` is a family and a name.
pub fn packets(netns: &Netns, table: &str, counter: &str) -> Result<u64> {
    let arguments = ["list", "counter"].into_iter().chain(table.split(' ')).chain([counter]);
    let text = netns.output(Command::new("nft").args(arguments))?;
    let count = text.split_whitespace().skip_while(|word| *word != "packets").nth(1);
    count.and_then(|count| count.parse().ok()).with_context(|| format!("no count in {text:?}"))
}
