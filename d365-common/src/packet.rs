//! The one packet parser: from a link-layer frame to "a TCP segment to a watched port from this
//! source", or the reason why it is not.
//!
//! It must stay total and bounded: every read is checked by the [`Reader`], every loop has a constant
//! limit, because the kernel's verifier and a mail server's traffic both have to accept it. It never
//! decides what happens to a packet; whatever it cannot read is a [`Reason`], and passes.
//!
//! Offsets are bytes from the start of the Ethernet header; header fields are big-endian (RFC 1700).

pub mod plain;
mod reason;
mod source;

pub use reason::Reason;
pub use source::{Source, bytes};

/// Most VLAN tags that are looked through (802.1Q inside 802.1ad).
pub const MAX_VLAN_TAGS: usize = 2;
/// Most IPv6 extension headers that are looked through. RFC 8200 section 4.1 recommends at most six
/// before the upper layer, one of them twice.
pub const MAX_EXTENSION_HEADERS: usize = 7;

/// Length of an Ethernet header without tags (IEEE 802.3).
pub const ETHERNET_LEN: usize = 14;
const ETHERTYPE_OFFSET: usize = 12;
const VLAN_TAG_LEN: usize = 4;
const IPV4_MIN_LEN: usize = 20;
const IPV6_LEN: usize = 40;
const IPV6_FRAGMENT_LEN: usize = 8;
const TCP_MIN_LEN: usize = 20;
/// No header that is looked for starts behind this: 2 tags, the IPv6 header and the longest chain.
const MAX_OFFSET: usize =
    ETHERNET_LEN + MAX_VLAN_TAGS * VLAN_TAG_LEN + IPV6_LEN + MAX_EXTENSION_HEADERS * 2048;

/// `EtherType`s, IEEE 802 numbers.
mod ethertype {
    pub(super) const IPV4: u16 = 0x0800;
    pub(super) const IPV6: u16 = 0x86dd;
    pub(super) const VLAN: u16 = 0x8100;
    pub(super) const SERVICE_VLAN: u16 = 0x88a8;
}

/// IP protocol and IPv6 next-header numbers, IANA "Assigned Internet Protocol Numbers".
mod protocol {
    pub(super) const HOP_BY_HOP: u8 = 0;
    pub(super) const TCP: u8 = 6;
    pub(super) const ROUTING: u8 = 43;
    pub(super) const FRAGMENT: u8 = 44;
    pub(super) const DESTINATION_OPTIONS: u8 = 60;
    pub(super) const ENCAPSULATING_SECURITY: u8 = 50;
    pub(super) const AUTHENTICATION: u8 = 51;
    pub(super) const MOBILITY: u8 = 135;
    pub(super) const HOST_IDENTITY: u8 = 139;
    pub(super) const SHIM6: u8 = 140;
    pub(super) const EXPERIMENT_1: u8 = 253;
    pub(super) const EXPERIMENT_2: u8 = 254;
}

/// Reads a frame.
pub trait Reader {
    /// `N` bytes from `offset`, or `None` when the frame does not hold all of them. `offset` is even: all parts of headers that are
    /// read begin so.
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]>;

    /// VLAN tags that were taken off the frame before it came here: they count as headers that were looked through.
    fn tags_taken(&self) -> usize {
        0
    }

    /// Length of the whole frame in bytes, the link-layer header included. It may be more than what
    /// [`read`](Self::read) reaches (a frame in several buffers).
    fn frame_len(&self) -> usize;

    /// Whether the frame has `end` bytes or more. A packet is asked for where it ends, once.
    fn holds(&self, end: usize) -> bool {
        end <= self.frame_len()
    }
}

impl Reader for [u8] {
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        self.get(offset..)?.first_chunk::<N>().copied()
    }

    fn frame_len(&self) -> usize {
        self.len()
    }
}

/// A TCP segment to a watched port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Where it says that it comes from.
    pub source: Source,
    /// SYN is set and ACK is not: it asks for a new connection.
    pub opens: bool,
    /// Where its IP header starts: 14, 18 or 22.
    pub network: usize,
}

/// An upper-layer header: where it starts, and where the packet that holds it ends.
struct Upper {
    source: Source,
    network: usize,
    offset: usize,
    end: usize,
    /// More fragments follow: what this one cuts off, a receiver has.
    more: bool,
}

/// Parses a frame. `watched` says whether a TCP destination port (host byte order) is one to look for.
///
/// # Errors
/// The [`Reason`] why the frame is not a TCP segment to a watched port.
#[inline(always)]
pub fn parse<R: Reader + ?Sized>(frame: &R, watched: impl Fn(u16) -> bool) -> Result<Segment, Reason> {
    let (ethertype, offset) = ethernet(frame)?;
    let upper = match ethertype {
        ethertype::IPV4 => ipv4(frame, offset)?,
        ethertype::IPV6 => ipv6(frame, offset)?,
        _ => return Err(Reason::NotIp),
    };
    tcp(frame, &upper, watched)
}

