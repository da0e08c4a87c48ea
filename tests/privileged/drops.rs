//! By default nothing is dropped. With `--unlisted drop`, only new connections from unlisted sources and
//! packets from them that hide their TCP header are dropped.

use std::{
    net::IpAddr,
    thread,
    time::{Duration, Instant},
};

use d365_common::packet_action::PacketAction;
use d365_tests::{
    corpus::hidden,
    frame::{DOT1AD, DOT1Q, Extension, Frame, Ipv4, Ipv6, Packet, Segment, Tcp},
    generate::{self, Frames},
    patience, require,
};
use d365_user::{
    generation::{self, CounterKey},
    kernel::{Kernel, OBJECT, Options},
};
use ipnet::IpNet;

use crate::{
    bpf::XDP_PASS,
    judged::{Judged, options, ranges},
    verdicts::syn,
};

const XDP_DROP: u32 = 1;
const LIST: [&str; 2] = ["192.0.2.0/24", "2001:db8::/32"];
const STRANGERS: [&str; 2] = ["198.51.100.7", "2001:db9::7"];
const FRIENDS: [&str; 2] = ["192.0.2.7", "2001:db8::7"];

fn failsafe() -> Vec<IpNet> {
    ["127.0.0.0/8", "::1/128", "203.0.113.0/24", "2001:dba::/32"].map(|net| net.parse().unwrap()).to_vec()
}

fn dropping() -> Options {
    Options { drop_unlisted: true, ..options() }
}

/// A program for which every condition of a drop holds.
fn armed() -> Judged {
    let mut judged = Judged::by(ranges(&LIST), &dropping());
    judged.kernel.set_failsafe(&failsafe()).unwrap();
    judged.kernel.set_lease(None).unwrap();
    judged
}

fn run(judged: &mut Judged, source: &str) -> u32 {
    judged.kernel.test_run(&syn(source.parse().unwrap(), 25)).unwrap()
}

fn action(judged: &Judged, wanted: PacketAction) -> u64 {
    judged.read()[0].actions.iter().find(|(action, _)| *action == wanted).unwrap().1
}

fn dropped(judged: &Judged) -> u64 {
    action(judged, PacketAction::Dropped)
}

#[test]
fn new_connections_of_strangers_are_dropped_and_counted_apart() {
    require!(Root);
    let mut judged = armed();
    for stranger in STRANGERS {
        assert_eq!(run(&mut judged, stranger), XDP_DROP, "{stranger}");
    }
    let tagged = Frame::new(Packet::between(
        STRANGERS[0].parse().unwrap(),
        [192, 0, 2, 25].into(),
        Tcp::new(1, 25).syn(),
    ));
    for frame in [tagged.clone().tag(DOT1Q, 7), tagged.tag(DOT1AD, 7).tag(DOT1Q, 7)] {
        assert_eq!(judged.kernel.test_run(&frame.bytes()).unwrap(), XDP_DROP);
    }
    assert_eq!(dropped(&judged), 4);
    let unlisted = judged.read()[0].unlisted;
    assert_eq!((unlisted.packets, unlisted.connections), (4, 4), "they are unlisted packets all the same");
}

#[test]
fn listed_retired_and_failsafe_sources_other_ports_and_established_traffic_pass() {
    require!(Root);
    let mut judged = armed();
    for source in FRIENDS.into_iter().chain(["127.0.0.1", "::1", "203.0.113.255", "2001:dba:ffff::1"]) {
        assert_eq!(run(&mut judged, source), XDP_PASS, "{source}");
    }
    for stranger in STRANGERS {
        let source: IpAddr = stranger.parse().unwrap();
        assert_eq!(judged.kernel.test_run(&syn(source, 587)).unwrap(), XDP_PASS, "another port");
        let host: IpAddr =
            if source.is_ipv4() { [192, 0, 2, 25].into() } else { "2001:db8::25".parse().unwrap() };
        // The loop covers every combination of flags. Only those with SYN and without ACK open a connection.
        for flags in 0..=255_u8 {
            let opens = flags & 0x12 == 0x02;
            let mut frame = Frame::new(Packet::between(source, host, Tcp::new(40_000, 25))).bytes();
            let at = frame.len() - 20 + 13;
            frame[at] = flags;
            let expected = if opens { XDP_DROP } else { XDP_PASS };
            assert_eq!(
                judged.kernel.test_run(&frame).unwrap(),
                expected,
                "{stranger} with flags {flags:#04x}"
            );
        }
    }
    let before = dropped(&judged);
    assert_eq!(before, 128);
    let [v4, _] = STRANGERS.map(|source| source.parse::<IpAddr>().unwrap());
    let IpAddr::V4(v4) = v4 else { panic!("IPv4") };
    let later = Ipv4::new(v4, [192, 0, 2, 25]).fragment(3, false).carrying(Tcp::new(40_000, 25).syn());
    assert_eq!(judged.kernel.test_run(&Frame::new(later).bytes()).unwrap(), XDP_PASS, "a later fragment");
    let cut = syn(STRANGERS[0].parse().unwrap(), 25);
    for length in 14..cut.len() {
        assert_eq!(judged.kernel.test_run(&cut[..length]).unwrap(), XDP_PASS, "cut off after {length} bytes");
    }
    assert_eq!(dropped(&judged), before);
    let owners: Vec<CounterKey> = ranges(&LIST).iter().map(CounterKey::retired).collect();
    let compiled = generation::compile(owners, &[0, 1], judged.kernel.capacity()).unwrap();
    judged.kernel.publish(&compiled).unwrap();
    for retired in FRIENDS {
        assert_eq!(run(&mut judged, retired), XDP_PASS, "{retired} is retired");
    }
}

