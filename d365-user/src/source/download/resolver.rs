//! Name resolution by the system, with an error that is distinct from a failed connection.
//!
//! A look-up cannot be cancelled. It runs on a thread of its own, which is left behind if the look-up takes
//! too long. If no thread can be created, the caller's thread does the look-up. The time limit is then that
//! of the system's resolver. (The HTTP client's own resolver panics without a thread.)

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

/// A host name without an address.
#[derive(Debug, thiserror::Error)]
#[error("{host}: {cause}")]
pub(super) struct Unresolved {
    pub(super) host: String,
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
        // Not the authority, because that of a proxy may contain a password.
        let host = uri.host().unwrap_or_default().to_owned();
        Err(ureq::Error::Other(Box::new(Unresolved { host, cause })))
    }
}

/// Looks up the name on another thread, within the time limit.
fn look_up(uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
    let (answer, answered) = mpsc::channel();
    let (own_uri, own_config) = (uri.clone(), config.clone());
    // The send fails if the caller no longer waits for the answer.
    let apart = move || drop(answer.send(look_up_here(&own_uri, &own_config, timeout)));
    if resources::thread("resolver", "look up a name", apart).is_err() {
        return look_up_here(uri, config, timeout);
    }
    answered.recv_timeout(*timeout.after).unwrap_or(Err(ureq::Error::Timeout(timeout.reason)))
}

/// Looks up the name on this thread, without a time limit.
fn look_up_here(
    uri: &Uri,
    config: &Config,
    timeout: NextTimeout,
) -> Result<ResolvedSocketAddrs, ureq::Error> {
    let endless = NextTimeout { after: Duration::NotHappening, ..timeout };
    DefaultResolver::default().resolve(uri, config, endless)
}
