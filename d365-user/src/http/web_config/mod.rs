//! The web configuration: TLS, passwords, headers and a limit of requests, in the format of Prometheus's
//! exporter-toolkit.
//!
//! Reading a configuration touches nothing but its files. A configuration is valid as a whole or not at all.

mod client;
mod error;
mod exposure;
mod file;
mod follow;
mod headers;
mod input;
mod names;
mod pem;
mod rate;
mod tls;
mod users;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use axum::http::HeaderMap;
use rustls::ServerConfig;

use self::{client::Policy, input::Input, rate::RateLimit, tls::Tls, users::Users};
pub use self::{
    error::{Problem, WebConfigError},
    exposure::{Exposure, exposure, warn_of_exposure},
    file::FormatError,
    follow::follow,
};
use crate::source::watch::Attributes;

/// A configuration. The default has neither TLS nor passwords, headers or limits.
#[derive(Default)]
pub struct WebConfig {
    tls: Option<Tls>,
    users: Option<Users>,
    headers: HeaderMap,
    rate_limit: Option<RateLimit>,
    /// The files that it consists of, each in the state in which it was read.
    files: Vec<(PathBuf, Attributes)>,
    remarks: Vec<Remark>,
}

/// A remark on a configuration that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant describes its fields")]
pub enum Remark {
    #[error("every user of this host can read {}, which has a key or hashes of passwords; `chmod o-r` takes that away", .0.display())]
    Public(PathBuf),
    #[error("the server's certificate is not valid at this time: clients that verify it will refuse it")]
    OutOfDate,
    #[error(
        "this client_auth_type lets every client in that shows any certificate, or none; only RequireAndVerifyClientCert keeps others out"
    )]
    AnyClient,
}

impl WebConfig {
    /// Reads and checks a file, and the files that it names. Relative paths in it begin at its directory.
    ///
    /// # Errors
    /// The first fault. No message has a key, a password or its hash.
    pub fn read(path: &Path) -> Result<Self, WebConfigError> {
        let mut input = Input::default();
        let text =
            input.read(path).map_err(|source| WebConfigError::Read { path: path.to_owned(), source })?;
        if text.trim().is_empty() {
            return Err(WebConfigError::Empty { path: path.to_owned() });
        }
        let written =
            file::parse(&text).map_err(|source| WebConfigError::Format { path: path.to_owned(), source })?;
        let read = Self::new(written, path, input);
        read.map_err(|(field, problem)| WebConfigError::Field { path: path.to_owned(), field, problem })
    }

    fn new(written: file::File, path: &Path, mut input: Input) -> Result<Self, error::FieldError> {
        let base = path.parent().unwrap_or(Path::new(""));
        let has_key = written.tls_server_config.as_ref().is_some_and(|tls| tls.key.is_some());
        let tls = written.tls_server_config.filter(|tls| !tls.is_empty());
        let tls = tls.map(|tls| tls::read(&tls, base, &mut input)).transpose()?;
        let users = Users::read(written.basic_auth_users.unwrap_or_default())?;
        let headers = written.http_server_config.and_then(|http| http.headers).unwrap_or_default();
        if has_key || users.is_some() {
            input.has_secret(path);
        }
        let (files, public) = input.into_parts();
        let mut remarks: Vec<_> = public.into_iter().map(Remark::Public).collect();
        remarks.extend(tls.iter().filter(|tls| tls.is_out_of_date).map(|_| Remark::OutOfDate));
        let lets_in = |tls: &&Tls| !matches!(tls.policy, Policy::None | Policy::RequireAndVerify);
        remarks.extend(tls.iter().filter(lets_in).map(|_| Remark::AnyClient));
        Ok(Self {
            tls,
            users,
            headers: headers::read(&headers)?,
            rate_limit: RateLimit::read(&written.rate_limit.unwrap_or_default())?,
            files,
            remarks,
        })
    }

    /// Remarks on a configuration that can be used.
    #[must_use]
    pub fn remarks(&self) -> &[Remark] {
        &self.remarks
    }

    /// Returns true if connections are encrypted.
    #[must_use]
    pub fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Returns true if only users with a password are answered.
    #[must_use]
    pub fn has_passwords(&self) -> bool {
        self.users.is_some()
    }

    pub(super) fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.tls.as_ref().map(|tls| Arc::clone(&tls.config))
    }

    /// Returns true if this password was right before.
    pub(super) fn remembers(&self, user: &str, password: &[u8]) -> bool {
        self.users.as_ref().is_some_and(|users| users.remembers(user, password))
    }

    /// Compares a password with its hash, which takes a tenth of a second or so.
    pub(super) fn verify(&self, user: &str, password: &[u8]) -> bool {
        self.users.as_ref().is_some_and(|users| users.verify(user, password))
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns false if there are too many requests.
    pub(super) fn allows_request(&self) -> bool {
        self.rate_limit.as_ref().is_none_or(|limit| limit.allows(Instant::now()))
    }
}

#[cfg(test)]
mod tests;
