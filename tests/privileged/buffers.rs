//! Frames in several buffers. Headers are read from the first buffer. The whole frame is counted, apart from
//! padding that only the kernel's frame length would show.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use aya::programs::{TestRun as _, TestRunOptions};
use d365_tests::{
    frame::{DOT1Q, Frame, Ipv4, Ipv6, Packet, Tcp},
    generate::LONGEST,
    require,
};

use crate::{
    bpf::{self, XDP_PASS},
    judged::{Class, Judged, difference, options, ranges},
};

const LISTED: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);
const LISTED_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 9, 0, 0, 0, 7);
const HOST: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 25);

fn judged() -> Judged {
    Judged::by(ranges(&["198.51.100.0/24", "2001:db8:0:9::/64"]), &options())
}

fn syn(payload: usize) -> Tcp {
    Tcp::new(40_000, 25).syn().payload(vec![0; payload])
}

/// The program asks the kernel for a frame's length only if the packet does not end with the first buffer.
#[test]
fn frames_in_several_buffers_are_counted_to_the_byte() {
    require!(Root, Kernel(5, 18, "frames in several buffers"));
    let mut judged = judged();
    let listed = Class::Listed { slot: 0, opens: true };
    let ipv4 = |payload| Ipv4::new(LISTED, HOST).carrying(syn(payload));
    for payload in [0, 100, LONGEST, 5000, 9000, 30_000] {
        let frame = Frame::new(ipv4(payload));
        assert_eq!(judged.judge("whole", &frame.bytes()), (0, listed.clone()), "{payload}");
        for padded in [1, 100, 5000] {
            let len = frame.bytes().len() + padded;
            assert_eq!(judged.judge("padded", &frame.clone().pad(len).bytes()), (0, listed.clone()), "{len}");
        }
        let lying = Frame::new(ipv4(payload).total_length(40 + u16::try_from(payload).unwrap() + 1));
        assert_eq!(judged.judge("too long", &lying.bytes()), (0, Class::Other("malformed")), "{payload}");
    }
    let frame = Frame::new(Packet::between(IpAddr::from(LISTED_V6), Ipv6Addr::LOCALHOST.into(), syn(9000)));
    assert_eq!(judged.judge("IPv6", &frame.bytes()), (0, Class::Listed { slot: 1, opens: true }));
}

/// A frame, the length of its first buffer, and the number of bytes that are counted; `None` if the end of
/// the buffer cuts off a header.
type Case = (&'static str, Frame, usize, Option<usize>);

fn cases() -> Vec<Case> {
    let ipv4 = |payload| Frame::new(Ipv4::new(LISTED, HOST).carrying(syn(payload)));
    let ipv6 = |payload| Frame::new(Ipv6::new(LISTED_V6, Ipv6Addr::LOCALHOST).carrying(syn(payload)));
    let tagged = |payload| ipv4(payload).tag(DOT1Q, 7);
    vec![
        ("the payload in the second buffer", ipv4(1000), 54, Some(1054)),
        ("the same, IPv6", ipv6(1000), 74, Some(1074)),
        ("the same, tagged", tagged(1000), 58, Some(1058)),
        ("cut in the payload", ipv4(1000), 100, Some(1054)),
        ("the end of the TCP header in the second buffer", ipv4(1000), 48, Some(1054)),
        ("the same, IPv6", ipv6(1000), 68, Some(1074)),
        ("the TCP header's flags in the second buffer", ipv4(1000), 47, None),
        ("the same, IPv6", ipv6(1000), 67, None),
        // Bytes after a packet that ends with the first buffer are not counted.
        ("padding in the second buffer", ipv4(0).pad(500), 54, Some(54)),
        ("the same, IPv6", ipv6(0).pad(500), 74, Some(74)),
        ("the same, tagged", tagged(0).pad(500), 58, Some(58)),
        ("the same behind a payload", ipv4(100).pad(500), 154, Some(154)),
        // Bytes after a packet that ends within a first buffer as short as the shortest frame are not counted
        // either.
        ("padding in both buffers, the first of 60 bytes", ipv4(0).pad(500), 60, Some(60)),
        ("the same, the first of 64 bytes", ipv4(0).pad(500), 64, Some(64)),
        ("the same, tagged", tagged(0).pad(500), 64, Some(64)),
        // Any other frame is counted whole.
        ("the same, the first of 65 bytes", ipv4(0).pad(500), 65, Some(500)),
        ("the same, tagged", tagged(0).pad(500), 65, Some(500)),
        ("the same, IPv6", ipv6(0).pad(500), 75, Some(500)),
        ("no segment to a watched port", Frame::new(Packet::raw(0x88cc, vec![0; 986])), 60, None),
    ]
}

#[test]
fn the_first_buffer_may_be_short() {
    require!(Root, Kernel(6, 18, "a test run whose first buffer is as short as it is asked for"));
    let mut judged = judged();
    let program = bpf::xdp_by_id(judged.kernel.program_id().unwrap()).unwrap();
    for (name, frame, first, expected) in cases() {
        let before = judged.read();
        let (bytes, context) = (frame.bytes(), bpf::context(first, 0));
        let options =
            TestRunOptions { data_in: Some(&bytes), ctx_in: Some(&context), ..TestRunOptions::default() };
        assert_eq!(program.test_run(options).unwrap().return_value, XDP_PASS, "{name}");
        let moved = difference(&before, &judged.read());
        let [(0, class, count)] = &moved[..] else { panic!("{name}: {moved:?}") };
        let counted = match class {
            Class::Listed { .. } => Some(count.bytes),
            Class::Other(_) => None,
            Class::Unlisted { .. } => panic!("{name}: unlisted"),
        };
        let expected = expected.map(|bytes| bytes as u64);
        let moved = (count.packets, counted);
        assert_eq!(moved, (1, expected), "{name}, {first} of {} bytes", bytes.len());
    }
}
