//! Helpers of the end-to-end tests: sources of every range, sessions from them, and the comparison of a
//! scrape with the packets that a sniffer saw behind XDP.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use d365_tests::{
    lab::Lab,
    patience::stretched,
    raw::{Sniffed, Tally},
    scrape::Scrape,
    smtp::{Listener, Mail, deliver},
};
use d365_user::{
    ranges::{Policy, Range, RangeSet},
    source::{self, Spec},
};
use socket2::{Domain, Socket, Type};

use crate::steps::addresses;

/// The embedded list, compiled as by the daemon.
pub(crate) fn embedded() -> RangeSet {
    let list = source::load(&Spec::Embedded).unwrap();
    RangeSet::build(&[list], &Policy::default()).unwrap()
}

/// An address of each range, but not its first.
pub(crate) fn sources(ranges: &[Range]) -> Vec<IpAddr> {
    ranges.iter().map(|range| range.prefix.hosts().nth(8).expect("a range of more than eight")).collect()
}

/// Addresses of both families that are in no range.
pub(crate) fn strangers() -> Vec<IpAddr> {
    addresses(&["198.51.100.7", "40.78.241.255", "2001:db8:1::7"])
}

/// Listens on port 25 of every address of the lab's host.
pub(crate) fn listen(lab: &Lab) -> Listener {
    let addresses = lab.links.iter().flat_map(|link| [link.host_v4().into(), link.host_v6().into()]);
    let addresses: Vec<_> = addresses.map(|address: IpAddr| SocketAddr::new(address, 25)).collect();
    lab.host.run(|| Listener::bind(&addresses)).unwrap()
}

/// Adds these addresses to the sender's end of a link, and delivers one mail from each.
pub(crate) fn deliver_from(lab: &Lab, link: usize, sources: &[IpAddr]) {
    sources.iter().for_each(|source| lab.add_source_on(link, *source).unwrap());
    deliver_again(lab, link, sources);
}

/// Delivers one mail from each of these addresses, which the sender already has on that link.
pub(crate) fn deliver_again(lab: &Lab, link: usize, sources: &[IpAddr]) {
    let mail = Mail::new("Subject: test\r\n\r\ntext\r\n");
    for source in sources {
        let server = SocketAddr::new(lab.links[link].host_for(*source), 25);
        lab.sender.run(|| deliver(*source, server, &mail)).unwrap();
    }
}

/// Returns true if a new connection from `source` to port 25 of the host is established within a second.
pub(crate) fn connects(lab: &Lab, source: IpAddr) -> bool {
    let server = SocketAddr::new(lab.link().host_for(source), 25);
    lab.sender.run(|| {
        let socket = Socket::new(Domain::for_address(server), Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::new(source, 0).into()).unwrap();
        socket.connect_timeout(&server.into(), stretched(Duration::from_millis(900))).is_ok()
    })
}

/// The three counters of a metric family.
pub(crate) fn tally(scrape: &Scrape, family: &str, labels: &[(&str, &str)]) -> Tally {
    let sum = |unit| scrape.sum(&format!("d365_{family}_{unit}_total"), labels);
    Tally { packets: sum("packets"), bytes: sum("bytes"), connections: sum("connections") }
}

/// Compares a scrape with the packets that arrived on one interface: by range, by geo, unlisted, and in
/// total.
pub(crate) fn compare(scrape: &Scrape, iface: &str, set: &RangeSet, sniffed: &Sniffed) {
    let listed = |source: IpAddr| set.longest_match(source).map(|(_, range)| range.clone());
    for range in set.ranges() {
        let truth = sniffed.to_port(25, |source| listed(source).as_ref() == Some(range));
        let prefix = range.prefix.to_string();
        assert_eq!(tally(scrape, "range", &[("iface", iface), ("range", &prefix)]), truth, "{prefix}");
    }
    for range in set.ranges() {
        let geo = range.geo;
        let truth = sniffed.to_port(25, |source| listed(source).is_some_and(|range| range.geo == geo));
        let labels = [("iface", iface), ("geo", geo.code.as_str()), ("geo_source", geo.source.as_str())];
        assert_eq!(tally(scrape, "smtp", &labels), truth, "{}", geo.code);
    }
    let unlisted = sniffed.to_port(25, |source| listed(source).is_none());
    assert_eq!(tally(scrape, "unlisted_smtp", &[("iface", iface)]), unlisted);
    assert_eq!(seen(scrape, iface), sniffed.all().packets, "the classes' sum is what arrived");
}

/// Number of packets that the program saw on an interface.
pub(crate) fn seen(scrape: &Scrape, iface: &str) -> u64 {
    let count = |family| scrape.sum(&format!("d365_{family}_packets_total"), &[("iface", iface)]);
    ["smtp", "unlisted_smtp", "other"].into_iter().map(count).sum()
}
