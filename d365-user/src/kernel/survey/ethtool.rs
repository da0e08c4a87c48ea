//! A driver's answers to the ioctl `SIOCETHTOOL` (`linux/ethtool.h`). The requests here need no privilege.

use std::{io, os::fd::AsRawFd as _};

use nix::{
    errno::Errno,
    libc,
    sys::socket::{AddressFamily, SockFlag, SockType, socket},
};

/// The offloads that join received segments before a program sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offloads {
    /// True if the driver or the hardware joins them (large receive offload).
    pub lro: bool,
    /// True if the network stack joins them (generic receive offload): after native XDP, and before generic
    /// XDP.
    pub gro: bool,
}

/// A request, by its ethtool command number.
#[derive(Clone, Copy)]
#[repr(u32)]
enum Question {
    /// `ETHTOOL_GDRVINFO`, answered by `struct ethtool_drvinfo`, 196 bytes.
    Driver = 0x03,
    /// `ETHTOOL_GFLAGS`, answered by `struct ethtool_value`, 8 bytes.
    Flags = 0x25,
    /// `ETHTOOL_GGRO`, answered by the same structure.
    Gro = 0x2b,
}

/// Size of the largest answer, in words of 32 bits. The first word is the command number.
const WORDS: usize = 49;
/// `ETH_FLAG_LRO`.
const FLAG_LRO: u32 = 1 << 15;
/// Position of the driver's name in `struct ethtool_drvinfo`, in words: 32 bytes after the command number.
const DRIVER: std::ops::Range<usize> = 1..9;

/// Returns the driver's name; empty if it has none.
pub(super) fn driver(interface: &str) -> io::Result<String> {
    let answer = match ask(interface, Question::Driver) {
        // The device names no driver, for example the loopback.
        Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => return Ok(String::new()),
        answer => answer?,
    };
    let name: Vec<u8> = answer[DRIVER].iter().flat_map(|word| word.to_ne_bytes()).collect();
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    Ok(String::from_utf8_lossy(name).into_owned())
}

pub(super) fn offloads(interface: &str) -> io::Result<Offloads> {
    let lro = ask(interface, Question::Flags)?[1] & FLAG_LRO != 0;
    Ok(Offloads { lro, gro: ask(interface, Question::Gro)?[1] != 0 })
}

fn ask(interface: &str, question: Question) -> io::Result<[u32; WORDS]> {
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    let mut answer = [0; WORDS];
    answer[0] = question as u32;
    let mut name = [0; libc::IFNAMSIZ];
    // The last byte stays zero. Callers pass the kernel's own names, which are short enough.
    for (to, from) in name[..libc::IFNAMSIZ - 1].iter_mut().zip(interface.bytes()) {
        // Its sign is not the same on every architecture.
        *to = libc::c_char::from_ne_bytes([from]);
    }
    let ifr_ifru = libc::__c_anonymous_ifr_ifru { ifru_data: answer.as_mut_ptr().cast() };
    let mut request = libc::ifreq { ifr_name: name, ifr_ifru };
    // SAFETY: `request` names the interface and points to `answer`. `answer` outlives the call, is aligned to
    // 32 bits and has room for the largest structure that answers a `Question`.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL, &raw mut request) };
    Errno::result(done)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every network namespace has a loopback, which names no driver.
    #[test]
    fn the_loopback_answers() {
        let offloads = offloads("lo").unwrap();
        assert!(!offloads.lro, "{offloads:?}");
        assert_eq!(driver("lo").unwrap(), "");
        let missing = driver("no-such-iface").unwrap_err();
        assert_eq!(missing.raw_os_error(), Some(libc::ENODEV));
    }
}
