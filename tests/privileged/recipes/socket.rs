//! The mark on accepted sockets and on their packets, and its effect on policy routing.

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, SocketAddr, TcpListener},
};

use d365_tests::{lab::Lab, mail::recipe, nft, require, tcp};
use nix::sys::socket::{getsockopt, sockopt};

use super::{MARK, lab, listed, sources, strangers, tagging};
use crate::{mail::connects, steps::shell};

/// Counts the server's packets with the mark, and all of its packets.
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

/// Connects from `source` and exchanges data. Returns the accepted socket's mark.
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

/// Applies the settings of a block of the page.
fn apply_sysctl(lab: &Lab, settings: &str) {
    for (name, value) in settings.lines().filter_map(|line| line.split_once(" = ")) {
        lab.host.sysctl(&name.replace('.', "/"), value).unwrap();
    }
}

/// The page warns that a foreign rule that matches the mark also decides about replies.
#[test]
fn an_accepted_socket_and_its_packets_carry_the_mark_only_where_that_is_asked_for() {
    require!(Root, Tool("ip"), Tool("nft"), Daemon);
    let lab = lab();
    nft::load(&lab.host, WATCH).unwrap();
    let _daemon = tagging(&lab, "mark");
    let counts = || ["marked", "sent"].map(|counter| nft::packets(&lab.host, "inet watch", counter).unwrap());
    for source in sources() {
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
    // Every packet has the mark: SYN-ACK, acknowledgements, data, and the end.
    let [marked, all] = counts();
    assert_eq!(marked, all - before);
    assert!(marked >= 2 * 4, "{marked}");

    let ([source, _], [stranger, _]) = (listed(), strangers());
    // The rule selects another table for outgoing packets. For incoming packets the table of local addresses
    // comes first.
    shell(&lab.host, "ip rule add fwmark 0xd3650000/0xffff0000 table 365");
    assert_eq!(mark_of_accepted(&lab, source), MARK, "an empty table is passed over");
    shell(&lab.host, "ip route add blackhole default table 365");
    let server = SocketAddr::new(lab.link().host_for(source), 25);
    let listener = lab.host.run(|| TcpListener::bind(server)).unwrap();
    assert!(!connects(&lab, source), "the SYN-ACK went by the ordinary table");
    assert!(connects(&lab, stranger));
    drop(listener);
    assert_eq!(mark_of_accepted(&lab, stranger), 0);
}
