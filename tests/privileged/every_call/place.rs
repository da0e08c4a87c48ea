//! The place for the faults: a lab with its own bpffs, packets of each kind, and their counts.

use anyhow::{Result, ensure};
use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    lab::Lab,
    mount::{Mount, View},
    scrape::Scrape,
};

use super::{PATIENCE, wait};
use crate::steps::{ListFile, has_tc, has_xdp, knock, on, shell};

/// The sources: an IPv4 source whose range changes its geo, an IPv6 source, and an unlisted source.
const SOURCES: [&str; 3] = ["11.0.0.9", "2a01:111:f400::9", "198.51.100.7"];

/// A lab, and a file with a list.
pub(super) struct Place {
    pub(super) lab: Lab,
    pub(super) view: View,
    list: ListFile,
    mode: &'static str,
    /// The qdiscs that must stay.
    qdiscs: String,
}

/// Counts of packets: by geo (CAN, EUR), unlisted, tagged and dropped.
pub(super) type Counts = [u64; 5];

fn read(scrape: &Scrape) -> Counts {
    let smtp = ["CAN", "EUR"].map(|geo| scrape.sum("d365_smtp_packets_total", &[("geo", geo)]));
    let others = ["unlisted_smtp", "tagged", "unlisted_dropped"];
    let others = others.map(|name| scrape.sum(&format!("d365_{name}_packets_total"), &[]));
    [smtp[0], smtp[1], others[0], others[1], others[2]]
}

/// Returns these counts after one more packet from each source.
pub(super) fn after_one_of_each([can, eur, unlisted, tagged, dropped]: Counts, is_can: bool) -> Counts {
    [can + u64::from(is_can), eur + 1 + u64::from(!is_can), unlisted + 1, tagged + 2, dropped + 1]
}

/// A list whose first range has the geo Canada or Europe.
fn list(is_can: bool) -> String {
    let geo = if is_can { "CAN" } else { "EUR" };
    format!("11.0.0.0/24,{geo}\n11.0.1.0/24,NAM\n2a01:111:f400::/48,EUR\n")
}

impl Place {
    pub(super) fn new() -> Self {
        Self::by("native")
    }

    /// A place for a daemon in this mode.
    pub(super) fn by(mode: &'static str) -> Self {
        let lab = Lab::new().unwrap();
        let view = View::new(&lab.host, &[Mount::Sysfs, Mount::Bpffs]).unwrap();
        let mut place = Self { lab, view, list: ListFile::new(list(true)), mode, qdiscs: String::new() };
        place.qdiscs = place.qdiscs();
        place
    }

    fn qdiscs(&self) -> String {
        shell(&self.lab.host, &format!("tc qdisc show dev {}", self.iface()))
    }

    pub(super) fn iface(&self) -> &str {
        self.lab.iface()
    }

    pub(super) fn write(&self, is_can: bool) {
        self.list.replace(list(is_can));
    }

    /// Options of a daemon that counts, sets this tag and drops unlisted sources, with its own state.
    pub(super) fn options(&self, tag: &str) -> DaemonOptions {
        let ranges = ["--ranges", &self.list.source, "--lease", "never", "--mode", self.mode];
        on(&self.lab, &ranges)
            .args(["--tag", tag, "--unlisted", "drop", "--failsafe", "192.0.2.0/24"])
            .view(&self.view)
            .patience(PATIENCE)
    }

    /// Sends one packet of each source.
    pub(super) fn send(&self) {
        knock(self.lab.link(), &SOURCES);
    }

    /// Waits until the counts are these.
    pub(super) fn counts(&self, daemon: &Daemon, expected: Counts) -> Result<()> {
        let counts = || daemon.scrape().map(|scrape| read(&scrape));
        let otherwise = || format!("{:?}, not {expected:?}; log:\n{}", counts(), daemon.log());
        wait(|| Ok(counts()? == expected), otherwise)
    }

    /// True if there is a program that counts.
    pub(super) fn has_program(&self) -> bool {
        let has = if self.mode == "tc" { has_tc } else { has_xdp };
        has(&self.lab.host, self.iface())
    }

    /// Checks that there is no program that counts, and no qdisc that was not there before. With filters and
    /// the pins, that is all that can hold a program or a map after its daemon has ended.
    pub(super) fn is_as_it_was(&self) -> Result<()> {
        ensure!(!self.has_program(), "a program is left");
        let qdiscs = self.qdiscs();
        ensure!(qdiscs == self.qdiscs, "a qdisc is left, or gone: {qdiscs}, before: {}", self.qdiscs);
        Ok(())
    }

    /// Checks that no filter holds a tc program, ours or one that a killed daemon left.
    pub(super) fn has_no_filter(&self) -> Result<()> {
        let filters = shell(&self.lab.host, &format!("tc filter show dev {} ingress", self.iface()));
        ensure!(!filters.contains("bpf"), "a filter is left: {filters}");
        Ok(())
    }
}
