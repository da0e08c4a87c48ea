//! A download that drips and never ends. `tests/unprivileged/download/slow.rs` checks, with shorter limits,
//! that it ends at its limits (30 s without a byte, 300 s in total). Here it must not disturb anything while
//! it lasts.

use std::{fs, time::Duration};

use d365_tests::{daemon::Daemon, https::Answer, require, scrape::Scrape, temp::TempDir};
use nix::sys::signal::Signal;

use super::{
    super::site::{Site, pending, wait_until},
    Watched,
    approvals::approve,
    tags,
};

/// An answer that is never silent for long, and complete after a day.
fn dripping() -> Answer {
    Answer::blanks(1_000_000).dripping(1, Duration::from_millis(100))
}

#[test]
fn a_download_that_drips_disturbs_nothing() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let directory = TempDir::new("list");
    let replace = |prefixes: &[String]| {
        fs::write(directory.file("new"), prefixes.join("\n")).unwrap();
        fs::rename(directory.file("new"), directory.file("list")).unwrap();
    };
    let other =
        |count: u64| -> Vec<String> { (0..count).map(|number| format!("12.0.{number}.0/24")).collect() };
    replace(&other(20));
    site.server.route("/slow", [Answer::ok(tags(3))]);
    site.server.route("/doc", [Answer::ok(tags(4))]);
    let file = format!("file:{}", directory.file("list").display());
    let options = site.options(&[&site.source("/slow"), &site.source("/doc"), &file]);
    let options = options.args(["--confirm-after", "1s"]);
    // An earlier run knows all three sources, so no first list of theirs makes a new generation.
    let earlier = site.start(&options);
    let has_lease = |scrape: &Scrape| {
        scrape.select("d365_lease_expiry_timestamp_seconds", &[]).all(|sample| sample.value > 0.0)
    };
    wait_until(&earlier, "each source's list", has_lease);
    earlier.stop().unwrap();
    let mut watched = Watched::start(&site, &options, 24);

    site.server.route("/slow", [dripping()]);
    let asked = site.server.count("/slow");
    wait_until(&watched.daemon, "the slow answer", |_| site.server.count("/slow") > asked);
    watched.goes_on();
    replace(&other(21));
    watched.takes(25);
    site.server.route("/doc", [Answer::ok(tags(5))]);
    watched.takes(26);
    replace(&other(20));
    wait_until(&watched.daemon, "a removal that waits", |scrape| pending(scrape, "removal") == 1);
    let approved = approve(&options);
    assert_eq!(approved.code, Some(0), "{approved:?}");
    watched.takes(25);
    // Only the source's own thread waits for the download. Signals do not wait for it either.
    (0..20).for_each(|_| watched.reads_now());
    watched.goes_on();
    assert_eq!(site.server.count("/slow"), asked + 1, "one download at a time");
    watched.stop();
}

/// The start waits for this download, and a stop still does not.
#[test]
fn a_start_that_waits_for_a_slow_answer_can_be_stopped() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    site.server.route("/slow", [dripping()]);
    let daemon = Daemon::spawn(&site.lab.host, &site.options(&[&site.source("/slow")])).unwrap();
    let deadline = d365_tests::patience::deadline(super::PATIENCE);
    while site.server.count("/slow") == 0 {
        assert!(std::time::Instant::now() < deadline, "{}", daemon.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    let exit = daemon.stop_by(Signal::SIGTERM).unwrap();
    assert!(exit.status.code() == Some(0) && exit.took < Duration::from_secs(5), "{exit:?}");
}
