//! A change that is held until it is approved, and a range that is retired and counted apart.

use d365_tests::{require, scrape::Scrape};

use super::site::{Site, approve, pending, ranges, wait_until};
use crate::{
    mail::{deliver_again, listen, tally},
    steps::{ListFile, lines},
};

/// Number of connections from listed, retired and unlisted sources.
fn connections(scrape: &Scrape) -> [u64; 3] {
    ["smtp", "retired_smtp", "unlisted_smtp"].map(|family| tally(scrape, family, &[]).connections)
}

#[test]
fn a_removal_waits_for_approval_and_is_retired_before_it_is_gone() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let list = ListFile::new(lines(0..20, "NAM"));
    let options = site.options(&[&list.source]).args(["--grace", "6s"]);
    let daemon = site.start(&options);
    let sender = ["11.0.7.9".parse().unwrap()];
    site.lab.add_source(sender[0]).unwrap();
    let _listener = listen(&site.lab);
    let mail = || {
        deliver_again(&site.lab, 0, &sender);
        daemon.scrape().unwrap()
    };
    assert_eq!(connections(&mail()), [1, 0, 0]);

    // The gate holds a much shorter list completely, so the accepted list stays.
    list.replace(lines(0..1, "NAM"));
    let scrape = wait_until(&daemon, "a shrink", |scrape| pending(scrape, "shrink") == 19);
    assert_eq!(ranges(&scrape), 20);
    assert!(scrape.sum("d365_updates_refused_total", &[("reason", "shrink")]) > 0);

    list.replace(lines((0..20).filter(|number| *number != 7), "NAM"));
    let scrape = wait_until(&daemon, "a removal that waits", |scrape| pending(scrape, "removal") == 1);
    let retired = |scrape: &Scrape| scrape.sum("d365_ranges_retired", &[]);
    assert_eq!((ranges(&scrape), pending(&scrape, "shrink"), retired(&scrape)), (20, 0, 0));
    assert_eq!(connections(&mail()), [2, 0, 0]);

    let done = approve(&options, &[]);
    assert!(done.code == Some(0) && done.stdout.contains("11.0.7.0/24"), "{done:?}");
    let scrape = wait_until(&daemon, "19 ranges", |scrape| ranges(scrape) == 19);
    assert_eq!((pending(&scrape, "removal"), retired(&scrape)), (0, 1));
    let scrape = mail();
    assert_eq!(connections(&scrape), [2, 1, 0], "counted apart, and the geo keeps what it had");
    assert_eq!(scrape.sum("d365_retired_range_connections_total", &[("range", "11.0.7.0/24")]), 1);
    wait_until(&daemon, "the end of grace", |scrape| retired(scrape) == 0);
    assert_eq!(connections(&mail()), [2, 1, 1]);
    let nothing = approve(&options, &[]);
    assert_eq!(nothing.code, Some(0), "{nothing:?}");
    daemon.stop().unwrap();
}
