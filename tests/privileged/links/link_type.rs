//! The daemon checks the link type before it attaches anything: XDP programs read Ethernet frames only.

use std::net::Ipv4Addr;

use d365_tests::{
    daemon::DaemonOptions,
    frame::{Ipv4, Packet, Tcp},
    lab::Lab,
    netns::Netns,
    nft, require,
    tun::{Kind, Tun},
};
use d365_user::{
    exit::Exit,
    kernel::{AttachError, Inherited, Interface, InterfaceError, Kernel, OBJECT},
    settings::{ModePolicy, TcOrder},
};

use super::accept_any_source;
use crate::{bad_input::refused, judged::options, kernel::KernelExt as _, steps::on};

/// `ARPHRD_ETHER` and `ARPHRD_INFINIBAND` (`linux/if_arp.h`).
const ETHER: u64 = 1;
const INFINIBAND: u64 = 32;
/// The host's address on the tun device. In bytes 16 to 19 of a packet it looks like the total length and the
/// identification of an IPv4 header.
pub(crate) const HOST: Ipv4Addr = Ipv4Addr::new(5, 0, 60, 1);

/// A SYN from 8.0.69.0: bytes 12 and 13 of the packet are `EtherType` IPv4. Behind them, the packet's options
/// and addresses form a second IPv4 header, from a listed source to port 25.
pub(crate) fn forged() -> Vec<u8> {
    let destination = HOST.octets();
    let mut options = vec![0, 0, 0x40, 6, 0, 0, 40, 78, 242, 7];
    options.extend(destination);
    let inner = Tcp::new(40_001, 25).syn();
    options.extend(&Packet::from(Ipv4::new([0; 4], [0; 4]).carrying(inner)).bytes[20..40]);
    options.resize(40, 0);
    let outer = Ipv4::new([8, 0, 69, 0], HOST).options(&options);
    Packet::from(outer.carrying(Tcp::new(40_000, 25).syn().payload(vec![0; 1300]))).bytes
}

/// A SYN from 8.0.69.32. A program that reads this packet as a frame and sets code points would damage it.
pub(crate) fn damaged() -> Vec<u8> {
    Packet::from(Ipv4::new([8, 0, 69, 32], HOST).carrying(Tcp::new(40_000, 25).syn())).bytes
}

/// Counts the packets of [`forged`] and [`damaged`] that arrive, those without a code point, and marks.
pub(crate) fn count_harm(netns: &Netns) {
    nft::load(
        netns,
        "table inet arrived {
            counter total { }
            counter unharmed { }
            counter marked { }
            chain in {
                type filter hook input priority 0;
                ip saddr 8.0.69.0/24 tcp dport 25 counter name total
                ip saddr 8.0.69.0/24 tcp dport 25 ip dscp cs0 counter name unharmed
                meta mark != 0 counter name marked
            }
        }",
    )
    .unwrap();
}

/// Asserts that ten of them arrived, all as they were sent.
pub(crate) fn are_unharmed(netns: &Netns) {
    let packets = |counter| nft::packets(netns, "inet arrived", counter).unwrap();
    assert_eq!((packets("total"), packets("unharmed"), packets("marked")), (10, 10, 0));
}

#[test]
fn xdp_refuses_a_tun_device_and_its_packets_arrive_unharmed() {
    require!(Root, Tool("ip"), Tool("nft"), Tun, Daemon);
    let netns = Netns::new().unwrap();
    let tun = Tun::new(&netns, Kind::Tun).unwrap();
    netns.ip(&["address", "add", "5.0.60.1/30", "dev", &tun.name]).unwrap();
    accept_any_source(&netns, &tun.name);
    count_harm(&netns);
    let words = [&tun.name, "begin with the IP header", "--mode tc"];
    for mode in ["native", "generic"] {
        let options = DaemonOptions::on(&[&tun.name]).args(["--mode", mode, "--tag", "mark,dscp"]);
        refused(&netns, &options, Exit::Interface, &words);
    }
    // A tun device can claim to be Ethernet. XDP still rejects it.
    tun.set_link_type(ETHER).unwrap();
    let native = DaemonOptions::on(&[&tun.name]).args(["--mode", "native"]);
    refused(&netns, &native, Exit::Interface, &words);
    tun.set_link_type(INFINIBAND).unwrap();
    // The kernel stage rejects it too, whichever code calls it.
    netns.run(|| {
        let interface = Interface::find(&tun.name).unwrap();
        let (mut kernel, _) = Kernel::load(OBJECT, &options()).unwrap();
        for mode in [ModePolicy::Native, ModePolicy::Generic] {
            let error =
                kernel.attach(&interface, mode, TcOrder::First, &mut Inherited::default()).unwrap_err();
            let is_it = matches!(error, AttachError::Interface(InterfaceError::Unfit(_)));
            assert!(is_it, "{error}");
        }
        assert_eq!(interface.xdp().unwrap(), None);
    });
    for packet in [forged(), damaged()] {
        (0..5).for_each(|_| tun.send(&packet).unwrap());
    }
    are_unharmed(&netns);
}

#[test]
fn an_ifb_device_is_refused() {
    require!(Root, Tool("ip"), Link("ifb"), Daemon);
    let lab = Lab::new().unwrap();
    lab.host.ip(&["link", "add", "shape0", "up", "type", "ifb"]).unwrap();
    let words = ["shape0", "is an ifb device", "watch that interface"];
    for options in [DaemonOptions::on(&["shape0"]), on(&lab, &["--iface", "shape0"])] {
        refused(&lab.host, &options, Exit::Interface, &words);
    }
}