/// Where a frame's IP header starts and whether it is IPv4's (else IPv6's), as far as that can be told by the Ethernet header, at
/// most [`MAX_VLAN_TAGS`] tags and the version: for frames that are no segment to a watched port.
#[inline(always)]
pub fn network<R: Reader + ?Sized>(frame: &R) -> Option<(usize, bool)> {
    let (ethertype, offset) = ethernet(frame).ok()?;
    let [first] = frame.read(offset)?;
    match (ethertype, first >> 4) {
        (ethertype::IPV4, 4) => Some((offset, true)),
        (ethertype::IPV6, 6) => Some((offset, false)),
        _ => None,
    }
}

/// The source address of a frame that has an IP header where [`network`] finds one, whatever the packet carries.
#[inline(always)]
pub fn source<R: Reader + ?Sized>(frame: &R) -> Option<Source> {
    match network(frame)? {
        (offset, true) => frame.read(offset + 12).map(Source::v4),
        (offset, false) => frame.read(offset + 8).map(Source::v6),
    }
}

/// Reads the Ethernet header and up to two VLAN tags: the `EtherType` and the offset of what follows.
#[inline(always)]
fn ethernet<R: Reader + ?Sized>(frame: &R) -> Result<(u16, usize), Reason> {
    let mut ethertype = be16(frame.read(ETHERTYPE_OFFSET).ok_or(Reason::Malformed)?);
    let mut offset = ETHERNET_LEN;
    for tag in 0..MAX_VLAN_TAGS {
        if !is_vlan(ethertype) {
            return Ok((ethertype, offset));
        }
        if tag + frame.tags_taken() >= MAX_VLAN_TAGS {
            return Err(Reason::TooManyTags);
        }
        let tag: [u8; VLAN_TAG_LEN] = frame.read(offset).ok_or(Reason::Malformed)?;
        ethertype = be16([tag[2], tag[3]]);
        offset += VLAN_TAG_LEN;
    }
    if is_vlan(ethertype) { Err(Reason::TooManyTags) } else { Ok((ethertype, offset)) }
}

/// IPv4, RFC 791 section 3.1.
#[inline(always)]
fn ipv4<R: Reader + ?Sized>(frame: &R, offset: usize) -> Result<Upper, Reason> {
    let header: [u8; IPV4_MIN_LEN] = frame.read(offset).ok_or(Reason::Malformed)?;
    let header_len = usize::from(header[0] & 0x0f) * 4;
    if header[0] >> 4 != 4 || header_len < IPV4_MIN_LEN {
        return Err(Reason::Malformed);
    }
    let end = end_of_packet(frame, offset, be16([header[2], header[3]]), 0)?;
    if offset + header_len > end {
        return Err(Reason::Malformed);
    }
    if header[9] != protocol::TCP {
        return Err(other_than_tcp(header[9]));
    }
    let fragment = be16([header[6], header[7]]);
    match fragment & 0x1fff {
        0 => {}
        1 => return Err(Reason::OverlappingFragment),
        _ => return Err(Reason::LaterFragment),
    }
    let source = Source::v4([header[12], header[13], header[14], header[15]]);
    let more = fragment & 0x2000 != 0;
    Ok(Upper { source, network: offset, offset: offset + header_len, end, more })
}

/// IPv6, RFC 8200 sections 3 and 4.
#[inline(always)]
fn ipv6<R: Reader + ?Sized>(frame: &R, offset: usize) -> Result<Upper, Reason> {
    let header: [u8; 8] = frame.read(offset).ok_or(Reason::Malformed)?;
    if header[0] >> 4 != 6 {
        return Err(Reason::Malformed);
    }
    let end = end_of_packet(frame, offset, be16([header[4], header[5]]), IPV6_LEN)?;
    let source = Source::v6(frame.read(offset + 8).ok_or(Reason::Malformed)?);
    let network = offset;
    let mut next = header[6];
    let mut offset = offset + IPV6_LEN;
    let mut more = false;
    for position in 0..MAX_EXTENSION_HEADERS {
        if next == protocol::TCP {
            return Ok(Upper { source, network, offset, end, more });
        }
        if !is_extension(next) {
            return Err(other_than_tcp(next));
        }
        // RFC 8200 section 4.1: hop-by-hop options stand first or nowhere.
        if next == protocol::HOP_BY_HOP && position > 0 {
            return Err(Reason::Malformed);
        }
        let extension: [u8; 4] = frame.read(offset).ok_or_else(|| missing(offset + 4, end, more))?;
        let len = if next == protocol::FRAGMENT { IPV6_FRAGMENT_LEN } else { extension_len(extension[1]) };
        if offset + len > end {
            return Err(missing(offset + len, end, more));
        }
        if next == protocol::FRAGMENT {
            let fragment = be16([extension[2], extension[3]]);
            if fragment & 0xfff8 != 0 {
                let inner = extension[0];
                let tcp = inner == protocol::TCP || is_extension(inner);
                return Err(if tcp { Reason::LaterFragment } else { Reason::Opaque });
            }
            more |= fragment & 1 != 0;
        }
        next = extension[0];
        offset += len;
    }
    if next == protocol::TCP {
        Ok(Upper { source, network, offset, end, more })
    } else if is_extension(next) {
        Err(Reason::TooManyHeaders)
    } else {
        Err(other_than_tcp(next))
    }
}

