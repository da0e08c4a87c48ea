//! The daemon's HTTP server in this process, without a kernel program.

use std::{
    error::Error,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use d365_tests::temp::TempDir;
use d365_user::{
    http::{self, Access, Endpoints, Failures, Hosts, Listeners, Readiness, WebConfig},
    published::PublishedList,
    settings::Listen,
    snapshot::{Snapshot, SnapshotSource},
};
use tokio::sync::{oneshot, watch};

/// The hash of `right`, with cost 6.
pub(super) const HASH: &str = "$2b$06$8.JYUk5tmN9cMBhGsWPe5.BFKbIJLuZdRm5uXNlPWahuaMwMwTMsW";

struct Nothing;

impl SnapshotSource for Nothing {
    fn snapshot(&self) -> Result<Snapshot, Box<dyn Error + Send + Sync>> {
        Ok(Snapshot::default())
    }

    fn list(&self) -> PublishedList {
        PublishedList::default()
    }
}

/// A server with a web configuration, which is the file `web.yml` in its directory.
pub(super) struct Served {
    pub(super) place: TempDir,
    pub(super) address: Listen,
    pub(super) failures: Arc<Failures>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    /// Serves on a port of 127.0.0.1 by this configuration.
    pub(super) fn start(place: TempDir, text: &str) -> Self {
        Self::on("127.0.0.1:0".parse().unwrap(), place, text)
    }

    pub(super) fn on(listen: Listen, place: TempDir, text: &str) -> Self {
        let path = place.file("web.yml");
        std::fs::write(&path, text).unwrap();
        let (tell, address) = mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let failures = Arc::new(Failures::default());
        let own = Arc::clone(&failures);
        let thread = thread::spawn(move || serve(&listen, path, own, &tell, stopped));
        let address = address.recv().expect("the server starts");
        Self { place, address, failures, stop: Some(stop), thread: Some(thread) }
    }

    pub(super) fn tcp(&self) -> SocketAddr {
        let Listen::Tcp(address) = self.address else { panic!("{} has no port", self.address) };
        address
    }

    /// The number of failures with this reason.
    pub(super) fn failed(&self, reason: &str) -> u64 {
        self.failures.counted().into_iter().find(|(name, _)| *name == reason).unwrap().1
    }

    /// Stops it. Returns the time that this took.
    pub(super) fn stop(&mut self) -> Duration {
        let since = Instant::now();
        drop(self.stop.take());
        self.thread.take().unwrap().join().unwrap();
        since.elapsed()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.stop();
        }
    }
}

fn serve(
    listen: &Listen,
    path: PathBuf,
    failures: Arc<Failures>,
    tell: &mpsc::Sender<Listen>,
    stopped: oneshot::Receiver<()>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let first = WebConfig::read(&path).unwrap();
        let listeners = Listeners::open(listen, &failures).unwrap();
        let addresses = listeners.addresses().unwrap();
        tell.send(addresses[0].clone()).unwrap();
        let hosts = Hosts::new(&addresses, &[]);
        let current = http::follow(path, first, addresses, Arc::clone(&failures)).unwrap();
        let access = Access::new(current, Arc::clone(&failures)).unwrap();
        let (_ready, readiness) = watch::channel(Readiness::Ready);
        let endpoints = Endpoints::new(Arc::new(Nothing), readiness, failures, hosts).unwrap();
        http::serve(listeners, endpoints, access, async { drop(stopped.await) }).await;
    });
}
