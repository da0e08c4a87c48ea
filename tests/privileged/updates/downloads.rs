//! Lists from a server: the changes that are accepted at once, those that wait, and those that are rejected.

use std::{thread, time::Duration};

use d365_tests::{daemon::Daemon, https::Answer, require};
use nix::sys::signal::Signal;

use super::site::{PATIENCE, Site, failures, pending, ranges, wait_until};

/// The list has 17 ranges, then 22. The five additions wait until a second fetch confirms them. `Retry-After`
/// takes precedence over `--refresh`. Only the operator's SIGHUP asks sooner.
#[test]
fn additions_need_a_second_fetch_and_a_server_that_asks_for_rest_has_it() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let newer = "public-2026-cn398.json";
    site.serves("/doc", "public-2025-cn376.json");
    let daemon = site.start(&site.options(&[&site.source("/doc")]).args(["--confirm-after", "3s"]));
    let scrape = wait_until(&daemon, "the first list", |scrape| ranges(scrape) == 17);
    assert_eq!(scrape.count("d365_generation", &[]), 1);
    assert!(scrape.value("d365_source_last_success_timestamp_seconds", &[]) > 1.7e9);
    assert!(!scrape.samples.iter().any(|sample| sample.name.starts_with("d365_unlisted_azure")));
    site.serves("/doc", newer);
    let scrape = wait_until(&daemon, "five additions that wait", |scrape| pending(scrape, "addition") == 5);
    assert_eq!((ranges(&scrape), scrape.count("d365_generation", &[])), (17, 1));
    let scrape = wait_until(&daemon, "the new list", |scrape| ranges(scrape) == 22);
    assert_eq!((pending(&scrape, "addition"), scrape.count("d365_generation", &[])), (0, 2));

    site.server.route("/doc", [Answer::status(503).header("Retry-After", "3600")]);
    let expected = ["the source gave no list", "status 503 and asks for a pause of 1h"];
    let line = daemon.wait_for_line(&expected, PATIENCE).unwrap();
    assert!(line.contains(" next_try=1h") || line.contains(" next_try=\"1h "), "{line}");
    let asked = site.server.count("/doc");
    thread::sleep(Duration::from_secs(5));
    assert_eq!(site.server.count("/doc"), asked, "it is asked each second otherwise");
    site.serves("/doc", newer);
    daemon.signal(Signal::SIGHUP).unwrap();
    let scrape = wait_until(&daemon, "the next readings", |_| site.server.count("/doc") >= asked + 3);
    assert_eq!(failures(&scrape, "status"), 1);
    assert_eq!(daemon.stop().unwrap().status.code(), Some(0));

    // Without another list, a daemon whose source fails cannot start.
    let exit = Daemon::run(&site.lab.host, &site.options(&[&site.source("/nothing")])).unwrap();
    assert_eq!(exit.status.code(), Some(3), "{}", exit.stderr);
    let expected = "the server answers with status 404, there is no such document; check the URL; no other";
    let last = exit.stderr.lines().last().unwrap();
    assert!(last.contains(expected) && last.contains("with --ranges embedded as well"), "{}", exit.stderr);
}