/// Each missing condition alone prevents every drop.
#[test]
fn without_a_list_a_lease_or_failsafe_prefixes_nothing_is_dropped() {
    require!(Root);
    let actions = |kernel: &mut Kernel| {
        STRANGERS.map(|source| kernel.test_run(&syn(source.parse().unwrap(), 25)).unwrap())
    };
    let (mut kernel, counters) = Kernel::load(OBJECT, &dropping()).unwrap();
    kernel.set_failsafe(&failsafe()).unwrap();
    kernel.set_lease(None).unwrap();
    assert_eq!(actions(&mut kernel), [XDP_PASS; 2], "no list is published");
    let mut judged = Judged::of(kernel, counters, ranges(&LIST));
    assert_eq!(actions(&mut judged.kernel), [XDP_DROP; 2]);
    judged.kernel.set_lease(Some(Duration::ZERO)).unwrap();
    assert_eq!(actions(&mut judged.kernel), [XDP_PASS; 2], "the lease has run out");
    judged.kernel.set_lease(Some(Duration::from_millis(300))).unwrap();
    assert_eq!(actions(&mut judged.kernel), [XDP_DROP; 2]);
    let deadline = Instant::now() + Duration::from_secs(5);
    while actions(&mut judged.kernel) != [XDP_PASS; 2] {
        assert!(Instant::now() < deadline, "the lease runs out by itself");
        thread::sleep(Duration::from_millis(20));
    }
    let mut bare = Judged::by(ranges(&LIST), &dropping());
    bare.kernel.set_lease(None).unwrap();
    assert_eq!(actions(&mut bare.kernel), [XDP_PASS; 2], "no failsafe prefixes are set");
    let mut passing = Judged::by(ranges(&LIST), &options());
    passing.kernel.set_failsafe(&[]).unwrap();
    passing.kernel.set_lease(None).unwrap();
    assert_eq!(actions(&mut passing.kernel), [XDP_PASS; 2], "nobody asked for drops");
}

/// Failsafe prefixes can be replaced while packets arrive.
#[test]
fn failsafe_prefixes_are_replaced_whole() {
    require!(Root);
    let mut judged = armed();
    assert_eq!(run(&mut judged, "203.0.113.9"), XDP_PASS);
    judged.kernel.set_failsafe(&["198.51.100.0/24".parse().unwrap()]).unwrap();
    assert_eq!(run(&mut judged, "203.0.113.9"), XDP_DROP);
    assert_eq!(run(&mut judged, "198.51.100.7"), XDP_PASS);
    assert_eq!(run(&mut judged, "2001:dba::7"), XDP_DROP, "the other family's are replaced with them");
}

/// A hidden TCP header could open a connection that the program does not see. Such packets are dropped only
/// if their source is unlisted, and they are counted apart.
#[test]
fn hidden_headers_are_dropped_from_strangers_and_nobody_else() {
    require!(Root);
    let frames = |[v4, v6]: [&str; 2]| hidden::all(v4.parse().unwrap(), v6.parse().unwrap());
    let mut judged = armed();
    let mut dropped = 0;
    for hidden in frames(STRANGERS) {
        for frame in [hidden.frame.clone(), hidden.frame.clone().tag(DOT1Q, 7)] {
            assert_eq!(judged.kernel.test_run(&frame.bytes()).unwrap(), XDP_DROP, "{}", hidden.name);
            dropped += 1;
        }
    }
    for hidden in [frames(FRIENDS), frames(["203.0.113.9", "2001:dba::7"])].concat() {
        assert_eq!(judged.kernel.test_run(&hidden.frame.bytes()).unwrap(), XDP_PASS, "{}", hidden.name);
    }
    assert_eq!(action(&judged, PacketAction::HiddenDropped), dropped);
    assert_eq!(action(&judged, PacketAction::Dropped), 0);
    judged.kernel.set_lease(Some(Duration::ZERO)).unwrap();
    let mut passing = Judged::by(ranges(&LIST), &options());
    passing.kernel.set_failsafe(&[]).unwrap();
    passing.kernel.set_lease(None).unwrap();
    for hidden in frames(STRANGERS) {
        for kernel in [&mut judged.kernel, &mut passing.kernel] {
            assert_eq!(kernel.test_run(&hidden.frame.bytes()).unwrap(), XDP_PASS, "{}", hidden.name);
        }
    }
}

