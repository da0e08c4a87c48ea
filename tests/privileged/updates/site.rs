//! A daemon in a lab, and an HTTPS server on the lab's loopback that the daemon trusts.

use std::{
    fs,
    time::{Duration, Instant},
};

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    https::{Answer, Authority, Server},
    lab::Lab,
    scrape::Scrape,
    task::{self, Done},
    temp::TempFile,
    vendor::Documents,
};

/// Time limit for each event that a test waits for.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// The lab, the server, its documents, and the authority that signed its certificate.
pub(crate) struct Site {
    pub(crate) lab: Lab,
    pub(crate) server: Server,
    documents: Documents,
    authority: TempFile,
    signs: Authority,
}

impl Site {
    /// A site with generated documents.
    pub(crate) fn new() -> Self {
        Self::with(Documents::Made)
    }

    pub(super) fn with(documents: Documents) -> Self {
        let lab = Lab::new().unwrap();
        let signs = Authority::new().unwrap();
        let authority = TempFile::reserve("authority");
        signs.write(authority.path()).unwrap();
        let server = serve(&lab, &signs);
        Self { lab, server, documents, authority, signs }
    }

    /// Starts a server with a certificate of this authority, which the daemon does not trust.
    pub(super) fn server_of(&self, authority: &Authority) -> Server {
        serve(&self.lab, authority)
    }

    /// Adds an authority to the file that the daemon uses as its store of trusted authorities.
    pub(super) fn trust(&self, authority: &Authority) {
        fs::write(self.authority.path(), self.signs.pem() + &authority.pem()).unwrap();
    }

    /// Options of a daemon on the lab's interface that trusts the server and reads these sources each second.
    pub(crate) fn options(&self, sources: &[&str]) -> DaemonOptions {
        self.options_each("1s", sources)
    }

    /// The same options with another interval between readings.
    pub(crate) fn options_each(&self, refresh: &str, sources: &[&str]) -> DaemonOptions {
        let options = DaemonOptions::on(&[self.lab.iface()])
            .env("SSL_CERT_FILE", self.authority.path().to_str().unwrap())
            .args(["--refresh", refresh]);
        sources.iter().fold(options, |options, source| options.args(["--ranges", source]))
    }

    /// The source of a path of the server.
    pub(crate) fn source(&self, path: &str) -> String {
        format!("url:{}", self.server.url(path))
    }

    /// Serves this document at `path` from now on.
    pub(super) fn serves(&self, path: &str, name: &str) {
        let answer = Answer::ok(self.document(name)).header("ETag", &format!("\"{name}\""));
        self.server.route(path, [answer]);
    }

    pub(super) fn document(&self, name: &str) -> Vec<u8> {
        self.documents.document(name)
    }

    pub(crate) fn start(&self, options: &DaemonOptions) -> Daemon {
        Daemon::start(&self.lab.host, options).unwrap()
    }
}

fn serve(lab: &Lab, signs: &Authority) -> Server {
    let identity = signs.issue(&["localhost", "127.0.0.1"]).unwrap();
    lab.host.run(|| Server::https(&identity)).unwrap()
}

/// Runs `d365-user approve --yes` on the state directory of these options.
pub(super) fn approve(options: &DaemonOptions, flags: &[&str]) -> Done {
    let state = options.state.as_ref().unwrap().path().to_str().unwrap();
    task::run(&[&["approve", "--yes", "--state-dir", state], flags].concat()).unwrap()
}

/// Scrapes until `is_so` returns true. Panics with `what` and the log if that takes too long.
pub(crate) fn wait_until(daemon: &Daemon, what: &str, is_so: impl Fn(&Scrape) -> bool) -> Scrape {
    let deadline = d365_tests::patience::deadline(PATIENCE);
    loop {
        let scrape = daemon.scrape().unwrap();
        if is_so(&scrape) {
            return scrape;
        }
        assert!(Instant::now() < deadline, "{what} does not come; log:\n{}", daemon.log());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Number of listed ranges in the published generation.
pub(crate) fn ranges(scrape: &Scrape) -> u64 {
    scrape.sum("d365_ranges", &[])
}

/// Number of changes that wait for this reason.
pub(super) fn pending(scrape: &Scrape, change: &str) -> u64 {
    scrape.sum("d365_ranges_pending", &[("change", change)])
}

/// Failures of all sources for this reason.
pub(super) fn failures(scrape: &Scrape, reason: &str) -> u64 {
    scrape.sum("d365_source_failures_total", &[("reason", reason)])
}
