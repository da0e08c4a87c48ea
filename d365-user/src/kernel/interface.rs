//! Network interfaces as the kernel reports them over netlink: their indexes, and the XDP programs on them.
//!
//! This module only reads. [`attach`](super::attach) attaches programs.

use std::io;

use d365_common::names::MAX_INTERFACES;
use netlink_packet_core::DefaultNla;
use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{LinkAttribute, LinkMessage, LinkXdp, XdpAttached},
};
use netlink_sys::protocols::NETLINK_ROUTE;
use nix::{
    libc::{ENODEV, ERANGE},
    net::if_::if_indextoname,
};

use super::{netlink, objection::Objection};
use crate::snapshot::XdpMode;

/// `IFLA_ALT_IFNAME` (`linux/if_link.h`). With it the kernel finds a link by its name or an alternative name.
const ALT_IFNAME: u16 = 53;

/// An interface of this network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The name that was searched for: the kernel's own name for it, or an alternative name.
    pub name: String,
    /// Its index; 0 if no interface has the name yet.
    pub index: u32,
}

/// The XDP program on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Xdp {
    /// The program's id.
    pub program: u32,
    /// The mode in which it runs; an offloaded program counts as native.
    pub mode: XdpMode,
}

/// The interface cannot be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what variants and fields are")]
pub enum InterfaceError {
    #[error("no interface {name:?} in this network namespace; `ip -br link` lists those that exist")]
    NotFound { name: String },
    #[error(
        "interfaces {first:?} and {second:?} are one link (index {index}), under its name or an alternative name; \
         name it once"
    )]
    Same { first: String, second: String, index: u32 },
    #[error(
        "the name {name:?} leads to the link that is watched as {by:?}: name each link once, and restart d365-user after \
         names have moved"
    )]
    Watched { name: String, by: String },
    #[error(
        "no interface that can be watched matches --iface {patterns} in this network namespace; `ip -br link` lists those \
         that exist. A pattern does not match the loopback"
    )]
    NoMatch { patterns: String },
    #[error(
        "there is no row of counters left for interface {name:?}: this daemon has watched {} interfaces, and keeps the \
         counters of those that are gone. A restart frees their rows; a narrower pattern needs fewer",
        MAX_INTERFACES
    )]
    NoRow { name: String },
    #[error(
        "the name {name:?} is the label of another interface, which was renamed and is watched on: restart d365-user to \
         watch both by their present names"
    )]
    NameTaken { name: String },
    #[error(transparent)]
    Unfit(#[from] Objection),
    #[error("cannot ask the kernel for interface {name:?}: {source}")]
    Netlink { name: String, source: io::Error },
}

impl Interface {
    /// Finds an interface by its name or by one of its alternative names.
    ///
    /// # Errors
    /// [`InterfaceError::NotFound`] if no interface has the name, [`InterfaceError::Netlink`] if the kernel
    /// did not answer.
    pub fn find(name: &str) -> Result<Self, InterfaceError> {
        let mut link = LinkMessage::default();
        let bytes = [name.as_bytes(), &[0]].concat();
        link.attributes.push(LinkAttribute::Other(DefaultNla::new(ALT_IFNAME, bytes)));
        match ask(link) {
            Ok(link) => Ok(Self { name: name.to_owned(), index: link.header.index }),
            Err(source) => Err(failed(name, source)),
        }
    }

    /// An interface that does not exist yet.
    #[must_use]
    pub fn absent(name: &str) -> Self {
        Self { name: name.to_owned(), index: 0 }
    }

    /// Returns true if the interface exists, or did.
    #[must_use]
    pub fn is_present(&self) -> bool {
        self.index != 0
    }

    /// Requests its link from the kernel.
    ///
    /// # Errors
    /// [`InterfaceError::NotFound`] if the interface no longer exists, [`InterfaceError::Netlink`] if the
    /// kernel did not answer.
    pub(super) fn link(&self) -> Result<LinkMessage, InterfaceError> {
        if !self.is_present() {
            return Err(InterfaceError::NotFound { name: self.name.clone() });
        }
        link(self.index).map_err(|source| failed(&self.name, source))
    }

