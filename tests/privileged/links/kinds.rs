//! Devices of each kind: the packets that are counted where the documents advise to attach, and where they do
//! not. `docs/doctor.md` has the advice (choosing the interface).

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    frame::{Frame, Packet, Tcp},
    lab::{Lab, LabOptions, host_mac, sender_mac},
    netns::Netns,
    raw::FrameSender,
    require,
    tun::{Kind, Tun},
    veth::{self, End, Mac},
};
use d365_user::exit::Exit;

use super::bridged;
use crate::{
    bad_input::refused,
    doctor::doctor,
    steps::{shell, stop, until},
};

/// In a documented range.
const LISTED: &str = "13.71.171.9";
/// The address of another device than the lab's.
const OTHER: Mac = Mac([2, 0xd3, 0x65, 0, 0, 0x77]);
/// Protocol of an 802.1Q tag.
const TAG: u16 = 0x8100;

/// A SYN from a listed source to the host, for this hardware address.
fn syn(lab: &Lab, to: Mac) -> Frame {
    let source = LISTED.parse().unwrap();
    let packet = Packet::between(source, lab.link().host_for(source), Tcp::new(40_000, 25).syn());
    Frame::new(packet).macs(sender_mac(0), to)
}

fn send(from: &End, frame: &Frame, count: usize) {
    let sender = FrameSender::on(from).unwrap();
    (0..count).for_each(|_| sender.send(frame).unwrap());
}

/// Packets from listed sources, and packets that are no TCP, on an interface.
fn counted(daemon: &Daemon, iface: &str) -> [u64; 2] {
    let scrape = daemon.scrape().unwrap();
    let other = [("iface", iface), ("reason", "not_tcp")];
    [
        scrape.sum("d365_smtp_packets_total", &[("iface", iface)]),
        scrape.sum("d365_other_packets_total", &other),
    ]
}

/// Waits until the counts of the interfaces are these.
#[track_caller]
fn counts(daemon: &Daemon, expected: &[(&str, [u64; 2])]) {
    let are_so = || expected.iter().all(|(iface, counts)| counted(daemon, iface) == *counts);
    let shown = || expected.iter().map(|(iface, _)| (*iface, counted(daemon, iface))).collect::<Vec<_>>();
    until(5, are_so, || format!("{:?}, and not {expected:?}\n{}", shown(), daemon.log()));
}

/// Asserts that doctor says of which kind the interface is.
#[track_caller]
fn is_a(netns: &Netns, iface: &str, begin: &str) {
    doctor(netns, iface).begins("kind", Some(iface), "ok", begin);
}

fn start(netns: &Netns, interfaces: &[&str]) -> Daemon {
    Daemon::start(netns, &DaemonOptions::on(interfaces)).unwrap()
}

/// The bridge counts what is for this host. A port counts what the bridge forwards, too.
#[test]
fn a_bridge_counts_what_is_for_this_host() {
    require!(Root, Tool("ip"), Link("bridge"), Daemon);
    let lab = Lab::new().unwrap();
    let bridge = bridged(&lab);
    // Something that the bridge may forward to.
    shell(&lab.host, "ip link add port1 type veth peer name far1");
    // Without an IPv6 address of their own, they send nothing by themselves.
    shell(&lab.host, "ip link set port1 addrgenmode none && ip link set far1 addrgenmode none up");
    shell(&lab.host, &format!("ip link set port1 master {bridge} up"));
    is_a(&lab.host, &bridge, &format!("a bridge of {}, port1: ", lab.iface()));
    is_a(&lab.host, lab.iface(), "an end of a veth pair: ");
    let daemon = start(&lab.host, &[&bridge, lab.iface()]);
    send(&lab.link().sender, &syn(&lab, host_mac(0)), 3);
    send(&lab.link().sender, &syn(&lab, OTHER), 5);
    counts(&daemon, &[(lab.iface(), [8, 0]), (&bridge, [3, 0])]);
    stop(daemon);
}

