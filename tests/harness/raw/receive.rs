//! Receives frames together with the kernel's information on them: a VLAN tag that was taken out, and joined
//! segments.

use std::{
    io::{self, IoSliceMut},
    os::fd::AsRawFd as _,
};

use nix::{
    cmsg_space,
    errno::Errno,
    libc,
    sys::socket::{ControlMessageOwned, LinkAddr, MsgFlags, recvmsg},
};
use socket2::Socket;

use super::tally::{Direction, Received};

/// `struct virtio_net_hdr`, in front of each frame. `gso_size` is in its fifth and sixth byte.
const VNET_HEADER: usize = 10;
/// The largest packet that the stack joins, its headers, and room to spare.
const LARGEST: usize = 128 << 10;

/// Requests this information, and a receive buffer of this many bytes. Frames that leave are excluded unless
/// they are of interest.
pub(super) fn prepare(socket: &Socket, buffer: i32, direction: Direction) -> io::Result<()> {
    set(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, buffer)?;
    set(socket, libc::SOL_PACKET, libc::PACKET_VNET_HDR, 1)?;
    set(socket, libc::SOL_PACKET, libc::PACKET_AUXDATA, 1)?;
    set(socket, libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, i32::from(direction == Direction::Arriving))
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
    control: Vec<u8>,
}

impl Buffer {
    pub(super) fn new() -> Self {
        Self { frame: vec![0; LARGEST], control: cmsg_space!(libc::tpacket_auxdata) }
    }

    /// Receives the next frame.
    pub(super) fn receive(&mut self, socket: &Socket) -> io::Result<Received<'_>> {
        let mut part = [IoSliceMut::new(&mut self.frame)];
        let (fd, control) = (socket.as_raw_fd(), Some(self.control.as_mut_slice()));
        let message = recvmsg::<LinkAddr>(fd, &mut part, control, MsgFlags::empty())?;
        if message.flags.intersects(MsgFlags::MSG_TRUNC | MsgFlags::MSG_CTRUNC) {
            return Err(io::Error::other("a frame larger than any the stack makes"));
        }
        // `tp_status` of the packet's auxiliary data, its first field; 0 without such data.
        let status = message.cmsgs()?.find_map(|control| match control {
            ControlMessageOwned::Unknown(own) => own.data_bytes.first_chunk().copied(),
            _ => None,
        });
        let status = u32::from_ne_bytes(status.unwrap_or_default());
        let leaves = message.address.is_some_and(|address| address.pkttype() == libc::PACKET_OUTGOING);
        let length = message.bytes;
        let (header, frame) = self.frame[..length].split_at(VNET_HEADER);
        Ok(Received {
            direction: if leaves { Direction::Leaving } else { Direction::Arriving },
            bytes: frame,
            tag_taken: status & libc::TP_STATUS_VLAN_VALID != 0,
            segment_size: u16::from_ne_bytes([header[4], header[5]]),
        })
    }
}
