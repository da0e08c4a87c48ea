//! A tun or tap device: an interface whose packets this process writes and reads. No other process has its
//! other end.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    os::fd::AsRawFd as _,
};

use anyhow::{Context as _, Result, ensure};
use nix::{errno::Errno, libc};

use crate::{netns::Netns, offload, veth};

/// The header that the device's packets begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The IP header.
    Tun = libc::IFF_TUN as isize,
    /// An Ethernet header.
    Tap = libc::IFF_TAP as isize,
}

/// A device of a namespace. Dropping this value removes it.
#[derive(Debug)]
pub struct Tun {
    file: File,
    netns: Netns,
    /// Its name.
    pub name: String,
}

impl Tun {
    /// Makes a device, and brings it up.
    pub fn new(netns: &Netns, kind: Kind) -> Result<Self> {
        let name = veth::unique_name("tun");
        let file = netns.run(|| open(&name, kind)).context("cannot make a tun device")?;
        let tun = Self { file, netns: netns.clone(), name };
        tun.up(true)?;
        Ok(tun)
    }

    /// Hands a packet to the kernel as if it had arrived on the device.
    pub fn send(&self, packet: &[u8]) -> Result<()> {
        let sent = (&self.file).write(packet).context("cannot write to a tun device")?;
        ensure!(sent == packet.len(), "{sent} of {} bytes sent", packet.len());
        Ok(())
    }

    /// Sets another link type (`ARPHRD_…`), which the kernel allows while the device is down. The packets
    /// stay as they are.
    pub fn set_link_type(&self, link_type: libc::c_ulong) -> Result<()> {
        /// `linux/if_tun.h`.
        const TUNSETLINK: libc::c_ulong = 0x4004_54cd;
        self.up(false)?;
        // SAFETY: the request takes a number and no pointer.
        let done = unsafe { libc::ioctl(self.file.as_raw_fd(), TUNSETLINK, link_type) };
        Errno::result(done).context("cannot change the link type of a tun device")?;
        self.up(true)
    }

    fn up(&self, is_up: bool) -> Result<()> {
        let state = if is_up { "up" } else { "down" };
        self.netns.ip(&["link", "set", "dev", &self.name, state]).map(drop)
    }
}

/// Opens a new device of the calling thread's namespace.
fn open(name: &str, kind: Kind) -> Result<File> {
    let file = OpenOptions::new().read(true).write(true).open("/dev/net/tun")?;
    let mut request = offload::interface_request(name)?;
    request.ifr_ifru.ifru_flags = libc::c_short::try_from(kind as i32 | libc::IFF_NO_PI)?;
    // SAFETY: `request` is live and of the structure's size.
    let done = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw mut request) };
    Errno::result(done)?;
    Ok(file)
}
