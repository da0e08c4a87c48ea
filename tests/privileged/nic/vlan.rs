//! Tagged mail, with and without the card taking off the tag.

use d365_tests::{
    frame::{DOT1Q, Frame, Packet, Tcp},
    raw::{FrameSender, Sniffed, Sniffer, Tally},
    require,
};

use super::{came_as_sent, described, feature, lab, runs_in, set_feature, start, usual_mode};
use crate::{
    interfaces::{LISTED, of},
    mail::{compare, deliver_again, deliver_from, embedded, listen, sources, strangers},
    steps::stop,
};

/// The card's work on tags of frames that arrive.
const OFFLOAD: &str = "rx-vlan-offload";
const VLAN: u8 = 7;

/// The same frames without their tags.
fn untagged(sniffed: &Sniffed) -> Sniffed {
    let untag = |tally: Tally| Tally { bytes: tally.bytes - 4 * tally.packets, ..tally };
    Sniffed {
        tcp: sniffed.tcp.iter().map(|(key, tally)| (*key, untag(*tally))).collect(),
        other: untag(sniffed.other),
    }
}

/// A program in native mode sees the tag unless the card takes it off.
#[test]
fn tagged_mail_is_counted_with_and_without_the_offload() {
    require!(Root, Nic, Tool("ip"), Tool("ethtool"), Link("vlan id 7"), Daemon);
    let mode = usual_mode(described());
    let lab = lab(1500);
    let tagged = lab.tagged(VLAN).unwrap();
    let (set, listener) = (embedded(), listen(&tagged));
    let sources = [&sources(set.ranges())[..8], &strangers()].concat();
    let settings: &[bool] = if feature(&lab, OFFLOAD).is_some() { &[true, false] } else { &[false] };
    for (round, &takes_off) in settings.iter().enumerate() {
        if feature(&lab, OFFLOAD).is_some() {
            set_feature(&lab, OFFLOAD, takes_off);
        }
        let daemon = start(&lab, &[]);
        runs_in(&daemon, mode);
        let (arriving, leaving) =
            (Sniffer::on(&lab.link().host).unwrap(), Sniffer::leaving(&lab.link().sender).unwrap());
        let deliver = if round == 0 { deliver_from } else { deliver_again };
        deliver(&tagged, 0, &sources);
        let (arrived, sent) = (arriving.stop().unwrap(), leaving.stop().unwrap());
        assert_eq!(listener.delivered().len(), (round + 1) * sources.len(), "{OFFLOAD} {takes_off}");
        came_as_sent(&arrived, &sent);
        // The kernel takes the tag off before tc.
        let seen = if takes_off || mode == "tc" { untagged(&arrived) } else { arrived };
        compare(&daemon.scrape().unwrap(), lab.iface(), &set, &seen);
        stop(daemon);
    }
}

/// QEMU's virtio card lets frames of any VLAN pass.
const LETS_PASS: &str = "virtio_net";

/// A card lets tagged frames pass only if the host has a device for their VLAN.
#[test]
fn frames_of_a_vlan_without_a_device_do_not_arrive() {
    require!(Root, Nic, Tool("ip"), Link("vlan id 7"), Daemon);
    let expected = if described().name == LETS_PASS { 3 } else { 1 };
    let lab = lab(1500);
    let daemon = start(&lab, &[]);
    lab.tagged(VLAN).unwrap();
    let sniffer = Sniffer::on(&lab.link().host).unwrap();
    let sender = FrameSender::on(&lab.link().sender).unwrap();
    let syn = Tcp::new(40_000, 25).syn();
    let packet = Packet::between(LISTED.parse().unwrap(), lab.link().host_v4().into(), syn);
    for vlan in [VLAN + 1, VLAN, VLAN + 2] {
        sender.send(&Frame::new(packet.clone()).tag(DOT1Q, vlan.into())).unwrap();
    }
    assert_eq!(sniffer.stop().unwrap().all().packets, expected);
    assert_eq!(of(&daemon, "d365_smtp_packets_total", lab.link()), expected);
    stop(daemon);
}
