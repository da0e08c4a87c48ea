//! The listening sockets: one of `--listen`, or those of the service manager.

use std::{
    future::poll_fn,
    io,
    net::SocketAddr,
    os::fd::{AsFd, AsRawFd as _, OwnedFd},
    task::{Context, Poll},
};

use nix::{
    libc::EADDRNOTAVAIL,
    sys::socket::{
        AddressFamily, SockType, SockaddrLike as _, SockaddrStorage, getsockname, getsockopt, setsockopt,
        sockopt::{AcceptConn, IpFreebind, SockType as Type},
    },
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpSocket, UnixListener},
};

use super::{
    Failures,
    health::Failure,
    unix::{self, SocketFile},
};
use crate::settings::Listen;

/// Maximum number of connections that wait to be accepted.
const BACKLOG: u32 = 128;

/// The sockets that the server accepts connections on.
pub struct Listeners(Vec<Listener>);

enum Listener {
    Tcp(TcpListener),
    Unix {
        listener: UnixListener,
        /// The file that the daemon made for it.
        _file: Option<SocketFile>,
    },
}

/// An accepted connection.
pub(super) trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

impl Listeners {
    /// Listens on an address. One that this host does not have is no error: at boot it may come later, and a
    /// floating one comes and goes. The socket is bound to it all the same (`IP_FREEBIND`, ip(7)) and answers
    /// as soon as the host has the address. The port is taken now, so that a conflict with another process
    /// shows at the start.
    ///
    /// # Errors
    /// The port or the path is in use or not allowed, or the family of addresses is not known.
    pub fn open(listen: &Listen, failures: &Failures) -> io::Result<Self> {
        let listener = match listen {
            Listen::Tcp(address) => Listener::Tcp(tcp(*address, failures)?),
            Listen::Unix(path) => {
                let (listener, file) = unix::listen(path, BACKLOG)?;
                Listener::Unix { listener, _file: Some(file) }
            }
        };
        Ok(Self(vec![listener]))
    }

    /// Takes those of these descriptors that are listening stream sockets; `None` if none is one.
    ///
    /// # Errors
    /// Such a socket cannot be used.
    pub fn passed(descriptors: &mut Vec<(String, OwnedFd)>) -> io::Result<Option<Self>> {
        let taken = descriptors.extract_if(.., |(_, descriptor)| is_listening(descriptor));
        let listeners =
            taken.map(|(_, descriptor)| Listener::of(descriptor)).collect::<io::Result<Vec<_>>>()?;
        Ok((!listeners.is_empty()).then_some(Self(listeners)))
    }

    /// The address of each socket.
    ///
    /// # Errors
    /// The kernel does not report an address.
    pub fn addresses(&self) -> io::Result<Vec<Listen>> {
        self.0.iter().map(Listener::address).collect()
    }

    pub(super) async fn accept(&self) -> io::Result<Box<dyn Connection>> {
        poll_fn(|context| {
            let accepted = self.0.iter().map(|listener| listener.poll_accept(context)).find(Poll::is_ready);
            accepted.unwrap_or(Poll::Pending)
        })
        .await
    }
}

impl Listener {
    fn of(descriptor: OwnedFd) -> io::Result<Self> {
        if family(&descriptor) == Some(AddressFamily::Unix) {
            let listener = std::os::unix::net::UnixListener::from(descriptor);
            listener.set_nonblocking(true)?;
            return Ok(Self::Unix { listener: UnixListener::from_std(listener)?, _file: None });
        }
        let listener = std::net::TcpListener::from(descriptor);
        listener.set_nonblocking(true)?;
        Ok(Self::Tcp(TcpListener::from_std(listener)?))
    }

    fn address(&self) -> io::Result<Listen> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(Listen::Tcp),
            Self::Unix { listener, .. } => {
                let address = listener.local_addr()?;
                Ok(Listen::Unix(address.as_pathname().map(Into::into).unwrap_or_default()))
            }
        }
    }

    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<Box<dyn Connection>>> {
        match self {
            Self::Tcp(listener) => {
                listener.poll_accept(context).map_ok(|(stream, _)| Box::new(stream) as Box<dyn Connection>)
            }
            Self::Unix { listener, .. } => {
                listener.poll_accept(context).map_ok(|(stream, _)| Box::new(stream) as Box<dyn Connection>)
            }
        }
    }
}

/// Returns true for a listening stream socket of TCP or Unix.
fn is_listening(descriptor: &impl AsFd) -> bool {
    let is_of_a_known_family =
        matches!(family(descriptor), Some(AddressFamily::Inet | AddressFamily::Inet6 | AddressFamily::Unix));
    is_of_a_known_family
        && getsockopt(descriptor, AcceptConn).is_ok_and(|is_listening| is_listening)
        && getsockopt(descriptor, Type).is_ok_and(|kind| kind == SockType::Stream)
}

/// The family of a socket; `None` for anything else.
fn family(descriptor: &impl AsFd) -> Option<AddressFamily> {
    getsockname::<SockaddrStorage>(descriptor.as_fd().as_raw_fd()).ok()?.family()
}

fn tcp(address: SocketAddr, failures: &Failures) -> io::Result<TcpListener> {
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
