//! A loaded program outside any interface: frames pass through `BPF_PROG_TEST_RUN`, and the counters show how
//! the program classified them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use d365_common::{direct, packet_action::PacketAction};
use d365_tests::{
    corpus::Expected,
    frame::{Frame, Packet, Tcp},
    lab::Lab,
};
use d365_user::{
    generation::{self, Compiled},
    geo::{Geo, GeoCode, GeoSource},
    kernel::{Counters, Inherited, Interface, InterfaceCounts, Kernel, OBJECT, Options},
    ranges::Range,
    settings::{ModePolicy, TcOrder},
    snapshot::Count,
};
use ipnet::IpNet;

use crate::{bpf::XDP_PASS, kernel::KernelExt as _};

/// The program, and the list that it uses.
pub(crate) struct Judged {
    pub(crate) kernel: Kernel,
    pub(crate) counters: Counters,
    pub(crate) ranges: Vec<Range>,
}

/// The class in which one frame was counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Listed { slot: usize, opens: bool },
    Unlisted { opens: bool },
    Other(&'static str),
}

/// Options for one interface: the loopback, because `BPF_PROG_TEST_RUN` gives it as the interface of every
/// frame.
pub(crate) fn options() -> Options {
    let loopback = Interface { name: "lo".to_owned(), index: 1 };
    Options {
        interfaces: vec![loopback],
        ports: vec![25],
        capacity: 4096,
        max_pages: direct::DEFAULT_PAGES,
        ..Options::default()
    }
}

/// Ranges with an arbitrary geo.
pub(crate) fn ranges(prefixes: &[&str]) -> Vec<Range> {
    let geo = Geo { code: GeoCode::new("NAM").unwrap(), source: GeoSource::Configured };
    let range = |prefix: &&str| Range { prefix: prefix.parse::<IpNet>().unwrap(), geo, region: None };
    prefixes.iter().map(range).collect()
}

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

/// Compiles these prefixes with slots from 0 on, for [`options`].
pub(crate) fn compiled(prefixes: &[&str]) -> Compiled {
    let ranges = ranges(prefixes);
    let slots: Vec<u32> = (0..).take(ranges.len()).collect();
    generation::compile(&ranges, &slots).unwrap()
}

/// Loads the program for the lab's interface, and attaches it.
pub(crate) fn attach(lab: &Lab, mode: ModePolicy, options: Options) -> (Kernel, Counters) {
    lab.host.run(|| {
        let interface = Interface::find(lab.iface()).unwrap();
        let options = Options { interfaces: vec![interface.clone()], ..options };
        let (mut kernel, counters) = Kernel::load(OBJECT, &options).unwrap();
        kernel.attach(&interface, mode, TcOrder::First, &mut Inherited::default()).unwrap();
        (kernel, counters)
    })
}

/// Number of packets of the first interface with this action.
pub(crate) fn action(counters: &Counters, wanted: PacketAction) -> u64 {
    let actions = &counters.read(&[]).unwrap()[0].actions;
    actions.iter().find(|(action, _)| *action == wanted).unwrap().1
}

impl Judged {
    /// Loads the program and publishes `ranges`.
    pub(crate) fn by(ranges: Vec<Range>, options: &Options) -> Self {
        let (kernel, counters) = Kernel::load(OBJECT, options).unwrap();
        Self::of(kernel, counters, ranges)
    }

    /// Publishes `ranges` to a loaded program.
    pub(crate) fn of(kernel: Kernel, counters: Counters, ranges: Vec<Range>) -> Self {
        let mut judged = Self { kernel, counters, ranges: Vec::new() };
        judged.publish(ranges);
        judged
    }

    pub(crate) fn publish(&mut self, ranges: Vec<Range>) {
        let slots: Vec<u32> = (0..).take(ranges.len()).collect();
        let compiled = generation::compile(&ranges, &slots).unwrap();
        self.kernel.publish(&compiled).unwrap();
        self.ranges = ranges;
    }

