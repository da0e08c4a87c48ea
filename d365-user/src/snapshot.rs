//! What the daemon knows at one moment, as plain data: the only thing that the views see.
//!
//! Nothing here, nor to the right of here, knows the kernel.

use std::net::SocketAddr;

use crate::ranges::Range;

/// Packets, bytes and new connections (SYN without ACK), as the kernel program counted them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Packets.
    pub packets: u64,
    /// Bytes of the frames, link-layer header included, frame check sequence not.
    pub bytes: u64,
    /// Segments with SYN and without ACK.
    pub connections: u64,
}

/// XDP mode of an attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Run by the driver.
    Native,
    /// Run by the network stack ("generic", "skb").
    Generic,
}

/// By what an attachment is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// A BPF link: the kernel detaches it when the daemon ends.
    BpfLink,
    /// A netlink request: it outlives a daemon that is killed, and cannot be pinned.
    Netlink,
}

/// How a program is attached to an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// XDP mode.
    pub mode: Mode,
    /// What holds it.
    pub link: LinkKind,
}

/// The published generation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Generation {
    /// Its number, from 1.
    pub number: u64,
    /// Names of the sources, joined by a comma.
    pub source: String,
    /// The service tag's change number, where a source has one.
    pub change_number: Option<u64>,
    /// SHA-256 of the ranges, lower-case hexadecimal.
    pub digest: String,
    /// The ranges, in the order of [`Interface::ranges`].
    pub ranges: Vec<Range>,
}

/// What was seen on one interface since the daemon's start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// How the program is attached now; `None` when it is not (any more).
    pub attachment: Option<Attachment>,
    /// Port-25 packets of each range of the generation.
    pub ranges: Vec<Count>,
    /// Port-25 packets from no range.
    pub unlisted: Count,
    /// Every other packet: the reason's label value, and how many.
    pub other: Vec<(&'static str, u64)>,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The published generation.
    pub generation: Generation,
    /// The interfaces, in the order of the command line.
    pub interfaces: Vec<Interface>,
    /// Where the metrics are served.
    pub listen: Option<SocketAddr>,
}