    /// Returns the kernel's current name for it. System calls that accept only names of at most 15 bytes need
    /// it.
    ///
    /// # Errors
    /// The I/O error if the interface no longer exists.
    pub(super) fn kernel_name(&self) -> io::Result<String> {
        Ok(if_indextoname(self.index)?.to_string_lossy().into_owned())
    }

    /// Returns the XDP program on it now, if there is one.
    ///
    /// # Errors
    /// [`InterfaceError::NotFound`] if the interface no longer exists, [`InterfaceError::Netlink`] if the
    /// kernel did not answer.
    pub fn xdp(&self) -> Result<Option<Xdp>, InterfaceError> {
        Ok(self.link()?.attributes.iter().find_map(program))
    }
}

/// Checks that no two of the interfaces that exist are the same link. A link may also have alternative names
/// (`ip link property`).
///
/// # Errors
/// [`InterfaceError::Same`] for the first two that are.
pub fn distinct(interfaces: &[Interface]) -> Result<(), InterfaceError> {
    for (position, Interface { name, index }) in interfaces.iter().enumerate() {
        if let Some(first) =
            interfaces[..position].iter().find(|first| first.is_present() && first.index == *index)
        {
            let (first, second) = (first.name.clone(), name.clone());
            return Err(InterfaceError::Same { first, second, index: *index });
        }
    }
    Ok(())
}

/// Returns the XDP program that a link's attribute describes, if any.
pub(super) fn program(attribute: &LinkAttribute) -> Option<Xdp> {
    let LinkAttribute::Xdp(xdp) = attribute else { return None };
    let mode = xdp.iter().find_map(|part| match part {
        LinkXdp::Attached(XdpAttached::None) => None,
        LinkXdp::Attached(XdpAttached::SocketBuffer) => Some(XdpMode::Generic),
        LinkXdp::Attached(_) => Some(XdpMode::Native),
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

/// Requests one link by its index (`RTM_GETLINK`, rtnetlink(7)).
pub(super) fn link(index: u32) -> io::Result<LinkMessage> {
    let mut link = LinkMessage::default();
    link.header.index = index;
    ask(link)
}

fn ask(link: LinkMessage) -> io::Result<LinkMessage> {
    let answer = netlink::ask(NETLINK_ROUTE, RouteNetlinkMessage::GetLink(link), 0)?;
    match answer.into_iter().next() {
        Some(RouteNetlinkMessage::NewLink(link)) => Ok(link),
        other => Err(io::Error::new(io::ErrorKind::InvalidData, format!("unexpected answer {other:?}"))),
    }
}

/// Converts the kernel's error. The kernel returns ERANGE for a name that is longer than any name can be.
fn failed(name: &str, source: io::Error) -> InterfaceError {
    let name = name.to_owned();
    match source.raw_os_error() {
        Some(ENODEV | ERANGE) => InterfaceError::NotFound { name },
        _ => InterfaceError::Netlink { name, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every network namespace has a loopback, whose index is 1.
    #[test]
    fn an_interface_is_found_by_name_and_told_by_index() {
        let loopback = Interface::find("lo").unwrap();
        assert_eq!((loopback.name.as_str(), loopback.index), ("lo", 1));
        assert_eq!(loopback.link().unwrap().header.index, 1);
        assert_eq!(loopback.kernel_name().unwrap(), "lo");
        for name in ["no-such-iface".to_owned(), "n".repeat(127), "n".repeat(128), "n".repeat(5000)] {
            let error = Interface::find(&name).unwrap_err();
            assert!(matches!(error, InterfaceError::NotFound { .. }), "{error}");
        }
    }

    #[test]
    fn two_names_of_one_link_are_found() {
        let interface = |name: &str, index| Interface { name: name.to_owned(), index };
        assert!(distinct(&[]).is_ok());
        assert!(distinct(&[interface("m0", 4), interface("m1", 5)]).is_ok());
        assert!(distinct(&[Interface::absent("m0"), Interface::absent("m1")]).is_ok());
        let same = distinct(&[interface("m0", 4), interface("alt0", 5), interface("m1", 5)]);
        let message = same.unwrap_err().to_string();
        assert!(message.contains(r#""alt0" and "m1" are one link (index 5)"#), "{message}");
    }
}
