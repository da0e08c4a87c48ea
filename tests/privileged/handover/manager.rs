//! Service managers that start the daemon. The same test runs under each of them.

use std::time::Duration;

use d365_tests::{
    daemon::{Daemon, DaemonOptions},
    netns::Netns,
    scrape::Scrape,
    service_manager::ServiceManager,
};
use nix::sys::signal::Signal;

/// The time limit for a daemon to become ready.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// A service manager that keeps descriptors and runs one daemon at a time. Its functions panic if they fail.
pub(super) trait Manager {
    /// Changes the options of the next daemon.
    fn configure(&mut self, options: &DaemonOptions);
    /// Stops the daemon, if one runs, and starts the next one. Does not wait for either.
    fn begin(&mut self);
    /// Waits for the daemon that was started last.
    fn wait_until_ready(&mut self);
    /// Kills the daemon, whether it is ready or not. The next one starts by itself.
    fn kill(&mut self);
    /// Stops the daemon for good, and closes the descriptors.
    fn stop(&mut self);
    /// The number of descriptors that are kept.
    fn kept(&self) -> usize;
    /// The process id of the daemon that runs.
    fn pid(&self) -> u32;
    fn scrape(&self) -> Scrape;
    fn log(&self) -> String;

    fn restart(&mut self) {
        self.begin();
        self.wait_until_ready();
    }
}

/// The service manager of the harness.
pub(super) struct Own {
    host: Netns,
    manager: ServiceManager,
    options: DaemonOptions,
    daemon: Option<Daemon>,
}

impl Own {
    pub(super) fn new(host: &Netns, options: &DaemonOptions) -> Self {
        let manager = ServiceManager::start().unwrap();
        let options = options.clone().managed(&manager);
        Self { host: host.clone(), manager, options, daemon: None }
    }

    fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().unwrap()
    }

    fn spawn(&mut self) {
        self.daemon = Some(Daemon::spawn(&self.host, &self.options).unwrap());
    }
}

impl Manager for Own {
    fn configure(&mut self, options: &DaemonOptions) {
        self.options = options.clone().managed(&self.manager);
    }

    fn begin(&mut self) {
        if let Some(daemon) = self.daemon.take() {
            daemon.stop().unwrap();
        }
        self.spawn();
    }

    fn wait_until_ready(&mut self) {
        self.daemon.as_mut().unwrap().wait_until_ready(PATIENCE).unwrap();
    }

    fn kill(&mut self) {
        self.daemon.take().unwrap().stop_by(Signal::SIGKILL).unwrap();
        self.spawn();
    }

    fn stop(&mut self) {
        self.daemon.take().unwrap().stop().unwrap();
        self.manager.stop();
    }

    fn kept(&self) -> usize {
        self.manager.names().len()
    }

    fn pid(&self) -> u32 {
        self.daemon().pid()
    }

    fn scrape(&self) -> Scrape {
        self.daemon().scrape().unwrap()
    }

    fn log(&self) -> String {
        self.daemon().log()
    }
}
