//! No file descriptor is free: at the start, and for a moment while the daemon runs.

use std::{thread, time::Duration};

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    http,
    lab::Lab,
    limit::Limit,
    require,
};
use nix::sys::resource::Resource;

use super::{Growing, refused, stops};
use crate::updates::site::{ranges, wait_until};

/// Longer than the interval at which the daemon checks its attachments.
const LOOK: Duration = Duration::from_secs(6);

#[test]
fn a_start_with_too_few_says_so() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    for limit in [6, 20, 60, 100] {
        let options = DaemonOptions::on(&[lab.iface()]).limit(Resource::RLIMIT_NOFILE, limit);
        let exit = Daemon::run(&lab.host, &options).unwrap();
        refused(&lab, &exit, &["Too many open files", "LimitNOFILE=", "ulimit -n"]);
    }
}

#[test]
fn a_lack_for_a_moment_ends_nothing_and_is_made_up_for() {
    require!(Root, Tool("ip"), Daemon);
    let (lab, mut list) = (Lab::new().unwrap(), Growing::new());
    let options = DaemonOptions::on(&[lab.iface()]).args(["--ranges", &list.source()]);
    let daemon = Daemon::start(&lab.host, &options).unwrap();
    wait_until(&daemon, "the list", |scrape| ranges(scrape) == 1);
    // A thread that reads a list has a descriptor table of its own, in which only 0 to 2 are open.
    let none = Limit { resource: Resource::RLIMIT_NOFILE, soft: 3 };
    let before = none.set(daemon.pid()).unwrap();
    list.grows();
    let waiting =
        lab.host.run(|| thread::spawn(|| http::get(d365_tests::daemon::DEFAULT_LISTEN, "/readyz", &[])));
    let patience = Duration::from_secs(20);
    let said = ["cannot accept an HTTP connection", " error=\"Too many open files"];
    daemon.wait_for_line(&said, patience).unwrap();
    daemon.wait_for_log("cannot read the range list", patience).unwrap();
    thread::sleep(LOOK);
    before.set(daemon.pid()).unwrap();
    // The daemon answered this client late, or the client gave up. The daemon answers the next request in
    // either case.
    drop(waiting.join().unwrap());
    let scrape = wait_until(&daemon, "the longer list", |scrape| ranges(scrape) == 2);
    assert!(scrape.count("d365_http_failures_total", &[("reason", "accept")]) > 1);
    assert!(scrape.sum("d365_source_failures_total", &[("reason", "io")]) >= 1);
    assert_eq!(daemon.get("/readyz", &[]).unwrap().status, 200);
    let log = daemon.log();
    assert_eq!(log.matches("cannot accept an HTTP connection").count(), 1, "{log}");
    assert!(log.contains("HTTP connections are accepted again"), "{log}");
    assert!(!log.contains("not attached any more"), "what cannot be asked is not lost: {log}");
    stops(daemon);
}
