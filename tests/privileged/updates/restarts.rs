//! State that survives a stop, a crash and a restart: the last accepted list and decisions. Counters begin at
//! zero unless something keeps them.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, chown},
    time::Duration,
};

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    https::Answer,
    require,
    scrape::Scrape,
};
use nix::sys::signal::Signal;

use super::site::{Site, failures, pending, ranges, wait_until};
use crate::mail::{deliver_again, listen, tally};

const OLDER: &str = "public-2025-cn376.json";
const NEWER: &str = "public-2026-cn398.json";
/// In a documented range of both documents.
const SOURCE: &str = "13.71.171.9";

/// Packets and connections of one geo, unlisted packets, and other packets.
fn counts(scrape: &Scrape) -> [u64; 4] {
    let smtp = tally(scrape, "smtp", &[("geo", "CAN")]);
    let range = tally(scrape, "range", &[("range", "13.71.171.0/24")]);
    assert_eq!(smtp, range);
    let unlisted = tally(scrape, "unlisted_smtp", &[]);
    [smtp.packets, smtp.connections, unlisted.packets, scrape.sum("d365_other_packets_total", &[])]
}

/// Three times, starts a daemon, delivers mail, and ends the daemon. Returns the counts before and after each
/// delivery.
fn counts_over_restarts(options: &DaemonOptions, site: &Site, end: Signal) -> Vec<[u64; 4]> {
    let sources = [SOURCE, "198.51.100.7"].map(|source| source.parse().unwrap());
    sources.iter().for_each(|source| site.lab.add_source(*source).unwrap());
    let _listener = listen(&site.lab);
    let mut seen = Vec::new();
    for _ in 0..3 {
        let daemon = site.start(options);
        seen.push(counts(&daemon.scrape().unwrap()));
        deliver_again(&site.lab, 0, &sources);
        seen.push(counts(&daemon.scrape().unwrap()));
        daemon.stop_by(end).unwrap();
    }
    seen
}

/// A start at zero looks like a restart. A total that is only a little lower than before would look like an
/// increase. `handover` tests counters that continue.
#[test]
fn without_a_store_counters_begin_at_zero() {
    require!(Root, Tool("ip"), Daemon);
    for end in [Signal::SIGTERM, Signal::SIGKILL] {
        let site = Site::new();
        let seen = counts_over_restarts(&site.options(&["embedded"]), &site, end);
        assert_eq!([seen[2], seen[4]].map(|counts| counts[..3].to_vec()), [[0; 3], [0; 3]]);
        assert!(seen[1][0] > 0, "{seen:?}");
    }
}

/// Waiting changes still wait after a restart, and the accepted list needs no network.
#[test]
fn the_last_good_list_is_there_without_the_network() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    site.serves("/doc", OLDER);
    let options = site.options(&[&site.source("/doc")]);
    let daemon = site.start(&options);
    wait_until(&daemon, "the first list", |scrape| ranges(scrape) == 17);
    site.serves("/doc", NEWER);
    wait_until(&daemon, "additions that wait", |scrape| pending(scrape, "addition") == 5);
    daemon.stop_by(Signal::SIGKILL).unwrap();

    site.server.route("/doc", [Answer::status(503)]);
    let daemon = site.start(&options);
    let scrape = wait_until(&daemon, "a failure", |scrape| failures(scrape, "status") > 0);
    assert_eq!((ranges(&scrape), pending(&scrape, "addition")), (17, 5));
    assert!(scrape.value("d365_source_last_success_timestamp_seconds", &[]) > 1.7e9);
    daemon.stop().unwrap();

    // Without the gates' file, the daemon finds the accepted list in its copy. The gate has not yet checked
    // the cached document.
    let state = options.state.as_ref().unwrap();
    fs::write(state.file("gate.json"), "nonsense").unwrap();
    let daemon = site.start(&options);
    let scrape = daemon.scrape().unwrap();
    assert_eq!((ranges(&scrape), pending(&scrape, "addition")), (17, 0));
    daemon.wait_for_log("gate.json.corrupt", Duration::from_secs(5)).unwrap();
    daemon.stop().unwrap();
    for file in fs::read_dir(state.path()).unwrap() {
        let path = file.unwrap().path();
        fs::write(&path, "nonsense").unwrap();
    }
    let exit = Daemon::run(&site.lab.host, &options).unwrap();
    assert_eq!(exit.status.code(), Some(3), "{}", exit.stderr);
    assert!(exit.stderr.contains("503"), "{}", exit.stderr);
}

