//! Classification by the kernel program: made frames run through `BPF_PROG_TEST_RUN`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use d365_common::{
    classification, names,
    packet::{self, Segment, Source},
};
use d365_tests::{
    corpus,
    frame::{Frame, Packet, Tcp},
    generate::{LONGEST, SHORTEST},
    require,
};
use d365_user::kernel::{Interface, Kernel, OBJECT, Options};
use ipnet::IpNet;

use crate::{
    judged::{Class, Judged, longest_match, options, ranges},
    mail::embedded,
};

/// Makes a SYN to `port` from `source`.
pub(crate) fn syn(source: IpAddr, port: u16) -> Vec<u8> {
    let host: IpAddr = match source {
        IpAddr::V4(_) => Ipv4Addr::new(192, 0, 2, 25).into(),
        IpAddr::V6(_) => Ipv6Addr::new(0x2001, 0xdb8, 0, 25, 0, 0, 0, 25).into(),
    };
    Frame::new(Packet::between(source, host, Tcp::new(40_000, port).syn())).bytes()
}

/// The first and the last address of a prefix, and the addresses before and after it, if they exist.
pub(crate) fn edges(prefix: IpNet) -> Vec<IpAddr> {
    let (first, last) = match prefix {
        IpNet::V4(net) => (u128::from(u32::from(net.network())), u128::from(u32::from(net.broadcast()))),
        IpNet::V6(net) => (u128::from(net.network()), u128::from(net.broadcast())),
    };
    let address = |number: u128| match prefix {
        IpNet::V4(_) => u32::try_from(number).ok().map(|number| IpAddr::from(Ipv4Addr::from(number))),
        IpNet::V6(_) => Some(IpAddr::from(Ipv6Addr::from(number))),
    };
    let outside = [first.checked_sub(1), last.checked_add(1)].into_iter().flatten();
    [first, last].into_iter().chain(outside).filter_map(address).collect()
}

fn check_corpus(mut judged: Judged) {
    let cases = corpus::all();
    let (mut short, mut long) = (0u64, 0u64);
    for case in &cases {
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
    let total: u64 = judged
        .read()
        .iter()
        .map(|row| {
            let listed: u64 = row.ranges.iter().map(|count| count.packets).sum();
            listed + row.unlisted.packets + row.other.iter().map(|(_, packets)| packets).sum::<u64>()
        })
        .sum();
    assert_eq!(total, short + long, "the classes' sum is what the program saw");
}

#[test]
fn the_corpus_from_listed_sources() {
    require!(Root);
    check_corpus(Judged::by(ranges(&["198.51.100.0/24", "2001:db8:0:9::/64"]), &options()));
}

#[test]
fn the_corpus_from_unlisted_sources() {
    require!(Root);
    check_corpus(Judged::by(ranges(&["198.51.101.0/24", "2001:db8:0:a::/64"]), &options()));
}

#[test]
fn the_corpus_with_the_program_for_older_kernels() {
    require!(Root);
    let (kernel, counters) = Kernel::load_one_of(&names::PROGRAMS[1..], OBJECT, &options()).unwrap();
    assert_eq!(kernel.program_name(), names::PROGRAMS[1]);
    check_corpus(Judged::of(kernel, counters, ranges(&["198.51.100.0/24", "2001:db8:0:9::/64"])));
}

#[test]
fn nothing_is_listed_before_a_generation_is_published() {
    require!(Root);
    let (kernel, counters) = Kernel::load(OBJECT, &options()).unwrap();
    let mut judged = Judged { kernel, counters, ranges: Vec::new() };
    for source in ["40.78.242.1", "2001:db8::1"] {
        let class = judged.judge(source, &syn(source.parse().unwrap(), 25));
        assert_eq!(class, (0, Class::Unlisted { opens: true }), "{source}");
    }
}

/// Checks every edge of every prefix against the reference.
fn check_edges(judged: &mut Judged) {
    for range in judged.ranges.clone() {
        for source in edges(range.prefix) {
            let expected = match longest_match(&judged.ranges, source) {
                Some(slot) => Class::Listed { slot, opens: true },
                None => Class::Unlisted { opens: true },
            };
            let name = format!("{source}, an edge of {}", range.prefix);
            assert_eq!(judged.judge(&name, &syn(source, 25)), (0, expected), "{name}");
        }
    }
}

#[test]
fn longest_prefix_wins_and_edges_hold_in_both_families() {
    require!(Root);
    let prefixes = [
        "192.0.2.0/24",
        "192.0.2.128/25",
        "192.0.2.200/32",
        "10.0.0.0/8",
        "10.255.255.255/32",
        "0.0.0.0/8",
        "255.255.255.255/32",
        "2001:db8::/32",
        "2001:db8:8000::/33",
        "2001:db8::1/128",
        "2001:db8:0:1::/64",
        "::/128",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128",
        "fe80::/19",
    ];
    check_edges(&mut Judged::by(ranges(&prefixes), &options()));
}

#[test]
fn edges_of_every_embedded_range_hold() {
    require!(Root);
    let set = embedded();
    assert_eq!(set.ranges().len(), 39);
    check_edges(&mut Judged::by(set.ranges().to_vec(), &options()));
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
                Ok(Segment { source: Source::V4(_), opens, .. }) => Class::Listed { slot: 0, opens },
                Ok(Segment { source: Source::V6(_), opens, .. }) => Class::Unlisted { opens },
                Err(reason) => Class::Other(classification::Class::from(reason).as_str()),
            };
            assert_eq!(judged.judge(&case.name, frame), (0, expected), "{}, cut after {length}", case.name);
        }
    }
}

