//! Changes that are held until they are approved or their time has passed, and ranges that are retired and
//! counted apart.

use std::{
    fs,
    process::{Command, Output},
    time::Duration,
};

use d365_tests::{
    daemon::{self, Daemon, DaemonOptions},
    require,
    scrape::Scrape,
    temp::TempDir,
};

use super::site::{Site, pending, ranges, wait_until};
use crate::mail::{deliver_again, listen, tally};

/// Twenty ranges, without the one at `but`.
fn list(but: Option<usize>) -> String {
    (0..20).filter(|n| Some(*n) != but).map(|n| format!("11.0.{n}.0/24,NAM\n")).collect()
}

/// A directory with the whole list in a file, and its source.
fn listed() -> (TempDir, String) {
    let directory = TempDir::new("list");
    replace(&directory, &list(None));
    let source = format!("file:{}", directory.file("list.csv").display());
    (directory, source)
}

/// Renames a new file into place.
fn replace(directory: &TempDir, text: &str) {
    fs::write(directory.file("new"), text).unwrap();
    fs::rename(directory.file("new"), directory.file("list.csv")).unwrap();
}

fn approve(options: &DaemonOptions) -> Output {
    let mut command = Command::new(daemon::binary().unwrap());
    command.args(["approve", "--yes", "--state-dir"]).arg(options.state.as_ref().unwrap().path());
    command.output().unwrap()
}

/// Number of connections from listed, retired and unlisted sources.
fn connections(scrape: &Scrape) -> [u64; 3] {
    let count = |family| tally(scrape, family, &[]).connections;
    [count("smtp"), count("retired_smtp"), count("unlisted_smtp")]
}

#[test]
fn a_removal_waits_for_approval_and_is_retired_before_it_is_gone() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let (directory, source) = listed();
    let options = site.options(&[&source]).args(["--grace", "6s"]);
    let daemon = site.start(&options);
    let sender = ["11.0.7.9".parse().unwrap()];
    site.lab.add_source(sender[0]).unwrap();
    let _listener = listen(&site.lab);
    let mail = || deliver_again(&site.lab, 0, &sender);
    mail();
    assert_eq!(connections(&daemon.scrape().unwrap()), [1, 0, 0]);

    replace(&directory, &list(Some(7)));
    let scrape = wait_until(&daemon, "a removal that waits", |scrape| pending(scrape, "removal") == 1);
    assert_eq!((ranges(&scrape), scrape.sum("d365_ranges_retired", &[])), (20, 0));
    mail();
    assert_eq!(connections(&daemon.scrape().unwrap()), [2, 0, 0]);

    let Output { status, stdout, .. } = approve(&options);
    let said = String::from_utf8(stdout).unwrap();
    assert!(status.success() && said.contains("11.0.7.0/24"), "{said}");
    let scrape = wait_until(&daemon, "19 ranges", |scrape| ranges(scrape) == 19);
    assert_eq!((pending(&scrape, "removal"), scrape.sum("d365_ranges_retired", &[])), (0, 1));
    mail();
    let scrape = daemon.scrape().unwrap();
    assert_eq!(connections(&scrape), [2, 1, 0], "counted apart, and the geo keeps what it had");
    assert_eq!(scrape.sum("d365_retired_range_connections_total", &[("range", "11.0.7.0/24")]), 1);
    wait_until(&daemon, "the end of grace", |scrape| scrape.sum("d365_ranges_retired", &[]) == 0);
    mail();
    assert_eq!(connections(&daemon.scrape().unwrap()), [2, 1, 1]);
    let nothing = approve(&options);
    assert!(nothing.status.success(), "{nothing:?}");
    daemon.stop().unwrap();
}

#[test]
fn a_hold_ends_by_itself_and_a_range_that_returns_was_never_gone() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let (directory, source) = listed();
    let daemon = site.start(&site.options(&[&source]).args(["--hold", "2s"]));
    replace(&directory, &list(Some(7)));
    wait_until(&daemon, "the end of the hold", |scrape| scrape.sum("d365_ranges_retired", &[]) == 1);
    replace(&directory, &list(None));
    let scrape = wait_until(&daemon, "the range again", |scrape| ranges(scrape) == 20);
    assert_eq!(scrape.sum("d365_ranges_retired", &[]), 0);
}

/// The gate holds a much shorter list completely, so the accepted list stays.
#[test]
fn a_list_that_shrinks_is_held_whole() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let (directory, source) = listed();
    let daemon = site.start(&site.options(&[&source]));
    replace(&directory, "11.0.0.0/24,NAM\n");
    let scrape = wait_until(&daemon, "a shrink", |scrape| pending(scrape, "shrink") == 19);
    assert_eq!(ranges(&scrape), 20);
    assert!(scrape.sum("d365_updates_refused_total", &[("reason", "shrink")]) > 0);
}

/// The operator approves without a daemon, and the next daemon carries it out.
#[test]
fn an_approval_is_carried_out_by_the_next_daemon() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let (directory, source) = listed();
    let options = site.options(&[&source]);
    let daemon = site.start(&options);
    replace(&directory, &list(Some(3)));
    wait_until(&daemon, "a removal that waits", |scrape| pending(scrape, "removal") == 1);
    daemon.stop().unwrap();
    assert!(approve(&options).status.success());
    let daemon: Daemon = site.start(&options);
    wait_until(&daemon, "19 ranges", |scrape| ranges(scrape) == 19);
    daemon.wait_for_log("11.0.3.0/24", Duration::from_secs(5)).unwrap();
}
