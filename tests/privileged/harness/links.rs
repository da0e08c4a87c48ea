//! Links between namespaces: all traffic passes and is counted correctly.

use std::net::SocketAddr;

use d365_tests::{
    frame::{Frame, Packet, Tcp},
    lab::{Lab, LabOptions},
    raw::{FrameSender, Sniffer, Tally},
    require,
    smtp::{Mail, deliver},
};

use crate::{
    mail::listen,
    steps::{shown, xdp_filter},
};

/// Delivers a mail of this number of lines, which must arrive whole. Returns the packets that the sniffer
/// saw: those of the mail only.
fn deliver_lines(lab: &Lab, source: &str, lines: usize) -> Tally {
    let source = source.parse().unwrap();
    lab.add_source(source).unwrap();
    let (listener, sniffer) = (listen(lab), Sniffer::on(&lab.link().host).unwrap());
    let mail = Mail::new("a line of a mail\r\n".repeat(lines));
    let server = SocketAddr::new(lab.link().host_for(source), 25);
    lab.sender.run(|| deliver(source, server, &mail)).unwrap();
    assert_eq!(listener.stop()[0].body, mail.body);
    let sniffed = sniffer.stop().unwrap();
    let tally = sniffed.from(source, 25);
    assert_eq!((sniffed.all(), tally.connections), (tally, 1));
    tally
}

#[test]
fn jumbo_frames_pass() {
    require!(Root, Tool("ip"));
    let lab = Lab::with(LabOptions { mtu: 9000, ..LabOptions::default() }).unwrap();
    let tally = deliver_lines(&lab, "2001:db8:1::7", 20_000);
    assert!((360_000 / 9000..360_000 / 1500).contains(&tally.packets), "{tally:?}");
}

#[test]
fn a_sniffer_counts_frames_as_they_were_on_the_wire() {
    require!(Root, Tool("ip"));
    let lab = Lab::new().unwrap();
    let sniffer = Sniffer::on(&lab.link().host).unwrap();
    let sender = FrameSender::on(&lab.link().sender).unwrap();
    let (source, host) = ([192, 0, 2, 7].into(), lab.link().host_v4().into());
    let syn = Frame::new(Packet::between(source, host, Tcp::new(40_000, 25).syn()));
    let data = Frame::new(Packet::between(source, host, Tcp::new(40_000, 25).payload(*b"data")));
    let other = Frame::new(Packet::raw(0x88cc, [0; 50]));
    for _ in 0..1000 {
        sender.send(&syn.clone().pad(60)).unwrap();
        sender.send(&syn.clone().tag(0x8100, 7)).unwrap();
        sender.send(&data.clone().tag(0x88a8, 100).tag(0x8100, 7)).unwrap();
        sender.send(&other).unwrap();
    }
    let sniffed = sniffer.stop().unwrap();
    let tcp = Tally { packets: 3000, bytes: 1000 * (60 + 58 + 66), connections: 2000 };
    assert_eq!(sniffed.from(source, 25), tcp);
    assert_eq!(sniffed.other, Tally { packets: 1000, bytes: 64_000, connections: 0 });
}

/// Sends a mail of a megabyte through a foreign XDP program. Returns true if the sniffer behind it saw as
/// many packets as the interface itself counted.
fn mail_through_xdp(mode: &str, options: LabOptions) -> bool {
    let lab = Lab::with(options).unwrap();
    let _view = xdp_filter(&lab, mode);
    let shown = shown(&lab.host, lab.iface());
    assert!(shown.contains(if mode == "skb" { " xdpgeneric " } else { " xdp " }), "{shown}");
    let before = received(&lab);
    let tally = deliver_lines(&lab, "13.71.171.9", 60_000);
    assert!(tally.packets > 1_080_000 / 1460, "{tally:?}");
    let length = 1_080_000 + tally.packets * 54..=tally.packets * 1514;
    assert!(length.contains(&tally.bytes), "{tally:?}");
    tally.packets == received(&lab) - before
}

/// The number of packets that the interface itself has counted as received.
fn received(lab: &Lab) -> u64 {
    let shown = lab.host.ip(&["-json", "-statistics", "link", "show", "dev", lab.iface()]).unwrap();
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    shown[0]["stats64"]["rx"]["packets"].as_u64().unwrap()
}

/// With offloads on, the sniffer sees packets of another size than the wire would carry.
#[test]
fn mail_passes_xdp_in_either_mode_and_counts_hold() {
    require!(Root, Tool("ip"), Tool("xdp-filter"));
    for mode in ["native", "skb"] {
        assert!(mail_through_xdp(mode, LabOptions::default()), "{mode}");
        mail_through_xdp(mode, LabOptions { offloads: true, ..LabOptions::default() });
    }
}
