//! The mark as nftables sees it, by both ways in which it can travel, in both modes.

use std::{
    net::IpAddr,
    thread,
    time::{Duration, Instant},
};

use d365_common::{
    effect::Effect,
    mark::Mark,
    path::{Path, Seen},
};
use d365_tests::{
    frame::{DOT1AD, DOT1Q, Frame, Packet, Tcp},
    lab::Lab,
    nft,
    raw::FrameSender,
    require,
};
use d365_user::{
    config::{ModePolicy, Tags, TcOrder},
    generation::{self, Owner},
    kernel::{Counters, Interface, Kernel, OBJECT, Options, TagPaths},
    ranges::{Geo, GeoCode, GeoSource, Range},
};

use crate::{foreign::Foreign, judged::options};

const TABLE: &str = "netdev d365";
/// Bits of somebody else's, between the mask and the geo.
const FOREIGN: u32 = 0x0000_5a00;

/// A host with the programs attached, a list of every geo, and nftables looking at marks.
struct Host {
    lab: Lab,
    /// Gone before the lab, inside of the host's namespace.
    kernel: Option<Kernel>,
    counters: Counters,
    paths: TagPaths,
    sender: FrameSender,
}

impl Drop for Host {
    fn drop(&mut self) {
        let kernel = self.kernel.take();
        self.lab.host.run(|| drop(kernel));
    }
}

/// The codes of the register, and one that is not in it: their numbers are 1 and up, and 0.
fn codes() -> Vec<GeoCode> {
    (1..=u8::MAX).map_while(GeoCode::from_number).chain([GeoCode::UNKNOWN]).collect()
}

