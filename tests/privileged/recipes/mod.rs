//! The recipes of `docs/mail-server.md`: the page's own text, Debian's programs, the daemon, real mail.

mod listener;
mod next_hop;
mod rspamd;
mod socket;

use std::net::IpAddr;

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    lab::Lab,
    temp::TempFile,
};

/// The geo's number of [`listed`] sources: CAN.
const GEO: u32 = 2;
const MARK: u32 = 0xd365_0000 | GEO;

/// An address of each family in the list of [`tagging`].
fn listed() -> [IpAddr; 2] {
    ["13.71.171.9", "2001:db8:365::9"].map(|source| source.parse().unwrap())
}

/// An address of each family in no list.
fn strangers() -> [IpAddr; 2] {
    ["198.51.100.7", "2001:db8:1::7"].map(|source| source.parse().unwrap())
}

/// A lab whose sender has all these addresses.
fn lab() -> Lab {
    let lab = Lab::new().unwrap();
    listed().into_iter().chain(strangers()).for_each(|source| lab.add_source(source).unwrap());
    lab
}

/// The daemon, tagging what comes from [`listed`] sources.
fn tagging(lab: &Lab, tag: &str) -> Daemon {
    let list = TempFile::new("ranges", "13.71.171.0/24,CAN\n2001:db8:365::/48,CAN\n");
    let ranges = format!("file:{}", list.path().display());
    let options =
        DaemonOptions::on(&[lab.iface()]).args(["--ranges", &ranges, "--allow-special", "--tag", tag]);
    Daemon::start(&lab.host, &options).unwrap()
}
