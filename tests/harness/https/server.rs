//! The server. A route is a path with the answers to it, in order.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, ErrorKind, Read, Result, Write},
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use rustls::{ServerConnection, Stream};

use super::{Answer, Identity, LOOPBACK, answer::Ends};
use crate::listening::{Connection, Listening, lock};

/// The longest request head that is read.
const MAX_HEAD: u64 = 64 << 10;

/// A received request.
#[derive(Clone, Debug)]
pub struct Received {
    /// Path and query.
    pub path: String,
    /// Header fields, names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Received {
    /// The first field of that name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Debug, Default)]
struct State {
    /// The last answer of a route stays in use.
    routes: Mutex<HashMap<String, Vec<Answer>>>,
    received: Mutex<Vec<Received>>,
    sent: AtomicU64,
}

/// A server on a port of 127.0.0.1. Dropping it stops it. It answers a request without a route with status
/// 404.
#[derive(Debug)]
pub struct Server {
    scheme: &'static str,
    state: Arc<State>,
    listening: Listening,
}

impl Server {
    /// A server that presents this certificate.
    pub fn https(identity: &Identity) -> anyhow::Result<Self> {
        let config = Arc::clone(&identity.0);
        Self::start("https", move |connection, state| {
            let mut tls = ServerConnection::new(Arc::clone(&config)).map_err(std::io::Error::other)?;
            let mut tcp = &connection.stream;
            let mut stream = Stream::new(&mut tls, &mut tcp);
            let ends = serve(&mut stream, state)?;
            if ends == Ends::Well {
                stream.conn.send_close_notify();
                stream.flush()?;
            }
            Ok(ends)
        })
    }

    /// A server without TLS.
    pub fn http() -> anyhow::Result<Self> {
        Self::start("http", |connection, state| serve(&mut &connection.stream, state))
    }

    fn start(
        scheme: &'static str,
        serve: impl Fn(&Connection, &State) -> Result<Ends> + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        let state = Arc::<State>::default();
        let shared = Arc::clone(&state);
        let listening = Listening::start(&[LOOPBACK], move |connection| {
            // A peer that breaks off the connection is no error of the server.
            if let Ok(Ends::ResetAfter(_)) = serve(connection, &shared) {
                let _ = connection.reset_at_end();
            } else {
                let _ = connection.stream.shutdown(std::net::Shutdown::Write);
                drain(&connection.stream);
            }
        })?;
        Ok(Self { scheme, state, listening })
    }

    /// Answers requests for `path`, query included, with these answers in turn, and from then on with the
    /// last one.
    pub fn route(&self, path: &str, answers: impl IntoIterator<Item = Answer>) {
        let mut answers: Vec<_> = answers.into_iter().collect();
        answers.reverse();
        lock(&self.state.routes).insert(path.to_owned(), answers);
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.listening.addresses()[0]
    }

    /// The URL of a path, with the host name `localhost`.
    pub fn url(&self, path: &str) -> String {
        format!("{}://localhost:{}{path}", self.scheme, self.address().port())
    }

    /// The requests received up to now.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.state.received).clone()
    }

    /// The number of requests for `path` up to now.
    pub fn count(&self, path: &str) -> usize {
        lock(&self.state.received).iter().filter(|received| received.path == path).count()
    }

    /// Bytes of bodies that were handed to the kernel up to now.
    pub fn sent(&self) -> u64 {
        self.state.sent.load(Ordering::SeqCst)
    }
}

/// Reads until the peer closes as well, so that unread data does not turn the end into a reset.
fn drain(mut stream: &std::net::TcpStream) {
    let mut unread = [0; 4 << 10];
    while stream.read(&mut unread).is_ok_and(|read| read > 0) {}
}

fn serve(stream: &mut (impl Read + Write), state: &State) -> Result<Ends> {
    let request = match request(stream) {
        Err(error) if error.kind() == ErrorKind::InvalidData => {
            Answer::status(400).write_head(stream)?;
            return Ok(Ends::Well);
        }
        request => request?,
    };
    let answer = answer(&request, state);
    lock(&state.received).push(request.clone());
    if answer.ends == Ends::Never {
        // Waits until the peer gives up.
        let _ = stream.read(&mut [0]);
        return Ok(Ends::Never);
    }
    let same = |field: &str, condition: &str| {
        answer.field(field).is_some_and(|value| request.header(condition) == Some(value))
    };
    if same("etag", "if-none-match") || same("last-modified", "if-modified-since") {
        Answer::status(304).header("X-Was", &answer.status.to_string()).until_close().write_head(stream)?;
        return Ok(Ends::Well);
    }
    answer.write_head(stream)?;
    answer.write_body(stream, |bytes| {
        state.sent.fetch_add(bytes, Ordering::SeqCst);
    })?;
    Ok(answer.ends)
}

fn answer(request: &Received, state: &State) -> Answer {
    let mut routes = lock(&state.routes);
    match routes.get_mut(&request.path) {
        Some(answers) if answers.len() > 1 => answers.pop(),
        Some(answers) => answers.last().cloned(),
        None => None,
    }
    .unwrap_or_else(|| Answer::status(404))
}

/// Reads a request's head. Nothing follows the head: each connection has one request, without a body.
fn request(stream: &mut impl Read) -> Result<Received> {
    let mut lines = BufReader::new(stream.take(MAX_HEAD)).lines();
    let broken = || std::io::Error::from(ErrorKind::UnexpectedEof);
    let first = lines.next().ok_or_else(broken)??;
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = Vec::new();
    for line in lines {
        match line?.split_once(':') {
            Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.trim().to_owned())),
            None => return Ok(Received { path, headers }),
        }
    }
    Err(broken())
}
