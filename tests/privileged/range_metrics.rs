//! Series by range: on while the list is short, and on or off as the operator chooses.

use std::time::Duration;

use d365_tests::{daemon::Daemon, lab::Lab, require, scrape::Scrape};

use crate::{
    steps::{ListFile, on, stop},
    updates::site::{ranges, wait_until},
};

fn lines(count: u32) -> String {
    (0..count).map(|number| format!("11.{}.{}.0/25,NAM\n", number / 256, number % 256)).collect()
}

fn series(scrape: &Scrape) -> (u64, usize, usize) {
    let count = |family| scrape.select(family, &[]).count();
    let shown = scrape.count("d365_range_metrics", &[]);
    (shown, count("d365_range_packets_total"), count("d365_smtp_packets_total"))
}

#[test]
fn by_itself_they_go_above_a_thousand_ranges_and_geos_stay() {
    require!(Root, Tool("ip"), Daemon);
    let (lab, list) = (Lab::new().unwrap(), ListFile::new(lines(1000)));
    let options = on(&lab, &["--ranges", &list.source]);
    let daemon = Daemon::start(&lab.host, &options).unwrap();
    assert_eq!(series(&daemon.scrape().unwrap()), (1, 1000, 1));
    list.replace(lines(1001));
    let scrape = wait_until(&daemon, "another range", |scrape| ranges(scrape) == 1001);
    assert_eq!(series(&scrape), (0, 0, 1));
    let expected =
        ["metrics by range are off", "--range-metrics on shows them all", " ranges=1001 limit=1000"];
    daemon.wait_for_line(&expected, Duration::from_secs(5)).unwrap();
    stop(daemon);
    let daemon = Daemon::start(&lab.host, &options.clone().args(["--range-metrics", "on"])).unwrap();
    assert_eq!(series(&daemon.scrape().unwrap()), (1, 1001, 1));
    stop(daemon);
    list.replace(lines(2));
    let daemon = Daemon::start(&lab.host, &options.env("D365_RANGE_METRICS", "off")).unwrap();
    let (shown, by_range, by_geo) = series(&daemon.scrape().unwrap());
    assert!(shown == 0 && by_range == 0 && by_geo >= 1);
}
