//! Offloads of an interface, switched through the ethtool ioctl: no tool is needed, and the result is
//! reliable.

use std::{io, os::fd::AsRawFd as _};

use anyhow::{Context as _, Result, ensure};
use nix::{
    errno::Errno,
    libc,
    sys::socket::{AddressFamily, SockFlag, SockType, socket},
};

/// Work that an interface or its driver does for the stack. The numbers are the get and set commands of
/// `linux/ethtool.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offload {
    /// The sender hands over packets larger than the MTU (TCP segmentation).
    Tso,
    /// The same for all other packets, done as late as possible.
    Gso,
    /// The receiver joins segments before the stack sees them.
    Gro,
    /// The sender leaves checksums to the driver. On a veth, nobody ever fills them in.
    TxChecksum,
}

impl Offload {
    const fn commands(self) -> (u32, u32) {
        match self {
            Self::TxChecksum => (0x16, 0x17),
            Self::Tso => (0x1e, 0x1f),
            Self::Gso => (0x23, 0x24),
            Self::Gro => (0x2b, 0x2c),
        }
    }
}

/// `struct ethtool_value`.
#[repr(C)]
struct Value {
    command: u32,
    data: u32,
}

/// Switches an offload of an interface of the calling thread's network namespace, and reads it back.
///
/// An offload that is switched off here stays off when an XDP program is attached to the veth (seen on 6.18).
pub fn set(interface: &str, offload: Offload, on: bool) -> Result<()> {
    let (get, set) = offload.commands();
    let wanted = u32::from(on);
    ethtool(interface, Value { command: set, data: wanted })
        .with_context(|| format!("cannot switch {offload:?} of {interface}"))?;
    let is = ethtool(interface, Value { command: get, data: 0 })?;
    ensure!(is == wanted, "{offload:?} of {interface} stays {is}");
    Ok(())
}

/// A request about this interface. The rest of it is zero.
pub(crate) fn interface_request(interface: &str) -> Result<libc::ifreq> {
    ensure!(interface.len() < libc::IFNAMSIZ, "interface name {interface} is too long");
    // SAFETY: all zeros is a valid value of this plain C structure.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(interface.bytes()) {
        *to = from.cast_signed();
    }
    Ok(request)
}

fn ethtool(interface: &str, mut value: Value) -> Result<u32> {
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    let mut request = interface_request(interface)?;
    request.ifr_ifru.ifru_data = (&raw mut value).cast();
    // SAFETY: `request` names the interface and points to a live `struct ethtool_value`.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL, &raw mut request) };
    Errno::result(done).map_err(io::Error::from)?;
    Ok(value.data)
}
