//! Classification by the kernel program: made frames run through `BPF_PROG_TEST_RUN`.

use d365_common::{
    classification, names,
    packet::{self, Segment},
};
use d365_tests::{
    corpus::{self, Expected},
    generate::{LONGEST, SHORTEST},
    require,
};
use d365_user::kernel::{Interface, Kernel, OBJECT, Options};

use crate::{
    judged::{Class, Judged, options, ranges, syn},
    kernel::KernelExt as _,
    mail::embedded,
    oracle,
    steps::addresses,
};

const CORPUS: [&str; 2] = ["198.51.100.0/24", "2001:db8:0:9::/64"];

fn check_corpus(programs: &[&'static str], list: &[&str]) {
    let (kernel, counters) = Kernel::load_one_of(programs, OBJECT, &options()).unwrap();
    let mut judged = Judged::of(kernel, counters, ranges(list));
    let (mut short, mut long) = (0u64, 0u64);
    for case in corpus::all() {
        let expected = judged.expected(case.expected);
        if case.frame.len() <= LONGEST {
            assert_eq!(judged.judge(&case.name, &case.frame), (0, expected), "{}", case.name);
            short += 1;
        } else if judged.kernel.program_name() == names::PROGRAMS[0] {
            // Headers after the first buffer are not read: such a frame passes, and is counted as cut off.
            let (_, class) = judged.judge(&case.name, &case.frame);
            assert!(class == Class::Other("malformed") || class == expected, "{}: {class:?}", case.name);
            long += 1;
        }
    }
    assert!(short > 400, "only {short} cases");
    let row = judged.read().swap_remove(0);
    let listed = row.ranges.iter().chain([&row.unlisted]).map(|count| count.packets).sum::<u64>();
    let total = listed + row.other.iter().map(|(_, packets)| packets).sum::<u64>();
    assert_eq!(total, short + long, "the classes' sum is what the program saw");
}

#[test]
fn the_corpus_from_listed_and_unlisted_sources() {
    require!(Root);
    check_corpus(&names::PROGRAMS, &CORPUS);
    check_corpus(&names::PROGRAMS, &["198.51.101.0/24", "2001:db8:0:a::/64"]);
    // The program for older kernels.
    check_corpus(&names::PROGRAMS[1..], &CORPUS);
}

#[test]
fn longest_prefix_wins_and_edges_hold_in_both_families() {
    require!(Root);
    Judged::by(ranges(&oracle::LIST), &options()).edges_hold("nested");
}

#[test]
fn edges_of_every_embedded_range_hold() {
    require!(Root);
    let set = embedded();
    assert_eq!(set.ranges().len(), 39);
    Judged::by(set.ranges().to_vec(), &options()).edges_hold("embedded");
}

/// The host runs the same code. Both must agree on frames that are cut at any length.
#[test]
fn kernel_and_host_agree_on_every_truncation() {
    require!(Root);
    let mut judged = Judged::by(ranges(&["198.51.100.0/24"]), &options());
    let short = corpus::all().into_iter().filter(|case| case.frame.len() < 150);
    for case in short.step_by(3) {
        for length in SHORTEST..case.frame.len() {
            let frame = &case.frame[..length];
            let expected = match packet::parse(frame, |port| port == 25) {
                Ok(Segment { source, opens, .. }) => Expected::Smtp { source: source.into(), opens },
                Err(reason) => Expected::Other(classification::Class::from(reason).as_str()),
            };
            let expected = judged.expected(expected);
            assert_eq!(judged.judge(&case.name, frame), (0, expected), "{}, cut after {length}", case.name);
        }
    }
}

#[test]
fn up_to_eight_ports_are_watched_and_no_other() {
    require!(Root);
    // Port 25 is watched only if it is asked for.
    for ports in [vec![25, 465, 587, 2525, 1, 65_535, 6400, 10_025], vec![2525]] {
        let options = Options { ports: ports.clone(), ..options() };
        let mut judged = Judged::by(ranges(&["192.0.2.0/24"]), &options);
        for port in [0, 24, 25, 26, 464, 2526, 6401, 40_000].into_iter().chain(ports.iter().copied()) {
            let expected = if ports.contains(&port) {
                Class::Listed { slot: 0, opens: true }
            } else {
                Class::Other("other_port")
            };
            let class = judged.judge("port", &syn([192, 0, 2, 1].into(), port));
            assert_eq!(class, (0, expected), "port {port} of {ports:?}");
        }
    }
}

#[test]
fn each_interface_has_a_row_and_strangers_have_the_last() {
    require!(Root);
    let interface = |name: &str, index| Interface { name: name.to_owned(), index };
    let absent: Vec<Interface> = (0..15).map(|n| interface("absent", 0x7000_0000 + n)).collect();
    for position in [0, 1, 15] {
        let mut interfaces = absent.clone();
        interfaces.insert(position, interface("lo", 1));
        let options = Options { interfaces, capacity: 3, ..options() };
        let mut judged = Judged::by(ranges(&["192.0.2.0/25", "192.0.2.128/25", "203.0.113.0/24"]), &options);
        let class = judged.judge("listed", &syn([203, 0, 113, 7].into(), 25));
        assert_eq!(class, (position, Class::Listed { slot: 2, opens: true }));
        assert_eq!(judged.judge("unlisted", &syn([8, 8, 8, 8].into(), 25)).0, position);
    }
    let mut judged =
        Judged::by(ranges(&["192.0.2.0/24"]), &Options { interfaces: absent[..2].to_vec(), ..options() });
    let class = judged.judge("stranger", &syn([192, 0, 2, 1].into(), 25));
    assert_eq!(class, (2, Class::Listed { slot: 0, opens: true }));
}

#[test]
fn a_new_generation_replaces_the_old_whole() {
    require!(Root);
    let (kernel, counters) = Kernel::load(OBJECT, &options()).unwrap();
    let mut judged = Judged { kernel, counters, ranges: Vec::new() };
    addresses(&["40.78.242.1", "2001:db8::1"]).into_iter().for_each(|it| judged.looks_up("no list", it));
    for list in [
        &["192.0.2.0/24", "2001:db8::/32"][..],
        &["198.51.100.0/24"],
        &["2001:db8:1::/48", "192.0.2.0/26"],
        &["192.0.2.0/24"],
    ] {
        judged.publish(ranges(list));
        judged.edges_hold("the new list");
        for source in addresses(&["192.0.2.77", "198.51.100.77", "2001:db8:1::7", "2001:db8:2::7"]) {
            judged.looks_up("the new list", source);
        }
    }
}
