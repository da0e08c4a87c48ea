//! A range is trusted as long as a source that lists it was confirmed within the lease, whatever happens to
//! other sources. Drops need every source.

use std::{fs, net::IpAddr};

use d365_tests::{
    daemon::Daemon,
    frame::{Frame, Packet, Tcp},
    https::Answer,
    lab::Lab,
    nft,
    raw::FrameSender,
    require,
    scrape::Scrape,
};

use super::{
    lease::EMBEDDED_UNTIL,
    site::{PATIENCE, Site, wait_until},
};
use crate::steps::{ListFile, until};

/// The message at the end of a lease.
const ENDED: &str = "the lease ended: ";
/// In the embedded list.
const EMBEDDED: &str = "13.71.171.9";
const OWN: &str = "203.0.113.9";
const OTHER: &str = "198.51.100.9";

fn expiry(scrape: &Scrape, source: &str) -> f64 {
    scrape.value("d365_lease_expiry_timestamp_seconds", &[("source", source)])
}

/// Counts the SYNs to port 25 that reach the host's stack, and those of them with the daemon's code point.
fn count(lab: &Lab) {
    let rules = "table inet d365 {
        counter tagged { }
        counter arrived { }
        chain in {
            type filter hook input priority 0;
            tcp dport != 25 accept
            counter name arrived
            ip dscp cs1 counter name tagged
        }
    }";
    nft::load(&lab.host, rules).unwrap();
}

/// Sends five SYNs from this source. Returns the number that arrived, and the number of those that were
/// tagged.
fn knock(lab: &Lab, source: &str) -> [u64; 2] {
    let counted =
        || ["arrived", "tagged"].map(|counter| nft::packets(&lab.host, "inet d365", counter).unwrap());
    let before = counted();
    let source: IpAddr = source.parse().unwrap();
    let sender = FrameSender::on(&lab.link().sender).unwrap();
    for port in 40_000..40_005 {
        let packet = Packet::between(source, lab.link().host_for(source), Tcp::new(port, 25).syn());
        sender.send(&Frame::new(packet)).unwrap();
    }
    let after = counted();
    [after[0] - before[0], after[1] - before[1]]
}

/// Waits for the end of a source's lease. On a slow machine a lease of some seconds may have ended before.
fn ended(daemon: &Daemon, source: &str, since: usize) {
    let source = format!(" source={source} ");
    let is_it = |line: &str| line.contains(ENDED) && line.contains(&source);
    until(PATIENCE.as_secs(), || daemon.log()[since..].lines().any(is_it), || daemon.log());
}

#[test]
fn a_source_that_is_gone_is_not_trusted_for_another_that_is_confirmed() {
    require!(Root, Tool("ip"), Tool("nft"), Daemon);
    let site = Site::new();
    count(&site.lab);
    let own = ListFile::new(format!("203.0.113.0/24,CAN\n{EMBEDDED}/32,CAN\n"));
    let other = ListFile::new("198.51.100.0/24,EUR\n");
    site.serves("/doc", "public-2026-cn398.json");
    let url = site.source("/doc");
    let options = site.options(&[&url, &own.source, &other.source]).args([
        "--allow-special",
        "--lease",
        "6s",
        "--tag",
        "dscp",
    ]);
    let daemon = site.start(&options);
    let scrape = wait_until(&daemon, "the document", |scrape| expiry(scrape, &url) > 0.0);
    let generation = scrape.count("d365_generation", &[]);
    for source in [EMBEDDED, OWN, OTHER] {
        assert_eq!(knock(&site.lab, source), [5, 5], "{source}; log:\n{}", daemon.log());
    }

    // The server fails, and one file is deleted. The other file never changes. It still confirms its own
    // list, and no other, as long as the daemon can read it.
    let first = expiry(&daemon.scrape().unwrap(), &own.source);
    let since = daemon.log().len();
    site.server.route("/doc", [Answer::status(503)]);
    fs::remove_file(other.path()).unwrap();
    ended(&daemon, &other.source, since);
    ended(&daemon, &url, since);
    assert_eq!(knock(&site.lab, OTHER), [5, 0], "its file is gone");
    assert_eq!(knock(&site.lab, "13.71.171.10"), [5, 0], "of the document alone");
    assert_eq!(knock(&site.lab, EMBEDDED), [5, 5], "the file lists it too");
    assert_eq!(knock(&site.lab, OWN), [5, 5]);

    let is_renewed = |scrape: &Scrape| expiry(scrape, &own.source) > first + 12.0;
    let scrape = wait_until(&daemon, "two terms", is_renewed);
    assert_eq!(scrape.count("d365_generation", &[]), generation);
    assert!(!daemon.log().contains(&format!("{}: its lease ended", own.source)), "{}", daemon.log());
    assert_eq!(knock(&site.lab, OWN), [5, 5]);

    let since = daemon.log().len();
    fs::remove_file(own.path()).unwrap();
    ended(&daemon, &own.source, since);
    assert_eq!(knock(&site.lab, OWN), [5, 0]);
    let before = expiry(&daemon.scrape().unwrap(), &url);
    site.serves("/doc", "public-2026-cn398.json");
    wait_until(&daemon, "a lease of the document", |scrape| expiry(scrape, &url) > before);
    assert_eq!(knock(&site.lab, EMBEDDED), [5, 5], "the document lists it again");
    assert_eq!(knock(&site.lab, OWN), [5, 0]);
    daemon.stop().unwrap();
}

