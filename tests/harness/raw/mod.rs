//! Frames outside the protocol stack: they are sent unchanged, and counted as they arrive (`AF_PACKET`).

mod receive;
mod send;
mod sniff;
mod tally;

use std::{io, os::fd::AsRawFd as _};

use nix::{
    errno::Errno,
    libc,
    net::if_::if_nametoindex,
    sys::socket::{AddressFamily, SockFlag, SockType, socket},
};
use socket2::Socket;

pub use self::{
    send::FrameSender,
    sniff::Sniffer,
    tally::{Sniffed, Tally},
};

/// Opens a packet socket that receives nothing yet, in the calling thread's network namespace.
fn packet_socket() -> io::Result<Socket> {
    Ok(socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, None)?.into())
}

/// Binds the socket to one interface. It sends there, and receives frames of `protocol` (`ETH_P_…`, 0 for
/// none).
fn bind(socket: &Socket, interface: &str, protocol: i32) -> io::Result<()> {
    let small = "a small number";
    // SAFETY: all zeros is a valid value of this plain C structure.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = u16::try_from(libc::AF_PACKET).expect(small);
    address.sll_protocol = u16::try_from(protocol).expect(small).to_be();
    address.sll_ifindex = i32::try_from(if_nametoindex(interface)?).expect(small);
    let length = libc::socklen_t::try_from(size_of_val(&address)).expect(small);
    // SAFETY: the pointer is to a live `sockaddr_ll` of that length.
    let done = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) };
    Errno::result(done)?;
    Ok(())
}
