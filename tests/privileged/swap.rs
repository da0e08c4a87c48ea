//! Swaps under traffic: generations change every 100 ms while frames from a listed source arrive without a
//! pause. Each frame is judged by exactly one generation, and counted once.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use d365_common::direct::DEFAULT_PAGES;
use d365_tests::{
    frame::{Frame, Packet, Tcp},
    lab::Lab,
    raw::{FrameSender, Sniffer},
    require,
};
use d365_user::{
    generation::{self, Compiled, Table},
    kernel::Options,
    settings::ModePolicy,
    snapshot::Count,
};

use crate::{
    judged::{attach, longest_match, options, ranges},
    steps::SetOnDrop,
};

const SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 77));
const PERIOD: Duration = Duration::from_millis(100);
const LENGTH: Duration = Duration::from_secs(10);
/// Minimum number of swaps. On a busy machine each swap takes longer, because the kernel waits until no
/// running program can see the old tries, and so the whole run takes longer.
const SWAPS: u32 = 80;
const PATIENCE: Duration = Duration::from_secs(120);
const CAPACITY: u32 = 64;
/// Minimum pauses between two frames and between two swaps. The thread releases the processor in each pause,
/// however long a step takes: a slow machine needs it for the other end of the link, and for the wait of the
/// kernel before it frees old tries.
const GAP: Duration = Duration::from_micros(40);
const PAUSE: Duration = Duration::from_millis(10);

/// A list, and the slot of its range that decides for the source.
struct List {
    compiled: Compiled,
    slot: u32,
}

/// Compiles a list with the slots from `first` on.
fn list(prefixes: &[&str], first: u32) -> List {
    let ranges = ranges(prefixes);
    let slots: Vec<u32> = (first..).take(ranges.len()).collect();
    let compiled = generation::compile(&ranges, &slots).unwrap();
    let position = longest_match(&ranges, SOURCE).expect("listed");
    List { compiled, slot: slots[position] }
}

/// Sends frames from the source and counts them, until `stop` is set.
fn send(sender: &FrameSender, frame: &[u8], stop: &AtomicBool, sent: &AtomicU64) {
    while !stop.load(Ordering::Relaxed) {
        sender.send_bytes(frame).unwrap();
        sent.fetch_add(1, Ordering::Relaxed);
        thread::sleep(GAP);
    }
}

/// Publishes the two lists in turn for a while, under traffic. Each frame must arrive behind the program and
/// be counted once, in a slot of either list.
fn swap(lists: &[List; 2], max_pages: u32) {
    let lab = Lab::new().unwrap();
    let options = Options { capacity: CAPACITY, max_pages, ..options() };
    let (mut kernel, counters) = attach(&lab, ModePolicy::Native, options);
    kernel.publish(&lists[1].compiled).unwrap();
    let sniffer = Sniffer::on(&lab.link().host).unwrap();
    let sender = FrameSender::on(&lab.link().sender).unwrap();
    let segment = Tcp::new(40_000, 25).syn();
    let frame = Frame::new(Packet::between(SOURCE, lab.link().host_v4().into(), segment)).bytes();
    let (stop, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    let (mut swaps, mut under_traffic) = (0, 0);
    thread::scope(|scope| {
        let _stops = SetOnDrop(&stop);
        scope.spawn(|| send(&sender, &frame, &stop, &sent));
        let begin = Instant::now();
        while begin.elapsed() < LENGTH || (swaps < SWAPS && begin.elapsed() < PATIENCE) {
            let before = sent.load(Ordering::Relaxed);
            kernel.publish(&lists[swaps as usize % 2].compiled).unwrap();
            under_traffic += u32::from(sent.load(Ordering::Relaxed) > before);
            swaps += 1;
            thread::sleep((PERIOD * swaps).saturating_sub(begin.elapsed()).max(PAUSE));
        }
    });
    let sent = sent.into_inner();
    assert!(
        swaps >= SWAPS && under_traffic >= SWAPS / 2,
        "{swaps} swaps, {under_traffic} under traffic, {sent} frames"
    );
    let arrived = sniffer.stop().unwrap();
    let counted = counters.read(&(0..CAPACITY).collect::<Vec<_>>()).unwrap().remove(0);
    let tally = arrived.from(SOURCE, 25);
    assert_eq!((tally.packets, tally.connections), (sent, sent), "every frame arrived");
    assert_eq!(arrived.all().packets, sent, "and nothing else");
    assert_eq!(counted.unlisted, Count::default(), "none was unlisted for a moment");
    assert!(counted.other.iter().all(|(_, packets)| *packets == 0), "{:?}", counted.other);
    let slots = [lists[0].slot, lists[1].slot];
    let mut sum = 0;
    for (slot, count) in (0..CAPACITY).zip(&counted.ranges) {
        if slots.contains(&slot) {
            // Each list is published for a tenth of a second at a time, half of the whole.
            assert!(count.packets > sent / 20, "slot {slot}: {count:?} of {sent}");
            assert_eq!((count.bytes, count.connections), (count.packets * frame.len() as u64, count.packets));
            sum += count.packets;
        } else {
            assert_eq!(*count, Count::default(), "slot {slot} is of no range of the source");
        }
    }
    assert_eq!(sum, sent, "every frame was counted as listed, once");
    println!("{sent} frames, {swaps} swaps, {under_traffic} of them while frames were sent");
}

/// Both lists of each case contain the source.
#[test]
fn no_frame_is_lost_or_misjudged_between_two_lists_that_hold_its_source() {
    require!(Root, Tool("ip"));
    // In other slots, at other positions, among other ranges, and in the second with a shorter prefix.
    let lists = [
        list(&["11.0.0.0/24", "192.0.2.0/24", "192.0.2.128/25", "198.51.100.0/24", "2001:db8::/32"], 3),
        list(&["192.0.0.0/16", "192.0.2.128/25", "203.0.113.0/25", "2001:db8:9::/48"], 40),
    ];
    swap(&lists, DEFAULT_PAGES);
    // In one list the direct table contains the source. In the other its pages do not suffice, and the
    // program asks the trie.
    let lists = [
        list(&["11.0.0.0/24", "12.0.0.0/24", "192.0.2.0/24", "192.0.2.128/25"], 3),
        list(&["192.0.2.0/24", "192.0.2.128/25", "203.0.113.0/25"], 40),
    ];
    let blocks = lists.each_ref().map(|list| Table::new(&list.compiled.entries, 2).size().trie_blocks);
    assert_eq!(blocks, [1, 1]);
    swap(&lists, 2);
    // The source is listed in one list and retired in the other: only those two slots change.
    let prefixes = ["11.0.0.0/24", "192.0.2.0/24", "2001:db8::/32"];
    let mut lists = [list(&prefixes, 0), list(&prefixes, 20)];
    let retiring = &mut lists[1];
    for (_, entry) in &mut retiring.compiled.entries {
        if entry.slot() == retiring.slot {
            *entry = entry.retire();
        }
    }
    swap(&lists, DEFAULT_PAGES);
}
