//! The reasons why a download failed. A failed download changes nothing that was there before.

use std::{fmt, io, time::Duration};

use super::{Hosts, Url, UrlError};
use crate::source::Cloud;

mod certificate;

pub use certificate::CertificateFault;

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

/// The problems of a download.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// A host name has no address. It is the name of the server or of the proxy.
    #[error("no address is known for {host}: {cause}; check the name server")]
    Dns {
        /// The host name.
        host: String,
        /// The error of the operating system.
        cause: io::Error,
    },
    /// The connection failed.
    #[error("cannot connect: {0}; check the firewall, or set HTTPS_PROXY")]
    Connect(io::Error),
    /// The proxy did not make the connection.
    #[error(transparent)]
    Proxy(#[from] ProxyFault),
    /// The certificate is not accepted for this host.
    #[error("its certificate is not accepted: {0}")]
    Certificate(CertificateFault),
    /// TLS failed for another reason.
    #[error("TLS: {0}")]
    Tls(String),
    /// A time limit was reached.
    #[error("too slow: time is up {0}")]
    Timeout(Phase),
    /// The status is neither success nor "not modified".
    #[error("the server answers with status {0}{advice}", advice = advice(*.0))]
    Status(u16),
    /// The same, and the server asks for a pause (`Retry-After`).
    #[error("the server answers with status {status} and asks for {} of rest", humantime::format_duration(*pause))]
    RetryAfter {
        /// The status.
        status: u16,
        /// The length of the pause, at most a day.
        pause: Duration,
    },
    /// A page that keeps programs out, in place of the document.
    #[error(
        "{by} answers with a page for browsers (status {status}), which keeps programs out; allow this host there, give \
         another name with --user-agent, or fetch from a mirror (--page-url, url: or file:)"
    )]
    Challenge {
        /// The service whose page it is.
        by: &'static str,
        /// The status.
        status: u16,
        /// The pause that the server asks for, at most a day.
        retry_after: Option<Duration>,
    },
    /// A redirect that cannot be followed.
    #[error("{0}")]
    Redirect(#[from] RedirectFault),
    /// The host is not on the allow-list.
    #[error("this host is not one that a download may come from ({allowed}); --allow-host adds one")]
    HostNotAllowed {
        /// The hosts on the allow-list.
        allowed: Hosts,
    },
    /// The body is longer than any document.
    #[error("larger than {limit} bytes, which no such document is")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The connection ended within the body.
    #[error("the connection broke after {received} bytes of the body")]
    Truncated {
        /// The number of bytes received before that.
        received: u64,
    },
    /// The connection ended before there was a body.
    #[error("the connection broke: {0}")]
    Reset(io::Error),
    /// A compressed body, although the request did not ask for compression.
    #[error(
        "the body is encoded ({0}), which was not asked for; have the server, or a proxy on the way, send it as it is"
    )]
    Encoded(String),
    /// The answer is not valid HTTP.
    #[error("not HTTP as it should be: {0}")]
    Protocol(String),
    /// The page lists no document.
    #[error(
        "the page lists no service tags document of the cloud {cloud} on an allowed host ({allowed}); \
         see it in a browser, and use --page-url or file:PATH when it has moved"
    )]
    PageWithoutDocument {
        /// The cloud.
        cloud: Cloud,
        /// The hosts that may serve a document.
        allowed: Hosts,
    },
}

/// A failure of the proxy. Each message names the proxy by host and port, never by its user.
#[derive(Debug, thiserror::Error)]
pub enum ProxyFault {
    /// The connection to the proxy failed.
    #[error("cannot connect to the proxy {proxy}: {cause}; check HTTPS_PROXY and NO_PROXY")]
    Connect {
        /// The proxy.
        proxy: String,
        /// The error of the operating system.
        cause: io::Error,
    },
    /// The proxy asks for a login.
    #[error(
        "the proxy {proxy} asks for a user and a password (status 407); give them in HTTPS_PROXY, as \
         http://USER:PASSWORD@{proxy}"
    )]
    Login {
        /// The proxy.
        proxy: String,
    },
    /// The proxy rejects the connection.
    #[error(
        "the proxy {proxy} refuses the connection ({answer}); allow the host there, or name it in NO_PROXY"
    )]
    Refused {
        /// The proxy.
        proxy: String,
        /// The proxy's answer.
        answer: String,
    },
}

/// The step in which a time limit was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Phase {
    /// Name resolution.
    #[error("while the host's address was looked up; check the name server")]
    Resolve,
    /// TCP, proxy and TLS.
    #[error("while connecting; check the firewall and HTTPS_PROXY")]
    Connect,
    /// Between the request and the end of the response's head.
    #[error("before an answer came")]
    Response,
    /// No byte arrived for too long.
    #[error("while nothing came")]
    Stall,
    /// The whole download.
    #[error("before the download was whole")]
    Whole,
}

/// The problem of a redirect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedirectFault {
    /// A loop, or a chain that is too long.
    #[error("more than {0} redirects, one after the other")]
    TooMany(u32),
    /// The redirect has no target.
    #[error("a redirect (status {0}) that names no target")]
    NoLocation(u16),
    /// The target is a URL that is not fetched, most often one without TLS.
    #[error("a redirect to {location:?}: {cause}")]
    Location {
        /// The target, as written.
        location: String,
        /// The reason why the redirect is not followed.
        cause: UrlError,
    },
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

    /// The reason as one word: the value of the metrics' label `reason`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        self.problem.as_str()
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

impl Problem {
    /// Every value of [`as_str`](Self::as_str).
    pub const REASONS: [&str; 15] = [
        "dns",
        "connect",
        "proxy",
        "tls",
        "timeout",
        "status",
        "redirect",
        "host_not_allowed",
        "too_large",
        "truncated",
        "reset",
        "encoding",
        "protocol",
        "page_without_document",
        "challenge",
    ];

    /// The reason as one word: the value of the metrics' label `reason`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        let index = match self {
            Self::Dns { .. } => 0,
            Self::Connect(_) => 1,
            Self::Proxy(_) => 2,
            Self::Certificate(_) | Self::Tls(_) => 3,
            Self::Timeout(_) => 4,
            Self::Status(_) | Self::RetryAfter { .. } => 5,
            Self::Redirect(_) => 6,
            Self::HostNotAllowed { .. } => 7,
            Self::TooLarge { .. } => 8,
            Self::Truncated { .. } => 9,
            Self::Reset(_) => 10,
            Self::Encoded(_) => 11,
            Self::Protocol(_) => 12,
            Self::PageWithoutDocument { .. } => 13,
            Self::Challenge { .. } => 14,
        };
        Self::REASONS[index]
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
