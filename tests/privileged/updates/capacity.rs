//! Lists that do not fit together within `--max-ranges`, and a full table of counter slots. The gate of a
//! source holds the additions without room, and no source stops another.

use std::{net::IpAddr, time::Duration};

use d365_tests::{https::Answer, require, scrape::Scrape};

use super::site::{Site, approve, pending, ranges, wait_until};
use crate::{
    mail::{deliver_again, listen, tally},
    steps::{ListFile, lines},
};

/// Number of ranges in the embedded list.
const EMBEDDED: u64 = 39;

fn left_out(scrape: &Scrape, source: &str) -> u64 {
    scrape.sum("d365_source_left_out", &[("source", source)])
}

/// A mirror's first list is too long together with the embedded list. It stops no other source, even after a
/// restart or an approval.
#[test]
fn a_list_that_is_too_long_stops_no_other_source_and_no_start() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let mirror = |count| site.server.route("/doc", [Answer::ok(super::faults::tags(count))]);
    mirror(60);
    let other = ListFile::new(lines([200], "NAM"));
    let mirrored = site.source("/doc");
    let sources = ["embedded", mirrored.as_str(), other.source.as_str()];
    let options = site.options(&sources).args(["--max-ranges", "60"]);
    let daemon = site.start(&options);
    let scrape = wait_until(&daemon, "a full list", |scrape| ranges(scrape) == 60);
    let waiting = pending(&scrape, "capacity");
    assert_eq!(waiting, 40, "the file's own range came first, and 20 of 60");
    assert_eq!(scrape.sum("d365_updates_refused_total", &[("reason", "ranges")]), 0);
    let expected = ["a change waits for room; raise --max-ranges", " change=capacity "];
    daemon.wait_for_line(&expected, std::time::Duration::from_secs(5)).unwrap();
    // The other source's updates continue: another geo needs no room.
    other.replace(lines([200], "EUR"));
    wait_until(&daemon, "the other geo", |scrape| {
        scrape.sum("d365_ranges", &[("geo", "EUR"), ("geo_source", "configured")]) == 1
    });
    daemon.stop().unwrap();

    let done = approve(&options, &[]);
    assert_eq!(done.code, Some(0), "{}", done.stdout);
    assert!(done.stdout.contains("when there is room: raise --max-ranges"), "{}", done.stdout);
    let daemon = site.start(&options);
    let scrape = wait_until(&daemon, "the list", |scrape| ranges(scrape) == 60);
    assert_eq!((left_out(&scrape, sources[1]), pending(&scrape, "capacity")), (0, waiting));
    daemon.wait_for_log("is carried out in part", Duration::from_secs(5)).unwrap();
    let done = approve(&options, &[]);
    assert_eq!(done.code, Some(1), "{}", done.stdout);
    assert!(done.stdout.contains("has no room (raise --max-ranges)"), "{}", done.stdout);
    daemon.stop().unwrap();

    let with_room = site.options(&sources).args(["--max-ranges", "200"]).state_of(&options);
    let daemon = site.start(&with_room);
    wait_until(&daemon, "all of it", |scrape| {
        ranges(scrape) == EMBEDDED + 61 && pending(scrape, "capacity") == 0
    });
    daemon.stop().unwrap();

    // With the lower limit again, the daemon takes the sources that fit, in their order.
    let daemon = site.start(&options);
    let scrape = daemon.scrape().unwrap();
    assert_eq!(ranges(&scrape), EMBEDDED + 1);
    assert_eq!([0, 1, 2].map(|source| left_out(&scrape, sources[source])), [0, 1, 0]);
    let log = daemon.log();
    let line = log.lines().find(|line| line.contains("nothing of it is used"));
    assert!(line.is_some_and(|line| line.contains("WARN") && line.contains(sources[1])), "{log}");
    other.replace(lines(200..202, "EUR"));
    wait_until(&daemon, "one more", |scrape| ranges(scrape) == EMBEDDED + 2);
    daemon.stop().unwrap();

    let daemon = site.start(&with_room);
    let scrape = daemon.scrape().unwrap();
    assert_eq!((ranges(&scrape), left_out(&scrape, sources[1])), (EMBEDDED + 62, 0));
    daemon.stop().unwrap();
}