    pub(crate) fn read(&self) -> Vec<InterfaceCounts> {
        self.counters.read(&(0..).take(self.ranges.len()).collect::<Vec<_>>()).unwrap()
    }

    /// Runs a frame through the program and returns the row and the class in which it was counted. Panics
    /// unless the frame passed and exactly one counter increased, by one packet and by the frame's length.
    pub(crate) fn judge(&mut self, name: &str, frame: &[u8]) -> (usize, Class) {
        let (action, moved) = self.counted(frame);
        assert_eq!(action, XDP_PASS, "{name} did not pass");
        let [(row, class, count)] = &moved[..] else { panic!("{name} moved {moved:?}") };
        assert_eq!(count.packets, 1, "{name}");
        if !matches!(class, Class::Other(_)) {
            assert_eq!(count.bytes, frame.len() as u64, "{name}");
        }
        (*row, class.clone())
    }

    /// Runs a frame through the program. Returns the action, and every counter that increased.
    pub(crate) fn counted(&mut self, frame: &[u8]) -> (u32, Vec<(usize, Class, Count)>) {
        let before = self.read();
        let action = self.kernel.test_run(frame).unwrap();
        (action, difference(&before, &self.read()))
    }

    /// Asserts that a SYN from `source` is counted as the list requires.
    pub(crate) fn looks_up(&mut self, name: &str, source: IpAddr) {
        let expected = self.expected(Expected::Smtp { source, opens: true });
        assert_eq!(self.judge(name, &syn(source, 25)), (0, expected), "{name}: {source}");
    }

    /// Asserts that for the addresses at every edge of every range.
    pub(crate) fn edges_hold(&mut self, name: &str) {
        let prefixes: Vec<IpNet> = self.ranges.iter().map(|range| range.prefix).collect();
        prefixes.into_iter().flat_map(edges).for_each(|source| self.looks_up(name, source));
    }

    /// The class in which a frame of the corpus should be counted, by a linear search in the list.
    pub(crate) fn expected(&self, expected: Expected) -> Class {
        match expected {
            Expected::Other(reason) => Class::Other(reason),
            Expected::Smtp { source, opens } => match longest_match(&self.ranges, source) {
                Some(slot) => Class::Listed { slot, opens },
                None => Class::Unlisted { opens },
            },
        }
    }
}

/// Position of the longest prefix that contains `address`. This is the reference: `ipnet` and a linear
/// search.
pub(crate) fn longest_match(ranges: &[Range], address: IpAddr) -> Option<usize> {
    let holding = ranges.iter().enumerate().filter(|(_, range)| range.prefix.contains(&address));
    holding.max_by_key(|(_, range)| range.prefix.prefix_len()).map(|(slot, _)| slot)
}

/// Every counter that increased: row, class, and the difference.
pub(crate) fn difference(
    before: &[InterfaceCounts],
    after: &[InterfaceCounts],
) -> Vec<(usize, Class, Count)> {
    let mut moved = Vec::new();
    for (row, (before, after)) in before.iter().zip(after).enumerate() {
        for (slot, (before, after)) in before.ranges.iter().zip(&after.ranges).enumerate() {
            let count = less(*after, *before);
            moved.push((row, Class::Listed { slot, opens: count.connections > 0 }, count));
        }
        let count = less(after.unlisted, before.unlisted);
        moved.push((row, Class::Unlisted { opens: count.connections > 0 }, count));
        for ((_, before), (class, after)) in before.other.iter().zip(&after.other) {
            let count = Count { packets: after - before, ..Count::default() };
            moved.push((row, Class::Other(class.as_str()), count));
        }
    }
    moved.retain(|(_, _, count)| *count != Count::default());
    moved
}

fn less(after: Count, before: Count) -> Count {
    Count {
        packets: after.packets - before.packets,
        bytes: after.bytes - before.bytes,
        connections: after.connections - before.connections,
    }
}
