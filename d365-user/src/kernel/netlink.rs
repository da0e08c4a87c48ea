//! Sends one request over netlink and reads the whole answer. The callers define the message types, or use
//! [`Raw`].

use std::{fmt, io};

use netlink_packet_core::{
    NLA_HEADER_SIZE, NLA_TYPE_MASK, NLM_F_MULTIPART, NLM_F_REQUEST, NetlinkDeserializable, NetlinkHeader,
    NetlinkMessage, NetlinkPayload, NetlinkSerializable, NlaBuffer, NlasIterator,
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

/// Messages in a datagram, and attributes in a message, start at multiples of this (`NLMSG_ALIGNTO`,
/// `NLA_ALIGNTO`, netlink(7)).
const ALIGNMENT: usize = 4;
/// Lengths of `struct nlmsghdr` and `struct ifinfomsg` (`linux/netlink.h`, `linux/rtnetlink.h`).
const HEADER: usize = 16;
const LINK_HEADER: usize = 16;
/// `RTM_NEWLINK` and `RTM_DELLINK` (`linux/rtnetlink.h`).
const LINK_MESSAGES: [u16; 2] = [16, 17];
/// `IFLA_IFNAME`, `IFLA_IFALIAS` and `IFLA_ALT_IFNAME`; and `IFLA_PROP_LIST`, which holds alternative names
/// (`linux/if_link.h`).
const NAMES: [u16; 3] = [3, 20, 53];
const PROPERTIES: u16 = 52;

/// Sends `message` and reads the answer: one message, or all messages of a dump if `flags` asks for one
/// (`NLM_F_DUMP`).
///
/// # Errors
/// The kernel's error, or `InvalidData` if the answer cannot be decoded or has an unexpected form.
pub(super) fn ask<M>(protocol: isize, message: M, flags: u16) -> io::Result<Vec<M>>
where
    M: NetlinkSerializable + NetlinkDeserializable + fmt::Debug,
{
    let socket = Socket::new(protocol)?;
    socket.connect(&SocketAddr::new(0, 0))?;
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | flags;
    let mut request = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(message));
    request.finalize();
    let mut bytes = vec![0; request.buffer_len()];
    request.serialize(&mut bytes);
    socket.send(&bytes, 0)?;
    let mut answer = Vec::new();
    loop {
        let (mut bytes, _) = socket.recv_from_full()?;
        if protocol == NETLINK_ROUTE {
            make_names_readable(&mut bytes);
        }
        if read(&bytes, &mut answer)? {
            return Ok(answer);
        }
    }
}

/// Decodes the messages of one datagram. Returns true if the answer ends with this datagram.
pub(super) fn read<M>(mut bytes: &[u8], answer: &mut Vec<M>) -> io::Result<bool>
where
    M: NetlinkDeserializable + fmt::Debug,
{
    let invalid = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let mut more = false;
    while !bytes.is_empty() {
        let message = NetlinkMessage::<M>::deserialize(bytes).map_err(|error| invalid(error.to_string()))?;
        let length = usize::try_from(message.header.length).map_err(|error| invalid(error.to_string()))?;
        bytes = bytes.get(length.next_multiple_of(ALIGNMENT)..).unwrap_or_default();
        more = message.header.flags & NLM_F_MULTIPART != 0;
        match message.payload {
            NetlinkPayload::InnerMessage(message) => answer.push(message),
            NetlinkPayload::Error(error) if error.code.is_some() => return Err(error.to_io()),
            NetlinkPayload::Done(done) if done.code < 0 => {
                return Err(io::Error::from_raw_os_error(done.code.saturating_neg()));
            }
            NetlinkPayload::Done(_) | NetlinkPayload::Error(_) => return Ok(true),
            other => return Err(invalid(format!("unexpected answer {other:?}"))),
        }
    }
    Ok(!more)
}

/// Replaces the bytes of names that are not UTF-8 by question marks in the link messages of one datagram. The
/// kernel allows any bytes in a name, and netlink-packet-route rejects the whole message of such a link.
pub(super) fn make_names_readable(mut bytes: &mut [u8]) {
    while let Some(&[a, b, c, d, kind, more, ..]) = bytes.get(..HEADER) {
        let length = usize::try_from(u32::from_ne_bytes([a, b, c, d])).unwrap_or(usize::MAX).max(HEADER);
        let whole = length.next_multiple_of(ALIGNMENT).min(bytes.len());
        let (message, rest) = bytes.split_at_mut(whole);
        if LINK_MESSAGES.contains(&u16::from_ne_bytes([kind, more])) {
            make_attributes_readable(message.get_mut(HEADER + LINK_HEADER..).unwrap_or_default());
        }
        bytes = rest;
    }
}

fn make_attributes_readable(mut bytes: &mut [u8]) {
    while let Some(&[a, b, c, d]) = bytes.get(..NLA_HEADER_SIZE) {
        let length = usize::from(u16::from_ne_bytes([a, b])).max(NLA_HEADER_SIZE);
        let kind = u16::from_ne_bytes([c, d]) & NLA_TYPE_MASK;
        let whole = length.next_multiple_of(ALIGNMENT).min(bytes.len());
        let (attribute, rest) = bytes.split_at_mut(whole);
        let value = attribute.get_mut(NLA_HEADER_SIZE..length).unwrap_or_default();
        if kind == PROPERTIES {
            make_attributes_readable(value);
        } else if NAMES.contains(&kind) && str::from_utf8(value).is_err() {
            value.iter_mut().filter(|byte| !byte.is_ascii()).for_each(|byte| *byte = b'?');
        }
        bytes = rest;
    }
}

/// The attributes in `bytes`, up to the first bytes that are no attribute.
pub(super) fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let whole = NlasIterator::new(bytes).map_while(Result::ok);
    whole.filter_map(|attribute: NlaBuffer<&[u8]>| {
        let (kind, end) = (attribute.kind(), usize::from(attribute.length()));
        Some((kind, attribute.into_inner().get(NLA_HEADER_SIZE..end)?))
    })
}

/// The value of the first attribute of this kind in `bytes`.
pub(super) fn attribute(bytes: &[u8], kind: u16) -> Option<&[u8]> {
    attributes(bytes).find_map(|(is, value)| (is == kind).then_some(value))
}

/// An undecoded message of any kind: the fixed header of its kind, and attributes.
#[derive(Debug)]
pub(super) struct Raw {
    pub(super) kind: u16,
    pub(super) bytes: Vec<u8>,
}

impl NetlinkSerializable for Raw {
    fn message_type(&self) -> u16 {
        self.kind
    }

    fn buffer_len(&self) -> usize {
        self.bytes.len()
    }

    fn serialize(&self, buffer: &mut [u8]) {
        buffer[..self.bytes.len()].copy_from_slice(&self.bytes);
    }
}

impl NetlinkDeserializable for Raw {
    type Error = std::convert::Infallible;

    fn deserialize(header: &NetlinkHeader, payload: &[u8]) -> Result<Self, Self::Error> {
        Ok(Self { kind: header.message_type, bytes: payload.to_vec() })
    }
}
