//! Requests over rtnetlink(7), and their answers.
//!
//! It knows the protocol's frame, and no message.

use std::io;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

/// Asks for one object.
pub(super) fn get(request: RouteNetlinkMessage) -> io::Result<RouteNetlinkMessage> {
    let mut answers = Answers::to(request, NLM_F_REQUEST)?;
    match answers.next_payload()? {
        NetlinkPayload::InnerMessage(message) => Ok(message),
        NetlinkPayload::Error(error) => Err(error.to_io()),
        other => Err(unexpected(&other)),
    }
}

/// Asks for all objects of a kind.
pub(super) fn dump(request: RouteNetlinkMessage) -> io::Result<Vec<RouteNetlinkMessage>> {
    let mut answers = Answers::to(request, NLM_F_REQUEST | NLM_F_DUMP)?;
    let mut found = Vec::new();
    loop {
        match answers.next_payload()? {
            NetlinkPayload::InnerMessage(message) => found.push(message),
            NetlinkPayload::Done(_) => return Ok(found),
            NetlinkPayload::Error(error) => return Err(error.to_io()),
            other => return Err(unexpected(&other)),
        }
    }
}

/// Has the kernel do something.
pub(super) fn act(request: RouteNetlinkMessage) -> io::Result<()> {
    let mut answers = Answers::to(request, NLM_F_REQUEST | NLM_F_ACK)?;
    match answers.next_payload()? {
        NetlinkPayload::Error(error) if error.code.is_none() => Ok(()),
        NetlinkPayload::Error(error) => Err(error.to_io()),
        other => Err(unexpected(&other)),
    }
}

fn unexpected(answer: &NetlinkPayload<RouteNetlinkMessage>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("unexpected answer {answer:?}"))
}

/// What the kernel answers to one request: datagrams of one or more messages.
struct Answers {
    socket: Socket,
    datagram: Vec<u8>,
    read: usize,
}

impl Answers {
    fn to(request: RouteNetlinkMessage, flags: u16) -> io::Result<Self> {
        let socket = Socket::new(NETLINK_ROUTE)?;
        socket.connect(&SocketAddr::new(0, 0))?;
        let mut header = NetlinkHeader::default();
        header.flags = flags;
        let mut request = NetlinkMessage::new(header, NetlinkPayload::from(request));
        request.finalize();
        let mut bytes = vec![0; request.buffer_len()];
        request.serialize(&mut bytes);
        socket.send(&bytes, 0)?;
        Ok(Self { socket, datagram: Vec::new(), read: 0 })
    }

    fn next_payload(&mut self) -> io::Result<NetlinkPayload<RouteNetlinkMessage>> {
        if self.read >= self.datagram.len() {
            (self.datagram, _) = self.socket.recv_from_full()?;
            self.read = 0;
        }
        let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&self.datagram[self.read..])
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        // Messages stand at multiples of four bytes (netlink(7)); each has a header, so that this goes on.
        self.read += (message.header.length as usize).next_multiple_of(4).max(4);
        Ok(message.payload)
    }
}