/// Why a header that ends at `header_end` cannot be read, in a packet that ends at `end` and of which `more` fragments follow.
#[inline(always)]
fn missing(header_end: usize, end: usize, more: bool) -> Reason {
    if more || header_end <= end { Reason::HiddenHeader } else { Reason::Malformed }
}

/// TCP, RFC 9293 section 3.1.
#[inline(always)]
fn tcp<R: Reader + ?Sized>(
    frame: &R,
    upper: &Upper,
    watched: impl Fn(u16) -> bool,
) -> Result<Segment, Reason> {
    let missing = |header_len| missing(upper.offset + header_len, upper.end, upper.more);
    if upper.offset > MAX_OFFSET || upper.offset + TCP_MIN_LEN > upper.end {
        return Err(missing(TCP_MIN_LEN));
    }
    let header: [u8; 14] = frame.read(upper.offset).ok_or_else(|| missing(TCP_MIN_LEN))?;
    let header_len = usize::from(header[12] >> 4) * 4;
    if header_len < TCP_MIN_LEN {
        return Err(Reason::Malformed);
    }
    if upper.offset + header_len > upper.end {
        return Err(missing(header_len));
    }
    if !watched(be16([header[2], header[3]])) {
        return Err(Reason::OtherPort);
    }
    Ok(Segment { source: upper.source, opens: is_opening(header[13]), network: upper.network })
}

/// Whether TCP's flags ask for a new connection: SYN without ACK.
#[inline(always)]
const fn is_opening(flags: u8) -> bool {
    const SYN_ACK: u8 = 0x12;
    const SYN: u8 = 0x02;
    flags & SYN_ACK == SYN
}

/// Where the IP packet at `offset` ends, from its length field, which does not count the first
/// `uncounted` bytes. What lies behind that in the frame is padding, never a header. Zero in a packet
/// that no length field can state means "as long as the frame": an IPv6 jumbogram (RFC 2675) or a batch that the
/// kernel joined ("BIG TCP").
#[inline(always)]
fn end_of_packet<R: Reader + ?Sized>(
    frame: &R,
    offset: usize,
    len: u16,
    uncounted: usize,
) -> Result<usize, Reason> {
    if len == 0 && frame.frame_len() > offset + uncounted + usize::from(u16::MAX) {
        return Ok(frame.frame_len());
    }
    let end = offset + uncounted + usize::from(len);
    if frame.holds(end) { Ok(end) } else { Err(Reason::Malformed) }
}

/// Length in bytes of an extension header, other than a fragment header, whose length field is `len`: in 8-byte units, the first
/// not counted (RFC 8200 section 4.2).
#[inline(always)]
fn extension_len(len: u8) -> usize {
    (usize::from(len) + 1) * 8
}

/// Extension headers that are looked through. An authentication header is not, in IPv4 as in IPv6: what it authenticates is not
/// verified here, and a host without the key refuses the packet.
#[inline(always)]
fn is_extension(next: u8) -> bool {
    matches!(
        next,
        protocol::HOP_BY_HOP | protocol::ROUTING | protocol::FRAGMENT | protocol::DESTINATION_OPTIONS
    )
}

/// The reason for an upper layer that is not TCP. The opaque ones are the rest of IANA's "IPv6 Extension Header Types".
#[inline(always)]
fn other_than_tcp(number: u8) -> Reason {
    match number {
        protocol::ENCAPSULATING_SECURITY
        | protocol::AUTHENTICATION
        | protocol::MOBILITY
        | protocol::HOST_IDENTITY
        | protocol::SHIM6
        | protocol::EXPERIMENT_1
        | protocol::EXPERIMENT_2 => Reason::Opaque,
        _ => Reason::NotTcp,
    }
}

#[inline(always)]
fn is_vlan(ethertype: u16) -> bool {
    ethertype == ethertype::VLAN || ethertype == ethertype::SERVICE_VLAN
}

#[inline(always)]
fn be16(bytes: [u8; 2]) -> u16 {
    u16::from_be_bytes(bytes)
}
