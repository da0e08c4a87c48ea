//! The only kind of URL that is fetched: `https`, a host, no user, no fragment. [`Hosts`](super::Hosts)
//! decides if its host is allowed.

use std::{fmt, str::FromStr};

use fluent_uri::{Uri, UriRef, component::Authority};
use serde::{Deserialize, Serialize};

use crate::source::without_query;

/// Port of `https`.
const PORT: u16 = 443;
/// Longest URL in bytes. RFC 9110, section 4.1, recommends to accept at least this length.
const MAX_LENGTH: usize = 8000;

/// A host and a port: the target of a connection, or a host that the operator allows. It is written and read
/// as `HOST` or `HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host {
    name: String,
    port: u16,
}

/// A valid, normalised URL. Its query may be a token, so it is shown without the query.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Url {
    /// Boxed, because errors contain a URL and should stay small.
    uri: Box<Uri<String>>,
    host: Host,
}

/// The reason why a text is not a URL that is fetched, or not a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the variants and fields are")]
pub enum UrlError {
    #[error("not a URL with a host, as https://mirror.example/ServiceTags_Public.json")]
    Syntax,
    #[error("not https: a download without TLS cannot be verified")]
    NotHttps,
    #[error(
        "it holds a user name or a password, which are not sent; a server that wants a token can take it in the query, \
         which is never shown"
    )]
    Credentials,
    #[error("not a host: write HOST or HOST:PORT, without https:// and without a path")]
    Host,
}

impl Host {
    /// The name or address in lower case. An IPv6 address is in brackets.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    fn of(authority: &Authority<'_>) -> Option<Self> {
        let name = authority.host();
        let port = authority.port_to_u16().ok()?.unwrap_or(PORT);
        (!name.is_empty() && port != 0).then(|| Self { name: name.to_ascii_lowercase(), port })
    }
}

impl FromStr for Host {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let uri = format!("https://{text}");
        let uri = Uri::parse(uri.as_str()).map_err(|_| UrlError::Host)?;
        let authority =
            uri.authority().filter(|authority| authority.as_str() == text && !authority.has_userinfo());
        authority.as_ref().and_then(Self::of).ok_or(UrlError::Host)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            PORT => f.write_str(&self.name),
            port => write!(f, "{}:{port}", self.name),
        }
    }
}

impl Url {
    /// The host and the port in the URL.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The URL as text, with its query. It is for the request only and must not be shown or stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.uri.as_str()
    }

    /// The path. It begins with a slash or is empty.
    pub(super) fn path(&self) -> &str {
        self.uri.path().as_str()
    }

    /// True if the URL has a query.
    #[must_use]
    pub fn has_query(&self) -> bool {
        self.uri.has_query()
    }

    /// Resolves a reference that the response for this URL contains (RFC 9110, section 10.2.2).
    ///
    /// # Errors
    /// The same as [`FromStr`]. The result may be on another host, but is never a URL without TLS.
    pub fn join(&self, reference: &str) -> Result<Self, UrlError> {
        let reference = UriRef::parse(reference).map_err(|_| UrlError::Syntax)?;
        Self::new(&reference.resolve_against(&*self.uri).map_err(|_| UrlError::Syntax)?)
    }

    fn new(uri: &Uri<String>) -> Result<Self, UrlError> {
        let uri = uri.strip_fragment().normalize();
        if uri.scheme().as_str() != "https" {
            return Err(UrlError::NotHttps);
        }
        let authority = uri.authority().ok_or(UrlError::Syntax)?;
        if authority.has_userinfo() {
            return Err(UrlError::Credentials);
        }
        let host = Host::of(&authority).ok_or(UrlError::Syntax)?;
        if uri.as_str().len() > MAX_LENGTH {
            Err(UrlError::Syntax)
        } else {
            Ok(Self { uri: Box::new(uri), host })
        }
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        Self::new(&Uri::parse(text).map_err(|_| UrlError::Syntax)?.to_owned())
    }
}

