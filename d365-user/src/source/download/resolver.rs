//! Name resolution by the system, with an error that can be told from a failed connection.
//!
//! A look-up cannot be ended, so it has a thread of its own that is left behind when it takes too long. Where
//! no thread can be made the caller's own looks up: the time limit then is that of the system's resolver.
//! (The HTTP client's own way to do it panics without a thread.)

use std::{io, sync::mpsc};

use ureq::{
    config::Config,
    http::Uri,
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::{NextTimeout, time::Duration},
    },
};

use crate::resources;

/// A name without an address.
#[derive(Debug, thiserror::Error)]
#[error("{host}: {cause}")]
pub(super) struct Unresolved {
    /// The name.
    pub(super) host: String,
    /// What the system said.
    pub(super) cause: io::Error,
}

/// The system's resolver.
#[derive(Debug, Default)]
pub(super) struct System;

impl Resolver for System {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let cause = match look_up(uri, config, timeout) {
            Err(ureq::Error::Io(cause)) => cause,
            Err(ureq::Error::HostNotFound) => io::ErrorKind::NotFound.into(),
            other => return other,
        };
        // Not the authority: a proxy's may hold a password.
        let host = uri.host().unwrap_or_default().to_owned();
        Err(ureq::Error::Other(Box::new(Unresolved { host, cause })))
    }
}

/// Looks up on another thread, within the time.
fn look_up(uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
    let (answer, answered) = mpsc::channel();
    let (own_uri, own_config) = (uri.clone(), config.clone());
    // Nobody may wait for the answer any more.
    let apart = move || drop(answer.send(look_up_here(&own_uri, &own_config, timeout)));
    if resources::thread("resolver", "look up a name", apart).is_err() {
        return look_up_here(uri, config, timeout);
    }
    answered.recv_timeout(*timeout.after).unwrap_or(Err(ureq::Error::Timeout(timeout.reason)))
}

/// Looks up on this thread, however long that takes.
fn look_up_here(
    uri: &Uri,
    config: &Config,
    timeout: NextTimeout,
) -> Result<ResolvedSocketAddrs, ureq::Error> {
    let endless = NextTimeout { after: Duration::NotHappening, ..timeout };
    DefaultResolver::default().resolve(uri, config, endless)
}
