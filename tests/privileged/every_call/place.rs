//! The place for the faults: a lab with its own bpffs, packets of each kind, and their counts.

use std::{
    fs,
    net::IpAddr,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    frame::{Frame, Packet, Tcp},
    lab::Lab,
    mount::{Mount, View},
    patience,
    raw::FrameSender,
    scrape::Scrape,
    temp::TempDir,
};

use super::PATIENCE;

/// The sources: an IPv4 source whose range changes its geo, an IPv6 source, and an unlisted source.
const SOURCES: [&str; 3] = ["11.0.0.9", "2a01:111:f400::9", "198.51.100.7"];

/// A lab, and a file with a list.
pub(super) struct Place {
    pub(super) lab: Lab,
    pub(super) view: View,
    list: TempDir,
    sender: FrameSender,
    /// The qdiscs that must stay.
    qdiscs: String,
}

/// Counts of packets: by geo (CAN, EUR), unlisted, tagged and dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) can: u64,
    pub(super) eur: u64,
    pub(super) unlisted: u64,
    pub(super) tagged: u64,
    pub(super) dropped: u64,
}

impl Counts {
    fn of(scrape: &Scrape) -> Self {
        let sum =
            |name: &str, labels: &[(&str, &str)]| scrape.sum(&format!("d365_{name}_packets_total"), labels);
        Self {
            can: sum("smtp", &[("geo", "CAN")]),
            eur: sum("smtp", &[("geo", "EUR")]),
            unlisted: sum("unlisted_smtp", &[]),
            tagged: sum("tagged", &[]),
            dropped: sum("unlisted_dropped", &[]),
        }
    }

    /// Returns these counts after one more packet from each source.
    pub(super) fn after_one_of_each(self, is_can: bool) -> Self {
        Self {
            can: self.can + u64::from(is_can),
            eur: self.eur + 1 + u64::from(!is_can),
            unlisted: self.unlisted + 1,
            tagged: self.tagged + 2,
            dropped: self.dropped + 1,
        }
    }
}

impl Place {
    pub(super) fn new() -> Self {
        let lab = Lab::new().unwrap();
        let view = View::new(&lab.host, &[Mount::Sysfs, Mount::Bpffs]).unwrap();
        let sender = FrameSender::on(&lab.link().sender).unwrap();
        let mut place = Self { lab, view, list: TempDir::new("list"), sender, qdiscs: String::new() };
        place.write(true);
        place.qdiscs = place.tc("qdisc", &[]).unwrap();
        place
    }

    /// Checks the interface after a daemon was killed. On kernels before tcx, the filter of a killed daemon
    /// stays with its qdisc. The next daemon keeps the qdisc, because it cannot know the owner. On other
    /// kernels nothing may be left.
    pub(super) fn is_killed(&mut self) -> Result<()> {
        if self.has_no_filter().is_err() {
            self.qdiscs = self.tc("qdisc", &[])?;
        }
        self.is_as_it_was()
    }

    fn tc(&self, object: &str, arguments: &[&str]) -> Result<String> {
        let mut tc = Command::new("tc");
        tc.args([object, "show", "dev", self.iface()]).args(arguments);
        self.lab.host.output(&mut tc)
    }

    pub(super) fn iface(&self) -> &str {
        self.lab.iface()
    }

    /// Replaces the list. The first range has the geo Canada or Europe.
    pub(super) fn write(&self, is_can: bool) {
        let geo = if is_can { "CAN" } else { "EUR" };
        let text = format!("11.0.0.0/24,{geo}\n11.0.1.0/24,NAM\n2a01:111:f400::/48,EUR\n");
        fs::write(self.list.file("new"), text).unwrap();
        fs::rename(self.list.file("new"), self.list.file("list")).unwrap();
    }

    /// Options of a daemon that counts, sets this tag and drops unlisted sources, with its own state.
    pub(super) fn options(&self, tag: &str) -> DaemonOptions {
        let source = format!("file:{}", self.list.file("list").display());
        DaemonOptions::on(&[self.iface()])
            .view(&self.view)
            .args(["--ranges", &source, "--lease", "never"])
            .args(["--tag", tag, "--unlisted", "drop", "--failsafe", "192.0.2.0/24"])
            .patience(PATIENCE)
    }

    /// Sends one packet of each source.
    pub(super) fn send(&self) -> Result<()> {
        for source in SOURCES {
            let source: IpAddr = source.parse()?;
            let host = self.lab.link().host_for(source);
            self.sender.send(&Frame::new(Packet::between(source, host, Tcp::new(40_000, 25).syn())))?;
        }
        Ok(())
    }

    /// Waits until the counts are these.
    pub(super) fn counts(&self, daemon: &Daemon, expected: Counts) -> Result<()> {
        let deadline = patience::deadline(Duration::from_secs(20));
        loop {
            let counts = Counts::of(&daemon.scrape()?);
            if counts == expected {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{counts:?}, not {expected:?}; log:\n{}", daemon.log());
            thread::sleep(Duration::from_millis(2));
        }
    }

    pub(super) fn pins(&self) -> Vec<String> {
        self.view.run(|| {
            let found = fs::read_dir("/sys/fs/bpf/d365").into_iter().flatten();
            found.map(|pin| pin.unwrap().file_name().into_string().unwrap()).collect()
        })
    }

    /// Checks that there is no XDP program, and no qdisc that was not there before. With filters and the
    /// pins, that is all that can hold a program or a map after its daemon has ended.
    pub(super) fn is_as_it_was(&self) -> Result<()> {
        let link = self.lab.host.ip(&["-d", "link", "show", "dev", self.iface()])?;
        ensure!(!link.contains("xdp"), "a program is left: {link}");
        let qdiscs = self.tc("qdisc", &[])?;
        ensure!(qdiscs == self.qdiscs, "a qdisc is left, or gone: {qdiscs}, before: {}", self.qdiscs);
        Ok(())
    }

    /// Checks that no filter holds a tc program, ours or one that a killed daemon left.
    pub(super) fn has_no_filter(&self) -> Result<()> {
        let filters = self.tc("filter", &["ingress"])?;
        ensure!(!filters.contains("bpf"), "a filter is left: {filters}");
        Ok(())
    }
}
