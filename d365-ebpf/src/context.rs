//! The context of a program: what the actions need of a packet, in a driver's buffer (XDP) or in a socket
//! buffer (tc).
//!
//! This module must not decide anything about a packet.

use d365_common::packet::Reader;

/// The context that the kernel passes to a program.
pub(crate) trait Context: Copy {
    /// The packet's bytes. Offsets are from the start of the Ethernet header.
    type Packet: Reader + Writer;

    /// The program's result for a packet that passes.
    const PASS: u32;
    /// The program's result for a packet that is dropped.
    const DROP: u32;
    /// Bytes at the start of [`Packet`](Self::Packet) that the packet does not have, which are not counted.
    const ADDED: usize;

    /// The packet, for actions. It is found again for them, so that the code before keeps nothing for them.
    fn packet(self) -> Self::Packet;

    /// Index of the interface on which the packet arrived.
    fn ifindex(self) -> u32;
}

/// Writes a packet.
pub(crate) trait Writer {
    /// Writes `N` bytes at `offset`. If they cannot be written, nothing is written and the result is `None`.
    fn write<const N: usize>(&self, offset: usize, bytes: [u8; N]) -> Option<()>;
}