#[test]
fn up_to_eight_ports_are_watched_and_no_other() {
    require!(Root);
    let ports = vec![25, 465, 587, 2525, 1, 65_535, 6400, 10_025];
    let options = Options { ports: ports.clone(), ..options() };
    let mut judged = Judged::by(ranges(&["192.0.2.0/24"]), &options);
    for port in [0, 24, 26, 464, 2526, 6401, 40_000].into_iter().chain(ports.iter().copied()) {
        let (_, class) = judged.judge("port", &syn([192, 0, 2, 1].into(), port));
        let expected = if ports.contains(&port) {
            Class::Listed { slot: 0, opens: true }
        } else {
            Class::Other("other_port")
        };
        assert_eq!(class, expected, "port {port}");
    }
}

#[test]
fn a_port_that_is_not_asked_for_is_not_watched() {
    require!(Root);
    let mut judged = Judged::by(ranges(&["192.0.2.0/24"]), &Options { ports: vec![2525], ..options() });
    for (port, class) in [(25, Class::Other("other_port")), (2525, Class::Listed { slot: 0, opens: true })] {
        assert_eq!(judged.judge("port", &syn([192, 0, 2, 1].into(), port)), (0, class), "port {port}");
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
    let mut judged = Judged::by(ranges(&["192.0.2.0/24", "2001:db8::/32"]), &options());
    for list in [&["198.51.100.0/24"][..], &["2001:db8:1::/48", "192.0.2.0/26"], &["192.0.2.0/24"]] {
        judged.publish(ranges(list));
        check_edges(&mut judged);
        for source in ["192.0.2.77", "198.51.100.77", "2001:db8:1::7", "2001:db8:2::7"] {
            let source: IpAddr = source.parse().unwrap();
            let listed = longest_match(&judged.ranges, source).is_some();
            let (_, class) = judged.judge("source", &syn(source, 25));
            assert_eq!(matches!(class, Class::Listed { .. }), listed, "{source} by {list:?}");
        }
    }
}

#[test]
fn a_full_row_of_ranges_is_counted_to_its_last_slot() {
    require!(Root);
    let prefixes: Vec<String> =
        (0..4096u32).map(|n| format!("{}/32", Ipv4Addr::from(0x0b00_0000 + n))).collect();
    let prefixes: Vec<&str> = prefixes.iter().map(String::as_str).collect();
    let mut judged = Judged::by(ranges(&prefixes), &options());
    for (source, slot) in [([11, 0, 0, 0], 0), ([11, 0, 15, 255], 4095)] {
        assert_eq!(judged.judge("edge", &syn(source.into(), 25)), (0, Class::Listed { slot, opens: true }));
    }
}
