//! The receiving side.

use std::{
    io::{BufRead as _, BufReader, Result, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::{Arc, Mutex},
};

use crate::listening::{Connection, Listening, lock};

/// A delivered mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The address of the sending client.
    pub peer: SocketAddr,
    /// The address that it was sent to.
    pub local: SocketAddr,
    /// Header and body, lines ended by CR LF.
    pub body: String,
}

/// An SMTP server on one or more addresses. Dropping it stops it.
#[derive(Debug)]
pub struct Listener {
    delivered: Arc<Mutex<Vec<Delivered>>>,
    listening: Listening,
}

impl Listener {
    /// Listens on these addresses of the calling thread's network namespace.
    pub fn bind(addresses: &[SocketAddr]) -> anyhow::Result<Self> {
        let delivered = Arc::<Mutex<Vec<Delivered>>>::default();
        let shared = Arc::clone(&delivered);
        let listening = Listening::start(addresses, move |connection| {
            // A peer that breaks off the connection is no error of the server.
            let _ = serve(connection, &shared);
            let _ = connection.stream.shutdown(Shutdown::Both);
        })?;
        Ok(Self { delivered, listening })
    }

    /// The addresses that it listens on, with the ports that the kernel chose.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listening.addresses()
    }

    /// The mails that have arrived up to now.
    pub fn delivered(&self) -> Vec<Delivered> {
        lock(&self.delivered).clone()
    }

    /// Closes the server, breaks off open sessions, and returns the mails that arrived.
    pub fn stop(self) -> Vec<Delivered> {
        let Self { delivered, listening } = self;
        drop(listening);
        std::mem::take(&mut lock(&delivered))
    }
}

fn serve(connection: &Connection, delivered: &Mutex<Vec<Delivered>>) -> Result<()> {
    let Connection { stream, peer, local, .. } = connection;
    let mut lines = BufReader::new(stream);
    let reply = |text: &str| (&*stream).write_all(format!("{text}\r\n").as_bytes());
    reply("220 mx.example ESMTP")?;
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Ok(());
        }
        match line.split([' ', '\r']).next().unwrap_or_default() {
            "EHLO" => reply("250-mx.example\r\n250 8BITMIME")?,
            "MAIL" | "RCPT" => reply("250 ok")?,
            "DATA" => {
                reply("354 go on")?;
                let body = body(&mut lines)?;
                lock(delivered).push(Delivered { peer: *peer, local: *local, body });
                reply("250 accepted")?;
            }
            "QUIT" => return reply("221 bye"),
            _ => reply("500 what?")?,
        }
    }
}

/// Reads lines up to a line with only a dot, and removes dot-stuffing.
fn body(lines: &mut BufReader<&TcpStream>) -> Result<String> {
    let mut body = String::new();
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == ".\r\n" {
            return Ok(body);
        }
        body.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}
