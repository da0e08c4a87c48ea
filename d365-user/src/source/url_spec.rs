//! A `url:` source: where its document is, and the name that stands for it wherever it is shown or kept.
//!
//! The query of a URL may be a token. It goes to the server and nowhere else: no log, label, error or state
//! file has it.

use std::{fmt, str::FromStr};

use super::redact::{redacted_url, without_query};

/// A URL, and the name that the operator gave it. Read as `URL` or `NAME=URL`; written as `NAME`, or as the
/// URL without its query. Two sources that are written alike are the same source to the gates, whatever their
/// queries are.
#[derive(Clone, PartialEq, Eq)]
pub struct UrlSpec {
    name: Option<String>,
    url: String,
}

impl UrlSpec {
    /// The URL as it was given, with its query: for the request alone, never to be shown or kept.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// True if the URL has a part that is never shown.
    #[must_use]
    pub fn has_query(&self) -> bool {
        without_query(&self.url) != self.url
    }
}

/// A text that is no `url:` source. What it shows of the text is no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlSpecError {
    /// Not a URL of a document.
    #[error(
        "{0:?} is not a URL of a document; write it like url:https://mirror.example/ServiceTags_Public.json"
    )]
    NotAUrl(String),
    /// A URL with a user or a password.
    #[error(
        "the URL has a user name or a password in it, which are not sent; a server that wants a token can take it in the \
         query, which is never shown"
    )]
    Credentials,
    /// The word before the URL is no name.
    #[error(
        "{0:?} is no name of a source; write url:NAME=https://… with letters, digits, \".\", \"_\" and \"-\" in NAME"
    )]
    Name(String),
}

impl FromStr for UrlSpec {
    type Err = UrlSpecError;

    fn from_str(text: &str) -> Result<Self, UrlSpecError> {
        // No URL begins like a name: its scheme ends in a colon, and a name has none.
        let (name, url) = match text.split_once('=') {
            Some((name, url)) if !name.contains(['/', '?', '#']) => (Some(name), url),
            _ => (None, text),
        };
        if let Some(name) = name.filter(|name| !is_name(name)) {
            return Err(UrlSpecError::Name(redacted_url(name)));
        }
        let not_a_url = || UrlSpecError::NotAUrl(redacted_url(url));
        let (scheme, rest) = url.split_once("://").ok_or_else(not_a_url)?;
        let known = ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if !known || authority.is_empty() || !url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
        {
            return Err(not_a_url());
        }
        if authority.contains('@') {
            return Err(UrlSpecError::Credentials);
        }
        Ok(Self { name: name.map(str::to_owned), url: url.to_owned() })
    }
}

fn is_name(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !name.is_empty() && name.bytes().all(is_part)
}

impl fmt::Display for UrlSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name.as_deref().unwrap_or_else(|| without_query(&self.url)))
    }
}

/// As shown: a panic's message must not have the query either.
impl fmt::Debug for UrlSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UrlSpec({self})")
    }
}

#[cfg(test)]
mod tests;
