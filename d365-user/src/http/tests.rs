//! Tests with real requests to a real listener on loopback, port 0.

use std::{
    error::Error,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::sync::{oneshot, watch};

use super::{Access, Endpoints, Failures, GRACE, Hosts, Listeners, Readiness, serve};
use crate::{
    published::PublishedList,
    settings::Listen,
    snapshot::{Snapshot, SnapshotSource},
};

mod hosts;
mod limits;
mod ranges;
mod stop;

/// A source that fails, panics, or waits at a gate, as the test wants it.
#[derive(Default)]
struct Source {
    fails: Mutex<Option<&'static str>>,
    panics: bool,
    closed: Mutex<bool>,
    opened: Condvar,
    inside: AtomicUsize,
    most: AtomicUsize,
    list: Mutex<PublishedList>,
}

impl Source {
    /// A source that waits until [`Source::open`].
    fn closed() -> Self {
        Self { closed: Mutex::new(true), ..Self::default() }
    }

    fn open(&self) {
        *self.closed.lock().unwrap() = false;
        self.opened.notify_all();
    }

    /// Waits until `count` snapshots are being taken.
    fn wait_inside(&self, count: usize) {
        let since = Instant::now();
        while self.inside.load(Ordering::SeqCst) < count {
            assert!(since.elapsed() < Duration::from_secs(10), "no scrape came");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl SnapshotSource for Source {
    fn snapshot(&self) -> Result<Snapshot, Box<dyn Error + Send + Sync>> {
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(inside, Ordering::SeqCst);
        let closed = self.closed.lock().unwrap();
        drop(self.opened.wait_while(closed, |closed| *closed).unwrap());
        self.inside.fetch_sub(1, Ordering::SeqCst);
        assert!(!self.panics, "on purpose");
        self.fails.lock().unwrap().map_or_else(|| Ok(Snapshot::default()), |reason| Err(reason.into()))
    }

    fn list(&self) -> PublishedList {
        assert!(!self.panics, "on purpose");
        self.list.lock().unwrap().clone()
    }
}

/// A server on its own thread; dropping the value stops it.
struct Server {
    address: SocketAddr,
    source: Arc<Source>,
    failures: Arc<Failures>,
    readiness: watch::Sender<Readiness>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Server {
    fn start(source: Source) -> Self {
        let source = Arc::new(source);
        let (readiness, watched) = watch::channel(Readiness::NotReady("attaching to eth0".into()));
        let (stop, stopped) = oneshot::channel();
        let (tell, address) = std::sync::mpsc::channel();
        let failures = Arc::new(Failures::default());
        let listen = "127.0.0.1:0".parse().unwrap();
        let hosts = Hosts::new(std::slice::from_ref(&listen), &[]);
        let endpoints =
            Endpoints::new(Arc::clone(&source) as _, watched, Arc::clone(&failures), hosts).unwrap();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let failures = Arc::clone(&endpoints.failures);
                let listeners = Listeners::open(&listen, &failures).unwrap();
                let Listen::Tcp(address) = listeners.addresses().unwrap().remove(0) else { unreachable!() };
                tell.send(address).unwrap();
                let access = Access::open(failures);
                serve(listeners, endpoints, access, async { drop(stopped.await) }).await;
            });
            // A snapshot that hangs must not hang the test.
            runtime.shutdown_background();
        });
        let (stop, thread) = (Some(stop), Some(thread));
        Self { address: address.recv().unwrap(), source, failures, readiness, stop, thread }
    }

    /// Asks the server to stop.
    fn stop(&mut self) {
        drop(self.stop.take());
    }

    /// Waits until [`serve`] has returned. Returns the time that it took.
    fn wait(&mut self) -> Duration {
        let since = Instant::now();
        self.thread.take().unwrap().join().unwrap();
        since.elapsed()
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    fn get(&self, path: &str) -> Answer {
        self.request("GET", path, "")
    }

    fn request(&self, method: &str, path: &str, headers: &str) -> Answer {
        let mut stream = self.connect();
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n").unwrap();
        Answer::read(stream)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.source.open();
        self.stop();
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || thread::panicking());
        }
    }
}

