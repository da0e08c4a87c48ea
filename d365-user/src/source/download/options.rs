//! The options of the client: its way to the server, its trusted authorities, its name and its time limits.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::PathBuf,
    time::Duration,
};

use rustls::pki_types::CertificateDer;
use rustls_native_certs::load_certs_from_paths;
use ureq::Proxy;

use super::{OptionsError, UserAgent, proxy};

/// Options of a [`Client`](super::Client).
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The time limits.
    pub limits: Limits,
    /// The authorities that are trusted.
    pub roots: Roots,
    /// The proxy, and the value of `NO_PROXY`; `None` if every host is contacted directly.
    pub proxy: Option<(Proxy, String)>,
    /// The client's name for servers.
    pub user_agent: UserAgent,
}

/// Time limits. A download ends within [`whole`](Self::whole), whatever the server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For the look-up of the name, and again for TCP, proxy and TLS together.
    pub connect: Duration,
    /// From the request to the end of the response's head.
    pub response: Duration,
    /// Time without a single byte.
    pub stall: Duration,
    /// For the whole download, redirects included. The default allows a document of 4.4 MB at 15 kB/s.
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

/// The authorities that may sign a server's certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Roots {
    /// The authorities of the system. `SSL_CERT_FILE` and `SSL_CERT_DIR` replace them if they are set and not
    /// empty.
    #[default]
    System,
    /// The authorities in a PEM file.
    File(PathBuf),
}

impl Options {
    /// Returns the defaults, with the proxy that the environment names.
    ///
    /// # Errors
    /// [`OptionsError`] if a proxy variable is not valid.
    pub fn from_environment() -> Result<Self, OptionsError> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// Returns the defaults, with the proxy that these variables name: `HTTPS_PROXY`, `ALL_PROXY` and
    /// `NO_PROXY`.
    ///
    /// # Errors
    /// The same as [`from_environment`](Self::from_environment).
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, OptionsError> {
        Ok(Self { proxy: proxy::find(variable)?, ..Self::default() })
    }
}

impl Roots {
    /// Reads the certificates. Content that is no certificate is skipped.
    pub(super) fn load(&self) -> Result<Vec<CertificateDer<'static>>, OptionsError> {
        let (file, directories) = match self {
            Self::System => places(env::var_os("SSL_CERT_FILE"), env::var_os("SSL_CERT_DIR")),
            Self::File(path) => (Some(path.clone()), Vec::new()),
        };
        let mut found = load_certs_from_paths(file.as_deref(), None);
        for directory in &directories {
            let more = load_certs_from_paths(None, Some(directory));
            found.certs.extend(more.certs);
            found.errors.extend(more.errors);
        }
        if found.certs.is_empty() {
            let reason = found.errors.first().map(|error| format!(": {error}")).unwrap_or_default();
            return Err(OptionsError::NoRoots(reason));
        }
        Ok(found.certs)
    }
}

/// Returns the file and the directories of trusted certificates. The variables name them, or else the system
/// does. An empty variable counts as not set, because unit files and container templates leave empty
/// variables.
fn places(file: Option<OsString>, directories: Option<OsString>) -> (Option<PathBuf>, Vec<PathBuf>) {
    let set = |value: Option<OsString>| value.filter(|value| !value.is_empty());
    let file = set(file).map(PathBuf::from);
    let directories = set(directories).map(|all| paths(&all));
    if file.is_some() || directories.is_some() {
        return (file, directories.unwrap_or_default());
    }
    // `probe` uses the variables only if they name something that exists, and an empty one does not.
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
