//! The recipes of `docs/mail-server.md`: the page's own text, Debian's programs, the daemon, and real mail.

mod fallback;
mod greylisting;
mod listener;
mod next_hop;
mod socket;

use std::net::{IpAddr, SocketAddr};

use d365_tests::{
    daemon::Daemon,
    lab::Lab,
    mail::{Reply, Root, recipe, swaks},
    netns::Netns,
    nft,
    smtp::{Listener, Mail, deliver},
    temp::TempFile,
};

use crate::steps::{source, start};

/// The geo number of the [`listed`] sources: CAN.
const GEO: u32 = 2;
const MARK: u32 = 0xd365_0000 | GEO;

/// One address of each family in the list of [`tagging`].
fn listed() -> [IpAddr; 2] {
    ["13.71.171.9", "2001:db8:365::9"].map(|source| source.parse().unwrap())
}

/// One address of each family that is in no list.
fn strangers() -> [IpAddr; 2] {
    ["198.51.100.7", "2001:db8:1::7"].map(|source| source.parse().unwrap())
}

/// All addresses of [`listed`] and [`strangers`].
fn sources() -> impl Iterator<Item = IpAddr> {
    listed().into_iter().chain(strangers())
}

/// A lab whose sender has all these addresses, and whose host has the page's firewall.
fn lab() -> Lab {
    let lab = lab_without_firewall();
    nft::load(&lab.host, &firewall()).unwrap();
    lab
}

/// A lab whose sender has all these addresses.
fn lab_without_firewall() -> Lab {
    let lab = Lab::new().unwrap();
    sources().for_each(|source| lab.add_source(source).unwrap());
    lab
}

/// The page's firewall: it drops all traffic that it does not know.
fn firewall() -> String {
    recipe("# /etc/nftables.conf, your firewall: the last line is new").unwrap()
}

/// Makes a host send tagged connections to its second listener.
fn steer(host: &Netns) {
    nft::load(host, &recipe("# /etc/nftables.conf").unwrap()).unwrap();
}

/// Number of first packets that were sent to the second listener, and of connections that arrived on port 25
/// after that.
fn counters(host: &Netns) -> [u64; 2] {
    ["steered", "fell_back"].map(|counter| nft::packets(host, "inet d365", counter).unwrap())
}

/// Starts a daemon that tags packets from the [`listed`] sources.
fn tagging(lab: &Lab, tag: &str) -> Daemon {
    let list = TempFile::new("ranges", "13.71.171.0/24,CAN\n2001:db8:365::/48,CAN\n");
    start(lab, &["--ranges", &source(list.path()), "--allow-special", "--tag", tag])
}

/// Listens on these ports of a host, on its address for each family.
fn listen(host: &Netns, address_for: impl Fn(IpAddr) -> IpAddr, ports: &[u16]) -> Listener {
    let addresses = listed().map(address_for);
    let addresses = ports.iter().flat_map(|port| addresses.map(|address| SocketAddr::new(address, *port)));
    let addresses: Vec<_> = addresses.collect();
    host.run(|| Listener::bind(&addresses)).unwrap()
}

/// Sends a mail to port 25 of a server, and returns the port on which it was delivered.
fn port_for(lab: &Lab, listener: &Listener, source: IpAddr, server: IpAddr, body: &str) -> u16 {
    lab.sender.run(|| deliver(source, SocketAddr::new(server, 25), &Mail::new(body))).unwrap();
    let mail = listener.delivered().pop().unwrap();
    assert_eq!((mail.peer.ip(), mail.body.as_str()), (source, body));
    mail.local.port()
}

/// Sends a mail with this subject from an address of the lab's sender, and returns the mail server's reply.
fn send(lab: &Lab, root: &Root, source: IpAddr, subject: &str) -> Reply {
    let server = SocketAddr::new(lab.link().host_for(source), 25);
    // Each mail forges, as a header field, the name that only the listener may give.
    swaks(&root.seen_from(&lab.sender), source, server, subject, "MTA-Name: d365.mx.example").unwrap()
}
