//! Links between namespaces: all traffic passes and is counted correctly.

use std::{
    net::{IpAddr, SocketAddr},
    process::Command,
    time::Duration,
};

use d365_tests::{
    frame::{Frame, Packet, Tcp},
    lab::{Lab, LabOptions},
    mount::{Mount, View},
    raw::{FrameSender, Sniffed, Sniffer, Tally},
    require,
    smtp::{Listener, Mail, deliver},
};

#[test]
fn mail_is_delivered_from_any_source_of_both_families_over_any_link() {
    require!(Root, Tool("ip"));
    let lab = Lab::with(LabOptions { links: 2, ..LabOptions::default() }).unwrap();
    let addresses: Vec<IpAddr> =
        lab.links.iter().flat_map(|link| [link.host_v4().into(), link.host_v6().into()]).collect();
    let addresses: Vec<_> = addresses.into_iter().map(|address| SocketAddr::new(address, 25)).collect();
    let listener = lab.host.run(|| Listener::bind(&addresses).unwrap());
    let sources = ["13.71.171.9", "198.51.100.7", "2001:db8:1::7", "13.75.35.1", "2001:db8:1::8"];
    let sources = sources.map(|source| source.parse().unwrap());
    for (number, source) in sources.into_iter().enumerate() {
        let link = number % 2;
        lab.add_source_on(link, source).unwrap();
        let sniffer = Sniffer::on(&lab.links[link].host).unwrap();
        let server = SocketAddr::new(lab.links[link].host_for(source), 25);
        lab.sender.run(|| deliver(source, server, &Mail::new("Subject: test\r\n\r\ntext\r\n"))).unwrap();
        assert_eq!(sniffer.stop().unwrap().from(source, 25).connections, 1);
    }
    let delivered: Vec<_> = listener.stop().into_iter().map(|mail| mail.peer.ip()).collect();
    assert_eq!(delivered, sources);
}

#[test]
fn jumbo_frames_pass() {
    require!(Root, Tool("ip"));
    let lab = Lab::with(LabOptions { mtu: 9000, ..LabOptions::default() }).unwrap();
    let source = "2001:db8:1::7".parse().unwrap();
    lab.add_source(source).unwrap();
    let server = SocketAddr::new(lab.link().host_for(source), 25);
    let listener = lab.host.run(|| Listener::bind(&[server]).unwrap());
    let sniffer = Sniffer::on(&lab.link().host).unwrap();
    lab.sender.run(|| deliver(source, server, &Mail::new("a line of a mail\r\n".repeat(20_000)))).unwrap();
    let tally = sniffer.stop().unwrap().from(source, 25);
    assert_eq!(listener.stop().len(), 1);
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

#[test]
fn nothing_but_the_tests_own_packets_is_on_a_link() {
    require!(Root, Tool("ip"));
    let lab = Lab::new().unwrap();
    let ends = [&lab.link().sender, &lab.link().host];
    let sniffers = ends.map(|end| Sniffer::on(end).unwrap());
    lab.add_source("2001:db8:1::7".parse().unwrap()).unwrap();
    lab.add_source("13.71.171.9".parse().unwrap()).unwrap();
    std::thread::sleep(Duration::from_secs(2));
    for sniffer in sniffers {
        assert_eq!(sniffer.stop().unwrap(), Sniffed::default());
    }
}

/// Sends a mail of a megabyte through a foreign XDP program. Returns true if the sniffer behind it saw as
/// many packets as the interface itself counted.
fn mail_through_xdp(mode: &str, options: LabOptions) -> bool {
    let lab = Lab::with(options).unwrap();
    let view = View::new(&lab.host, &[Mount::Bpffs, Mount::EmptyRun]).unwrap();
    let mut load = Command::new("xdp-filter");
    load.args(["load", "--mode", mode, lab.iface()]);
    view.give_to(&mut load);
    lab.host.output(&mut load).unwrap();
    let shown = lab.host.ip(&["link", "show", "dev", lab.iface()]).unwrap();
    assert!(shown.contains(if mode == "skb" { " xdpgeneric " } else { " xdp " }), "{shown}");

    let source = "13.71.171.9".parse().unwrap();
    lab.add_source(source).unwrap();
    let server = SocketAddr::new(lab.link().host_for(source), 25);
    let listener = lab.host.run(|| Listener::bind(&[server]).unwrap());
    let mail = Mail::new("a line of a mail\r\n".repeat(60_000));
    let (sniffer, before) = (Sniffer::on(&lab.link().host).unwrap(), received(&lab));
    lab.sender.run(|| deliver(source, server, &mail)).unwrap();
    let sniffed = sniffer.stop().unwrap();
    assert_eq!(listener.stop()[0].body, mail.body);

    let tally = sniffed.from(source, 25);
    assert_eq!((sniffed.all(), tally.connections), (tally, 1));
    assert!(tally.packets > 1_080_000 / 1460, "{tally:?}");
    assert!(
        tally.bytes >= 1_080_000 + tally.packets * 54 && tally.bytes <= tally.packets * 1514,
        "{tally:?}"
    );
    tally.packets == received(&lab) - before
}

/// The number of packets that the interface itself has counted as received.
fn received(lab: &Lab) -> u64 {
    let shown = lab.host.ip(&["-json", "-statistics", "link", "show", "dev", lab.iface()]).unwrap();
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    shown[0]["stats64"]["rx"]["packets"].as_u64().unwrap()
}

#[test]
fn counts_hold_behind_xdp_in_either_mode() {
    require!(Root, Tool("ip"), Tool("xdp-filter"));
    for mode in ["native", "skb"] {
        assert!(mail_through_xdp(mode, LabOptions::default()), "{mode}");
    }
}

#[test]
fn mail_passes_xdp_with_offloads_on() {
    require!(Root, Tool("ip"), Tool("xdp-filter"));
    for mode in ["native", "skb"] {
        mail_through_xdp(mode, LabOptions { offloads: true, ..LabOptions::default() });
    }
}