/// The device counts what is for its address. The one that carries it counts everything.
#[test]
fn a_macvlan_device_counts_what_is_for_its_address() {
    require!(Root, Tool("ip"), Link("macvlan"), Daemon);
    for kind in ["macvlan", "macvtap"] {
        let lab = Lab::new().unwrap();
        let add = format!("ip link add link {} name upper0 address {OTHER} type {kind}", lab.iface());
        shell(&lab.host, &format!("{add} && ip link set upper0 up"));
        is_a(&lab.host, "upper0", &format!("a {kind} device on {}: ", lab.iface()));
        let carrier = doctor(&lab.host, lab.iface());
        let (_, text) = carrier.of("kind", Some(lab.iface()));
        assert!(text.ends_with("; packets for upper0 are counted here too"), "{text}");
        let daemon = start(&lab.host, &["upper0", lab.iface()]);
        send(&lab.link().sender, &syn(&lab, host_mac(0)), 3);
        send(&lab.link().sender, &syn(&lab, OTHER), 5);
        counts(&daemon, &[(lab.iface(), [8, 0]), ("upper0", [5, 0])]);
        stop(daemon);
    }
}

/// The device counts the packets of its VLAN. The one that carries it counts those of every VLAN, and those
/// without a tag.
#[test]
fn a_vlan_device_counts_its_vlan() {
    require!(Root, Tool("ip"), Link("vlan id 5"), Daemon);
    let lab = Lab::new().unwrap();
    shell(&lab.host, &format!("ip link add link {} name vlan5 type vlan id 5", lab.iface()));
    shell(&lab.host, "ip link set vlan5 up");
    is_a(&lab.host, "vlan5", &format!("a VLAN device on {}: ", lab.iface()));
    let daemon = start(&lab.host, &["vlan5", lab.iface()]);
    for (tag, count) in [(Some(5), 3), (Some(6), 2), (None, 4)] {
        let frame = syn(&lab, host_mac(0));
        let frame = tag.map_or(frame.clone(), |number| frame.tag(TAG, number));
        send(&lab.link().sender, &frame, count);
    }
    counts(&daemon, &[(lab.iface(), [9, 0]), ("vlan5", [3, 0])]);
    stop(daemon);
}

/// The bond counts what it accepts, in generic mode. A member that is not active counts what arrives there.
#[test]
fn a_bond_counts_what_it_accepts() {
    require!(Root, Tool("ip"), Link("bond"), Daemon);
    let lab = Lab::with(LabOptions { links: 2, ..LabOptions::default() }).unwrap();
    let [active, backup] = &lab.links[..] else { unreachable!() };
    let (one, two) = (active.host.name.as_str(), backup.host.name.as_str());
    let bond = format!("ip link add bond0 address {} type bond mode active-backup miimon 100", host_mac(0));
    shell(&lab.host, &format!("{bond} && ip link set {one} down && ip link set {two} down"));
    shell(&lab.host, &format!("ip link set {one} master bond0 && ip link set {two} master bond0"));
    shell(
        &lab.host,
        &format!("ip link set bond0 arp off up && ip link set bond0 type bond active_slave {one}"),
    );
    [active, backup].into_iter().for_each(|link| veth::wait_for_carrier(&link.sender).unwrap());
    is_a(&lab.host, "bond0", "a bond of ");
    for (watched, expected) in
        [(&["bond0"][..], &[("bond0", [3, 0])][..]), (&[one, two], &[(one, [3, 0]), (two, [2, 0])])]
    {
        let options = DaemonOptions::on(watched).args(["--mode", "generic"]);
        let daemon = Daemon::start(&lab.host, &options).unwrap();
        send(&active.sender, &syn(&lab, host_mac(0)), 3);
        send(&backup.sender, &syn(&lab, host_mac(0)), 2);
        counts(&daemon, expected);
        stop(daemon);
    }
}

