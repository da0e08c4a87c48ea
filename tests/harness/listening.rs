//! Listening sockets with a thread for each connection. Dropping the value ends all of them.

use std::{
    collections::HashMap,
    io::Result,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    os::fd::AsRawFd as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use nix::sys::socket::{Shutdown as How, shutdown};
use socket2::SockRef;

/// The sockets, their threads and their connections.
#[derive(Debug)]
pub(crate) struct Listening {
    sockets: Arc<Vec<TcpListener>>,
    open: Arc<Mutex<Open>>,
    accepting: Vec<JoinHandle<()>>,
}

/// Streams and threads that a drop of [`Listening`] ends.
#[derive(Debug, Default)]
struct Open {
    /// By the peer's and the own address.
    streams: HashMap<[SocketAddr; 2], TcpStream>,
    threads: Vec<JoinHandle<()>>,
    stopped: bool,
}

/// One connection, as the thread that serves it sees it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
    open: Arc<Mutex<Open>>,
}

impl Connection {
    /// Makes the stream end with a reset. The reset happens when the stream and all its clones are dropped.
    pub(crate) fn reset_at_end(&self) -> Result<()> {
        lock(&self.open).streams.remove(&[self.peer, self.local]);
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        lock(&self.open).streams.remove(&[self.peer, self.local]);
    }
}

impl Listening {
    /// Listens on these addresses of the calling thread's network namespace.
    pub(crate) fn start(
        addresses: &[SocketAddr],
        serve: impl Fn(&Connection) + Send + Sync + 'static,
    ) -> Result<Self> {
        let sockets = Arc::new(addresses.iter().map(TcpListener::bind).collect::<Result<Vec<_>>>()?);
        let (open, serve) = (Arc::<Mutex<Open>>::default(), Arc::new(serve));
        let accepting = (0..sockets.len()).map(|number| {
            let (sockets, open, serve) = (Arc::clone(&sockets), Arc::clone(&open), Arc::clone(&serve));
            thread::spawn(move || while accept(&sockets[number], &open, &serve).is_some() {})
        });
        let accepting = accepting.collect();
        Ok(Self { sockets, open, accepting })
    }

    /// The addresses, with the ports that the kernel chose.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.sockets.iter().map(|socket| socket.local_addr().expect("a bound socket")).collect()
    }
}

/// Accepts one connection and starts to serve it. Returns `None` if the socket is closed.
fn accept<F>(socket: &TcpListener, open: &Arc<Mutex<Open>>, serve: &Arc<F>) -> Option<()>
where
    F: Fn(&Connection) + Send + Sync + 'static,
{
    let (stream, peer) = socket.accept().ok()?;
    let mut all = lock(open);
    if all.stopped {
        return None;
    }
    let (Ok(other), Ok(local), Ok(())) = (stream.try_clone(), stream.local_addr(), stream.set_nodelay(true))
    else {
        return Some(());
    };
    all.streams.insert([peer, local], other);
    let connection = Connection { stream, peer, local, open: Arc::clone(open) };
    let serve = Arc::clone(serve);
    all.threads.retain(|thread| !thread.is_finished());
    all.threads.push(thread::spawn(move || serve(&connection)));
    Some(())
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
        for socket in self.sockets.iter() {
            // Ends the accept call in progress.
            let _ = shutdown(socket.as_raw_fd(), How::Both);
        }
        for thread in self.accepting.drain(..).chain(threads) {
            let _ = thread.join();
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
