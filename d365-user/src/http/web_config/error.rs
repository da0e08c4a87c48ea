//! The errors of a web configuration file. No message has a key, a password or its hash.

use std::{io, path::PathBuf};

use super::file::FormatError;

/// An error that makes a web configuration file unusable. Each message is one line.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what variants and fields are")]
pub enum WebConfigError {
    #[error("cannot read the web configuration {}: {source}", .path.display())]
    Read { path: PathBuf, source: io::Error },
    /// A write to a full disk leaves such a file, and it would take all protection away.
    #[error("the web configuration {} is empty; `{{}}` in it stands for none", .path.display())]
    Empty { path: PathBuf },
    #[error("the web configuration {} is not valid: {source}", .path.display())]
    Format { path: PathBuf, source: FormatError },
    #[error("the web configuration {} is not valid: {field}: {problem}", .path.display())]
    Field { path: PathBuf, field: &'static str, problem: Problem },
}

impl WebConfigError {
    /// Returns true if this user may not read a file.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        match self {
            Self::Read { source, .. } | Self::Field { problem: Problem::Read { source, .. }, .. } => {
                source.kind() == io::ErrorKind::PermissionDenied
            }
            _ => false,
        }
    }
}

/// The reason for which the value of a field cannot be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what variants and fields are")]
pub enum Problem {
    #[error("cannot read {}: {source}", .path.display())]
    Read { path: PathBuf, source: io::Error },
    /// The message has no value: it may be a key.
    #[error("it needs the path of a file; PEM text belongs into the field without `_file`")]
    NoPath,
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("{0} is given as well; only one of the two can be used")]
    Both(&'static str),
    #[error("there is no certificate in it; expected PEM, from `-----BEGIN CERTIFICATE-----` on")]
    NoCertificate,
    #[error(
        "there is no private key in it; expected PEM, from `-----BEGIN PRIVATE KEY-----` on, and no passphrase"
    )]
    NoKey,
    #[error("it is no PEM: {0}")]
    Pem(String),
    #[error("the key does not fit the certificate, or is of a kind that cannot be used: {0}")]
    KeyPair(rustls::Error),
    #[error("an authority in it cannot be used: {0}")]
    Authority(rustls::Error),
    #[error("`{value}` is not known; there are {known}")]
    Unknown { value: String, known: String },
    #[error("{value} is not supported by this program; it has {known}")]
    Unsupported { value: String, known: String },
    #[error("min_version is above max_version")]
    Versions,
    #[error("no cipher suite is left for the certificate or the versions: {0}")]
    Suites(rustls::Error),
    #[error("it needs client_ca_file or client_ca: the authority that signs the clients' certificates")]
    NeedsAuthority,
    #[error("it needs a client_auth_type other than NoClientCert: otherwise no client shows a certificate")]
    NeedsClientAuth,
    #[error("the header `{name}` cannot be set; there are {known}")]
    Header { name: String, known: String },
    #[error("the value of {name} is not allowed; expected {expected}")]
    HeaderValue { name: &'static str, expected: String },
    /// The message has no name: it may be a hash or a password in the place of the name.
    #[error("the hash of user {place} is not a bcrypt hash; `htpasswd -nBC 10 USER` makes one")]
    Hash { place: usize },
    #[error("the hash of user {place} has cost {cost}; costs from 4 to {most} can be used, and 10 suffices")]
    Cost { place: usize, cost: u32, most: u32 },
    #[error("a user's name is empty, or has a colon or a control character in it")]
    User,
    #[error("the duration is not valid; expected a number and a unit such as 500ms, 1s or 1m30s, or 0")]
    Duration,
    #[error("a burst of at least 1 is needed: otherwise every request would be refused")]
    NoBurst,
}

/// A field of the file by its path, with the problem of its value.
pub(super) type FieldError = (&'static str, Problem);
