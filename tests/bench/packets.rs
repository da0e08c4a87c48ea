//! Cost of each kind of packet above a do-nothing program, in our programs and in those that they are
//! compared with.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Result, ensure};
use aya::{
    Pod,
    maps::{LpmTrie, MapData, lpm_trie::Key},
    programs::Program,
};
use aya_obj::generated::BPF_F_NO_PREALLOC;
use d365_tests::{
    frame::{DOT1Q, Frame, IPV4, IPV6, Ipv4, Packet as Carried, Tcp, Udp},
    lab::{host_v4, host_v6},
};
use d365_user::ranges::Range;
use ipnet::IpNet;

use crate::{
    Effort,
    limit::Limit,
    programs,
    report::{
        Cost, Packet,
        names::{self, LISTED, LISTED_V6, LISTED_VLAN, OTHER_PORT, UNLISTED, UNLISTED_V6},
    },
    rounds::{Stat, interleaved},
    sets,
    subject::{Build, Class, Subject, Tagger},
    xdp_filter::XdpFilter,
};

/// Offset of the source address in an untagged frame, in bytes.
const SOURCE_V4: i16 = 26;
const SOURCE_V6: i16 = 22;
/// The embedded list is IPv4 only. This IPv6 range is added to it, so that there is an IPv6 trie to look in.
const IPV6_RANGE: &str = "2001:db8:365::/48";

/// A kind of packet.
struct Case {
    name: &'static str,
    class: Class,
    frame: Vec<u8>,
}

impl Case {
    /// True for an untagged IPv4 segment without options: the only kind that the limit counts.
    fn is_plain_v4(&self) -> bool {
        self.frame[12..15] == [0x08, 0x00, 0x45] && self.frame[23] == 6
    }

    /// Index of the trie for this source (IPv4's, IPv6's). `None` if the source is not looked up, or is after
    /// a tag.
    fn trie(&self) -> Option<usize> {
        let ethertype = u16::from_be_bytes([self.frame[12], self.frame[13]]);
        let trie = [IPV4, IPV6].iter().position(|own| *own == ethertype);
        trie.filter(|_| self.class != Class::Other)
    }
}

/// A program to time with a packet.
struct Timed<'a> {
    name: &'static str,
    program: &'a Program,
    /// Index of the do-nothing program of the same kind, which is subtracted.
    floor: usize,
}

/// Measures all packets.
pub(crate) fn measure(effort: &Effort, filter: Option<&XdpFilter>) -> Result<Vec<Packet>> {
    let mut ranges = sets::embedded()?.ranges;
    ranges.push(sets::range(IPV6_RANGE.parse()?));
    let compared = Build::COMPARED.iter().map(|build| Ok((*build, Subject::with(*build, &ranges)?)));
    let compared = compared.collect::<Result<Vec<_>>>()?;
    let tagger = Tagger::with(&ranges)?;
    let frags = compared[0].1.frags();
    let (floor, tc_floor) = (programs::floor(frags)?, programs::tc_floor()?);
    let limit = Limit::new(&ranges, frags)?;
    let v4 = trie(&ranges, |net| match net {
        IpNet::V4(net) => Some(net.network().octets()),
        IpNet::V6(_) => None,
    })?;
    let v6 = trie(&ranges, |net| match net {
        IpNet::V4(_) => None,
        IpNet::V6(net) => Some(net.network().octets()),
    })?;
    let tries = [programs::trie(&v4, SOURCE_V4, 1, frags)?, programs::trie(&v6, SOURCE_V6, 4, frags)?];

    let call = programs::call(frags)?;
    let mut packets = Vec::new();
    for case in cases(&ranges)? {
        for (build, subject) in &compared {
            let class = subject.judge(&subject.program, &case.frame)?;
            ensure!(class == case.class, "{}: {} was counted as {class:?}", build.name(), case.name);
        }
        let is_marked = tagger.marks(&case.frame)?;
        ensure!(is_marked == (case.class == Class::Listed), "{} was marked: {is_marked}", case.name);
        let mut timed = vec![
            Timed { name: "floor", program: &floor, floor: 0 },
            Timed { name: "tc floor", program: &tc_floor, floor: 1 },
        ];
        let own = compared.iter().map(|(build, subject)| (build.name(), &subject.program));
        timed.extend(own.map(|(name, program)| Timed { name, program, floor: 0 }));
        if case.is_plain_v4() {
            let class = limit.classify(&case.frame)?;
            ensure!(class == case.class, "the limit counted {} as {class:?}", case.name);
            timed.push(Timed { name: names::LIMIT, program: &limit.program, floor: 0 });
        }
        timed.push(Timed { name: names::OWN_TC, program: &tagger.program, floor: 1 });
        if let Some(call) = &call {
            timed.push(Timed { name: names::HELPER, program: call, floor: 0 });
        }
        if let Some(trie) = case.trie() {
            let trie = &tries[trie];
            timed.push(Timed { name: names::TRIE, program: trie, floor: 0 });
        }
        if let Some(filter) = filter {
            timed.push(Timed { name: names::XDP_FILTER, program: &filter.program, floor: 0 });
        }
        packets.push(one(effort, &case, &timed)?);
    }
    Ok(packets)
}

