//! A daemon in a private root.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use super::Root;
use crate::{capture::Output, child::Child, patience};

const PATIENCE: Duration = Duration::from_secs(60);

/// A running daemon. Dropping it kills it.
#[derive(Debug)]
pub struct Service {
    main: Child,
    output: Output,
}

impl Service {
    /// Starts a program that stays in the foreground, and waits until it is ready.
    pub(super) fn start(root: &Root, words: &[&str], is_ready: impl Fn() -> Result<bool>) -> Result<Self> {
        let mut main = root.spawn(words)?;
        let output = Output::of(&mut main)?;
        let mut service = Self { main, output };
        let ready = patience::wait(PATIENCE, || {
            if let Some(ended) = service.main.wait(Duration::ZERO)? {
                bail!("{words:?} ended ({ended}): {}", service.log());
            }
            Ok(is_ready()?.then_some(()))
        });
        ready?.with_context(|| format!("{words:?} does not start: {}", service.log()))?;
        Ok(service)
    }

    /// Does the same as the user and group `owner`. The program is ready when it listens on `port` of the
    /// loopback interface.
    pub(super) fn listening(root: &Root, owner: u32, port: u16, words: &[&str]) -> Result<Self> {
        let owner = owner.to_string();
        let user = ["setpriv", "--reuid", &owner, "--regid", &owner, "--clear-groups"];
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self::start(root, &[&user[..], words].concat(), || Ok(root.listens(address)))
    }

    /// Its whole output up to now.
    pub fn log(&self) -> String {
        self.output.stdout.so_far() + &self.output.stderr.so_far()
    }
}
