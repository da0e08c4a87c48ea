//! No thread can be created: at each of a start's threads in turn, and for a moment while the daemon runs.

use std::{thread, time::Duration};

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    https::Answer,
    require,
    seccomp::{Faults, THREAD},
};
use nix::errno::Errno;

use super::{Growing, refused, stops};
use crate::updates::site::{Site, ranges, wait_until};

/// Options of a daemon that reads a file and a download.
fn options(site: &Site, list: &Growing, faults: &Faults) -> DaemonOptions {
    site.server.route("/doc", [Answer::ok(document(1))]);
    site.options(&[list.source(), &site.source("/doc")]).args(["--confirm-after", "1s"]).faults_by(faults)
}

/// A service tags document with `count` ranges.
fn document(count: u8) -> String {
    let prefixes: Vec<_> = (0..count).map(|number| format!("12.0.{number}.0/24")).collect();
    let properties = serde_json::json!({
        "changeNumber": count, "region": "", "regionId": 0, "platform": "Azure", "systemService": "",
        "addressPrefixes": prefixes, "networkFeatures": null,
    });
    let tag = "Dynamics365ForMarketingEmail";
    let value = serde_json::json!({ "name": tag, "id": tag, "properties": properties });
    serde_json::json!({ "changeNumber": count, "cloud": "Public", "values": [value] }).to_string()
}

/// The daemon works without some of its threads. Without any of the others it does not start, and the error
/// names the limit to raise.
#[test]
fn a_start_without_one_of_its_threads_works_or_says_what_is_missing() {
    require!(Root, Tool("ip"), Daemon);
    let (site, list, faults) = (Site::new(), Growing::new(), Faults::of_threads());
    stops(site.start(&options(&site, &list, &faults)));
    let threads = faults.history().len();
    assert!(threads >= 8, "{threads} threads");
    let mut ended = 0;
    for nth in 1..=threads {
        let faults = Faults::of_threads();
        faults.fail_any(nth, Errno::EAGAIN);
        let daemon = Daemon::spawn(&site.lab.host, &options(&site, &list, &faults)).unwrap();
        match daemon.ready_or_ended(Duration::from_secs(30)).unwrap() {
            Ok(daemon) => stops(daemon),
            Err(exit) => {
                refused(&site.lab, &exit, &["no thread to ", "os error 11", "TasksMax=", "LimitNPROC="]);
                ended += 1;
            }
        }
    }
    // The daemon cannot start without these threads: the log, the end of a stop that hangs, updates, scrapes,
    // interfaces, two sources, and the watch of files. Other threads start between them in any order, so the
    // fault may miss one or hit one twice.
    assert!((5..threads).contains(&ended), "{ended} of {threads}");
}

/// Scrapes, changed lists, downloads and a stop need no new thread.
#[test]
fn a_daemon_that_can_make_no_thread_does_all_of_its_work() {
    require!(Root, Tool("ip"), Daemon);
    let (site, mut list, faults) = (Site::new(), Growing::new(), Faults::of_threads());
    let daemon = site.start(&options(&site, &list, &faults));
    wait_until(&daemon, "both lists", |scrape| ranges(scrape) == 2);
    faults.fail_all(THREAD, Errno::EAGAIN);
    for _ in 0..5 {
        list.grows();
        let all = u64::from(list.ranges) + 1;
        wait_until(&daemon, "the longer list", |scrape| ranges(scrape) == all);
        for path in ["/metrics", "/healthz", "/readyz"] {
            assert_eq!(daemon.get(path, &[]).unwrap().status, 200, "{path}");
        }
    }
    // More scrapes at a time than the daemon accepts at a time.
    thread::scope(|scope| {
        let scrapes: Vec<_> = (0..8).map(|_| scope.spawn(|| daemon.scrape().map(drop))).collect();
        scrapes.into_iter().for_each(|scrape| scrape.join().unwrap().unwrap());
    });
    let failed = faults.calls(THREAD);
    site.server.route("/doc", [Answer::ok(document(2))]);
    let scrape = wait_until(&daemon, "the longer document", |scrape| ranges(scrape) == 8);
    assert!(faults.calls(THREAD) > failed, "a name was looked up without a thread");
    assert_eq!(scrape.sum("d365_updates_refused_total", &[]), 0);
    assert_eq!(scrape.sum("d365_source_failures_total", &[]), 0, "{}", daemon.log());
    assert_eq!(scrape.sum("d365_http_failures_total", &[]), 0);
    stops(daemon);
}
