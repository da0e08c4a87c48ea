//! Lists that do not fit together within `--max-ranges`, and a full table of counter slots. The gate of a
//! source holds the additions without room, and no source stops another.

use std::{fs, net::IpAddr};

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    https::Answer,
    require,
    scrape::Scrape,
    task::{self, Done},
    temp::TempDir,
};

use super::site::{Site, pending, ranges, wait_until};
use crate::mail::{deliver_again, listen, tally};

/// Number of ranges in the embedded list.
const EMBEDDED: u64 = 39;

/// A file with a line for each number, and its source.
struct Listed {
    directory: TempDir,
    source: String,
}

impl Listed {
    fn new(numbers: &[u32]) -> Self {
        let directory = TempDir::new("list");
        let source = format!("file:{}", directory.file("list").display());
        let listed = Self { directory, source };
        listed.replace(numbers, "NAM");
        listed
    }

    /// Renames a new file into place.
    fn replace(&self, numbers: &[u32], geo: &str) {
        let text: String = numbers.iter().map(|n| format!("11.0.{n}.0/24,{geo}\n")).collect();
        self.write(&text);
    }

    fn write(&self, text: &str) {
        fs::write(self.directory.file("new"), text).unwrap();
        fs::rename(self.directory.file("new"), self.directory.file("list")).unwrap();
    }
}

fn approve(options: &DaemonOptions, flags: &[&str]) -> Done {
    let state = options.state.as_ref().unwrap().path().to_str().unwrap().to_owned();
    task::run(&[&["approve", "--yes", "--state-dir", &state], flags].concat()).unwrap()
}

fn left_out(scrape: &Scrape, source: &str) -> u64 {
    scrape.sum("d365_source_left_out", &[("source", source)])
}

fn numbers(range: std::ops::Range<u32>) -> Vec<u32> {
    range.collect()
}

/// A mirror's first list is too long together with the embedded list. It stops no other source, even after a
/// restart or an approval.
#[test]
fn a_list_that_is_too_long_stops_no_other_source_and_no_start() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let mirror = |count| site.server.route("/doc", [Answer::ok(super::faults::tags(count))]);
    mirror(60);
    let other = Listed::new(&[200]);
    let mirrored = site.source("/doc");
    let sources = ["embedded", mirrored.as_str(), other.source.as_str()];
    let options = site.options(&sources).args(["--max-ranges", "60"]);
    let daemon = site.start(&options);
    let scrape = wait_until(&daemon, "a full list", |scrape| ranges(scrape) == 60);
    let waiting = pending(&scrape, "capacity");
    assert_eq!(waiting, 40, "the file's own range came first, and 20 of 60");
    assert_eq!(scrape.sum("d365_updates_refused_total", &[("reason", "ranges")]), 0);
    let said = ["a change waits for room; raise --max-ranges", " change=capacity "];
    daemon.wait_for_line(&said, std::time::Duration::from_secs(5)).unwrap();
    // The other source's updates continue: another geo needs no room.
    other.replace(&[200], "EUR");
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
    daemon.wait_for_log("is carried out in part", std::time::Duration::from_secs(5)).unwrap();
    let done = approve(&options, &[]);
    assert_eq!(done.code, Some(1), "{}", done.stdout);
    assert!(done.stdout.contains("has no room (raise --max-ranges)"), "{}", done.stdout);
    daemon.stop().unwrap();

    let daemon = site.start(&site.options(&sources).args(["--max-ranges", "200"]).state_of(&options));
    wait_until(&daemon, "all of it", |scrape| {
        ranges(scrape) == EMBEDDED + 61 && pending(scrape, "capacity") == 0
    });
    daemon.stop().unwrap();
}

/// A line of a full file is replaced. The new line waits for the room of the old one, also after a restart,
/// until an approval.
#[test]
fn a_full_file_can_be_edited() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let list = Listed::new(&numbers(0..40));
    let options = site.options(&[&list.source]).args(["--max-ranges", "40"]);
    let daemon = site.start(&options);
    let edited = [numbers(0..39), vec![99]].concat();
    list.replace(&edited, "NAM");
    let held = |scrape: &Scrape| (pending(scrape, "capacity"), pending(scrape, "removal")) == (1, 1);
    wait_until(&daemon, "a line without room", held);
    daemon.stop().unwrap();
    let daemon = site.start(&options);
    let scrape = wait_until(&daemon, "the same after a start", held);
    assert_eq!(ranges(&scrape), 40);
    // The old line returns, and nothing waits any more.
    list.replace(&numbers(0..40), "NAM");
    wait_until(&daemon, "nothing that waits", |scrape| {
        (pending(scrape, "capacity"), pending(scrape, "removal")) == (0, 0)
    });
    list.replace(&edited, "NAM");
    wait_until(&daemon, "a line without room", held);
    daemon.stop().unwrap();
    assert_eq!(approve(&options, &[]).code, Some(0));
    // The daemon carries out the approval before the gates decide on the first list.
    let daemon = site.start(&options);
    let scrape = daemon.scrape().unwrap();
    assert_eq!((ranges(&scrape), pending(&scrape, "capacity"), pending(&scrape, "removal")), (40, 0, 0));
    assert_eq!(scrape.sum("d365_range_packets_total", &[("range", "11.0.99.0/24")]), 0);
    assert_eq!(scrape.select("d365_range_packets_total", &[("range", "11.0.99.0/24")]).count(), 1);
    assert_eq!(scrape.count("d365_generation", &[]), 1, "by the first generation");
    daemon.stop().unwrap();
}

