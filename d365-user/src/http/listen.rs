//! The listening socket, also on an address that this host does not have yet.

use std::{io, net::SocketAddr};

use nix::{
    libc::EADDRNOTAVAIL,
    sys::socket::{setsockopt, sockopt::IpFreebind},
};
use tokio::net::{TcpListener, TcpSocket};

use super::{Failure, Failures};

/// Connections that wait to be accepted.
const BACKLOG: u32 = 128;

/// Listens on `address`. One that this host does not have is no error: at boot it may come later, and a
/// floating one comes and goes. The socket is bound to it all the same (`IP_FREEBIND`, ip(7)) and answers
/// from the moment that it is there, and the port is taken now: that somebody else has it is known at the
/// start.
///
/// # Errors
/// When the port is in use, or not allowed, or the family of addresses is not known.
pub fn listen(address: SocketAddr, failures: &Failures) -> io::Result<TcpListener> {
    match bind(address, false) {
        Err(error) if error.raw_os_error() == Some(EADDRNOTAVAIL) => {
            let listener = bind(address, true)?;
            failures.count(Failure::Address);
            tracing::warn!(
                "--listen {address}: this host does not have that address yet; HTTP is answered there once it has it, and \
                 everything else goes on"
            );
            Ok(listener)
        }
        bound => bound,
    }
}

fn bind(address: SocketAddr, is_missing: bool) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // As the standard library does: connections of a daemon before may still be in TIME_WAIT.
    socket.set_reuseaddr(true)?;
    if is_missing {
        setsockopt(&socket, IpFreebind, &true)?;
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
