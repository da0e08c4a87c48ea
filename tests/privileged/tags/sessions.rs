//! Established sessions, which `--unlisted drop` must never touch.

use std::{
    net::{IpAddr, SocketAddr},
    thread,
    time::{Duration, Instant},
};

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    lab::Lab,
    patience, require,
    smtp::{Mail, Session},
    temp::TempFile,
};

use super::daemon::{LIST, LISTED, STRANGERS, addresses, seconds};
use crate::mail::listen;

/// Sessions of both families that stay open.
struct Open(Vec<(IpAddr, Session)>);

impl Open {
    fn of(lab: &Lab, sources: &[IpAddr]) -> Self {
        let open = |source: &IpAddr| {
            let server = SocketAddr::new(lab.link().host_for(*source), 25);
            (*source, lab.sender.run(|| Session::open(*source, server)).unwrap())
        };
        Self(sources.iter().map(open).collect())
    }

    fn all_deliver(&mut self) {
        let mail = Mail::new("Subject: test\r\n\r\ntext\r\n");
        for (source, session) in &mut self.0 {
            session.send(&mail).unwrap_or_else(|error| panic!("{source}: {error:#}"));
        }
    }
}

/// Returns true if a new connection from `source` is established within a second.
fn connects(lab: &Lab, source: IpAddr) -> bool {
    let server: SocketAddr = SocketAddr::new(lab.link().host_for(source), 25);
    lab.sender.run(|| {
        let domain = socket2::Domain::for_address(server);
        let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::new(source, 0).into()).unwrap();
        socket.connect_timeout(&server.into(), patience::stretched(Duration::from_millis(900))).is_ok()
    })
}

/// Sessions continue when their range leaves the list and when the lease ends. Only new connections from
/// unlisted sources are dropped.
#[test]
fn sessions_live_on_through_drops_swaps_and_an_expired_lease() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let list = TempFile::new("list", LIST);
    let _listener = listen(&lab);
    let (listed, strangers) = (addresses(LISTED), addresses(STRANGERS));
    for source in listed.iter().chain(&strangers) {
        lab.add_source(*source).unwrap();
    }
    let mut old = Open::of(&lab, &[strangers.clone(), listed.clone()].concat());
    let spec = format!("file:{}", list.path().display());
    let options =
        DaemonOptions::on(&[lab.iface()]).args(["--ranges", &spec, "--allow-special", "--grace", "1s"]);
    let options = options.args([
        "--lease",
        &seconds(12),
        "--hold",
        "1s",
        "--unlisted",
        "drop",
        "--failsafe",
        "192.0.2.0/24",
    ]);
    let daemon = Daemon::start(&lab.host, &options).unwrap();
    // The daemon logs at its start that it will drop.
    daemon.wait_for_log("192.0.2.0/24", Duration::from_secs(5)).unwrap();
    old.all_deliver();
    assert!(listed.iter().all(|source| connects(&lab, *source)));
    assert!(strangers.iter().all(|source| !connects(&lab, *source)));
    let dropped = daemon.scrape().unwrap().sum("d365_unlisted_dropped_packets_total", &[]);
    assert!(dropped >= 2, "{dropped}");
    // A source in a failsafe prefix of the operator.
    let friends: Vec<IpAddr> = ["192.0.2.77".parse().unwrap()].to_vec();
    friends.iter().for_each(|source| lab.add_source(*source).unwrap());
    assert!(connects(&lab, friends[0]), "failsafe");
    // The list changes: the listed ranges retire and then leave, and their sessions continue.
    std::fs::write(list.path(), "192.0.2.128/25,NAM\n").unwrap();
    let deadline = patience::deadline(Duration::from_secs(11));
    while daemon.scrape().unwrap().select("d365_range_packets_total", &[("range", "203.0.113.0/24")]).count()
        > 0
    {
        assert!(Instant::now() < deadline, "the list does not change; log:\n{}", daemon.log());
        old.all_deliver();
        thread::sleep(Duration::from_millis(100));
    }
    while daemon.scrape().unwrap().count("d365_ranges_retired", &[]) > 0 {
        assert!(Instant::now() < deadline, "the retired ranges stay; log:\n{}", daemon.log());
        thread::sleep(Duration::from_millis(100));
    }
    old.all_deliver();
    assert!(!connects(&lab, listed[0]), "a stranger now");
    std::fs::remove_file(list.path()).unwrap();
    daemon.wait_for_log("the lease ended: ", Duration::from_secs(20)).unwrap();
    old.all_deliver();
    assert!(
        listed.iter().chain(&strangers).all(|source| connects(&lab, *source)),
        "past the lease nothing is dropped"
    );
    assert_eq!(daemon.stop().unwrap().status.code(), Some(0));
    old.all_deliver();
}