/// The cached document contains a held list before a gate has checked it. It never becomes the accepted list:
/// not when the gates' files are damaged, and not when a file has another version.
#[test]
fn what_was_held_is_not_accepted_because_a_file_is_lost() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    site.serves("/doc", NEWER);
    for (named, lost) in [(&[][..], &["gate.json"][..]), (&["embedded"], &["gate.json", "gate-copy.json"])] {
        let source = site.source("/doc");
        let sources: Vec<&str> = named.iter().copied().chain([source.as_str()]).collect();
        site.serves("/doc", NEWER);
        let options = site.options(&sources);
        let daemon = site.start(&options);
        let first = wait_until(&daemon, "the first list", |scrape| {
            ranges(scrape) >= 22 && scrape.sum("d365_lease_expiry_timestamp_seconds", &[]) > 1_700_000_000
        });
        let accepted = ranges(&first);
        // The document has a lower change number and 500 more ranges.
        site.server.route("/doc", [Answer::ok(held(&site.document(NEWER)))]);
        wait_until(&daemon, "a list that is held", |scrape| pending(scrape, "step_back") >= 500);
        daemon.stop_by(Signal::SIGKILL).unwrap();
        let state = options.state.as_ref().unwrap();
        for file in lost {
            let path = state.file(file);
            let mut bytes = fs::read(&path).unwrap();
            *bytes.last_mut().unwrap() ^= 4;
            fs::write(path, bytes).unwrap();
        }
        let daemon = site.start(&options);
        let is_held = |scrape: &Scrape| {
            scrape.sum("d365_ranges_pending", &[]) >= 500 && failures(scrape, "status") == 0
        };
        let scrape = wait_until(&daemon, "the same list, held again", is_held);
        assert_eq!(ranges(&scrape), accepted, "{lost:?}; log:\n{}", daemon.log());
        daemon.stop().unwrap();
    }
}

/// This document with 500 more ranges and a lower change number.
fn held(document: &[u8]) -> String {
    let mut document: serde_json::Value = serde_json::from_slice(document).unwrap();
    for value in document["values"].as_array_mut().unwrap() {
        if value["name"] == "Dynamics365ForMarketingEmail" {
            value["properties"]["changeNumber"] = 1.into();
            let prefixes = value["properties"]["addressPrefixes"].as_array_mut().unwrap();
            prefixes.extend((0..500).map(|n| format!("11.{}.{}.0/24", n / 256, n % 256).into()));
        }
    }
    document.to_string()
}

/// The server does not have to send the cached document again.
#[test]
fn what_was_kept_is_asked_for_with_its_tag() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    site.serves("/doc", OLDER);
    let options = site.options(&[&site.source("/doc")]);
    let daemon = site.start(&options);
    wait_until(&daemon, "a second fetch", |_| site.server.count("/doc") >= 2);
    daemon.stop().unwrap();
    let daemon = site.start(&options);
    let asked = site.server.count("/doc");
    wait_until(&daemon, "another fetch", |_| site.server.count("/doc") > asked);
    let conditions = site.server.received();
    let conditions: Vec<_> = conditions.iter().map(|request| request.header("if-none-match")).collect();
    assert_eq!(conditions[0], None);
    assert!(conditions[1..].iter().all(|tag| *tag == Some("\"public-2025-cn376.json\"")), "{conditions:?}");
    assert_eq!(site.server.sent(), site.document(OLDER).len() as u64);
}

/// A user who may write there can approve changes, and a user who may open the directory can lock it.
#[test]
fn others_are_kept_out_of_the_state_directory() {
    require!(Root, Tool("ip"), Daemon);
    let site = Site::new();
    let options = site.options(&["embedded"]);
    let state = options.state.as_ref().unwrap().path();
    let mode = || fs::metadata(state).unwrap().permissions().mode() & 0o7777;
    for (before, expected) in [
        (0o700, None),
        (0o750, Some(("INFO", "had mode 750 and has 700 now"))),
        (0o777, Some(("WARN", "had mode 777 and has 700 now: group 0, everybody could write there"))),
    ] {
        fs::set_permissions(state, fs::Permissions::from_mode(before)).unwrap();
        let exit = site.start(&options).stop().unwrap();
        assert_eq!(mode(), 0o700);
        let line = exit.stderr.lines().find(|line| line.contains("had mode"));
        assert_eq!(line.is_some(), expected.is_some(), "{}", exit.stderr);
        if let (Some(line), Some((level, text))) = (line, expected) {
            assert!(line.contains(level) && line.contains(text), "{line}");
        }
    }
    chown(state, Some(65_534), None).unwrap();
    fs::set_permissions(state, fs::Permissions::from_mode(0o770)).unwrap();
    let daemon = site.start(&options);
    assert!(daemon.log().contains("may be written to by user 65534, group 0: "), "{}", daemon.log());
    assert_eq!(mode(), 0o770, "another user's is left as it is");
    daemon.stop().unwrap();
}
