//! How the client connects, and how long and how much it takes.

use std::{
    env,
    ffi::{OsStr, OsString},
    iter,
    path::PathBuf,
    time::Duration,
};

use rustls::pki_types::CertificateDer;
use rustls_native_certs::load_certs_from_paths;
use ureq::Proxy;

use super::{
    Host, UserAgent,
    no_proxy::NoProxy,
    proxy::{self, ProxyError},
};

/// Options of a [`Client`](super::Client).
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Time limits.
    pub limits: Limits,
    /// Whom to trust.
    pub roots: Roots,
    /// Directly, or through which proxy.
    pub via: Via,
    /// By which name.
    pub user_agent: UserAgent,
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
pub struct Via(Option<(Proxy, NoProxy)>);

impl Via {
    /// The proxy by which this host is asked.
    pub(super) fn proxy(&self, host: &Host) -> Option<&Proxy> {
        self.0.as_ref().filter(|(_, exceptions)| !exceptions.holds(host)).map(|(proxy, _)| proxy)
    }
}

/// Which authorities may sign a server's certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Roots {
    /// Those of the system; those of `SSL_CERT_FILE` and `SSL_CERT_DIR` in their place where these are set
    /// and not empty.
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
        let (file, directories) = match self {
            Self::System => places(env::var_os("SSL_CERT_FILE"), env::var_os("SSL_CERT_DIR")),
            Self::File(path) => (Some(path.clone()), Vec::new()),
        };
        let mut directories = directories.iter();
        let first = load_certs_from_paths(file.as_deref(), directories.next().map(PathBuf::as_path));
        let (mut certificates, mut errors) = (Vec::new(), Vec::new());
        for found in iter::once(first).chain(directories.map(|path| load_certs_from_paths(None, Some(path))))
        {
            certificates.extend(found.certs);
            errors.extend(found.errors);
        }
        if certificates.is_empty() {
            let reason = errors.first().map(|error| format!(": {error}")).unwrap_or_default();
            return Err(OptionsError::NoRoots(reason));
        }
        Ok(certificates)
    }
}

/// The file and the directories of trusted certificates: what the variables name, else where the system has
/// them. A variable that is empty counts as not set, as unit files and container templates leave them.
fn places(file: Option<OsString>, directories: Option<OsString>) -> (Option<PathBuf>, Vec<PathBuf>) {
    let set = |value: Option<OsString>| value.filter(|value| !value.is_empty());
    let file = set(file).map(PathBuf::from);
    let directories = set(directories).map(|all| paths(&all));
    if file.is_some() || directories.is_some() {
        return (file, directories.unwrap_or_default());
    }
    // It takes the variables only where they name something that exists, which an empty one does not.
    let found = openssl_probe::probe();
    (found.cert_file, found.cert_dir)
}

fn paths(all: &OsStr) -> Vec<PathBuf> {
    env::split_paths(all).filter(|path| !path.as_os_str().is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_of_certificates_counts_as_not_set() {
        let of = |file: &str, directories: &str| places(Some(file.into()), Some(directories.into()));
        assert_eq!(of("/a.pem", ""), (Some("/a.pem".into()), vec![]));
        assert_eq!(of("", "/a:/b"), (None, vec!["/a".into(), "/b".into()]));
        assert_eq!(of("/a.pem", "/b"), (Some("/a.pem".into()), vec!["/b".into()]));
        let (file, directories) = of("", "");
        assert_eq!((file.clone(), directories.clone()), places(None, None));
        assert!(file.into_iter().chain(directories).all(|path| path.is_absolute()));
    }
}
