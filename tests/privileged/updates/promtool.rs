//! `promtool check metrics`, Prometheus' own checker, has no complaint about a daemon with every metric.

use d365_tests::{promtool, require};

use super::site::{Site, wait_until};
use crate::steps::{ListFile, lines};

#[test]
fn promtool_finds_nothing_in_a_scrape_with_every_metric() {
    require!(Root, Tool("ip"), Daemon, Tool("promtool"));
    let site = Site::new();
    site.serves("/doc", "public-2026-cn398.json");
    let list = ListFile::new(lines(0..20, "NAM"));
    let options = site.options(&["embedded", &site.source("/doc"), &list.source]);
    let options = options.args(["--hold", "1s", "--watch-azure", "--tag", "mark", "--tag", "dscp"]);
    let daemon = site.start(&options.args(["--unlisted", "drop", "--failsafe", "198.18.0.0/15"]));
    list.replace(lines(1..20, "NAM"));
    wait_until(&daemon, "a retired range", |scrape| scrape.sum("d365_ranges_retired", &[]) == 1);
    let text = daemon.get("/metrics", &[("Accept", "text/plain")]).unwrap().body;
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let name = line.split(' ').next().unwrap();
        let is_there = ["{", " "].iter().any(|end| text.contains(&format!("\n{name}{end}")));
        assert!(is_there, "{name} has no sample, and promtool checks only metrics with samples:\n{text}");
    }
    assert_eq!(promtool::complaints(&text).unwrap(), "", "{text}");
    // It does complain about wrong text.
    let wrong = "# HELP mail_packets Packets.\n# TYPE mail_packets counter\nmail_packets 1\n";
    assert_ne!(promtool::complaints(wrong).unwrap(), "");
    daemon.stop().unwrap();
}
