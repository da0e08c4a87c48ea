//! The sending side.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{IpAddr, SocketAddr, TcpStream},
};

use anyhow::{Context as _, Result, ensure};

use crate::tcp;

/// One mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Envelope recipient.
    pub to: String,
    /// Header and body, lines ended by CR LF.
    pub body: String,
}

impl Mail {
    /// A mail with this text between made-up addresses.
    pub fn new(body: impl Into<String>) -> Self {
        Self { to: "recipient@mx.example".to_owned(), body: body.into() }
    }
}

/// An SMTP session after its EHLO.
#[derive(Debug)]
pub struct Session {
    stream: BufReader<TcpStream>,
}

impl Session {
    /// Connects from `source`, in the calling thread's network namespace.
    pub fn open(source: IpAddr, server: SocketAddr) -> Result<Self> {
        let mut session = Self { stream: BufReader::new(tcp::connect(source, server)?) };
        session.expect("220").context("greeting")?;
        session.command("EHLO d365.example", "250")?;
        Ok(session)
    }

    /// Sends a mail and waits until it is accepted.
    pub fn send(&mut self, mail: &Mail) -> Result<()> {
        self.command("MAIL FROM:<sender@d365.example>", "250")?;
        self.command(&format!("RCPT TO:<{}>", mail.to), "250")?;
        self.command("DATA", "354")?;
        let stuffed = mail.body.replace("\r\n.", "\r\n..");
        let first = if stuffed.starts_with('.') { "." } else { "" };
        self.command(&format!("{first}{stuffed}."), "250")
    }

    /// Ends the session. Returns when the server has closed its side.
    pub fn quit(mut self) -> Result<()> {
        self.command("QUIT", "221")?;
        let mut rest = String::new();
        let after = self.stream.read_line(&mut rest).context("end of the session")?;
        ensure!(after == 0, "more after QUIT: {rest}");
        Ok(())
    }

    fn command(&mut self, line: &str, code: &str) -> Result<()> {
        let name = || line.lines().next().unwrap_or_default().to_owned();
        self.stream.get_mut().write_all(format!("{line}\r\n").as_bytes()).with_context(name)?;
        self.expect(code).with_context(name)
    }

    /// Reads one reply of one or more lines.
    fn expect(&mut self, code: &str) -> Result<()> {
        loop {
            let mut line = String::new();
            ensure!(self.stream.read_line(&mut line)? > 0, "the server closed the connection");
            ensure!(line.starts_with(code), "the server answers {}", line.trim_end());
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(());
            }
        }
    }
}

/// Runs a whole session with one mail from `source`, in the calling thread's network namespace.
pub fn deliver(source: IpAddr, server: SocketAddr, mail: &Mail) -> Result<()> {
    let session = || {
        let mut session = Session::open(source, server)?;
        session.send(mail)?;
        session.quit()
    };
    session().with_context(|| format!("mail from {source} to {server}"))
}
