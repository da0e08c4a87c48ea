//! Receives frames together with the kernel's information on them: a VLAN tag that was taken out, and joined
//! segments.

use std::{io, os::fd::AsRawFd as _, ptr};

use nix::{errno::Errno, libc};
use socket2::Socket;

use super::tally::Received;

/// `struct virtio_net_hdr`, in front of each frame. `gso_size` is in its fifth and sixth byte.
const VNET_HEADER: usize = 10;
/// The largest packet that the stack joins, its headers, and room to spare.
const LARGEST: usize = 128 << 10;

/// Requests this information, and a receive buffer of this many bytes. Frames that leave are excluded.
pub(super) fn prepare(socket: &Socket, buffer: i32) -> io::Result<()> {
    set(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, buffer)?;
    set(socket, libc::SOL_PACKET, libc::PACKET_VNET_HDR, 1)?;
    set(socket, libc::SOL_PACKET, libc::PACKET_AUXDATA, 1)?;
    set(socket, libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, 1)
}

/// The frames that the kernel passed to the socket and those that it had to drop, since the last call.
pub(super) fn statistics(socket: &Socket) -> io::Result<libc::tpacket_stats> {
    let mut statistics = libc::tpacket_stats { tp_packets: 0, tp_drops: 0 };
    let mut length = length_of(&statistics);
    let (fd, name) = (socket.as_raw_fd(), libc::PACKET_STATISTICS);
    let value = (&raw mut statistics).cast();
    // SAFETY: the pointer is to a live `tpacket_stats` of that length.
    Errno::result(unsafe { libc::getsockopt(fd, libc::SOL_PACKET, name, value, &raw mut length) })?;
    Ok(statistics)
}

fn set(socket: &Socket, level: i32, name: i32, value: i32) -> io::Result<()> {
    let (length, fd) = (length_of(&value), socket.as_raw_fd());
    // SAFETY: the pointer is to a live number of that length.
    Errno::result(unsafe { libc::setsockopt(fd, level, name, (&raw const value).cast(), length) })?;
    Ok(())
}

fn length_of<T>(value: &T) -> libc::socklen_t {
    libc::socklen_t::try_from(size_of_val(value)).expect("a small number")
}

/// Memory for one frame and its control message.
pub(super) struct Buffer {
    frame: Vec<u8>,
    control: [u64; 16],
}

impl Buffer {
    pub(super) fn new() -> Self {
        Self { frame: vec![0; LARGEST], control: [0; 16] }
    }

    /// Receives the next frame.
    pub(super) fn receive(&mut self, socket: &Socket) -> io::Result<Received<'_>> {
        let mut part = libc::iovec { iov_base: self.frame.as_mut_ptr().cast(), iov_len: self.frame.len() };
        // SAFETY: all zeros is a valid value of this plain C structure.
        let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
        (message.msg_iov, message.msg_iovlen) = (&raw mut part, 1);
        message.msg_control = self.control.as_mut_ptr().cast();
        message.msg_controllen = size_of_val(&self.control);
        // SAFETY: the message points to live buffers of the lengths it states.
        let length = Errno::result(unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, 0) })?;
        if message.msg_flags & (libc::MSG_TRUNC | libc::MSG_CTRUNC) != 0 {
            return Err(io::Error::other("a frame larger than any the stack makes"));
        }
        // SAFETY: the kernel has just filled in the message.
        let status = unsafe { status(&message) };
        let (header, frame) = self.frame[..length.cast_unsigned()].split_at(VNET_HEADER);
        Ok(Received {
            bytes: frame,
            tag_taken: status & libc::TP_STATUS_VLAN_VALID != 0,
            segment_size: u16::from_ne_bytes([header[4], header[5]]),
        })
    }
}

/// `tp_status` of the packet's auxiliary data; 0 without such data.
///
/// # Safety
/// `message` must be as `recvmsg` left it, and its control buffer must still exist.
unsafe fn status(message: &libc::msghdr) -> u32 {
    // SAFETY: the caller guarantees it.
    let mut header = unsafe { libc::CMSG_FIRSTHDR(message) };
    // SAFETY: the macros of the C library return null or a header within the control buffer.
    while let Some(control) = unsafe { header.as_ref() } {
        if (control.cmsg_level, control.cmsg_type) == (libc::SOL_PACKET, libc::PACKET_AUXDATA) {
            // SAFETY: a message of this type holds one such structure, at any alignment.
            let auxiliary =
                unsafe { ptr::read_unaligned(libc::CMSG_DATA(control).cast::<libc::tpacket_auxdata>()) };
            return auxiliary.tp_status;
        }
        // SAFETY: as above.
        header = unsafe { libc::CMSG_NXTHDR(message, control) };
    }
    0
}