/// Times all programs with one packet.
fn one(effort: &Effort, case: &Case, timed: &[Timed<'_>]) -> Result<Packet> {
    let values =
        interleaved(effort.rounds, timed, |timed| programs::time(timed.program, &case.frame, effort.repeat))?;
    let cost = |(timed, own): (&Timed<'_>, &Vec<f64>)| -> Result<Cost> {
        let above_floor = Stat::of_differences(own, &values[timed.floor])?;
        Ok(Cost { program: timed.name.to_owned(), whole: Stat::of(own)?, above_floor })
    };
    let costs = timed.iter().zip(&values).skip(2).map(cost).collect::<Result<_>>()?;
    Ok(Packet { name: case.name.to_owned(), floor: Stat::of(&values[0])?, costs })
}

fn cases(ranges: &[Range]) -> Result<Vec<Case>> {
    let listed = sets::one_source(ranges)?;
    let unlisted = IpAddr::from([192, 0, 2, 77]);
    let [listed_v6, neighbour_v6, unlisted_v6] =
        ["2001:db8:365::7", "2001:db8:366::7", "3fff::7"].map(str::parse::<IpAddr>);
    let tcp = |port| Tcp::new(40_000, port);
    let between = |source: IpAddr, port| Frame::new(packet(source, tcp(port)));
    let udp = Frame::new(Carried::between(listed, host_v4(0).into(), Udp::new(40_000, 53)));
    let optioned = Frame::new(Ipv4::new(v4(listed)?, host_v4(0)).options(&[1; 8]).carrying(tcp(25)));
    let case = |name, class, frame: Frame| Case { name, class, frame: frame.pad(60).bytes() };
    Ok(vec![
        case(OTHER_PORT, Class::Other, between(listed, 443)),
        case("IPv4, UDP", Class::Other, udp),
        case(UNLISTED, Class::Unlisted, between(unlisted, 25)),
        case(
            "IPv4, port 25, unlisted, in a listed range's /16",
            Class::Unlisted,
            between(neighbour(ranges)?, 25),
        ),
        case(LISTED, Class::Listed, between(listed, 25)),
        case(LISTED_VLAN, Class::Listed, between(listed, 25).tag(DOT1Q, 7)),
        case("IPv4 with options, port 25, listed", Class::Listed, optioned),
        case(UNLISTED_V6, Class::Unlisted, between(unlisted_v6?, 25)),
        case("IPv6, port 25, unlisted, in a listed range's /32", Class::Unlisted, between(neighbour_v6?, 25)),
        case(LISTED_V6, Class::Listed, between(listed_v6?, 25)),
    ])
}

fn packet(source: IpAddr, tcp: Tcp) -> Carried {
    let host = if source.is_ipv4() { host_v4(0).into() } else { host_v6(0).into() };
    Carried::between(source, host, tcp)
}

fn v4(address: IpAddr) -> Result<Ipv4Addr> {
    match address {
        IpAddr::V4(address) => Ok(address),
        IpAddr::V6(_) => anyhow::bail!("{address} is no IPv4 address"),
    }
}

/// An unlisted address that shares its first two bytes with a listed range.
fn neighbour(ranges: &[Range]) -> Result<IpAddr> {
    let [a, b, ..] = v4(sets::one_source(ranges)?)?.octets();
    let mut others = (0..=u8::MAX).map(|c| IpAddr::from([a, b, c, 77]));
    let unlisted = others.find(|address| !ranges.iter().any(|range| range.prefix.contains(address)));
    unlisted.ok_or_else(|| anyhow::anyhow!("{a}.{b}.0.0/16 is listed from end to end"))
}

/// The kernel's trie of the ranges of one family.
fn trie<K: Pod>(ranges: &[Range], key: impl Fn(IpNet) -> Option<K>) -> Result<LpmTrie<MapData, K, u32>> {
    let mut trie = LpmTrie::create(u32::try_from(ranges.len())?, BPF_F_NO_PREALLOC)?;
    for Range { prefix, .. } in ranges {
        if let Some(key) = key(*prefix) {
            trie.insert(&Key::new(u32::from(prefix.prefix_len()), key), 0, 0)?;
        }
    }
    Ok(trie)
}