/// The lists were accepted with a larger `--max-ranges`. The daemon takes the sources that fit, in their
/// order.
#[test]
fn a_start_takes_the_sources_that_fit_and_names_the_others() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let (long, short) = (Listed::new(&numbers(0..50)), Listed::new(&numbers(100..110)));
    let options = |limit: &'static str| {
        site.options(&["embedded", &long.source, &short.source]).args(["--max-ranges", limit])
    };
    let first = options("100");
    let daemon = site.start(&first);
    assert_eq!(ranges(&daemon.scrape().unwrap()), EMBEDDED + 60);
    daemon.stop().unwrap();

    let daemon = site.start(&options("60").state_of(&first));
    let scrape = daemon.scrape().unwrap();
    assert_eq!((ranges(&scrape), left_out(&scrape, &long.source)), (EMBEDDED + 10, 1));
    assert_eq!((left_out(&scrape, &short.source), left_out(&scrape, "embedded")), (0, 0));
    let line = daemon.log().lines().find(|line| line.contains("nothing of it is used")).map(str::to_owned);
    assert!(
        line.is_some_and(|line| line.contains("WARN") && line.contains(&format!(" source={} ", long.source))),
        "{}",
        daemon.log()
    );
    // The updates of the other sources continue.
    short.replace(&numbers(100..111), "NAM");
    wait_until(&daemon, "one more", |scrape| ranges(scrape) == EMBEDDED + 11);
    daemon.stop().unwrap();

    let daemon = site.start(&options("100").state_of(&first));
    let scrape = daemon.scrape().unwrap();
    assert_eq!((ranges(&scrape), left_out(&scrape, &long.source)), (EMBEDDED + 61, 0));
    daemon.stop().unwrap();
}

/// With 40 ranges of 40, the daemon publishes another geo and a removal after its hold. It does not tag the
/// removed range.
#[test]
fn a_full_table_is_no_hindrance() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let list = Listed::new(&numbers(0..40));
    let options = site.options(&[&list.source]).args(["--max-ranges", "40", "--hold", "2s", "--tag", "dscp"]);
    let daemon: Daemon = site.start(&options);
    let sender: IpAddr = "11.0.7.9".parse().unwrap();
    site.lab.add_source(sender).unwrap();
    let _listener = listen(&site.lab);
    let connections = |daemon: &Daemon| {
        deliver_again(&site.lab, 0, &[sender]);
        let scrape = daemon.scrape().unwrap();
        let tagged = scrape.sum("d365_tagged_packets_total", &[]);
        (["smtp", "retired_smtp"].map(|family| tally(&scrape, family, &[]).connections), tagged)
    };
    let (counted, tagged) = connections(&daemon);
    assert!(counted == [1, 0] && tagged > 0, "{counted:?} {tagged}");

    list.replace(&numbers(0..40), "EUR");
    let geo = |scrape: &Scrape| scrape.sum("d365_ranges", &[("geo", "EUR")]);
    let scrape = wait_until(&daemon, "40 other geos", |scrape| geo(scrape) == 40);
    assert_eq!(scrape.sum("d365_updates_refused_total", &[("reason", "capacity")]), 0);
    assert_eq!(connections(&daemon).0, [2, 0], "no count is lost");
    let without = numbers(0..40).into_iter().filter(|n| *n != 7).collect::<Vec<_>>();
    list.replace(&without, "EUR");
    let scrape = wait_until(&daemon, "the removal", |scrape| ranges(scrape) == 39);
    assert_eq!(scrape.sum("d365_ranges_retired", &[]), 1);
    let before = scrape.sum("d365_tagged_packets_total", &[]);
    let (counted, tagged) = connections(&daemon);
    assert_eq!((counted, tagged), ([2, 1], before), "it is not tagged any more");
    assert_eq!(scrape.sum("d365_updates_refused_total", &[]), 0);
    daemon.stop().unwrap();
}
