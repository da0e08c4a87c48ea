//! A download that drips and never ends. `tests/unprivileged/download/slow.rs` checks, with shorter limits,
//! that it ends at its limits (30 s without a byte, 300 s in total). Here it must not disturb anything while
//! it lasts.

use std::time::Duration;

use d365_tests::{https::Answer, require, scrape::Scrape};

use super::{
    super::site::{Site, approve, pending, wait_until},
    Watched, tags,
};
use crate::steps::ListFile;

#[test]
fn a_download_that_drips_disturbs_nothing() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let other = |count: u64| (0..count).map(|number| format!("12.0.{number}.0/24\n")).collect::<String>();
    let list = ListFile::new(other(20));
    site.server.route("/slow", [Answer::ok(tags(3))]);
    site.server.route("/doc", [Answer::ok(tags(4))]);
    let options = site.options(&[&site.source("/slow"), &site.source("/doc"), &list.source]);
    let options = options.args(["--confirm-after", "1s"]);
    // An earlier run knows all three sources, so no first list of theirs makes a new generation.
    let earlier = site.start(&options);
    let has_lease = |scrape: &Scrape| {
        scrape.select("d365_lease_expiry_timestamp_seconds", &[]).all(|sample| sample.value > 0.0)
    };
    wait_until(&earlier, "each source's list", has_lease);
    earlier.stop().unwrap();
    let mut watched = Watched::start(&site, &options, 24);

    // The answer is never silent for long, and complete after a day.
    let dripping = Answer::blanks(1_000_000).dripping(1, Duration::from_millis(100));
    site.server.route("/slow", [dripping]);
    let asked = site.server.count("/slow");
    wait_until(&watched.daemon, "the slow answer", |_| site.server.count("/slow") > asked);
    watched.goes_on();
    list.replace(other(21));
    watched.takes(25);
    site.server.route("/doc", [Answer::ok(tags(5))]);
    watched.takes(26);
    list.replace(other(20));
    wait_until(&watched.daemon, "a removal that waits", |scrape| pending(scrape, "removal") == 1);
    let approved = approve(&options, &[]);
    assert_eq!(approved.code, Some(0), "{approved:?}");
    watched.takes(25);
    // Only the source's own thread waits for the download. Signals do not wait for it either.
    (0..20).for_each(|_| watched.reads_now());
    watched.goes_on();
    assert_eq!(site.server.count("/slow"), asked + 1, "one download at a time");
    watched.stop();
}
