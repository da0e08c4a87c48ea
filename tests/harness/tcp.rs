//! A TCP connection from a chosen source address, which the standard library cannot open.

use std::{
    net::{IpAddr, SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context as _, Result};
use socket2::{Domain, Protocol, Socket, Type};

const TIMEOUT: Duration = Duration::from_secs(10);

/// Connects from `source`, an address of the calling thread's network namespace. Reads and writes of the
/// stream fail after 10 s.
pub fn connect(source: IpAddr, server: SocketAddr) -> Result<TcpStream> {
    let open = || {
        let socket = Socket::new(Domain::for_address(server), Type::STREAM, Some(Protocol::TCP))?;
        socket.bind(&SocketAddr::new(source, 0).into())?;
        socket.connect_timeout(&server.into(), TIMEOUT)?;
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        stream.set_nodelay(true)?;
        Ok::<_, std::io::Error>(stream)
    };
    open().with_context(|| format!("cannot connect from {source} to {server}"))
}