/// A complete answer.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn read(mut stream: TcpStream) -> Self {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head in {text:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(key, _)| *key == name)
            .map(|(_, v)| v)
    }
}

#[test]
fn metrics_in_the_format_asked_for() {
    let server = Server::start(Source::default());
    let classic = server.get("/metrics");
    assert_eq!(classic.status, 200);
    assert_eq!(classic.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert!(classic.body.contains("\nd365_generation 0\n"), "{classic:?}");
    let open = server.request(
        "GET",
        "/metrics",
        "Accept: text/plain;q=0.5\r\nAccept: application/openmetrics-text\r\n",
    );
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!((open.status, open.header("content-type")), (200, Some(kind)));
    assert!(open.body.ends_with("\n# EOF\n"), "{open:?}");
    assert_eq!(open.header("content-length"), Some(&*open.body.len().to_string()));
    for header in ["cache-control", "expires", "etag", "last-modified"] {
        assert_eq!(open.header(header), None);
    }
}

#[test]
fn ready_when_told_so() {
    let server = Server::start(Source::default());
    assert_eq!(server.get("/healthz").status, 200);
    let answer = server.get("/readyz");
    assert_eq!((answer.status, &*answer.body), (503, "not ready: attaching to eth0\n"));
    server.readiness.send_replace(Readiness::Ready);
    let answer = server.get("/readyz");
    assert_eq!((answer.status, &*answer.body), (200, "ready\n"));
    server.readiness.send_replace(Readiness::NotReady("stopping".into()));
    assert_eq!(server.get("/readyz").status, 503);
    assert_eq!(server.get("/healthz").status, 200);
}

#[test]
fn the_index_links_to_everything() {
    let server = Server::start(Source::default());
    let index = server.get("/");
    assert_eq!(index.header("content-type"), Some("text/html; charset=utf-8"));
    for path in ["/metrics", "/readyz", "/healthz"] {
        assert!(index.body.contains(&format!("<a href=\"{path}\">")), "{index:?}");
        assert_ne!(server.get(path).status, 404);
    }
}

#[test]
fn other_paths_and_methods() {
    let server = Server::start(Source::default());
    for path in ["/metrics/", "/favicon.ico", "/../etc/passwd", "/METRICS"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
    assert_eq!(server.get("/metrics?name[]=d365_generation").status, 200);
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let answer = server.request(method, "/metrics", "");
        assert_eq!((answer.status, answer.header("allow")), (405, Some("get,head")), "{method}");
    }
    let head = server.request("HEAD", "/metrics", "");
    assert_eq!((head.status, &*head.body), (200, ""));
    let length = server.get("/metrics").body.len().to_string();
    assert_eq!(head.header("content-length"), Some(&*length));
}

/// `/healthz` is current: it repeats a scrape that failed.
#[test]
fn a_failed_scrape_is_500_with_one_line_and_shows_in_health() {
    let server = Server::start(Source::default());
    *server.source.fails.lock().unwrap() = Some("map COUNTERS:\nno such file");
    assert_eq!(server.get("/healthz").status, 200, "nobody knows yet");
    let answer = server.get("/metrics");
    let line = "cannot read the counters: map COUNTERS: no such file\n";
    assert_eq!((answer.status, &*answer.body), (500, line));
    let answer = server.get("/healthz");
    assert_eq!((answer.status, &*answer.body), (503, line));
    assert_eq!(server.failures.counted().last(), Some(&("scrape", 2)));
    *server.source.fails.lock().unwrap() = None;
    assert_eq!(server.get("/healthz").status, 200);
    assert_eq!(server.get("/metrics").status, 200);
    assert_eq!(server.failures.counted().last(), Some(&("scrape", 2)));
}

#[test]
fn a_panic_in_a_scrape_stops_nothing() {
    let server = Server::start(Source { panics: true, ..Source::default() });
    for _ in 0..3 {
        let answer = server.get("/metrics");
        assert_eq!((answer.status, answer.body.lines().count()), (500, 1), "{answer:?}");
    }
    assert_eq!(server.get("/healthz").status, 503);
    assert_eq!(server.get("/readyz").status, 503);
    assert_eq!(server.failures.counted().last(), Some(&("scrape", 4)));
}
