//! The listening socket, also on an address that this host does not have yet.

use std::{io, net::SocketAddr};

use nix::{
    libc::EADDRNOTAVAIL,
    sys::socket::{setsockopt, sockopt::IpFreebind},
};
use tokio::net::{TcpListener, TcpSocket};

use super::{Failures, health::Failure};

/// Maximum number of connections that wait to be accepted.
const BACKLOG: u32 = 128;

/// Listens on `address`. An address that this host does not have is no error: at boot it may come later, and
/// a floating one comes and goes. The socket is bound to it all the same (`IP_FREEBIND`, ip(7)) and answers
/// as soon as the host has the address. The port is taken now, so that a conflict with another process shows
/// at the start.
///
/// # Errors
/// The port is in use or not allowed, or the family of addresses is not known.
pub fn listen(address: SocketAddr, failures: &Failures) -> io::Result<TcpListener> {
    match bind(address, false) {
        Err(error) if error.raw_os_error() == Some(EADDRNOTAVAIL) => {
            let listener = bind(address, true)?;
            failures.count(Failure::Address);
            tracing::warn!(
                listen = %address,
                "this host does not have that address yet: HTTP is answered there once it has it, and everything else goes on"
            );
            Ok(listener)
        }
        bound => bound,
    }
}

fn bind(address: SocketAddr, is_missing: bool) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // As in the standard library: connections of an earlier daemon may still be in TIME_WAIT.
    socket.set_reuseaddr(true)?;
    if is_missing {
        setsockopt(&socket, IpFreebind, &true)?;
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
