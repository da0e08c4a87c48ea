//! The mark as nftables sees it, in native and generic mode.

use std::{net::IpAddr, time::Duration};

use d365_common::{mark::Mark, packet_action::PacketAction};
use d365_tests::{
    frame::{DOT1AD, DOT1Q, Frame, Packet, Tcp},
    lab::Lab,
    nft,
    raw::FrameSender,
    require,
};
use d365_user::{
    generation::{self, CounterKey},
    geo::{Geo, GeoCode, GeoSource},
    kernel::{Counters, Inherited, Interface, Kernel, Options},
    ranges::Range,
    settings::{ModePolicy, Tags, TcOrder},
};

use crate::{
    foreign::Foreign,
    judged::{self, options},
    kernel::KernelExt as _,
    steps::until,
};

const TABLE: &str = "netdev d365";
/// Bits of another program, between the mask and the geo.
const FOREIGN: u32 = 0x0000_5a00;

/// A host with the programs attached, a list with every geo, and nftables counting marks.
struct Host {
    lab: Lab,
    /// Dropped before the lab, inside the host's namespace.
    kernel: Option<Kernel>,
    counters: Counters,
    sender: FrameSender,
}

impl Drop for Host {
    fn drop(&mut self) {
        let kernel = self.kernel.take();
        self.lab.host.run(|| drop(kernel));
    }
}

/// The codes of the register, numbered from 1 on, and one that is not in it, with the number 0.
fn codes() -> Vec<GeoCode> {
    (1..=u8::MAX).map_while(GeoCode::from_number).chain([GeoCode::UNKNOWN]).collect()
}

/// Returns a source of each family in the geo's ranges.
fn sources(geo: u8) -> [IpAddr; 2] {
    [format!("198.18.{geo}.7"), format!("2001:db8:{geo:x}::7")].map(|address| address.parse().unwrap())
}

fn ranges() -> Vec<Range> {
    let range = |prefix: String, code| {
        let geo = Geo { code, source: GeoSource::Configured };
        Range { prefix: prefix.parse().unwrap(), geo, region: None }
    };
    let both = |code: GeoCode| {
        let number = code.number();
        [format!("198.18.{number}.0/24"), format!("2001:db8:{number:x}::/48")]
            .map(|prefix| range(prefix, code))
    };
    codes().into_iter().flat_map(both).collect()
}

impl Host {
    fn new(mode: ModePolicy, tags: Tags) -> Self {
        let lab = Lab::new().unwrap();
        let (mut kernel, counters) = judged::attach(&lab, mode, Options { tags, ..options() });
        if mode != ModePolicy::Tc {
            lab.host.run(|| {
                let interface = Interface::find(lab.iface()).unwrap();
                kernel.attach_tagger(&interface, tags.order, &mut Inherited::default()).unwrap();
            });
        }
        let sender = FrameSender::on(&lab.link().sender).unwrap();
        let mut host = Self { lab, kernel: Some(kernel), counters, sender };
        host.publish(&ranges().iter().map(CounterKey::from).collect::<Vec<_>>());
        host.kernel().set_lease(None).unwrap();
        host
    }

    fn kernel(&mut self) -> &mut Kernel {
        self.kernel.as_mut().unwrap()
    }

    fn publish(&mut self, owners: &[CounterKey]) {
        let slots: Vec<u32> = (0..).take(owners.len()).collect();
        let compiled = generation::compile(owners.iter().copied(), &slots).unwrap();
        self.kernel().publish(&compiled).unwrap();
    }

    /// Makes nftables count each of these marks, all frames with our base, and all frames.
    fn count(&self, mark: Mark, marks: &[u32]) {
        let (base, mask) = (mark.base(), mark.mask());
        let mut text = format!("table {TABLE} {{\ncounter tagged {{ }}\ncounter arrived {{ }}\n");
        for number in 0..marks.len() {
            text += &format!("counter n{number} {{ }}\n");
        }
        text += &format!(
            "chain in {{ type filter hook ingress device \"{}\" priority 0;\ncounter name arrived\n\
             meta mark & {mask:#x} == {base:#x} counter name tagged\n",
            self.lab.iface()
        );
        for (number, mark) in marks.iter().enumerate() {
            text += &format!("meta mark {mark:#x} counter name n{number}\n");
        }
        nft::load(&self.lab.host, &(text + "}\n}\n")).unwrap();
    }

    fn counted(&self, counter: &str) -> u64 {
        nft::packets(&self.lab.host, TABLE, counter).unwrap()
    }

    /// Waits until this number of frames has arrived.
    fn wait(&self, frames: u64) {
        let arrived = || self.counted("arrived");
        until(10, || arrived() >= frames, || format!("{} of {frames} frames came", arrived()));
    }