/// A line of a full file is replaced. The new line waits for the room of the old one, also after a restart,
/// until an approval.
#[test]
fn a_full_file_can_be_edited() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let list = ListFile::new(lines(0..40, "NAM"));
    let options = site.options(&[&list.source]).args(["--max-ranges", "40"]);
    let daemon = site.start(&options);
    let edited = lines((0..39).chain([99]), "NAM");
    list.replace(&edited);
    let held = |scrape: &Scrape| (pending(scrape, "capacity"), pending(scrape, "removal")) == (1, 1);
    wait_until(&daemon, "a line without room", held);
    daemon.stop().unwrap();
    let daemon = site.start(&options);
    let scrape = wait_until(&daemon, "the same after a start", held);
    assert_eq!(ranges(&scrape), 40);
    // The old line returns, and nothing waits any more.
    list.replace(lines(0..40, "NAM"));
    wait_until(&daemon, "nothing that waits", |scrape| {
        (pending(scrape, "capacity"), pending(scrape, "removal")) == (0, 0)
    });
    list.replace(&edited);
    wait_until(&daemon, "a line without room", held);
    daemon.stop().unwrap();
    assert_eq!(approve(&options, &[]).code, Some(0));
    // The daemon carries out the approval before the gates decide on the first list.
    let daemon = site.start(&options);
    let scrape = daemon.scrape().unwrap();
    assert_eq!((ranges(&scrape), pending(&scrape, "capacity"), pending(&scrape, "removal")), (40, 0, 0));
    assert_eq!(scrape.count("d365_range_packets_total", &[("range", "11.0.99.0/24")]), 0);
    assert_eq!(scrape.count("d365_generation", &[]), 1, "by the first generation");
    daemon.stop().unwrap();
}

/// With 40 ranges of 40, the daemon publishes another geo and a removal after its hold. It does not tag the
/// removed range.
#[test]
fn a_full_table_is_no_hindrance() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let list = ListFile::new(lines(0..40, "NAM"));
    let options = site.options(&[&list.source]).args(["--max-ranges", "40", "--hold", "2s", "--tag", "dscp"]);
    let daemon = site.start(&options);
    let sender: IpAddr = "11.0.7.9".parse().unwrap();
    site.lab.add_source(sender).unwrap();
    let _listener = listen(&site.lab);
    let connections = || {
        deliver_again(&site.lab, 0, &[sender]);
        let scrape = daemon.scrape().unwrap();
        let tagged = scrape.sum("d365_tagged_packets_total", &[]);
        (["smtp", "retired_smtp"].map(|family| tally(&scrape, family, &[]).connections), tagged)
    };
    let (counted, tagged) = connections();
    assert!(counted == [1, 0] && tagged > 0, "{counted:?} {tagged}");

    list.replace(lines(0..40, "EUR"));
    let geo = |scrape: &Scrape| scrape.sum("d365_ranges", &[("geo", "EUR")]);
    let scrape = wait_until(&daemon, "40 other geos", |scrape| geo(scrape) == 40);
    assert_eq!(scrape.sum("d365_updates_refused_total", &[("reason", "capacity")]), 0);
    assert_eq!(connections().0, [2, 0], "no count is lost");
    list.replace(lines((0..40).filter(|number| *number != 7), "EUR"));
    let scrape = wait_until(&daemon, "the removal", |scrape| ranges(scrape) == 39);
    assert_eq!(scrape.sum("d365_ranges_retired", &[]), 1);
    let before = scrape.sum("d365_tagged_packets_total", &[]);
    let (counted, tagged) = connections();
    assert_eq!((counted, tagged), ([2, 1], before), "it is not tagged any more");
    list.replace(lines(0..40, "EUR"));
    let scrape = wait_until(&daemon, "the range again", |scrape| ranges(scrape) == 40);
    assert_eq!(scrape.sum("d365_ranges_retired", &[]), 0);
    assert_eq!(scrape.sum("d365_updates_refused_total", &[]), 0);
    daemon.stop().unwrap();
}
