//! Swaps under traffic: generations change every 100 ms while frames from a listed source arrive without a
//! pause. Each frame is judged by exactly one generation, and counted once.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use d365_common::direct::DEFAULT_PAGES;
use d365_tests::{
    frame::{Frame, Packet, Tcp},
    lab::Lab,
    raw::{FrameSender, Sniffed, Sniffer},
    require,
};
use d365_user::{
    generation::{self, Compiled, Table},
    kernel::{Counters, Interface, InterfaceCounts, Kernel, OBJECT, Options},
    settings::ModePolicy,
    snapshot::{Count, Mode},
};

use crate::judged::{longest_match, options, ranges};

const SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 77));
const PERIOD: Duration = Duration::from_millis(100);
const LENGTH: Duration = Duration::from_secs(10);
/// Minimum number of swaps. On a busy machine each swap takes longer, because the kernel waits until no
/// running program can see the old tries, and so the whole run takes longer.
const SWAPS: u32 = 80;
const PATIENCE: Duration = Duration::from_secs(120);
/// Only one run at a time: two would take the processors from each other.
static ALONE: Mutex<()> = Mutex::new(());
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
    let compiled = generation::compile(&ranges, &slots, CAPACITY).unwrap();
    let position = longest_match(&ranges, SOURCE).expect("listed");
    List { compiled, slot: slots[position] }
}

/// The results of a run under traffic.
struct Run {
    sent: u64,
    bytes: u64,
    swaps: u32,
    /// Number of swaps during which frames were sent.
    under_traffic: u32,
    arrived: Sniffed,
    counted: InterfaceCounts,
}

/// Sends frames from the source and counts them, until `stop` is set.
fn send(sender: &FrameSender, frame: &[u8], stop: &AtomicBool, sent: &AtomicU64) {
    while !stop.load(Ordering::Relaxed) {
        sender.send_bytes(frame).unwrap();
        sent.fetch_add(1, Ordering::Relaxed);
        thread::sleep(GAP);
    }
}

/// Stops the sender when it is dropped, also after a panic.
struct Stops<'a>(&'a AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Publishes the two lists in turn for a while, under traffic.
fn swap(lists: &[List; 2], max_pages: u32) -> Run {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let lab = Lab::new().unwrap();
    let (mut kernel, counters) = attach(&lab, max_pages);
    kernel.publish(&lists[1].compiled).unwrap();
    let sniffer = Sniffer::on(&lab.link().host).unwrap();
    let sender = FrameSender::on(&lab.link().sender).unwrap();
    let segment = Tcp::new(40_000, 25).syn();
    let frame = Frame::new(Packet::between(SOURCE, lab.link().host_v4().into(), segment)).bytes();
    let (stop, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    let (mut swaps, mut under_traffic) = (0, 0);
    thread::scope(|scope| {
        let _stops = Stops(&stop);
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
    let arrived = sniffer.stop().unwrap();
    let slots: Vec<u32> = (0..CAPACITY).collect();
    let counted = counters.read(&slots).unwrap().remove(0);
    Run { sent, bytes: frame.len() as u64, swaps, under_traffic, arrived, counted }
}

fn attach(lab: &Lab, max_pages: u32) -> (Kernel, Counters) {
    lab.host.run(|| {
        let interface = Interface::find(lab.iface()).unwrap();
        let interfaces = vec![interface.clone()];
        let options = Options { interfaces, capacity: CAPACITY, max_pages, ..options() };
        let (mut kernel, counters) = Kernel::load(OBJECT, &options).unwrap();
        let attached = kernel.attach(&interface, ModePolicy::Native).unwrap();
        assert_eq!(attached.attachment.mode, Mode::Native);
        (kernel, counters)
    })
}

/// Asserts that each frame arrived behind the program and was counted once, in a slot of either list.
fn check(lists: &[List; 2], run: &Run) {
    let Run { sent, bytes, swaps, under_traffic, arrived, counted } = run;
    assert!(
        *swaps >= SWAPS && *under_traffic >= SWAPS / 2,
        "{swaps} swaps, {under_traffic} under traffic, {sent} frames"
    );
    let tally = arrived.from(SOURCE, 25);
    assert_eq!((tally.packets, tally.connections), (*sent, *sent), "every frame arrived");
    assert_eq!(arrived.all().packets, *sent, "and nothing else");
    assert_eq!(counted.unlisted, Count::default(), "none was unlisted for a moment");
    assert!(counted.other.iter().all(|(_, packets)| *packets == 0), "{:?}", counted.other);
    let slots = [lists[0].slot, lists[1].slot];
    let mut sum = 0;
    for (slot, count) in (0..CAPACITY).zip(&counted.ranges) {
        if slots.contains(&slot) {
            // Each list is published for a tenth of a second at a time, half of the whole.
            assert!(count.packets > sent / 20, "slot {slot}: {count:?} of {sent}");
            assert_eq!((count.bytes, count.connections), (count.packets * bytes, count.packets));
            sum += count.packets;
        } else {
            assert_eq!(*count, Count::default(), "slot {slot} is of no range of the source");
        }
    }
    assert_eq!(sum, *sent, "every frame was counted as listed, once");
    println!("{sent} frames, {swaps} swaps, {under_traffic} of them while frames were sent");
}

/// Both lists contain the source: in other slots, at other positions, among other ranges, and in the second
/// with a shorter prefix.
#[test]
fn no_frame_is_lost_or_misjudged_between_two_lists_that_hold_its_source() {
    require!(Root, Tool("ip"));
    let lists = [
        list(&["11.0.0.0/24", "192.0.2.0/24", "192.0.2.128/25", "198.51.100.0/24", "2001:db8::/32"], 3),
        list(&["192.0.0.0/16", "192.0.2.128/25", "203.0.113.0/25", "2001:db8:9::/48"], 40),
    ];
    check(&lists, &swap(&lists, DEFAULT_PAGES));
}

/// In one list the direct table contains the source. In the other its pages do not suffice, and the program
/// asks the trie.
#[test]
fn a_source_moves_between_table_and_trie() {
    require!(Root, Tool("ip"));
    let lists = [
        list(&["11.0.0.0/24", "12.0.0.0/24", "192.0.2.0/24", "192.0.2.128/25"], 3),
        list(&["192.0.2.0/24", "192.0.2.128/25", "203.0.113.0/25"], 40),
    ];
    let blocks = lists.each_ref().map(|list| Table::new(&list.compiled.entries, 2).size().trie_blocks);
    assert_eq!(blocks, [1, 1]);
    check(&lists, &swap(&lists, 2));
}

/// The source is listed in one list and retired in the other: only those two slots change.
#[test]
fn a_source_that_retires_and_returns_moves_between_two_slots() {
    require!(Root, Tool("ip"));
    let prefixes = ["11.0.0.0/24", "192.0.2.0/24", "2001:db8::/32"];
    let mut lists = [list(&prefixes, 0), list(&prefixes, 20)];
    let retiring = &mut lists[1];
    for (_, entry) in &mut retiring.compiled.entries {
        if entry.slot() == retiring.slot {
            *entry = entry.retire();
        }
    }
    check(&lists, &swap(&lists, DEFAULT_PAGES));
}
