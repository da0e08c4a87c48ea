//! Answers of the server, including faulty ones.

use std::{
    io::{Result, Write},
    sync::Arc,
    thread,
    time::Duration,
};

/// A scripted answer.
#[derive(Clone, Debug)]
#[must_use]
pub struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    content: Content,
    framing: Framing,
    pace: Option<(usize, Duration)>,
    pub(super) ends: Ends,
}

#[derive(Clone, Debug)]
enum Content {
    Bytes(Arc<[u8]>),
    /// This many blanks, created while they are sent.
    Blanks(u64),
}

#[derive(Clone, Copy, Debug)]
enum Framing {
    Length(u64),
    Chunked,
    UntilClose,
}

/// The way the connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// Properly.
    Well,
    /// By a reset, after this many bytes of the body.
    ResetAfter(u64),
    /// The server sends nothing, and never ends the connection.
    Never,
}

impl Answer {
    /// Status 200 and this body.
    pub fn ok(body: impl AsRef<[u8]>) -> Self {
        let bytes = body.as_ref();
        Self::new(200, Content::Bytes(bytes.into()), bytes.len() as u64)
    }

    /// This status and a short body.
    pub fn status(status: u16) -> Self {
        Self { status, ..Self::ok(format!("status {status}\n")) }
    }

    /// Sets another status.
    pub fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// Status 302 with this location.
    pub fn redirect(location: &str) -> Self {
        Self::status(302).header("Location", location)
    }

    /// Status 200 and a body of this many blanks, which are never in memory.
    pub fn blanks(length: u64) -> Self {
        Self::new(200, Content::Blanks(length), length)
    }

    /// Reads the request and never answers.
    pub fn silence() -> Self {
        Self { ends: Ends::Never, ..Self::ok("") }
    }

    fn new(status: u16, content: Content, length: u64) -> Self {
        let framing = Framing::Length(length);
        Self { status, headers: Vec::new(), content, framing, pace: None, ends: Ends::Well }
    }

    /// Adds this header field. With `ETag` or `Last-Modified`, a request that names the same value gets
    /// status 304.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends the body in chunks, without a length.
    pub fn chunked(self) -> Self {
        Self { framing: Framing::Chunked, ..self }
    }

    /// Sends the body without a length, until the connection is closed.
    pub fn until_close(self) -> Self {
        Self { framing: Framing::UntilClose, ..self }
    }

    /// Announces this length, whatever the length of the body is.
    pub fn claiming(self, length: u64) -> Self {
        Self { framing: Framing::Length(length), ..self }
    }

    /// Sends this many bytes of the body at a time, and pauses after each piece.
    pub fn dripping(self, bytes: usize, pause: Duration) -> Self {
        Self { pace: Some((bytes, pause)), ..self }
    }

    /// Resets the connection after this many bytes of the body.
    pub fn reset_after(self, bytes: u64) -> Self {
        Self { ends: Ends::ResetAfter(bytes), ..self }
    }

    /// Returns the value of a header field. The case of the name does not matter.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn write_head(&self, to: &mut impl Write) -> Result<()> {
        let mut head = format!("HTTP/1.1 {} Scripted\r\nConnection: close\r\n", self.status);
        match self.framing {
            Framing::Length(length) => head.push_str(&format!("Content-Length: {length}\r\n")),
            Framing::Chunked => head.push_str("Transfer-Encoding: chunked\r\n"),
            Framing::UntilClose => {}
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        to.write_all((head + "\r\n").as_bytes())?;
        to.flush()
    }

    /// Writes the body. Calls `sent` with the length of each piece.
    pub(super) fn write_body(&self, to: &mut impl Write, mut sent: impl FnMut(u64)) -> Result<()> {
        let blanks = [b' '; 16 << 10];
        let whole = match &self.content {
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::Blanks(length) => *length,
        };
        let end = match self.ends {
            Ends::ResetAfter(bytes) => bytes.min(whole),
            Ends::Well | Ends::Never => whole,
        };
        let mut at = 0;
        while at < end {
            let most = self.pace.map_or(blanks.len(), |(bytes, _)| bytes.clamp(1, blanks.len()));
            let length = usize::try_from(end - at).map_or(most, |left| left.min(most));
            let piece = match &self.content {
                Content::Bytes(bytes) => &bytes[usize::try_from(at).expect("an index")..][..length],
                Content::Blanks(_) => &blanks[..length],
            };
            match self.framing {
                Framing::Chunked => {
                    to.write_all(&[format!("{length:x}\r\n").as_bytes(), piece, b"\r\n"].concat())?;
                }
                Framing::Length(_) | Framing::UntilClose => to.write_all(piece)?,
            }
            to.flush()?;
            sent(length as u64);
            at += length as u64;
            if let Some((_, pause)) = self.pace {
                thread::sleep(pause);
            }
        }
        if matches!((self.framing, self.ends), (Framing::Chunked, Ends::Well)) {
            to.write_all(b"0\r\n\r\n")?;
        }
        to.flush()
    }
}
