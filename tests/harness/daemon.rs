//! The real daemon in a namespace. A test starts it, waits for it, scrapes it and stops it. No daemon is left
//! behind.

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::ExitStatus,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::signal::Signal;

pub use crate::daemon_options::DaemonOptions;
use crate::{
    capture::Output,
    child::Child,
    http::{self, Response},
    netns::Netns,
    patience,
    scrape::Scrape,
    temp::TempDir,
};

/// The daemon's default listen address.
pub const DEFAULT_LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9365);

/// The result of a daemon that has ended.
#[derive(Debug)]
pub struct Exit {
    /// Its exit status.
    pub status: ExitStatus,
    /// All that it wrote to standard output.
    pub stdout: String,
    /// All that it wrote to standard error.
    pub stderr: String,
    /// Time from the start, or from the signal that stopped it, to its end.
    pub took: Duration,
}

impl Exit {
    /// The lines about an error, with a log or without one. A line of a lower level may have a field `error`.
    pub fn errors(&self) -> Vec<&str> {
        let is_lower = |line: &str| [" WARN ", " INFO ", " DEBUG "].iter().any(|level| line.contains(level));
        let lines = self.stderr.lines();
        lines.filter(|line| line.to_lowercase().contains("error") && !is_lower(line)).collect()
    }
}

/// A running daemon. Dropping this value kills it.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    netns: Netns,
    listen: SocketAddr,
    output: Output,
    started: Instant,
    /// Keeps the state directory until the daemon has ended.
    _state: Option<Arc<TempDir>>,
}

impl Daemon {
    /// Starts the daemon and returns at once.
    pub fn spawn(netns: &Netns, options: &DaemonOptions) -> Result<Self> {
        let started = Instant::now();
        let mut child = netns.spawn(options.command()?)?;
        let output = Output::of(&mut child)?;
        let (netns, listen, state) = (netns.clone(), options.listen, options.state.clone());
        Ok(Self { child, netns, listen, output, started, _state: state })
    }

    /// Starts the daemon and waits until `/readyz` answers 200. An error contains the daemon's standard
    /// error.
    pub fn start(netns: &Netns, options: &DaemonOptions) -> Result<Self> {
        let mut daemon = Self::spawn(netns, options)?;
        daemon.wait_until_ready(options.patience)?;
        Ok(daemon)
    }

    /// Runs a daemon that must refuse to start, and waits for its end. A daemon that still runs after the
    /// options' patience is an error.
    pub fn run(netns: &Netns, options: &DaemonOptions) -> Result<Exit> {
        let daemon = Self::spawn(netns, options)?;
        let since = daemon.started;
        daemon.ended(since, options.patience)
    }

    /// Waits until `/readyz` answers 200.
    pub fn wait_until_ready(&mut self, limit: Duration) -> Result<()> {
        let mut last = None;
        let ready = patience::wait(limit, || {
            if let Some(status) = self.child.wait(Duration::ZERO)? {
                let stderr = self.output.stderr.whole();
                bail!("the daemon ended ({status}) before it was ready; its standard error:\n{stderr}");
            }
            let answer = last.insert(self.get("/readyz", &[]));
            Ok(answer.as_ref().is_ok_and(|response| response.status == 200).then_some(()))
        });
        ready?.with_context(|| {
            let stderr = self.output.stderr.so_far();
            format!("not ready after {limit:?}; last answer {last:?}; its standard error:\n{stderr}")
        })
    }

    /// Waits until the daemon is ready or has ended.
    pub fn ready_or_ended(mut self, limit: Duration) -> Result<Result<Self, Exit>> {
        match self.wait_until_ready(limit) {
            Ok(()) => Ok(Ok(self)),
            Err(_) if self.child.wait(Duration::ZERO)?.is_some() => {
                let since = self.started;
                Ok(Err(self.ended(since, Duration::ZERO)?))
            }
            Err(error) => Err(error),
        }
    }

    /// Fetches a path of the daemon's HTTP server, from inside its namespace.
    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> Result<Response> {
        self.netns.run(|| http::get(self.listen, path, headers))
    }

    /// Scrapes `/metrics` in the classic text format.
    pub fn scrape(&self) -> Result<Scrape> {
        let response = self.get("/metrics", &[("Accept", "text/plain")])?;
        ensure!(response.status == 200, "/metrics answers {}: {}", response.status, response.body);
        Scrape::parse(&response.body)
    }

    /// Returns the daemon's standard error up to now.
    pub fn log(&self) -> String {
        self.output.stderr.so_far()
    }

    /// Waits until standard error contains `text`. The text may already be there.
    pub fn wait_for_log(&self, text: &str, limit: Duration) -> Result<()> {
        let logged = patience::wait(limit, || Ok(self.log().contains(text).then_some(())))?;
        logged.with_context(|| format!("`{text}` not logged within {limit:?}; log:\n{}", self.log()))
    }

    /// Waits until one line of standard error contains all of `parts`, such as a message and a field, and
    /// returns that line.
    pub fn wait_for_line(&self, parts: &[&str], limit: Duration) -> Result<String> {
        let line = |log: &str| {
            log.lines().find(|line| parts.iter().all(|part| line.contains(part))).map(str::to_owned)
        };
        let found = patience::wait(limit, || Ok(line(&self.log())))?;
        found.with_context(|| format!("no line with {parts:?} within {limit:?}; log:\n{}", self.log()))
    }

    /// The daemon's process id.
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.child.signal(signal)
    }

    /// Sends SIGTERM and waits for the end, at most 10 s.
    pub fn stop(self) -> Result<Exit> {
        self.stop_by(Signal::SIGTERM)
    }

    /// Sends any signal and waits for the end, at most 10 s.
    pub fn stop_by(self, signal: Signal) -> Result<Exit> {
        let since = Instant::now();
        self.signal(signal)?;
        self.ended(since, Duration::from_secs(10))
    }

    fn ended(mut self, since: Instant, limit: Duration) -> Result<Exit> {
        let Some(status) = self.child.wait(limit)? else {
            bail!(
                "the daemon still runs after {limit:?}; its standard error:\n{}",
                self.output.stderr.so_far()
            );
        };
        let took = since.elapsed();
        Ok(Exit { status, stdout: self.output.stdout.whole(), stderr: self.output.stderr.whole(), took })
    }
}

/// The daemon's binary: `D365_USER_BIN`, or `d365-user` in the directory of the cargo profile that this test
/// was built with. This module does not build it; `cargo xtask test` does.
pub fn binary() -> Option<PathBuf> {
    let named = std::env::var_os("D365_USER_BIN").map(PathBuf::from);
    // target/<profile>/deps/<test>-<hash>
    let beside = || Some(std::env::current_exe().ok()?.parent()?.parent()?.join("d365-user"));
    named.or_else(beside).filter(|path| path.is_file())
}
