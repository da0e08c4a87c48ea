//! The parser, with any frame: it is total and bounded, reads only bytes of the frame, and reports a segment
//! only where there is one.

use std::{cell::Cell, net::IpAddr};

use d365_common::packet::{self, ETHERNET_LEN, Reader, Reason, Segment, Source, plain};
use etherparse::{NetSlice, SlicedPacket, TransportSlice};

/// The only port that is watched here.
const PORT: u16 = 25;
/// The most reads that a frame can cause: the `EtherType`, two tags, two for an IP header, seven extension
/// headers, TCP.
const MOST_READS: usize = 13;
/// More bytes than a whole short frame is padded by.
const MOST_PADDING: usize = 12;
/// The most lengths to which a frame is cut. They reach behind the longest headers that matter to a fuzzer.
const MOST_CUTS: usize = 256;

pub(crate) fn check(frame: &[u8]) {
    what_is_recognised_is_parsed(frame);
    let verdict = parse(frame);
    assert_eq!(verdict, parse(frame), "the same frame twice");
    reads_are_bounded(frame, verdict);
    the_network_header_is_read_alike(frame);
    the_port_decides(frame, verdict);
    cuts_take_nothing_for_a_segment(frame, verdict);
    a_segment_is_whole(frame, verdict);
    padding_changes_nothing(frame, verdict);
    tags_taken_before_count(frame, verdict);
    if let Ok(segment) = verdict {
        is_what_the_frame_says(frame, segment);
        is_what_another_parser_finds(frame, segment);
    }
}

fn parse(frame: &[u8]) -> Result<Segment, Reason> {
    packet::parse(frame, |port| port == PORT)
}

/// The recogniser answers as the parser does or not at all: for the frame, for the same frame as if it were
/// plain, and for each of them cut and padded.
fn what_is_recognised_is_parsed(frame: &[u8]) {
    let len =
        |before: usize| u16::try_from(frame.len().saturating_sub(before)).unwrap_or(u16::MAX).to_be_bytes();
    // `EtherType` and version, length, no fragment, TCP: most random frames fail at one of these.
    let as_ipv4: [(usize, &[u8]); 4] =
        [(12, &[0x08, 0x00, 0x45]), (16, &len(ETHERNET_LEN)), (20, &[0, 0]), (23, &[6])];
    let as_ipv6: [(usize, &[u8]); 3] = [(12, &[0x86, 0xdd, 0x60]), (18, &len(ETHERNET_LEN + 40)), (20, &[6])];
    for fields in [&[][..], &as_ipv4, &as_ipv6] {
        let mut frame = with(frame, fields);
        for length in 0..=frame.len().min(MOST_CUTS) {
            is_parsed_alike(&frame[..length]);
        }
        for _ in 0..MOST_PADDING {
            is_parsed_alike(&frame);
            frame.push(0xff);
        }
    }
}

/// The frame with these fields, as far as they lie in it, and room for padding.
fn with(frame: &[u8], fields: &[(usize, &[u8])]) -> Vec<u8> {
    let mut changed = Vec::with_capacity(frame.len() + MOST_PADDING);
    changed.extend(frame);
    for (at, bytes) in fields {
        if let Some(field) = changed.get_mut(*at..at + bytes.len()) {
            field.copy_from_slice(bytes);
        }
    }
    changed
}

fn is_parsed_alike(frame: &[u8]) {
    for watched in [|port| port == PORT, |_: u16| true, |_: u16| false] {
        if let Some(recognised) = plain::recognise(frame, watched) {
            assert_eq!(recognised, packet::parse(frame, watched), "{frame:02x?}");
        }
    }
}

/// A reader that counts reads, and reports `tags_taken` VLAN tags as already removed.
struct Watched<'a> {
    frame: &'a [u8],
    reads: Cell<usize>,
    tags_taken: usize,
}

impl Reader for Watched<'_> {
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        assert!(offset.is_multiple_of(2), "read at {offset}");
        self.reads.set(self.reads.get() + 1);
        self.frame.read(offset)
    }

    fn tags_taken(&self) -> usize {
        self.tags_taken
    }

    fn frame_len(&self) -> usize {
        self.frame.len()
    }
}

fn reads_are_bounded(frame: &[u8], verdict: Result<Segment, Reason>) {
    let watched = Watched { frame, reads: Cell::new(0), tags_taken: 0 };
    assert_eq!(packet::parse(&watched, |port| port == PORT), verdict);
    assert!(watched.reads.get() <= MOST_READS, "{} reads", watched.reads.get());
}

/// Asserts that the search for the IP header gives the same result with any reader, and that its reads are
/// bounded.
fn the_network_header_is_read_alike(frame: &[u8]) {
    let watched = Watched { frame, reads: Cell::new(0), tags_taken: 0 };
    assert_eq!(packet::network(&watched), packet::network(frame));
    assert!(watched.reads.get() <= MOST_READS, "{} reads", watched.reads.get());
}

