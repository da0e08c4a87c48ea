//! The reasons why a download failed. A failed download changes nothing that was there before.

use std::{fmt, io, time::Duration};

use super::{Hosts, Url};
use crate::source::{Cloud, Reason};

/// A download that failed, with its URL. The message is one line.
#[derive(Debug)]
pub struct DownloadError {
    /// The URL that was fetched: after redirects, their target.
    pub url: Url,
    /// The problem of the download.
    pub problem: Problem,
    /// The failure of the page that was tried next.
    pub next: Option<Box<Self>>,
}

impl fmt::Display for DownloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.url, self.without_url())
    }
}

impl std::error::Error for DownloadError {}

/// The reason why no client can be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the variants and fields are")]
pub enum OptionsError {
    #[error("no trusted certificate was found{0}; install ca-certificates, or set SSL_CERT_FILE")]
    NoRoots(String),
    /// A proxy variable is not the URL of a proxy. A direct connection instead is not what the operator
    /// wants. The message does not show the value, because it may contain a password.
    #[error("{0} is not the URL of a proxy; write it like http://proxy.example:3128")]
    Proxy(&'static str),
    #[error("{0} names a SOCKS proxy; only http:// and https:// proxies are supported")]
    Socks(&'static str),
}

/// The problems of a download.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant describes its fields")]
pub enum Problem {
    /// A host name has no address. It is the name of the server or of the proxy.
    #[error("no address is known for {host}: {cause}; check the name server")]
    Dns { host: String, cause: io::Error },
    #[error("cannot connect: {0}; check the firewall, or set HTTPS_PROXY")]
    Connect(io::Error),
    /// The proxy did not make the connection. The message names its host and port, never its user.
    #[error("{0}")]
    Proxy(String),
    #[error("its certificate is not accepted: {0}")]
    Certificate(String),
    /// TLS failed for another reason.
    #[error("TLS: {0}")]
    Tls(String),
    #[error("too slow: time is up {0}")]
    Timeout(&'static str),
    #[error("the server answers with status {0}{advice}", advice = advice(*.0))]
    Status(u16),
    /// The same, and the server asks for a pause (`Retry-After`) of at most a day.
    #[error("the server answers with status {status} and asks for a pause of {}", humantime::format_duration(*pause))]
    RetryAfter { status: u16, pause: Duration },
    /// A page of the service `by` that keeps programs out, in place of the document.
    #[error(
        "{by} answers with a page for browsers (status {status}), which keeps programs out; allow this host there, give \
         another name with --user-agent, or fetch from a mirror (--page-url, url: or file:)"
    )]
    Challenge { by: &'static str, status: u16, retry_after: Option<Duration> },
    /// A redirect that is not followed: too many in a row, without a target, or to a URL that the client does
    /// not fetch.
    #[error("{0}")]
    Redirect(String),
    #[error("this host is not one that a download may come from ({allowed}); --allow-host adds one")]
    HostNotAllowed { allowed: Hosts },
    #[error("larger than {limit} bytes, which no such document is")]
    TooLarge { limit: u64 },
    #[error("the connection broke after {received} bytes of the body")]
    Truncated { received: u64 },
    #[error("the connection broke: {0}")]
    Reset(io::Error),
    #[error(
        "the body is encoded ({0}), which was not asked for; have the server, or a proxy on the way, send it as it is"
    )]
    Encoded(String),
    #[error("not HTTP as it should be: {0}")]
    Protocol(String),
    /// The page lists no document.
    #[error(
        "the page lists no service tags document of the cloud {cloud} on an allowed host ({allowed}); \
         see it in a browser, and use --page-url or file:PATH when it has moved"
    )]
    PageWithoutDocument { cloud: Cloud, allowed: Hosts },
}

impl DownloadError {
    /// Returns the message without the URL at its beginning.
    pub fn without_url(&self) -> impl fmt::Display {
        let next = self.next.as_ref().map(|next| format!("; and {next}")).unwrap_or_default();
        format!("{}{next}", self.problem)
    }

    /// Returns the pause that the server asks for, at most a day.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let own = match &self.problem {
            Problem::RetryAfter { pause, .. } => Some(*pause),
            Problem::Challenge { retry_after, .. } => *retry_after,
            _ => None,
        };
        own.max(self.next.as_ref().and_then(|next| next.retry_after()))
    }

    /// The reason for the metrics.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self.problem {
            Problem::Dns { .. } => Reason::Dns,
            Problem::Connect(_) => Reason::Connect,
            Problem::Proxy(_) => Reason::Proxy,
            Problem::Certificate(_) | Problem::Tls(_) => Reason::Tls,
            Problem::Timeout(_) => Reason::Timeout,
            Problem::Status(_) | Problem::RetryAfter { .. } => Reason::Status,
            Problem::Redirect(_) => Reason::Redirect,
            Problem::HostNotAllowed { .. } => Reason::HostNotAllowed,
            Problem::TooLarge { .. } => Reason::TooLarge,
            Problem::Truncated { .. } => Reason::Truncated,
            Problem::Reset(_) => Reason::Reset,
            Problem::Encoded(_) => Reason::Encoding,
            Problem::Protocol(_) => Reason::Protocol,
            Problem::PageWithoutDocument { .. } => Reason::PageWithoutDocument,
            Problem::Challenge { .. } => Reason::Challenge,
        }
    }

    /// True if the server answered, but not with the expected page. Another page may work.
    pub(super) const fn is_of_the_page(&self) -> bool {
        matches!(
            self.problem,
            Problem::PageWithoutDocument { .. }
                | Problem::Status(_)
                | Problem::RetryAfter { .. }
                | Problem::Challenge { .. }
                | Problem::Redirect(_)
        )
    }
}

/// Advice for a status.
const fn advice(status: u16) -> &'static str {
    match status {
        401 | 403 => ", it does not let this host have it; check the token in the URL, if there is one",
        404 | 410 => ", there is no such document; check the URL",
        _ => "",
    }
}
