//! TCP: ports, flags, header lengths.

use super::{Case, Expected, HOST_V4, HOST_V6, SMTP, SOURCE_V4, SOURCE_V6};
use crate::frame::{Frame, Ipv4, Ipv6, Tcp};

/// Cases of ports and flags, for both families.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for flags in 0..=63 {
        let opens = flags & (Tcp::SYN | Tcp::ACK) == Tcp::SYN;
        let tcp = Tcp::new(40_000, SMTP).flags(flags);
        push(&mut cases, &format!("flags {flags:#08b}"), tcp, Some(opens));
    }
    for port in [0, 1, 24, 26, 465, 587, 6400, 2525, 65_535] {
        push(&mut cases, &format!("to port {port}"), Tcp::new(SMTP, port).syn(), None);
    }
    for words in 1..=10 {
        let tcp = Tcp::new(40_000, SMTP).syn().options(&vec![1; words * 4]);
        push(&mut cases, &format!("{words} words of TCP options"), tcp, Some(true));
    }
    let data = Tcp::new(40_000, SMTP).payload([b'x'; 1400]);
    push(&mut cases, "1400 bytes of data", data, Some(false));
    cases
}

fn push(cases: &mut Vec<Case>, name: &str, tcp: Tcp, opens: Option<bool>) {
    let v4 = Frame::new(Ipv4::new(SOURCE_V4, HOST_V4).carrying(tcp.clone()));
    let v6 = Frame::new(Ipv6::new(SOURCE_V6, HOST_V6).carrying(tcp));
    for (family, frame, source) in [("IPv4", v4, SOURCE_V4.into()), ("IPv6", v6, SOURCE_V6.into())] {
        let expected = opens.map_or(Expected::Other("other_port"), |opens| Expected::Smtp { source, opens });
        cases.push(Case::new(format!("{family}, {name}"), &frame, expected));
    }
}