impl TryFrom<String> for Url {
    type Error = UrlError;

    fn try_from(text: String) -> Result<Self, UrlError> {
        text.parse()
    }
}

impl From<Url> for String {
    fn from(url: Url) -> Self {
        url.to_string()
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(without_query(self.as_str()))
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn host(text: &str) -> String {
        text.parse::<Url>().unwrap().host().to_string()
    }

    #[test]
    fn the_host_is_shown_with_its_port() {
        assert_eq!(host("https://Download.Microsoft.com/x?y#z"), "download.microsoft.com");
        assert_eq!(host("HTTPS://localhost:8443"), "localhost:8443");
        assert_eq!(host("https://[::1]:443/"), "[::1]");
        assert_eq!(host("https://a.example:/"), "a.example");
        let url: Url = "https://a.example/b/../c%7e?d=e#f".parse().unwrap();
        assert_eq!(url.as_str(), "https://a.example/c~?d=e");
        assert_eq!(
            format!("{url} {url:?}"),
            "https://a.example/c~ Url(https://a.example/c~)",
            "the query is not shown"
        );
    }

    #[test]
    fn what_is_not_fetched() {
        for (text, error) in [
            ("", UrlError::Syntax),
            ("a.example", UrlError::Syntax),
            ("https:", UrlError::Syntax),
            ("https:///x", UrlError::Syntax),
            ("https://:443/", UrlError::Syntax),
            ("https://a.example:0/", UrlError::Syntax),
            ("https://a.example:65536/", UrlError::Syntax),
            ("https://a b/", UrlError::Syntax),
            ("http://a.example/", UrlError::NotHttps),
            ("file:///etc/passwd", UrlError::NotHttps),
            ("https://user:secret@a.example/", UrlError::Credentials),
            ("https://download.microsoft.com@a.example/", UrlError::Credentials),
        ] {
            assert_eq!(text.parse::<Url>(), Err(error), "{text}");
        }
        let long = format!("https://a.example/{}", "x".repeat(MAX_LENGTH));
        assert_eq!(long.parse::<Url>(), Err(UrlError::Syntax));
    }

    #[test]
    fn references_are_resolved() {
        let base: Url = "https://a.example/b/c?d".parse().unwrap();
        let to = |reference: &str| base.join(reference).map(|url| url.as_str().to_owned());
        assert_eq!(to("/x").as_deref(), Ok("https://a.example/x"));
        assert_eq!(to("x?y").as_deref(), Ok("https://a.example/b/x?y"));
        assert_eq!(to("//other.example/x").as_deref(), Ok("https://other.example/x"));
        assert_eq!(to("https://other.example/x").as_deref(), Ok("https://other.example/x"));
        assert_eq!(to("http://a.example/"), Err(UrlError::NotHttps));
        assert_eq!(to("javascript:alert(1)"), Err(UrlError::NotHttps));
        assert_eq!(to("https://u@a.example/"), Err(UrlError::Credentials));
        assert_eq!(to("a b"), Err(UrlError::Syntax));
    }

    #[test]
    fn hosts_are_written_as_they_are_read() {
        for text in ["a.example", "localhost:8443", "[::1]:8443", "127.0.0.1"] {
            assert_eq!(text.parse::<Host>().unwrap().to_string(), text);
        }
        assert_eq!("A.Example:443".parse::<Host>().unwrap().to_string(), "a.example");
        for text in
            ["", ":443", "https://a.example", "a.example/", "u@a.example", "a.example:x", "::1", "a?b", "a#b"]
        {
            assert_eq!(text.parse::<Host>(), Err(UrlError::Host), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_url_or_an_error(text in "(https://)?\\PC*", reference in "\\PC*") {
            let base: Url = "https://a.example/b/c".parse().unwrap();
            for url in [text.parse::<Url>(), base.join(&reference)].into_iter().flatten() {
                prop_assert!(url.as_str().starts_with("https://"));
                prop_assert_eq!(url.as_str().parse(), Ok(url));
            }
        }
    }
}