/// A source of each family in a geo's range.
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
        let (kernel, counters, paths) = lab.host.run(|| {
            let interface = Interface::find(lab.iface()).unwrap();
            let options = Options { interfaces: vec![interface.clone()], tags, ..options() };
            let (mut kernel, counters) = Kernel::load(OBJECT, &options).unwrap();
            assert!(kernel.writes_metadata().unwrap());
            kernel.attach(&interface, mode).unwrap();
            kernel.attach_tagger(&interface, tags.order).unwrap();
            let paths = kernel.take_tag_paths().unwrap();
            (kernel, counters, paths)
        });
        let sender = FrameSender::on(&lab.link().sender).unwrap();
        let mut host = Self { lab, kernel: Some(kernel), counters, paths, sender };
        host.publish(&ranges().iter().map(Owner::from).collect::<Vec<_>>());
        host.kernel().set_lease(None).unwrap();
        host
    }

    fn kernel(&mut self) -> &mut Kernel {
        self.kernel.as_mut().unwrap()
    }

    fn publish(&mut self, owners: &[Owner]) {
        let slots: Vec<u32> = (0..).take(owners.len()).collect();
        let compiled = generation::compile(owners.iter().copied(), &slots, 4096).unwrap();
        self.kernel().publish(&compiled).unwrap();
    }

    /// Has nftables count each of these marks, the frames that bear any of ours, and all frames.
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

    /// Waits until so many frames have come in.
    fn wait(&self, frames: u64) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.counted("arrived") < frames {
            assert!(Instant::now() < deadline, "{} of {frames} frames came", self.counted("arrived"));
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn effect(&self, effect: Effect) -> u64 {
        let rows = self.counters.read(&[]).unwrap();
        rows[0].effects.iter().find(|(own, _)| *own == effect).unwrap().1
    }

    /// A segment to a port in the three shapes that an edge sees: plain, in a VLAN, in two.
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

/// Every geo in both families, in a VLAN or not, has its mark; and nobody else has one.
fn every_geo(mode: ModePolicy, path: Path) {
    let mut host = Host::new(mode, mark_only());
    host.paths.set(0, path).unwrap();
    let codes = codes();
    let marks: Vec<u32> = codes.iter().map(|code| 0xd365_0000 | u32::from(code.number())).collect();
    host.count(Mark::DEFAULT, &marks);
    codes.iter().flat_map(|code| sources(code.number())).for_each(|source| host.send(source, 25));
    let tagged = codes.len() as u64 * 6;
    for stranger in ["198.18.200.7", "2001:db8:200::7"] {
        host.send(stranger.parse().unwrap(), 25);
    }
    sources(2).into_iter().for_each(|source| host.send(source, 26));
    // Behind three tags nothing is looked for, whether the stack has taken one off or not.
    host.sender.send(&host.frames(sources(2)[0], 25)[2].clone().tag(DOT1Q, 9)).unwrap();
    let all = tagged + 13;
    host.wait(all);
    for (number, code) in codes.iter().enumerate() {
        assert_eq!(host.counted(&format!("n{number}")), 6, "{code}, {mode:?}, {path:?}");
    }
    assert_eq!((host.counted("tagged"), host.effect(Effect::Marked)), (tagged, tagged));
    let Seen { with, without } = host.paths.seen(0).unwrap();
    match (path, mode) {
        (Path::Classify, _) => assert_eq!((with, without), (0, 0), "no record is written or believed"),
        (_, ModePolicy::Native) => assert_eq!((with, without), (all, 0)),
        // From 6.9 on the kernel copies frames for generic programs and loses the length of their Ethernet header; taking a
        // VLAN tag off finds it again. A plain frame's record is not found, and the tc program looks itself.
        _ => assert_eq!(with + without, all),
    }
}

#[test]
fn every_geo_by_metadata_native() {
    require!(Root, Tool("ip"), Tool("nft"));
    every_geo(ModePolicy::Native, Path::Metadata);
}

#[test]
fn every_geo_by_metadata_generic() {
    require!(Root, Tool("ip"), Tool("nft"));
    every_geo(ModePolicy::Generic, Path::Metadata);
}

#[test]
fn every_geo_by_the_tc_programs_own_look_native() {
    require!(Root, Tool("ip"), Tool("nft"));
    every_geo(ModePolicy::Native, Path::Classify);
}

#[test]
fn every_geo_by_the_tc_programs_own_look_generic() {
    require!(Root, Tool("ip"), Tool("nft"));
    every_geo(ModePolicy::Generic, Path::Classify);
}

#[test]
fn every_geo_while_the_way_is_not_known_yet() {
    require!(Root, Tool("ip"), Tool("nft"));
    every_geo(ModePolicy::Native, Path::Undecided);
    every_geo(ModePolicy::Generic, Path::Undecided);
}

/// Nobody is marked but whom the list vouches for, by either way.
#[test]
fn neither_past_the_lease_nor_retired_unless_asked_for() {
    require!(Root, Tool("ip"), Tool("nft"));
    for path in [Path::Metadata, Path::Classify] {
        for retired in [false, true] {
            let mut host = Host::new(ModePolicy::Native, Tags { retired, ..mark_only() });
            host.paths.set(0, path).unwrap();
            host.count(Mark::DEFAULT, &[0xd365_0002]);
            let [source, _] = sources(2);
            host.send(source, 25);
            host.wait(3);
            assert_eq!(host.counted("n0"), 3, "listed");
            host.publish(&ranges().iter().map(Owner::retired).collect::<Vec<_>>());
            host.send(source, 25);
            host.wait(6);
            let so_far = if retired { 6 } else { 3 };
            assert_eq!(host.counted("n0"), so_far, "retired, {retired}");
            host.publish(&ranges().iter().map(Owner::from).collect::<Vec<_>>());
            host.kernel().set_lease(Some(Duration::ZERO)).unwrap();
            host.send(source, 25);
            host.wait(9);
            assert_eq!(host.counted("n0"), so_far, "past the lease");
        }
    }
}

/// A mark that is there already: what is not ours is kept; what looks like ours and is not is taken away.
#[test]
fn other_bits_are_kept_and_a_false_mark_is_taken_away() {
    require!(Root, Tool("ip"), Tool("nft"));
    for path in [Path::Metadata, Path::Classify] {
        let mut host = Host::new(ModePolicy::Native, Tags { order: TcOrder::Last, ..mark_only() });
        host.paths.set(0, path).unwrap();
        // Everybody comes with the mark of geo 77 and with foreign bits.
        let mut forger = Foreign::marking(Mark::DEFAULT.on(FOREIGN, 77));
        host.lab.host.run(|| forger.attach(host.lab.iface(), true));
        host.count(Mark::DEFAULT, &[Mark::DEFAULT.on(FOREIGN, 2), FOREIGN]);
        let [source, _] = sources(2);
        host.send(source, 25);
        host.send("198.18.200.7".parse().unwrap(), 25);
        host.send(source, 26);
        host.wait(9);
        assert_eq!(host.counted("n0"), 3, "{path:?}");
        assert_eq!(host.counted("n1"), 6, "{path:?}");
        assert_eq!(host.effect(Effect::MarkCleared), 6, "{path:?}");
    }
}