/// Asserts that watching a port only turns packets to another port into segments, and changes no other
/// result.
fn the_port_decides(frame: &[u8], verdict: Result<Segment, Reason>) {
    let any = packet::parse(frame, |_| true);
    let none = packet::parse(frame, |_| false);
    match verdict {
        Ok(_) => assert_eq!((any, none), (verdict, Err(Reason::OtherPort))),
        Err(Reason::OtherPort) => assert!(any.is_ok() && none == verdict, "{any:?} {none:?}"),
        Err(_) => assert_eq!((any, none), (verdict, verdict)),
    }
}

/// Asserts that a frame contains its whole segment, as far as the packet's own length field states. A frame
/// that is cut within that length is malformed.
fn a_segment_is_whole(frame: &[u8], verdict: Result<Segment, Reason>) {
    let Ok(Segment { network, source, .. }) = verdict else { return };
    let field = |at: usize| usize::from(u16::from_be_bytes([frame[network + at], frame[network + at + 1]]));
    let (len, before) = if matches!(source, Source::V4(_)) { (field(2), 0) } else { (field(4), 40) };
    if len == 0 {
        return assert!(frame.len() > network + before + usize::from(u16::MAX), "no length");
    }
    let end = network + before + len;
    assert!(end <= frame.len(), "ends at {end} of {}", frame.len());
    for length in (0..end).rev().take(MOST_CUTS) {
        assert_eq!(parse(&frame[..length]), Err(Reason::Malformed), "cut after {length} of {end}");
    }
}

/// Asserts that a cut frame is malformed, or has the result of the whole frame because the cut lies behind
/// the decisive bytes.
fn cuts_take_nothing_for_a_segment(frame: &[u8], verdict: Result<Segment, Reason>) {
    for length in 0..frame.len().min(MOST_CUTS) {
        let cut = parse(&frame[..length]);
        assert!(
            cut == Err(Reason::Malformed) || cut == verdict,
            "cut after {length}: {cut:?}, not {verdict:?}"
        );
    }
}

/// Asserts that bytes behind a packet's end are never read as a header. Only a frame longer than any length
/// field can state has no such end.
fn padding_changes_nothing(frame: &[u8], verdict: Result<Segment, Reason>) {
    const PADDING: usize = 60;
    if verdict == Err(Reason::Malformed) || frame.len() + PADDING > usize::from(u16::MAX) {
        return;
    }
    for padding in [0x00, 0x06, 0xff] {
        assert_eq!(parse(&[frame, &[padding; PADDING]].concat()), verdict, "with padding of {padding:#x}");
    }
}

fn tags_taken_before_count(frame: &[u8], verdict: Result<Segment, Reason>) {
    for tags_taken in 1..=packet::MAX_VLAN_TAGS {
        let watched = Watched { frame, reads: Cell::new(0), tags_taken };
        let found = packet::parse(&watched, |port| port == PORT);
        let too_many = found == Err(Reason::TooManyTags);
        assert!(found == verdict || too_many, "{tags_taken} tags taken: {found:?}, not {verdict:?}");
    }
}

fn is_what_the_frame_says(frame: &[u8], segment: Segment) {
    let Segment { source, network, .. } = segment;
    assert!([0, 4, 8].map(|tags| ETHERNET_LEN + tags).contains(&network), "{network}");
    let (at, bytes) = match IpAddr::from(source) {
        IpAddr::V4(address) => (network + 12, address.octets().to_vec()),
        IpAddr::V6(address) => (network + 8, address.octets().to_vec()),
    };
    assert_eq!(frame.get(at..at + bytes.len()), Some(&bytes[..]));
    assert_eq!(packet::network(frame), Some((network, matches!(source, Source::V4(_)))));
}

/// Compares with etherparse, which is stricter in some points and does not support jumbograms. If etherparse
/// finds a packet, both results must be the same.
fn is_what_another_parser_finds(frame: &[u8], segment: Segment) {
    let Ok(other) = SlicedPacket::from_ethernet(frame) else { return };
    let source = IpAddr::from(segment.source);
    match &other.net {
        Some(NetSlice::Ipv4(found)) => assert_eq!(IpAddr::from(found.header().source_addr()), source),
        Some(NetSlice::Ipv6(found)) => assert_eq!(IpAddr::from(found.header().source_addr()), source),
        found => panic!("another parser finds no IP packet but {found:?}"),
    }
    match &other.transport {
        Some(TransportSlice::Tcp(found)) => {
            assert_eq!(found.destination_port(), PORT);
            assert_eq!(found.syn() && !found.ack(), segment.opens);
        }
        // etherparse does not read the transport header of the first fragment of several.
        None if other.is_ip_payload_fragmented() => {}
        found => panic!("another parser finds no TCP segment but {found:?}"),
    }
}
