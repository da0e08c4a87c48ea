//! The documented reading of IPv4 and IPv6.
//!
//! etherparse's lax types report the part that they could read, and the reason for stopping. This module
//! decides the meaning of lengths.

use etherparse::{
    IpNumber, Ipv6ExtensionSlice, Ipv6Header, LaxIpv4Slice, LaxIpv6Slice, LenSource,
    ip_number::{AUTH, IPV6_DEST_OPTIONS, IPV6_FRAG, IPV6_HOP_BY_HOP, IPV6_ROUTE, TCP},
};

use super::{EXTENSIONS, LATER_FRAGMENT, MALFORMED, NOT_TCP, Reading, Rule, TOO_MANY_HEADERS};
use crate::corpus::Expected;

/// The largest value of a length field of 16 bits.
const MOST: usize = 65_535;

impl Reading<'_> {
    pub(super) fn ipv4(&mut self, bytes: &[u8]) -> Expected {
        let Ok((packet, _)) = LaxIpv4Slice::from_slice(bytes) else { return MALFORMED };
        let (header, payload) = (packet.header(), packet.payload());
        if payload.len_source != LenSource::Ipv4HeaderTotalLen {
            // The field states an impossible length.
            if header.total_len() != 0 || bytes.len() <= MOST {
                return MALFORMED;
            }
            self.rules.push(Rule::BigTcp);
        }
        if header.protocol() == AUTH {
            return self.by(Rule::Authentication, NOT_TCP);
        }
        if header.protocol() == TCP && header.fragments_offset().value() != 0 {
            return LATER_FRAGMENT;
        }
        if header.protocol() == TCP && header.more_fragments() {
            self.rules.push(Rule::FirstFragment);
        }
        self.upper(header.source_addr().into(), header.protocol(), payload.payload)
    }

    pub(super) fn ipv6(&mut self, bytes: &[u8]) -> Expected {
        let Ok((packet, stop)) = LaxIpv6Slice::from_slice(bytes) else { return MALFORMED };
        let (header, payload) = (packet.header(), packet.payload());
        if payload.incomplete {
            return MALFORMED;
        }
        let could_state = Ipv6Header::LEN + 1..=Ipv6Header::LEN + MOST;
        if header.payload_length() == 0 && could_state.contains(&bytes.len()) {
            self.rules.push(Rule::ZeroPayload);
            return self.ipv6(&bytes[..Ipv6Header::LEN]);
        }
        let (mut walk, mut rest) = (packet.extensions().clone().into_iter(), packet.extensions().slice());
        let mut count = 0;
        // The walk does not know where the lax reading stopped, and would continue behind it (etherparse
        // 0.21).
        while !rest.is_empty()
            && let Some(extension) = walk.next()
        {
            if matches!(extension, Ipv6ExtensionSlice::Authentication(_)) {
                return self.by(Rule::Authentication, NOT_TCP);
            }
            if count == EXTENSIONS {
                return self.by(Rule::LongChain, TOO_MANY_HEADERS);
            }
            rest = &rest[len(&extension)..];
            count += 1;
            if let Ipv6ExtensionSlice::Fragment(fragment) = extension
                && fragment.fragment_offset().value() != 0
            {
                let begins = fragment.next_header();
                let may_be_tcp = begins == TCP || is_extension(begins);
                return self.by(Rule::LaterFragment, if may_be_tcp { LATER_FRAGMENT } else { NOT_TCP });
            }
        }
        if stop.is_some() {
            if payload.ip_number == AUTH {
                return self.by(Rule::Authentication, NOT_TCP);
            }
            let one_more = count == EXTENSIONS;
            return if one_more { self.by(Rule::LongChain, TOO_MANY_HEADERS) } else { MALFORMED };
        }
        if payload.fragmented {
            self.rules.push(Rule::FirstFragment);
        }
        self.upper(header.source_addr().into(), payload.ip_number, payload.payload)
    }
}

fn len(extension: &Ipv6ExtensionSlice<'_>) -> usize {
    match extension {
        Ipv6ExtensionSlice::HopByHop(header)
        | Ipv6ExtensionSlice::Routing(header)
        | Ipv6ExtensionSlice::DestinationOptions(header) => header.slice().len(),
        Ipv6ExtensionSlice::Fragment(header) => header.slice().len(),
        Ipv6ExtensionSlice::Authentication(header) => header.slice().len(),
    }
}

/// Returns true for the kinds of extension headers that are looked through.
fn is_extension(number: IpNumber) -> bool {
    matches!(number, IPV6_HOP_BY_HOP | IPV6_ROUTE | IPV6_FRAG | IPV6_DEST_OPTIONS)
}