/// An end counts what the other end sends: mail for a container is counted inside it.
#[test]
fn an_end_of_a_veth_pair_counts_what_the_other_sends() {
    require!(Root, Tool("ip"), Daemon);
    let lab = Lab::new().unwrap();
    let (outside, container) = (&lab.link().sender, &lab.link().host);
    let daemons = [outside, container].map(|end| start(&end.netns, &[&end.name]));
    send(outside, &syn(&lab, host_mac(0)), 4);
    send(container, &syn(&lab, sender_mac(0)), 2);
    for ((daemon, end), expected) in daemons.iter().zip([outside, container]).zip([[2, 0], [4, 0]]) {
        counts(daemon, &[(&end.name, expected)]);
        is_a(&end.netns, &end.name, "an end of a veth pair: ");
    }
    daemons.into_iter().for_each(|daemon| drop(stop(daemon)));
}

/// A tap device counts what its process sends, and nothing that it receives.
#[test]
fn a_tap_device_counts_what_its_process_sends() {
    require!(Root, Tool("ip"), Tun, Daemon);
    let lab = Lab::new().unwrap();
    let tap = Tun::new(&lab.host, Kind::Tap).unwrap();
    is_a(&lab.host, &tap.name, "a tap device: ");
    let daemon = start(&lab.host, &[&tap.name]);
    let frame = syn(&lab, host_mac(0));
    (0..3).for_each(|_| tap.send(&frame.bytes()).unwrap());
    send(&End::new(&lab.host, &tap.name, OTHER), &frame, 5);
    counts(&daemon, &[(&tap.name, [3, 0])]);
    stop(daemon);
}

/// A tunnel with Ethernet frames counts what is inside. The interface below counts the tunnel's packets,
/// which are no TCP.
#[test]
fn a_tunnel_with_frames_counts_what_is_inside() {
    require!(Root, Tool("ip"), Link("vxlan id 5 dstport 4789"), Daemon);
    let lab = Lab::new().unwrap();
    let (source, host) = ("198.18.200.7", lab.link().host_v4());
    lab.add_source(source.parse().unwrap()).unwrap();
    for (netns, dev, local, remote) in [
        (&lab.sender, &lab.link().sender.name, source, host.to_string().as_str()),
        (&lab.host, &lab.link().host.name, host.to_string().as_str(), source),
    ] {
        // Without an IPv6 address of its own, the device sends nothing by itself.
        let tunnel = format!("vxlan id 5 local {local} remote {remote} dev {dev} dstport 4789");
        shell(netns, &format!("ip link add vx0 type {tunnel} && ip link set vx0 addrgenmode none"));
        shell(netns, "ip link set vx0 arp off up");
    }
    is_a(&lab.host, "vx0", "a vxlan tunnel: ");
    let daemon = start(&lab.host, &["vx0", lab.iface()]);
    send(&End::new(&lab.sender, "vx0", OTHER), &syn(&lab, host_mac(0)), 3);
    counts(&daemon, &[("vx0", [3, 0]), (lab.iface(), [0, 3])]);
    stop(daemon);
}

/// The packets of a tunnel without Ethernet frames have no header that an XDP program could rely on.
fn has_no_frames(kind: &str) {
    let netns = Netns::new().unwrap();
    shell(&netns, &format!("ip link add tunnel0 type {kind} && ip link set tunnel0 up"));
    for mode in ["native", "generic"] {
        let options = DaemonOptions::on(&["tunnel0"]).args(["--mode", mode]);
        refused(&netns, &options, Exit::Interface, &["tunnel0", "Ethernet frames", "--mode tc"]);
    }
}

#[test]
fn a_wireguard_device_is_refused_by_xdp_modes() {
    require!(Root, Tool("ip"), Link("wireguard"), Daemon);
    has_no_frames("wireguard");
}

#[test]
fn a_gre_tunnel_is_refused_by_xdp_modes() {
    require!(Root, Tool("ip"), Link("gre local 192.0.2.1 remote 192.0.2.2"), Daemon);
    has_no_frames("gre local 192.0.2.1 remote 192.0.2.2");
}
