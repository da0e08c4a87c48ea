//! The one packet parser: it turns a link-layer frame into a TCP segment to a watched port with its source,
//! or into the [`Reason`] why the frame is not such a segment.
//!
//! It must stay total and bounded: the [`Reader`] checks every read, and every loop has a constant limit. The
//! kernel's verifier and a mail server's traffic both depend on that. It does not decide about a packet; a
//! frame that it cannot read gives a [`Reason`], and passes.
//!
//! Offsets are in bytes from the start of the Ethernet header. Header fields are big-endian (RFC 1700).

pub mod ethertype;
pub mod plain;
mod reason;
mod source;

pub use reason::Reason;
pub use source::{Source, bytes};

/// Maximum number of VLAN tags that the parser looks through (802.1Q inside 802.1ad).
pub const MAX_VLAN_TAGS: usize = 2;
/// Maximum number of IPv6 extension headers that the parser looks through. RFC 8200 section 4.1 names six
/// kinds before the upper layer, each at most once and destination options at most twice.
pub const MAX_EXTENSION_HEADERS: usize = 7;

/// Length in bytes of an Ethernet header without tags (IEEE 802.3).
pub const ETHERNET_LEN: usize = 14;
/// Offset of the `EtherType` in an Ethernet header without tags.
pub const ETHERTYPE_OFFSET: usize = 12;
const VLAN_TAG_LEN: usize = 4;
const IPV4_MIN_LEN: usize = 20;
const IPV6_LEN: usize = 40;
const IPV6_FRAGMENT_LEN: usize = 8;
const TCP_MIN_LEN: usize = 20;
/// No header that the parser reads starts after this offset: two tags, the IPv6 header and the longest chain
/// of extension headers, of at most 2048 bytes each.
const MAX_OFFSET: usize =
    ETHERNET_LEN + MAX_VLAN_TAGS * VLAN_TAG_LEN + IPV6_LEN + MAX_EXTENSION_HEADERS * 2048;

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
    /// Reads `N` bytes at `offset`; `None` if the frame does not have all of them. `offset` is even: the
    /// parser reads headers only from even offsets.
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]>;

    /// Number of VLAN tags that were removed from the frame before it was read. The parser counts them
    /// towards its maximum.
    fn tags_taken(&self) -> usize {
        0
    }

    /// Length of the whole frame in bytes, link-layer header included. It can be more than
    /// [`read`](Self::read) reaches (a frame in several buffers).
    fn frame_len(&self) -> usize;

    /// True if the frame has at least `end` bytes. The parser calls this once, with the end of the packet.
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
    /// The source address in the IP header. It can be forged.
    pub source: Source,
    /// True if SYN is set and ACK is not: the segment asks for a new connection.
    pub opens: bool,
    /// Offset of the IP header in bytes: 14, 18 or 22.
    pub network: usize,
}

/// The position of an upper-layer header, and the end of its packet.
struct Upper {
    source: Source,
    network: usize,
    offset: usize,
    end: usize,
    /// True if more fragments follow: a receiver has the part that this fragment cuts off.
    more: bool,
}

/// Parses a frame. `watched` returns true for a watched TCP destination port (host byte order).
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

/// Finds a frame's IP header: its offset in bytes, and true for IPv4, false for IPv6. It reads the Ethernet
/// header, at most [`MAX_VLAN_TAGS`] tags and the version only, for frames that are not a segment to a
/// watched port.
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

/// The source address of a frame in which [`network`] finds an IP header, independent of the upper layer.
#[inline(always)]
pub fn source<R: Reader + ?Sized>(frame: &R) -> Option<Source> {
    match network(frame)? {
        (offset, true) => frame.read(offset + 12).map(Source::v4),
        (offset, false) => frame.read(offset + 8).map(Source::v6),
    }
}

/// Reads the Ethernet header and up to two VLAN tags. Returns the `EtherType` and the offset of the next
/// header.
#[inline(always)]
fn ethernet<R: Reader + ?Sized>(frame: &R) -> Result<(u16, usize), Reason> {
    let mut ethertype = be16(frame.read(ETHERTYPE_OFFSET).ok_or(Reason::Malformed)?);
    let mut offset = ETHERNET_LEN;
    for tag in 0..MAX_VLAN_TAGS {
        if !ethertype::is_vlan(ethertype) {
            return Ok((ethertype, offset));
        }
        if tag + frame.tags_taken() >= MAX_VLAN_TAGS {
            return Err(Reason::TooManyTags);
        }
        let tag: [u8; VLAN_TAG_LEN] = frame.read(offset).ok_or(Reason::Malformed)?;
        ethertype = be16([tag[2], tag[3]]);
        offset += VLAN_TAG_LEN;
    }
    if ethertype::is_vlan(ethertype) { Err(Reason::TooManyTags) } else { Ok((ethertype, offset)) }
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
        // RFC 8200 section 4.1: hop-by-hop options are only allowed as the first extension header.
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

/// The reason why a header cannot be read. The header ends at `header_end`, the packet ends at `end`, and
/// `more` is true if more fragments follow.
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

/// True if the TCP flags ask for a new connection: SYN without ACK.
#[inline(always)]
const fn is_opening(flags: u8) -> bool {
    const SYN_ACK: u8 = 0x12;
    const SYN: u8 = 0x02;
    flags & SYN_ACK == SYN
}

/// The offset at which the IP packet at `offset` ends. `len` is its length field, which does not count the
/// first `uncounted` bytes. Bytes after the end are padding and never read as a header. A length of zero
/// means "as long as the frame" if the packet is longer than the field can express: an IPv6 jumbogram (RFC
/// 2675), or a batch that the kernel joined ("BIG TCP").
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

/// Length in bytes of an extension header other than a fragment header. `len` is its length field, in units
/// of 8 bytes without the first unit (RFC 8200 section 4.2).
#[inline(always)]
fn extension_len(len: u8) -> usize {
    (usize::from(len) + 1) * 8
}

/// True for extension headers that the parser looks through. It does not look through an authentication
/// header, in IPv4 as in IPv6: the program cannot verify it, and a receiver without the key rejects the
/// packet.
#[inline(always)]
fn is_extension(next: u8) -> bool {
    matches!(
        next,
        protocol::HOP_BY_HOP | protocol::ROUTING | protocol::FRAGMENT | protocol::DESTINATION_OPTIONS
    )
}

/// The reason for an upper layer that is not TCP. The opaque numbers are the rest of IANA's "IPv6 Extension
/// Header Types".
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
fn be16(bytes: [u8; 2]) -> u16 {
    u16::from_be_bytes(bytes)
}
