//! How the client connects, and how long and how much it takes.

use std::{path::PathBuf, time::Duration};

use rustls::pki_types::CertificateDer;
use ureq::Proxy;

use super::proxy::{self, ProxyError};

/// Options of a [`Client`](super::Client).
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Time limits.
    pub limits: Limits,
    /// Whom to trust.
    pub roots: Roots,
    /// Directly, or through which proxy.
    pub via: Via,
}

/// Time limits. Whatever the server does, a download ends within [`whole`](Self::whole).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For the look-up of the name; and again for TCP, proxy and TLS together.
    pub connect: Duration,
    /// From the request to the end of the response's head.
    pub response: Duration,
    /// Without a single byte.
    pub stall: Duration,
    /// For all of it, redirects included. A document of 4.4 MB within the default is 15 kB/s.
    pub whole: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            response: Duration::from_secs(30),
            stall: Duration::from_secs(30),
            whole: Duration::from_secs(300),
        }
    }
}

/// The way to a server: directly, or through a proxy but for some hosts.
#[derive(Clone, Debug, Default)]
pub struct Via(pub(super) Option<Proxy>);

/// Which authorities may sign a server's certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Roots {
    /// Those of the system; those of `SSL_CERT_FILE` and `SSL_CERT_DIR` in their place where these are set.
    #[default]
    System,
    /// Those in a file in PEM.
    File(PathBuf),
}

/// Why there is no client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// Nobody to trust.
    #[error("no trusted certificate was found{0}; install ca-certificates, or set SSL_CERT_FILE")]
    NoRoots(String),
    /// A proxy variable that is none.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
}

impl Options {
    /// The defaults, and the proxy that the environment names.
    ///
    /// # Errors
    /// When a proxy variable cannot be understood.
    pub fn from_environment() -> Result<Self, ProxyError> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// The defaults, and the proxy that these variables name: `HTTPS_PROXY`, `ALL_PROXY`, and `NO_PROXY`.
    ///
    /// # Errors
    /// As [`from_environment`](Self::from_environment).
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ProxyError> {
        Ok(Self { via: Via(proxy::find(variable)?), ..Self::default() })
    }
}

impl Roots {
    /// Reads them, leaving out what is none.
    pub(super) fn load(&self) -> Result<Vec<CertificateDer<'static>>, OptionsError> {
        let found = match self {
            Self::System => rustls_native_certs::load_native_certs(),
            Self::File(path) => rustls_native_certs::load_certs_from_paths(Some(path), None),
        };
        if found.certs.is_empty() {
            let reason = found.errors.first().map(|error| format!(": {error}")).unwrap_or_default();
            return Err(OptionsError::NoRoots(reason));
        }
        Ok(found.certs)
    }
}
