//! The parser on the host against the corpus, and against every truncation of it.

use std::collections::BTreeSet;

use d365_common::{
    classification::Class,
    packet::{self, Reason, Segment, plain},
};
use d365_tests::{
    corpus::{self, Case, Expected, SOURCE_V4, SOURCE_V6},
    frame::{DOT1Q, Extension, Frame, Ipv4, Ipv6, Packet, Segment as Carried, Tcp, Udp},
};

/// Classifies a frame as the kernel program does, with port 25 watched.
fn judge(frame: &[u8]) -> Expected {
    judge_by(frame, &[25])
}

/// Classifies a frame as the kernel program does, with these ports watched. If the recogniser gives an
/// answer, it must be the same.
pub(crate) fn judge_by(frame: &[u8], watched: &[u16]) -> Expected {
    let is_watched = |port| watched.contains(&port);
    let parsed = packet::parse(frame, is_watched);
    if let Some(recognised) = plain::recognise(frame, is_watched) {
        assert_eq!(recognised, parsed, "{frame:02x?}");
    }
    match parsed {
        Ok(Segment { source, opens, .. }) => Expected::Smtp { source: source.into(), opens },
        Err(reason) => Expected::Other(Class::from(reason).as_str()),
    }
}

#[test]
fn every_case_is_what_it_is() {
    let wrong: Vec<String> = corpus::all()
        .iter()
        .filter(|case| judge(&case.frame) != case.expected)
        .map(|case| format!("{}: {:?}, not {:?}", case.name, judge(&case.frame), case.expected))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_corpus_has_every_class() {
    let cases = corpus::all();
    for class in Class::OTHERS {
        let expected = Expected::Other(class.as_str());
        assert!(cases.iter().any(|case| case.expected == expected), "no case of {}", class.as_str());
    }
    assert!(cases.iter().any(|case| matches!(case.expected, Expected::Smtp { opens: true, .. })));
    assert!(cases.iter().any(|case| matches!(case.expected, Expected::Smtp { opens: false, .. })));
}

/// A truncation of a case keeps the case's class (the parser does not read the removed part), or is
/// malformed. A combination ends at the end of its packet, so each cut removes a part of the packet: the rest
/// is always malformed. No read may go past the end of a frame.
#[test]
fn no_truncation_becomes_something_else() {
    let combinations: BTreeSet<_> = corpus::combinations().into_iter().map(|case| case.name).collect();
    for Case { name, frame, expected } in corpus::all() {
        let may_stay = !combinations.contains(&name);
        for length in 0..frame.len() {
            let verdict = judge(&frame[..length]);
            let allowed = verdict == Expected::Other("malformed") || (may_stay && verdict == expected);
            assert!(allowed, "{name}, cut after {length}: {verdict:?}");
        }
    }
}

#[test]
fn no_port_is_watched_unless_asked_for() {
    for Case { name, frame, expected } in corpus::all() {
        if matches!(expected, Expected::Smtp { .. }) {
            assert_eq!(packet::parse(&*frame, |_| false), Err(Reason::OtherPort), "{name}");
        }
    }
}

const HOST_V4: [u8; 4] = [192, 0, 2, 25];
const HOST_V6: &str = "2001:db8:0:25::25";

/// Makes a packet of each family with this segment.
fn carrying(segment: impl Into<Carried>) -> [Packet; 2] {
    let segment = segment.into();
    let host_v6 = HOST_V6.parse().unwrap_or(SOURCE_V6);
    [
        Ipv4::new(SOURCE_V4, HOST_V4).carrying(segment.clone()).into(),
        Ipv6::new(SOURCE_V6, host_v6).carrying(segment).into(),
    ]
}

fn is_recognised(frame: &Frame) -> bool {
    plain::recognise(&frame.bytes(), |port| port == 25).is_some()
}

/// Without this test, no frame might be recognised, and the recogniser's other tests would check nothing.
#[test]
fn plain_frames_are_recognised() {
    let tcp = |port| Tcp::new(40_000, port);
    let segments =
        [tcp(25).syn(), tcp(25), tcp(443), tcp(25).options(&[1; 12]), tcp(25).payload(vec![7; 1400])];
    for packet in segments.into_iter().flat_map(carrying) {
        assert!(is_recognised(&Frame::new(packet.clone())), "{packet:?}");
    }
    // A driver pads to 60 bytes, or to 64 if it leaves the check sequence at the end.
    let [short, _] = carrying(tcp(25));
    for len in 54..=64 {
        assert!(is_recognised(&Frame::new(short.clone()).pad(len)), "{len} bytes");
    }
}

#[test]
fn nothing_unusual_is_recognised() {
    let tcp = || Tcp::new(40_000, 25).syn();
    let v4 = || Ipv4::new(SOURCE_V4, HOST_V4);
    let [plain_v4, plain_v6] = carrying(tcp());
    let [udp_v4, udp_v6] = carrying(Udp::new(40_000, 25).payload([0; 60]));
    let extended = Ipv6::new(SOURCE_V6, SOURCE_V6).extensions(vec![Extension::destination(0)]);
    let frames = [
        ("a tag", Frame::new(plain_v4.clone()).tag(DOT1Q, 7)),
        ("a tag in front of IPv6", Frame::new(plain_v6.clone()).tag(DOT1Q, 7)),
        ("UDP", Frame::new(udp_v4)),
        ("UDP over IPv6", Frame::new(udp_v6)),
        ("options", Frame::new(v4().options(&[1; 4]).carrying(tcp()))),
        ("an extension header", Frame::new(extended.carrying(tcp()))),
        ("a first fragment", Frame::new(v4().fragment(0, true).carrying(tcp()))),
        ("a later fragment", Frame::new(v4().fragment(185, false).carrying(tcp()))),
        ("more padding than a short frame has", Frame::new(plain_v4.clone()).pad(65)),
        ("padding behind IPv6", Frame::new(plain_v6.clone()).pad(75)),
        ("no whole head", Frame::new(plain_v4).truncate(53)),
        ("no whole head of IPv6", Frame::new(plain_v6).truncate(73)),
    ];
    for (name, frame) in frames {
        assert!(!is_recognised(&frame), "{name}");
    }
}
