//! Established sessions, which `--unlisted drop` must never touch.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use d365_tests::{
    lab::Lab,
    require,
    smtp::{Mail, Session},
    temp::TempFile,
};

use super::daemon::{LIST, LISTED, STRANGERS, seconds};
use crate::{
    mail::{connects, listen},
    steps::{addresses, source, start, stop, until},
};

/// Opens a session from each of these sources.
fn open(lab: &Lab, sources: &[IpAddr]) -> Vec<(IpAddr, Session)> {
    let open = |source: &IpAddr| {
        let server = SocketAddr::new(lab.link().host_for(*source), 25);
        (*source, lab.sender.run(|| Session::open(*source, server)).unwrap())
    };
    sources.iter().map(open).collect()
}

fn all_deliver(sessions: &mut [(IpAddr, Session)]) {
    let mail = Mail::new("Subject: test\r\n\r\ntext\r\n");
    for (source, session) in sessions {
        session.send(&mail).unwrap_or_else(|error| panic!("{source}: {error:#}"));
    }
}

/// Sessions continue when their range leaves the list and when the lease ends. Only new connections from
/// unlisted sources are dropped.
#[test]
fn sessions_live_on_through_drops_swaps_and_an_expired_lease() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let list = TempFile::new("list", LIST);
    let _listener = listen(&lab);
    let (listed, strangers) = (addresses(&LISTED), addresses(&STRANGERS));
    for source in listed.iter().chain(&strangers) {
        lab.add_source(*source).unwrap();
    }
    let mut old = open(&lab, &[strangers.clone(), listed.clone()].concat());
    let ranges = ["--ranges", &source(list.path()), "--allow-special", "--grace", "1s", "--hold", "1s"];
    let drops = ["--lease", &seconds(12), "--unlisted", "drop", "--failsafe", "192.0.2.0/24"];
    let daemon = start(&lab, &[&ranges[..], &drops].concat());
    // The daemon logs at its start that it will drop.
    daemon.wait_for_log("192.0.2.0/24", Duration::from_secs(5)).unwrap();
    all_deliver(&mut old);
    assert!(listed.iter().all(|source| connects(&lab, *source)));
    assert!(strangers.iter().all(|source| !connects(&lab, *source)));
    let dropped = daemon.scrape().unwrap().sum("d365_unlisted_dropped_packets_total", &[]);
    assert!(dropped >= 2, "{dropped}");
    // A source in a failsafe prefix of the operator.
    let friend = "192.0.2.77".parse().unwrap();
    lab.add_source(friend).unwrap();
    assert!(connects(&lab, friend), "failsafe");
    // The list changes: the listed ranges retire and then leave, and their sessions continue.
    std::fs::write(list.path(), "192.0.2.128/25,NAM\n").unwrap();
    let has_left = || {
        all_deliver(&mut old);
        let scrape = daemon.scrape().unwrap();
        let is_listed = scrape.select("d365_range_packets_total", &[("range", "203.0.113.0/24")]).count() > 0;
        !is_listed && scrape.count("d365_ranges_retired", &[]) == 0
    };
    until(11, has_left, || format!("the list does not change; log:\n{}", daemon.log()));
    all_deliver(&mut old);
    assert!(!connects(&lab, listed[0]), "a stranger now");
    std::fs::remove_file(list.path()).unwrap();
    daemon.wait_for_log("the lease ended: ", Duration::from_secs(20)).unwrap();
    all_deliver(&mut old);
    let past_the_lease = listed.iter().chain(&strangers).all(|source| connects(&lab, *source));
    assert!(past_the_lease, "nothing is dropped");
    stop(daemon);
    all_deliver(&mut old);
}
