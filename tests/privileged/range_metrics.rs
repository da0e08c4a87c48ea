//! Series by range: on while the list is short, and on or off as the operator chooses.

use std::time::Duration;

use d365_tests::{daemon::Daemon, lab::Lab, require, scrape::Scrape, temp::TempDir};

use crate::{
    steps::{on, replace_list, source, stop},
    updates::site::{ranges, wait_until},
};

fn write(directory: &TempDir, count: u32) {
    let lines: String =
        (0..count).map(|number| format!("11.{}.{}.0/25,NAM\n", number / 256, number % 256)).collect();
    replace_list(directory, &lines);
}

fn series(scrape: &Scrape) -> (u64, usize, usize) {
    let count = |family| scrape.select(family, &[]).count();
    let shown = scrape.count("d365_range_metrics", &[]);
    (shown, count("d365_range_packets_total"), count("d365_smtp_packets_total"))
}

#[test]
fn by_itself_they_go_above_a_thousand_ranges_and_geos_stay() {
    require!(Root, Tool("ip"), Daemon);
    let (lab, directory) = (Lab::new().unwrap(), TempDir::new("list"));
    write(&directory, 1000);
    let options = on(&lab, &["--ranges", &source(&directory.file("list"))]);
    let daemon = Daemon::start(&lab.host, &options).unwrap();
    assert_eq!(series(&daemon.scrape().unwrap()), (1, 1000, 1));
    write(&directory, 1001);
    let scrape = wait_until(&daemon, "another range", |scrape| ranges(scrape) == 1001);
    assert_eq!(series(&scrape), (0, 0, 1));
    let said = "metrics by range are off: the list has 1001 ranges, more than 1000; --range-metrics on shows them all";
    daemon.wait_for_log(said, Duration::from_secs(5)).unwrap();
    stop(daemon);
    let daemon = Daemon::start(&lab.host, &options.clone().args(["--range-metrics", "on"])).unwrap();
    assert_eq!(series(&daemon.scrape().unwrap()), (1, 1001, 1));
    stop(daemon);
    write(&directory, 2);
    let daemon = Daemon::start(&lab.host, &options.env("D365_RANGE_METRICS", "off")).unwrap();
    let (shown, by_range, by_geo) = series(&daemon.scrape().unwrap());
    assert!(shown == 0 && by_range == 0 && by_geo >= 1);
}