    fn action(&self, action: PacketAction) -> u64 {
        judged::action(&self.counters, action)
    }

    /// Makes a segment to a port in the three shapes that an edge sees: plain, in one VLAN, in two.
    fn frames(&self, source: IpAddr, port: u16) -> [Frame; 3] {
        let host = self.lab.link().host_for(source);
        let plain = Frame::new(Packet::between(source, host, Tcp::new(40_000, port).syn()));
        [plain.clone(), plain.clone().tag(DOT1Q, 7), plain.tag(DOT1AD, 100).tag(DOT1Q, 7)]
    }

    fn send(&self, source: IpAddr, port: u16) {
        self.frames(source, port).iter().for_each(|frame| self.sender.send(frame).unwrap());
    }
}

fn mark_only() -> Tags {
    Tags { mark: Some(Mark::DEFAULT), ..Tags::default() }
}

/// Every geo of both families has its mark, in a VLAN or not. No other packet is marked.
#[test]
fn every_geo_in_every_mode() {
    require!(Root, Tool("ip"), Tool("nft"));
    [ModePolicy::Native, ModePolicy::Generic, ModePolicy::Tc].into_iter().for_each(every_geo);
}

fn every_geo(mode: ModePolicy) {
    let host = Host::new(mode, mark_only());
    let codes = codes();
    let marks: Vec<u32> = codes.iter().map(|code| 0xd365_0000 | u32::from(code.number())).collect();
    host.count(Mark::DEFAULT, &marks);
    codes.iter().flat_map(|code| sources(code.number())).for_each(|source| host.send(source, 25));
    let tagged = codes.len() as u64 * 6;
    for stranger in ["198.18.200.7", "2001:db8:200::7"] {
        host.send(stranger.parse().unwrap(), 25);
    }
    sources(2).into_iter().for_each(|source| host.send(source, 26));
    // The parser does not look after three tags, even if the stack has removed one of them.
    host.sender.send(&host.frames(sources(2)[0], 25)[2].clone().tag(DOT1Q, 9)).unwrap();
    let all = tagged + 13;
    host.wait(all);
    for (number, code) in codes.iter().enumerate() {
        assert_eq!(host.counted(&format!("n{number}")), 6, "{code}, {mode:?}");
    }
    assert_eq!((host.counted("tagged"), host.action(PacketAction::Marked)), (tagged, tagged));
}

/// Only packets of a listed range with a valid lease are marked.
#[test]
fn neither_past_the_lease_nor_retired_unless_asked_for() {
    require!(Root, Tool("ip"), Tool("nft"));
    for retired in [false, true] {
        let mut host = Host::new(ModePolicy::Native, Tags { retired, ..mark_only() });
        host.count(Mark::DEFAULT, &[0xd365_0002]);
        let [source, _] = sources(2);
        host.send(source, 25);
        host.wait(3);
        assert_eq!(host.counted("n0"), 3, "listed");
        host.publish(&ranges().iter().map(CounterKey::retired).collect::<Vec<_>>());
        host.send(source, 25);
        host.wait(6);
        let so_far = if retired { 6 } else { 3 };
        assert_eq!(host.counted("n0"), so_far, "retired, {retired}");
        host.publish(&ranges().iter().map(CounterKey::from).collect::<Vec<_>>());
        host.kernel().set_lease(Some(Duration::ZERO)).unwrap();
        host.send(source, 25);
        host.wait(9);
        assert_eq!(host.counted("n0"), so_far, "past the lease");
    }
}

/// A packet that has a mark already keeps bits that are not ours. A false mark of ours is cleared.
#[test]
fn other_bits_are_kept_and_a_false_mark_is_taken_away() {
    require!(Root, Tool("ip"), Tool("nft"));
    let host = Host::new(ModePolicy::Native, Tags { order: TcOrder::Last, ..mark_only() });
    // Every packet comes with the mark of geo 77 and with foreign bits.
    let mut forger = Foreign::marking(Mark::DEFAULT.on(FOREIGN, 77));
    host.lab.host.run(|| forger.attach(host.lab.iface(), true));
    host.count(Mark::DEFAULT, &[Mark::DEFAULT.on(FOREIGN, 2), FOREIGN]);
    let [source, _] = sources(2);
    host.send(source, 25);
    host.send("198.18.200.7".parse().unwrap(), 25);
    host.send(source, 26);
    host.wait(9);
    assert_eq!(host.counted("n0"), 3);
    assert_eq!(host.counted("n1"), 6);
    assert_eq!(host.action(PacketAction::MarkCleared), 6);
}
