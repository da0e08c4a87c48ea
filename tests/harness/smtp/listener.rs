//! The receiving side.

use std::{
    io::{BufRead as _, BufReader, Result, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    os::fd::AsRawFd as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
};

use nix::sys::socket::{Shutdown as How, shutdown};

/// A delivered mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The address of the sending client.
    pub peer: SocketAddr,
    /// The address that it was sent to.
    pub local: SocketAddr,
    /// Envelope sender.
    pub from: String,
    /// Envelope recipients.
    pub to: Vec<String>,
    /// Header and body, lines ended by CR LF.
    pub body: String,
}

#[derive(Debug, Default)]
struct State {
    delivered: Vec<Delivered>,
    /// Each session with its stream, so that it can be ended from outside.
    sessions: Vec<(JoinHandle<()>, TcpStream)>,
    stopped: bool,
}

/// An SMTP server on one or more addresses. Dropping it stops it.
#[derive(Debug)]
pub struct Listener {
    sockets: Arc<Vec<TcpListener>>,
    state: Arc<Mutex<State>>,
    accepting: Vec<JoinHandle<()>>,
}

impl Listener {
    /// Listens on these addresses of the calling thread's network namespace.
    pub fn bind(addresses: &[SocketAddr]) -> anyhow::Result<Self> {
        let sockets = addresses.iter().map(TcpListener::bind).collect::<Result<Vec<_>>>()?;
        let (sockets, state) = (Arc::new(sockets), Arc::<Mutex<State>>::default());
        let accept = |number| {
            let (sockets, state) = (Arc::clone(&sockets), Arc::clone(&state));
            thread::spawn(move || accept(&sockets[number], &state))
        };
        let accepting = (0..sockets.len()).map(accept).collect();
        Ok(Self { sockets, state, accepting })
    }

    /// The addresses that it listens on, with the ports that the kernel chose.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let address = |socket: &TcpListener| socket.local_addr().expect("a bound socket");
        self.sockets.iter().map(address).collect()
    }

    /// The mails that have arrived up to now.
    pub fn delivered(&self) -> Vec<Delivered> {
        lock(&self.state).delivered.clone()
    }

    /// Closes the server, breaks off open sessions, and returns the mails that arrived.
    pub fn stop(mut self) -> Vec<Delivered> {
        self.close();
        std::mem::take(&mut lock(&self.state).delivered)
    }

    fn close(&mut self) {
        lock(&self.state).stopped = true;
        for socket in self.sockets.iter() {
            // Ends the accept call in progress.
            let _ = shutdown(socket.as_raw_fd(), How::Both);
        }
        self.accepting.drain(..).for_each(|thread| drop(thread.join()));
        let sessions = std::mem::take(&mut lock(&self.state).sessions);
        for (thread, stream) in sessions {
            let _ = stream.shutdown(Shutdown::Both);
            let _ = thread.join();
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.close();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn accept(socket: &TcpListener, shared: &Arc<Mutex<State>>) {
    while let Ok((stream, peer)) = socket.accept() {
        let Ok(other) = stream.try_clone() else { continue };
        let mut state = lock(shared);
        if state.stopped {
            return;
        }
        state.sessions.retain(|(thread, _)| !thread.is_finished());
        let shared = Arc::clone(shared);
        let session = thread::spawn(move || {
            // A peer that breaks off the connection is no error of the server.
            let _ = serve(&stream, peer, &shared);
            let _ = stream.shutdown(Shutdown::Both);
        });
        state.sessions.push((session, other));
    }
}

fn serve(stream: &TcpStream, peer: SocketAddr, state: &Mutex<State>) -> Result<()> {
    let local = stream.local_addr()?;
    let mut lines = BufReader::new(stream);
    let reply = |text: &str| (&*stream).write_all(format!("{text}\r\n").as_bytes());
    let empty = Delivered { peer, local, from: String::new(), to: Vec::new(), body: String::new() };
    let mut mail = empty.clone();
    reply("220 mx.example ESMTP")?;
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let line = line.trim_end();
        let (verb, argument) = line.split_once([' ', ':']).unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => reply("250-mx.example\r\n250 8BITMIME")?,
            "HELO" | "NOOP" => reply("250 mx.example")?,
            "MAIL" => {
                mail = Delivered { from: address(argument), ..empty.clone() };
                reply("250 sender ok")?;
            }
            "RCPT" => {
                mail.to.push(address(argument));
                reply("250 recipient ok")?;
            }
            "DATA" if mail.to.is_empty() => reply("503 no recipient")?,
            "DATA" => {
                reply("354 go on")?;
                mail.body = body(&mut lines)?;
                lock(state).delivered.push(std::mem::replace(&mut mail, empty.clone()));
                reply("250 accepted")?;
            }
            "RSET" => {
                mail = empty.clone();
                reply("250 forgotten")?;
            }
            "QUIT" => return reply("221 bye"),
            _ => reply("500 what?")?,
        }
    }
}

/// Returns the text between the angle brackets.
fn address(argument: &str) -> String {
    let inside = argument.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map_or(argument, |(address, _)| address).to_owned()
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
