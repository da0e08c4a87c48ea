//! Name resolution as the HTTP client does it, with an error that can be told from a failed connection.

use std::io;

use ureq::{
    config::Config,
    http::Uri,
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::NextTimeout,
    },
};

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
pub(super) struct System(DefaultResolver);

impl Resolver for System {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let cause = match self.0.resolve(uri, config, timeout) {
            Err(ureq::Error::Io(cause)) => cause,
            Err(ureq::Error::HostNotFound) => io::ErrorKind::NotFound.into(),
            other => return other,
        };
        // Not the authority: a proxy's may hold a password.
        let host = uri.host().unwrap_or_default().to_owned();
        Err(ureq::Error::Other(Box::new(Unresolved { host, cause })))
    }
}
