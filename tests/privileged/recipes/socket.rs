//! The mark on accepted sockets, on their packets, and what policy routing makes of it.

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, SocketAddr, TcpListener},
    time::Duration,
};

use d365_tests::{lab::Lab, mail::recipe, nft, require, tcp};
use nix::sys::socket::{getsockopt, sockopt};
use socket2::{Domain, Socket, Type};

use super::{MARK, lab, listed, strangers, tagging};

/// Counts packets of the server that bear the mark, and all of them.
const WATCH: &str = "
table inet watch {
    counter marked {}
    counter sent {}
    chain leaving {
        type filter hook output priority filter;
        tcp sport 25 counter name sent
        tcp sport 25 meta mark 0xd3650002 counter name marked
    }
}
";

/// Connects from `source`, says something and is answered. Returns the accepted socket's mark.
fn mark_of_accepted(lab: &Lab, source: IpAddr) -> u32 {
    let address = SocketAddr::new(lab.link().host_for(source), 25);
    let listener = lab.host.run(|| TcpListener::bind(address)).unwrap();
    let mut client = lab.sender.run(|| tcp::connect(source, address)).unwrap();
    let (mut accepted, peer) = listener.accept().unwrap();
    assert_eq!(peer.ip(), source);
    client.write_all(b"hello").unwrap();
    accepted.read_exact(&mut [0; 5]).unwrap();
    accepted.write_all(b"welcome").unwrap();
    client.read_exact(&mut [0; 7]).unwrap();
    getsockopt(&accepted, sockopt::Mark).unwrap()
}

/// Whether a connection is there within a second.
fn connects(source: IpAddr, server: SocketAddr) -> bool {
    let socket = Socket::new(Domain::for_address(server), Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(source, 0).into()).unwrap();
    socket.connect_timeout(&server.into(), Duration::from_secs(1)).is_ok()
}

/// Sets what a block of the page sets.
fn apply_sysctl(lab: &Lab, settings: &str) {
    for (name, value) in settings.lines().filter_map(|line| line.split_once(" = ")) {
        lab.host.sysctl(&name.replace('.', "/"), value).unwrap();
    }
}

#[test]
fn an_accepted_socket_and_its_packets_carry_the_mark_only_where_that_is_asked_for() {
    require!(Root, Tool("ip"), Tool("nft"), Daemon);
    let lab = lab();
    nft::load(&lab.host, WATCH).unwrap();
    let _daemon = tagging(&lab, "mark");
    let counts = || ["marked", "sent"].map(|counter| nft::packets(&lab.host, "inet watch", counter).unwrap());
    for source in listed().into_iter().chain(strangers()) {
        assert_eq!(mark_of_accepted(&lab, source), 0, "{source}");
    }
    let [marked, before] = counts();
    assert_eq!(marked, 0);
    assert!(before > 0);

    apply_sysctl(&lab, &recipe("# /etc/sysctl.d/d365.conf").unwrap());
    for source in strangers() {
        assert_eq!(mark_of_accepted(&lab, source), 0, "{source}");
    }
    let [marked, before] = counts();
    assert_eq!(marked, 0);
    for source in listed() {
        assert_eq!(mark_of_accepted(&lab, source), MARK, "{source}");
    }
    // Every one: SYN-ACK, acknowledgements, data, and the end.
    let [marked, all] = counts();
    assert_eq!(marked, all - before);
    assert!(marked >= 2 * 4, "{marked}");
}

/// The page's warning: a rule of somebody else's that knows the mark decides about replies too.
#[test]
fn policy_routing_sees_the_mark_of_replies() {
    require!(Root, Tool("ip"), Tool("nft"), Daemon);
    let lab = lab();
    let _daemon = tagging(&lab, "mark");
    let [source, _] = listed();
    let [stranger, _] = strangers();
    apply_sysctl(&lab, &recipe("# /etc/sysctl.d/d365.conf").unwrap());
    // Another table for what leaves; what comes in is found before it, by the table of local addresses.
    lab.host.ip(&["rule", "add", "fwmark", "0xd3650000/0xffff0000", "table", "365"]).unwrap();
    assert_eq!(mark_of_accepted(&lab, source), MARK, "an empty table is passed over");
    lab.host.ip(&["route", "add", "blackhole", "default", "table", "365"]).unwrap();
    let server = SocketAddr::new(lab.link().host_for(source), 25);
    let listener = lab.host.run(|| TcpListener::bind(server)).unwrap();
    assert!(!lab.sender.run(|| connects(source, server)), "the SYN-ACK went by the ordinary table");
    assert!(lab.sender.run(|| connects(stranger, server)));
    drop(listener);
    assert_eq!(mark_of_accepted(&lab, stranger), 0);
}
