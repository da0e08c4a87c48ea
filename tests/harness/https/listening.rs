//! A loopback socket with a thread for each connection. Dropping it ends all of them.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    os::fd::AsRawFd as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::Result;
use nix::sys::socket::{Shutdown as How, shutdown};
use socket2::SockRef;

/// No peer in a test is silent for longer than this.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The socket, its threads and its connections.
#[derive(Debug)]
pub(super) struct Listening {
    socket: Arc<TcpListener>,
    open: Arc<Mutex<Open>>,
    accepting: Option<JoinHandle<()>>,
}

/// Streams and threads that a drop of [`Listening`] ends.
#[derive(Debug, Default)]
struct Open {
    streams: HashMap<usize, TcpStream>,
    threads: Vec<JoinHandle<()>>,
    stopped: bool,
}

/// One connection, as the thread that serves it sees it.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    number: usize,
    open: Arc<Mutex<Open>>,
}

impl Connection {
    /// Makes the stream end with a reset. The reset happens when the stream and all its clones are dropped.
    pub(super) fn reset_at_end(&self) -> std::io::Result<()> {
        lock(&self.open).streams.remove(&self.number);
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        lock(&self.open).streams.remove(&self.number);
    }
}

impl Listening {
    /// Listens on a port of 127.0.0.1 that the kernel chooses.
    pub(super) fn start(serve: impl Fn(&Connection) + Send + Sync + 'static) -> Result<Self> {
        let socket = Arc::new(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?);
        let (listener, open) = (Arc::clone(&socket), Arc::<Mutex<Open>>::default());
        let (shared, serve) = (Arc::clone(&open), Arc::new(serve));
        let accepting = thread::spawn(move || {
            for number in 0.. {
                let Ok((stream, _)) = listener.accept() else { return };
                let mut open = lock(&shared);
                if open.stopped {
                    return;
                }
                let Ok(other) = stream.try_clone() else { continue };
                let timeouts =
                    stream.set_read_timeout(Some(TIMEOUT)).and(stream.set_write_timeout(Some(TIMEOUT)));
                if timeouts.and(stream.set_nodelay(true)).is_err() {
                    continue;
                }
                open.streams.insert(number, other);
                let connection = Connection { stream, number, open: Arc::clone(&shared) };
                let serve = Arc::clone(&serve);
                open.threads.push(thread::spawn(move || serve(&connection)));
            }
        });
        Ok(Self { socket, open, accepting: Some(accepting) })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("a bound socket")
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let threads = {
            let mut open = lock(&self.open);
            open.stopped = true;
            for stream in open.streams.values() {
                let _ = stream.shutdown(Shutdown::Both);
            }
            std::mem::take(&mut open.threads)
        };
        // Ends the accept call in progress.
        let _ = shutdown(self.socket.as_raw_fd(), How::Both);
        for thread in self.accepting.take().into_iter().chain(threads) {
            let _ = thread.join();
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
