//! Network interfaces as the kernel tells of them over netlink: index, and the XDP program on them.
//!
//! It only asks. Attaching is [`attach`](super::attach)'s.

use std::io;

use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{LinkAttribute, LinkMessage, LinkXdp, XdpAttached},
};
use netlink_sys::protocols::NETLINK_ROUTE;
use nix::{errno::Errno, net::if_::if_nametoindex};

use super::netlink;
use crate::snapshot::Mode;

/// An interface of this network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its index.
    pub index: u32,
}

/// The XDP program on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Xdp {
    /// The program's id.
    pub program: u32,
    /// The mode in which it runs; an offloaded program counts as native.
    pub mode: Mode,
}

/// Why an interface cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InterfaceError {
    /// There is none of this name.
    #[error("no interface {name:?} in this network namespace; `ip -br link` lists those that exist")]
    NotFound {
        /// The name.
        name: String,
    },
    /// Two names of one link.
    #[error(
        "interfaces {first:?} and {second:?} are one link (index {index}), under its name or an alternative name; \
         name it once"
    )]
    Same {
        /// The name given first.
        first: String,
        /// The name given later.
        second: String,
        /// Their index.
        index: u32,
    },
    /// The kernel did not answer.
    #[error("cannot ask the kernel for interface {name:?}: {source}")]
    Netlink {
        /// The interface's name.
        name: String,
        /// What went wrong.
        source: io::Error,
    },
}

impl Interface {
    /// Finds an interface by name.
    ///
    /// # Errors
    /// [`InterfaceError::NotFound`] when there is none, [`InterfaceError::Netlink`] when the kernel did not
    /// answer.
    pub fn find(name: &str) -> Result<Self, InterfaceError> {
        match if_nametoindex(name) {
            Ok(index) => Ok(Self { name: name.to_owned(), index }),
            Err(Errno::ENODEV | Errno::ENXIO) => Err(InterfaceError::NotFound { name: name.to_owned() }),
            Err(errno) => Err(InterfaceError::Netlink { name: name.to_owned(), source: errno.into() }),
        }
    }

    /// The XDP program on it now, if there is one.
    ///
    /// # Errors
    /// [`InterfaceError::NotFound`] when the interface has gone, [`InterfaceError::Netlink`] when the
    /// kernel did not answer.
    pub fn xdp(&self) -> Result<Option<Xdp>, InterfaceError> {
        match link(self.index) {
            Ok(link) => Ok(link.attributes.iter().find_map(program)),
            Err(error) if error.raw_os_error() == Some(nix::libc::ENODEV) => {
                Err(InterfaceError::NotFound { name: self.name.clone() })
            }
            Err(source) => Err(InterfaceError::Netlink { name: self.name.clone(), source }),
        }
    }
}

/// Checks that no two of the interfaces are one link: a link has alternative names (`ip link property`) too.
///
/// # Errors
/// [`InterfaceError::Same`] for the first two that are.
pub fn distinct(interfaces: &[Interface]) -> Result<(), InterfaceError> {
    for (position, Interface { name, index }) in interfaces.iter().enumerate() {
        if let Some(first) = interfaces[..position].iter().find(|first| first.index == *index) {
            let (first, second) = (first.name.clone(), name.clone());
            return Err(InterfaceError::Same { first, second, index: *index });
        }
    }
    Ok(())
}

/// The program that a link's attribute tells of.
fn program(attribute: &LinkAttribute) -> Option<Xdp> {
    let LinkAttribute::Xdp(xdp) = attribute else { return None };
    let mode = xdp.iter().find_map(|part| match part {
        LinkXdp::Attached(XdpAttached::None) => None,
        LinkXdp::Attached(XdpAttached::SocketBuffer) => Some(Mode::Generic),
        LinkXdp::Attached(_) => Some(Mode::Native),
        _ => None,
    })?;
    let program = xdp.iter().find_map(|part| match part {
        LinkXdp::ProgId(id) | LinkXdp::DrvProgId(id) | LinkXdp::SkbProgId(id) | LinkXdp::HwProgId(id) => {
            Some(*id)
        }
        _ => None,
    })?;
    Some(Xdp { program, mode })
}

/// Asks for one link by its index (`RTM_GETLINK`, rtnetlink(7)).
pub(super) fn link(index: u32) -> io::Result<LinkMessage> {
    let mut link = LinkMessage::default();
    link.header.index = index;
    let answer = netlink::ask(NETLINK_ROUTE, RouteNetlinkMessage::GetLink(link), 0)?;
    match answer.into_iter().next() {
        Some(RouteNetlinkMessage::NewLink(link)) => Ok(link),
        other => Err(io::Error::new(io::ErrorKind::InvalidData, format!("unexpected answer {other:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_names_of_one_link_are_found() {
        let interface = |name: &str, index| Interface { name: name.to_owned(), index };
        assert!(distinct(&[]).is_ok());
        assert!(distinct(&[interface("m0", 4), interface("m1", 5)]).is_ok());
        let same = distinct(&[interface("m0", 4), interface("alt0", 5), interface("m1", 5)]);
        let message = same.unwrap_err().to_string();
        assert!(message.contains(r#""alt0" and "m1" are one link (index 5)"#), "{message}");
    }
}
