//! Packets that look like frames, and frames that look like packets: their bytes do not decide how a program
//! reads them.

use d365_common::{names, packet_action::PacketAction};
use d365_tests::{
    frame::{Ipv4, Packet, Tcp},
    require,
};

use super::{TC_NEXT, armed, l3::Watched, tagging};
use crate::{
    kernel::KernelExt as _,
    links::{
        accept_any_source,
        link_type::{HOST, are_unharmed, count_harm, damaged, forged},
    },
};

/// A SYN to port 25, as bytes that start with the IP header.
fn bare(source: [u8; 4]) -> Vec<u8> {
    Packet::from(Ipv4::new(source, HOST).carrying(Tcp::new(40_000, 25).syn())).bytes
}

/// The forged packets of `link_type`, on a device of the kind that they aim at: the program reads their real
/// header, from an unlisted source, and changes nothing.
#[test]
fn a_packet_that_looks_like_a_frame_is_read_from_its_ip_header_on() {
    require!(Root, Tool("ip"), Tool("nft"), Tun);
    let watched = Watched::new(&["40.78.242.0/24", "192.0.2.0/24"]);
    watched.netns.ip(&["address", "add", "5.0.60.1/30", "dev", &watched.tun.name]).unwrap();
    accept_any_source(&watched.netns, &watched.tun.name);
    count_harm(&watched.netns);
    for packet in [forged(), damaged()] {
        (0..5).for_each(|_| watched.tun.send(&packet).unwrap());
    }
    are_unharmed(&watched.netns);
    let row = watched.judged.read().swap_remove(0);
    assert_eq!(row.unlisted.packets, 10, "{row:?}");
    assert_eq!(watched.action(PacketAction::Marked) + watched.action(PacketAction::DscpSet), 0);
    watched.detach();
}

/// The same bytes are a segment from a listed source for one program, and no IP for the other.
#[test]
fn a_frame_that_looks_like_a_packet_is_read_from_its_ethernet_header_on() {
    require!(Root);
    // As the bytes of a frame, `EtherType` and what follows are the source's address: 40.78 is no protocol,
    // and 8.0 is IPv4, without an IPv4 header after it.
    for (source, list, class) in
        [([40, 78, 242, 7], "40.78.242.0/24", "not_ip"), ([8, 0, 69, 1], "8.0.69.0/24", "malformed")]
    {
        let frame = bare(source);
        let mut judged = armed(&[list], &tagging());
        for program in [names::PROGRAM_TC, names::PROGRAM_TC_L3] {
            let run = judged.kernel.test_run_tc(program, &frame, 0).unwrap();
            assert_eq!((run.action, run.mark, run.frame), (TC_NEXT, 0, frame.clone()), "{program}");
        }
        let row = judged.read().swap_remove(0);
        let counted = row.other.iter().find(|(reason, _)| reason.as_str() == class).unwrap().1;
        assert_eq!(counted, 2, "{row:?}");
    }
}
