//! Lists from a server: the changes that are accepted at once, those that wait, and those that are rejected.

use std::{
    thread,
    time::{Duration, Instant},
};

use d365_tests::{daemon::Daemon, https::Answer, require};
use nix::sys::signal::Signal;

use super::site::{PATIENCE, Site, failures, pending, ranges, wait_until};

const OLDER: &str = "public-2025-cn376.json";
const NEWER: &str = "public-2026-cn398.json";

/// The list has 17 ranges, then 22. The five additions wait until a second fetch confirms them.
#[test]
fn additions_are_confirmed_by_a_second_fetch() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    site.serves("/doc", OLDER);
    let options = site.options(&[&site.source("/doc")]).args(["--confirm-after", "3s"]);
    let daemon = site.start(&options);
    let scrape = wait_until(&daemon, "the first list", |scrape| ranges(scrape) == 17);
    assert_eq!(scrape.count("d365_generation", &[]), 1);
    assert!(scrape.value("d365_source_last_success_timestamp_seconds", &[]) > 1.7e9);
    site.serves("/doc", NEWER);
    let scrape = wait_until(&daemon, "five additions that wait", |scrape| pending(scrape, "addition") == 5);
    assert_eq!((ranges(&scrape), scrape.count("d365_generation", &[])), (17, 1));
    let scrape = wait_until(&daemon, "the new list", |scrape| ranges(scrape) == 22);
    assert_eq!((pending(&scrape, "addition"), scrape.count("d365_generation", &[])), (0, 2));
    assert_eq!(daemon.stop().unwrap().status.code(), Some(0));
}

/// Without another list the daemon cannot start.
#[test]
fn a_source_that_fails_is_an_error_where_nothing_else_gives_a_list() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let options = site.options(&[&site.source("/nothing")]);
    let exit = Daemon::run(&site.lab.host, &options).unwrap();
    assert_eq!(exit.status.code(), Some(3), "{}", exit.stderr);
    assert!(
        exit.stderr.contains(
            "the server answers with status 404, there is no such document; check the URL; no other"
        ),
        "{}",
        exit.stderr
    );
    let options = site.options(&["embedded", &site.source("/nothing")]);
    let daemon = site.start(&options);
    let scrape = wait_until(&daemon, "a failure", |scrape| failures(scrape, "status") > 0);
    assert_eq!(ranges(&scrape), 39);
}

/// `Retry-After` takes precedence over `--refresh`. Only the operator's SIGHUP asks sooner.
#[test]
fn a_server_that_asks_for_rest_is_left_alone() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    site.serves("/doc", OLDER);
    let daemon = site.start(&site.options(&[&site.source("/doc")]));
    site.server.route("/doc", [Answer::status(503).header("Retry-After", "3600")]);
    let said = ["the source gave no list", "status 503 and asks for 1h of rest"];
    let line = daemon.wait_for_line(&said, PATIENCE).unwrap();
    assert!(line.contains(" next_try=1h") || line.contains(" next_try=\"1h "), "{line}");
    let asked = site.server.count("/doc");
    thread::sleep(Duration::from_secs(5));
    assert_eq!(site.server.count("/doc"), asked, "it is asked each second otherwise");
    site.serves("/doc", OLDER);
    daemon.signal(Signal::SIGHUP).unwrap();
    let deadline = Instant::now() + PATIENCE;
    while site.server.count("/doc") < asked + 3 {
        assert!(Instant::now() < deadline, "it is not asked as before; log:\n{}", daemon.log());
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(failures(&daemon.scrape().unwrap(), "status"), 1);
    assert_eq!(daemon.stop().unwrap().status.code(), Some(0));
}
