//! A daemon in a private root. It runs as a user of its own, and listens on loopback.

use std::{
    net::{Ipv4Addr, SocketAddr},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use super::Root;
use crate::{capture::Capture, child::Child};

const PATIENCE: Duration = Duration::from_secs(60);

/// A running daemon. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Service {
    main: Child,
    log: Capture,
    errors: Capture,
}

impl Service {
    /// Starts a program that stays in the foreground, as the user and group `owner`. Waits until it listens
    /// on `port`.
    pub(super) fn start(root: &Root, owner: u32, port: u16, words: &[&str]) -> Result<Self> {
        let owner = owner.to_string();
        let user = ["setpriv", "--reuid", &owner, "--regid", &owner, "--clear-groups"];
        let mut main = root.spawn(&[&user[..], words].concat())?;
        let log = Capture::start(main.take_stdout().expect("piped"));
        let errors = Capture::start(main.take_stderr().expect("piped"));
        let mut service = Self { main, log, errors };
        let deadline = Instant::now() + PATIENCE;
        while !root.listens(SocketAddr::from((Ipv4Addr::LOCALHOST, port))) {
            let ended = service.main.wait(Duration::ZERO)?;
            if ended.is_some() || Instant::now() >= deadline {
                bail!("{words:?} does not start ({ended:?}): {}", service.output());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(service)
    }

    /// Its whole output up to now.
    pub(super) fn output(&self) -> String {
        self.log.so_far() + &self.errors.so_far()
    }
}