/// A file with one prefix once made an embedded list of 118 days trusted, and unlisted sources were dropped
/// by it.
#[test]
fn an_own_file_is_no_confirmation_of_the_embedded_list_and_drops_need_both() {
    require!(Root, Tool("ip"), Tool("nft"), Daemon);
    let site = Site::new();
    count(&site.lab);
    let own = ListFile::new("203.0.113.0/24,CAN\n");
    let options = site.options(&["embedded", &own.source]).args(["--allow-special", "--tag", "dscp"]);
    let options = options.args(["--unlisted", "drop", "--failsafe", "198.18.0.0/15"]);
    let daemon = site.start(&options);
    daemon.wait_for_log("metrics url=", PATIENCE).unwrap();
    let scrape = daemon.scrape().unwrap();
    assert!((expiry(&scrape, "embedded") - EMBEDDED_UNTIL).abs() < 0.5);
    assert!(expiry(&scrape, &own.source) > EMBEDDED_UNTIL);
    assert_eq!(knock(&site.lab, OWN), [5, 5]);
    assert_eq!(knock(&site.lab, EMBEDDED), [5, 0], "118 days old, and no source confirms it");
    assert_eq!(knock(&site.lab, "8.8.8.8"), [5, 0], "nothing is dropped while the list may be old");

    // The file lists everything that the embedded list contains, so nothing depends on the embedded list any
    // more.
    let ranges = d365_user::source::load(&d365_user::source::Spec::Embedded).unwrap();
    let lines: String = ranges.entries.iter().map(|entry| format!("{},CAN\n", entry.prefix)).collect();
    own.replace(format!("203.0.113.0/24,CAN\n{lines}"));
    wait_until(&daemon, "another generation", |scrape| scrape.count("d365_generation", &[]) > 1);
    wait_until(&daemon, "a drop", |_| knock(&site.lab, "8.8.8.8") == [0, 0]);
    assert_eq!(knock(&site.lab, EMBEDDED), [5, 5]);
    let log = daemon.log();
    let ended = log.lines().filter(|line| line.contains(ENDED) && line.contains(" source=embedded "));
    assert_eq!(ended.count(), 1, "{log}");
    daemon.stop().unwrap();
}

/// If packets are only counted, nothing depends on a lease, and its end is not a warning.
#[test]
fn the_end_of_a_lease_is_a_warning_only_where_packets_are_tagged_or_dropped() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    for (flags, level) in [(&[][..], "INFO"), (&["--tag", "mark"], "WARN"), (&["--unlisted", "drop"], "WARN")]
    {
        let options = site.options(&["embedded"]).args(["--lease", "1s"]);
        let daemon = site.start(&options.args(flags.iter().copied()));
        ended(&daemon, "embedded", 0);
        let log = daemon.stop().unwrap().stderr;
        let line = log.lines().find(|line| line.contains("the lease ended: ")).unwrap();
        assert!(line.contains(level), "{flags:?}: {line}");
    }
}