/// Seven headers of 2 KiB push the TCP header behind the first buffer, where the program does not read it.
#[test]
fn a_header_behind_the_first_buffer_is_dropped_from_strangers() {
    require!(Root, Kernel(5, 18, "frames in several buffers"));
    let mut judged = armed();
    let host: std::net::Ipv6Addr = "2001:db8:d365::25".parse().unwrap();
    let frame = |source: &str| {
        let source: std::net::Ipv6Addr = source.parse().unwrap();
        let packet = Ipv6::new(source, host).extensions(vec![Extension::routing(255); 7]);
        Frame::new(packet.carrying(Tcp::new(40_000, 25).syn())).bytes()
    };
    assert_eq!(judged.kernel.test_run(&frame(STRANGERS[1])).unwrap(), XDP_DROP);
    assert_eq!(judged.kernel.test_run(&frame(FRIENDS[1])).unwrap(), XDP_PASS);
    assert_eq!(action(&judged, PacketAction::HiddenDropped), 1);
}

/// Packets that no receiver accepts, and packets that cannot open a connection, still pass.
#[test]
fn what_hides_no_connection_is_not_dropped() {
    require!(Root);
    let mut judged = armed();
    let source: std::net::Ipv4Addr = STRANGERS[0].parse().unwrap();
    let v4 = || Ipv4::new(source, [192, 0, 2, 25]);
    let cut = Segment::raw(6, [0; 8]);
    let frames = [
        ("a cut header and no further fragment", Frame::new(v4().carrying(cut))),
        ("a later fragment", Frame::new(v4().fragment(3, true).carrying(Segment::raw(6, [0; 64])))),
        ("three tags", Frame::new(v4()).tag(DOT1AD, 1).tag(DOT1Q, 2).tag(DOT1Q, 3)),
        (
            "UDP in a small first fragment",
            Frame::new(v4().fragment(0, true).carrying(Segment::raw(17, [0; 8]))),
        ),
        ("ESP", Frame::new(v4().carrying(Segment::raw(50, [0; 16])))),
    ];
    for (name, frame) in frames {
        assert_eq!(judged.kernel.test_run(&frame.bytes()).unwrap(), XDP_PASS, "{name}");
    }
    assert_eq!(action(&judged, PacketAction::HiddenDropped), 0);
}

/// Sends as many frames as `D365_FRAMES` asks for, in default settings. Ten million took half a minute of
/// processor time.
#[test]
fn whatever_is_sent_nothing_is_dropped_or_changed_by_default() {
    require!(Root);
    let (frames, seed) = generate::asked(patience::fewer(1_000_000), 1);
    let mut judged = Judged::by(ranges(&["198.51.100.0/24", "2001:db8::/32"]), &options());
    judged.kernel.set_lease(None).unwrap();
    let (mut generate, mut frame) = (Frames::new(seed), Vec::new());
    let classes = |judged: &Judged| {
        let row = judged.read().swap_remove(0);
        let listed = row.ranges.iter().chain([&row.unlisted]).map(|count| count.packets);
        listed.chain(row.other.iter().map(|(_, packets)| *packets)).collect::<Vec<_>>()
    };
    for number in 0..frames {
        generate.next_into(&mut frame);
        let (action, after) = judged.kernel.rewrite(&frame).unwrap();
        assert_eq!(action, XDP_PASS, "frame {number} of seed {seed}: {frame:02x?}");
        assert_eq!(after, frame, "frame {number} of seed {seed} is changed");
    }
    let counted = classes(&judged);
    assert_eq!(counted.iter().sum::<u64>(), frames, "each is counted once: {counted:?}");
    assert!(counted.iter().all(|class| *class > frames / 10_000), "every class is met: {counted:?}");
    assert!(judged.read()[0].actions.iter().all(|(_, packets)| *packets == 0));
}
