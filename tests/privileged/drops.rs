//! By default nothing is dropped. With `--unlisted drop`, only new connections from unlisted sources and
//! packets from them that hide their TCP header are dropped.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use d365_common::packet_action::PacketAction;
use d365_tests::{
    corpus::hidden,
    frame::{DOT1AD, DOT1Q, Extension, Frame, Ipv4, Ipv6, Segment, Tcp},
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
    judged::{Judged, action, options, ranges, syn},
    kernel::KernelExt as _,
    steps::{addresses, until},
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

fn v4() -> Ipv4 {
    Ipv4::new(STRANGERS[0].parse::<Ipv4Addr>().unwrap(), [192, 0, 2, 25])
}

fn run(judged: &mut Judged, source: &str) -> u32 {
    judged.kernel.test_run(&syn(source.parse().unwrap(), 25)).unwrap()
}

/// Packets that were dropped, and those that were dropped for a hidden header.
fn dropped(judged: &Judged) -> [u64; 2] {
    [PacketAction::Dropped, PacketAction::HiddenDropped].map(|wanted| action(&judged.counters, wanted))
}

/// A program that is asked for no drops. Every other condition of a drop holds.
fn passing() -> Judged {
    let mut judged = Judged::by(ranges(&LIST), &options());
    judged.kernel.set_failsafe(&[]).unwrap();
    judged.kernel.set_lease(None).unwrap();
    judged
}

/// Listed, retired and failsafe sources, other ports and established traffic pass.
#[test]
fn new_connections_of_strangers_are_dropped_and_nothing_else() {
    require!(Root);
    let mut judged = armed();
    for stranger in STRANGERS {
        assert_eq!(run(&mut judged, stranger), XDP_DROP, "{stranger}");
    }
    let plain = Frame::new(v4().carrying(Tcp::new(1, 25).syn()));
    for frame in [plain.clone().tag(DOT1Q, 7), plain.tag(DOT1AD, 7).tag(DOT1Q, 7)] {
        assert_eq!(judged.kernel.test_run(&frame.bytes()).unwrap(), XDP_DROP);
    }
    assert_eq!(dropped(&judged), [4, 0]);
    let unlisted = judged.read()[0].unlisted;
    assert_eq!((unlisted.packets, unlisted.connections), (4, 4), "they are unlisted packets all the same");
    for source in FRIENDS.into_iter().chain(["127.0.0.1", "::1", "203.0.113.255", "2001:dba:ffff::1"]) {
        assert_eq!(run(&mut judged, source), XDP_PASS, "{source}");
    }
    for source in addresses(&STRANGERS) {
        assert_eq!(judged.kernel.test_run(&syn(source, 587)).unwrap(), XDP_PASS, "another port");
        // The loop covers every combination of flags. Only those with SYN and without ACK open a connection.
        for flags in 0..=255_u8 {
            let mut frame = syn(source, 25);
            let at = frame.len() - 20 + 13;
            frame[at] = flags;
            let expected = if flags & 0x12 == 0x02 { XDP_DROP } else { XDP_PASS };
            let action = judged.kernel.test_run(&frame).unwrap();
            assert_eq!(action, expected, "{source} with flags {flags:#04x}");
        }
    }
    let before = dropped(&judged);
    assert_eq!(before, [4 + 128, 0]);
    let cut = syn(STRANGERS[0].parse().unwrap(), 25);
    for length in 14..cut.len() {
        assert_eq!(judged.kernel.test_run(&cut[..length]).unwrap(), XDP_PASS, "cut off after {length} bytes");
    }
    assert_eq!(dropped(&judged), before);
    let owners: Vec<CounterKey> = ranges(&LIST).iter().map(CounterKey::retired).collect();
    let compiled = generation::compile(owners, &[0, 1]).unwrap();
    judged.kernel.publish(&compiled).unwrap();
    for retired in FRIENDS {
        assert_eq!(run(&mut judged, retired), XDP_PASS, "{retired} is retired");
    }
    // Failsafe prefixes can be replaced while packets arrive.
    assert_eq!(run(&mut judged, "203.0.113.9"), XDP_PASS);
    judged.kernel.set_failsafe(&["198.51.100.0/24".parse().unwrap()]).unwrap();
    assert_eq!(run(&mut judged, "203.0.113.9"), XDP_DROP);
    assert_eq!(run(&mut judged, "198.51.100.7"), XDP_PASS);
    assert_eq!(run(&mut judged, "2001:dba::7"), XDP_DROP, "the other family's are replaced with them");
}

/// Each missing condition alone prevents every drop.
#[test]
fn without_a_list_a_lease_or_failsafe_prefixes_nothing_is_dropped() {
    require!(Root);
    let actions =
        |kernel: &mut Kernel| STRANGERS.map(|it| kernel.test_run(&syn(it.parse().unwrap(), 25)).unwrap());
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
    until(5, || actions(&mut judged.kernel) == [XDP_PASS; 2], || "the lease ends by itself".to_owned());
    let mut bare = Judged::by(ranges(&LIST), &dropping());
    bare.kernel.set_lease(None).unwrap();
    assert_eq!(actions(&mut bare.kernel), [XDP_PASS; 2], "no failsafe prefixes are set");
    assert_eq!(actions(&mut passing().kernel), [XDP_PASS; 2], "nobody asked for drops");
}

/// A hidden TCP header could open a connection that the program does not see. Such packets are dropped only
/// if their source is unlisted, and they are counted apart.
#[test]
fn hidden_headers_are_dropped_from_strangers_and_nobody_else() {
    require!(Root);
    let frames = |[v4, v6]: [&str; 2]| hidden::all(v4.parse().unwrap(), v6.parse().unwrap());
    let mut judged = armed();
    let mut count = 0;
    for hidden in frames(STRANGERS) {
        for frame in [hidden.frame.clone(), hidden.frame.clone().tag(DOT1Q, 7)] {
            assert_eq!(judged.kernel.test_run(&frame.bytes()).unwrap(), XDP_DROP, "{}", hidden.name);
            count += 1;
        }
    }
    for hidden in [frames(FRIENDS), frames(["203.0.113.9", "2001:dba::7"])].concat() {
        assert_eq!(judged.kernel.test_run(&hidden.frame.bytes()).unwrap(), XDP_PASS, "{}", hidden.name);
    }
    assert_eq!(dropped(&judged), [0, count]);
    judged.kernel.set_lease(Some(Duration::ZERO)).unwrap();
    let mut passing = passing();
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
    let host: Ipv6Addr = "2001:db8:d365::25".parse().unwrap();
    let frame = |source: &str| {
        let source: Ipv6Addr = source.parse().unwrap();
        let packet = Ipv6::new(source, host).extensions(vec![Extension::routing(255); 7]);
        Frame::new(packet.carrying(Tcp::new(40_000, 25).syn())).bytes()
    };
    assert_eq!(judged.kernel.test_run(&frame(STRANGERS[1])).unwrap(), XDP_DROP);
    assert_eq!(judged.kernel.test_run(&frame(FRIENDS[1])).unwrap(), XDP_PASS);
    assert_eq!(dropped(&judged), [0, 1]);
}

/// Packets that no receiver accepts, and packets that cannot open a connection, still pass.
#[test]
fn what_hides_no_connection_is_not_dropped() {
    require!(Root);
    let mut judged = armed();
    let raw = |protocol, length| Segment::raw(protocol, vec![0; length]);
    let frames = [
        ("a cut header and no further fragment", Frame::new(v4().carrying(raw(6, 8)))),
        ("a later fragment", Frame::new(v4().fragment(3, true).carrying(raw(6, 64)))),
        ("the last fragment", Frame::new(v4().fragment(3, false).carrying(Tcp::new(40_000, 25).syn()))),
        ("three tags", Frame::new(v4()).tag(DOT1AD, 1).tag(DOT1Q, 2).tag(DOT1Q, 3)),
        ("UDP in a small first fragment", Frame::new(v4().fragment(0, true).carrying(raw(17, 8)))),
        ("ESP", Frame::new(v4().carrying(raw(50, 16)))),
    ];
    for (name, frame) in frames {
        assert_eq!(judged.kernel.test_run(&frame.bytes()).unwrap(), XDP_PASS, "{name}");
    }
    assert_eq!(dropped(&judged), [0, 0]);
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
    for number in 0..frames {
        generate.next_into(&mut frame);
        let (action, after) = judged.kernel.rewrite(&frame).unwrap();
        assert_eq!(action, XDP_PASS, "frame {number} of seed {seed}: {frame:02x?}");
        assert_eq!(after, frame, "frame {number} of seed {seed} is changed");
    }
    let row = judged.read().swap_remove(0);
    let listed = row.ranges.iter().chain([&row.unlisted]).map(|count| count.packets);
    let counted: Vec<u64> = listed.chain(row.other.iter().map(|(_, packets)| *packets)).collect();
    assert_eq!(counted.iter().sum::<u64>(), frames, "each is counted once: {counted:?}");
    assert!(counted.iter().all(|class| *class > frames / 10_000), "every class is met: {counted:?}");
    assert!(row.actions.iter().all(|(_, packets)| *packets == 0));
}
