//! Waits for the kernel's reports about interfaces: the notifications of rtnetlink(7)'s groups for links and
//! for addresses.
//!
//! This module only waits. After a notification, the caller asks the kernel for the current state.

use std::{io, time::Duration};

use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use nix::{
    errno::Errno,
    sys::{
        socket::{setsockopt, sockopt::ReceiveTimeout},
        time::TimeVal,
    },
};

use super::netlink;

/// `RTNLGRP_LINK`, `RTNLGRP_IPV4_IFADDR` and `RTNLGRP_IPV6_IFADDR` (linux/rtnetlink.h).
const GROUPS: [u32; 3] = [1, 5, 9];

/// The kernel's reports about the interfaces of this network namespace.
pub struct LinkEvents(Socket);

/// A report about interfaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Interfaces that were added or changed, by index.
    pub changed: Vec<u32>,
    /// Interfaces that left this network namespace, by index.
    pub gone: Vec<u32>,
    /// True if an address of this host came or went.
    pub has_addresses: bool,
    /// True if reports were lost or could not be decoded: any interface may have changed.
    pub is_partial: bool,
}

impl Report {
    fn add(&mut self, message: &RouteNetlinkMessage) {
        match message {
            RouteNetlinkMessage::NewLink(link) => self.changed.push(link.header.index),
            // When a port leaves a bridge, the bridge reports it in its own address family. The port still
            // exists.
            RouteNetlinkMessage::DelLink(link) if link.header.interface_family == AddressFamily::Unspec => {
                self.gone.push(link.header.index);
            }
            RouteNetlinkMessage::NewAddress(_) | RouteNetlinkMessage::DelAddress(_) => {
                self.has_addresses = true;
            }
            _ => {}
        }
    }
}

impl LinkEvents {
    /// Listens in the network namespace of this thread. [`next`](Self::next) waits for a report at most
    /// `patience`, in whole seconds.
    ///
    /// # Errors
    /// The kernel's error.
    pub fn listen(patience: Duration) -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind(&SocketAddr::new(0, 0))?;
        GROUPS.into_iter().try_for_each(|group| socket.add_membership(group))?;
        setsockopt(&socket, ReceiveTimeout, &TimeVal::new(patience.as_secs().cast_signed(), 0))?;
        Ok(Self(socket))
    }

    /// Waits for the next report. An empty report means that none arrived in time, or that a signal ended the
    /// wait.
    ///
    /// # Errors
    /// The kernel's error.
    pub fn next(&self) -> io::Result<Report> {
        let mut report = Report::default();
        match self.0.recv_from_full() {
            Ok((mut bytes, _)) => {
                let mut messages = Vec::new();
                netlink::make_names_readable(&mut bytes);
                report.is_partial = netlink::read(&bytes, &mut messages).is_err();
                messages.iter().for_each(|message| report.add(message));
            }
            Err(error) => match error.raw_os_error().map(Errno::from_raw) {
                // A signal also ends the wait of a socket with a timeout.
                Some(Errno::EAGAIN | Errno::EINTR) => {}
                // Reports arrived faster than they were read.
                Some(Errno::ENOBUFS) => report.is_partial = true,
                _ => return Err(error),
            },
        }
        Ok(report)
    }
}

#[cfg(test)]
mod tests {
    use netlink_packet_route::link::LinkMessage;

    use super::*;

    #[test]
    fn a_port_that_leaves_its_bridge_is_not_gone() {
        let link = |family, index| {
            let mut link = LinkMessage::default();
            (link.header.interface_family, link.header.index) = (family, index);
            link
        };
        let mut report = Report::default();
        report.add(&RouteNetlinkMessage::DelLink(link(AddressFamily::Bridge, 3)));
        assert_eq!(report, Report::default());
        report.add(&RouteNetlinkMessage::DelLink(link(AddressFamily::Unspec, 4)));
        report.add(&RouteNetlinkMessage::NewLink(link(AddressFamily::Unspec, 5)));
        let expected = Report { changed: vec![5], gone: vec![4], ..Report::default() };
        assert_eq!(report, expected);
    }
}
