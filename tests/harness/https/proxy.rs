//! A proxy that supports only CONNECT. It leads every tunnel to the same server, whichever host is requested.

use std::{
    io::{BufRead as _, BufReader, Read as _, Result, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use super::LOOPBACK;
use crate::listening::{Connection, Listening, lock};

/// A proxy on a port of 127.0.0.1. Dropping it stops it.
#[derive(Debug)]
pub struct Proxy {
    asked: Arc<Mutex<Vec<String>>>,
    listening: Listening,
}

impl Proxy {
    /// A proxy that leads to `server`. It uses the requested host only as a name, and never connects to it.
    pub fn to(server: SocketAddr) -> anyhow::Result<Self> {
        Self::start(Ok(server))
    }

    /// A proxy that rejects every request with this status.
    pub fn refusing(status: u16) -> anyhow::Result<Self> {
        Self::start(Err(status))
    }

    fn start(server: std::result::Result<SocketAddr, u16>) -> anyhow::Result<Self> {
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let shared = Arc::clone(&asked);
        let listening = Listening::start(&[LOOPBACK], move |connection| {
            // A tunnel that breaks is no error of the proxy.
            let _ = tunnel(connection, server, &shared);
        })?;
        Ok(Self { asked, listening })
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.listening.addresses()[0])
    }

    /// The requested targets up to now, as `host:port`.
    pub fn asked(&self) -> Vec<String> {
        lock(&self.asked).clone()
    }
}

fn tunnel(
    connection: &Connection,
    server: std::result::Result<SocketAddr, u16>,
    asked: &Mutex<Vec<String>>,
) -> Result<()> {
    let mut client = &connection.stream;
    // Reads one byte at a time, because bytes behind the head belong to the tunnel.
    let mut head = BufReader::with_capacity(1, client).take(16 << 10);
    let mut line = String::new();
    head.read_line(&mut line)?;
    let target = line.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()).map(str::to_owned);
    while !line.trim().is_empty() {
        line.clear();
        head.read_line(&mut line)?;
    }
    let Some(target) = target else { return client.write_all(b"HTTP/1.1 405 Only CONNECT\r\n\r\n") };
    lock(asked).push(target);
    let server = match server {
        Ok(server) => TcpStream::connect(server)?,
        Err(status) => return client.write_all(format!("HTTP/1.1 {status} Scripted\r\n\r\n").as_bytes()),
    };
    client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
    thread::scope(|scope| {
        scope.spawn(|| pass(client, &server));
        pass(&server, client);
    });
    Ok(())
}

fn pass(mut from: &TcpStream, mut to: &TcpStream) {
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
