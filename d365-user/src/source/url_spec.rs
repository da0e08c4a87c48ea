//! A `url:` source: the URL of its document, and the name that represents it wherever it is shown or stored.
//!
//! The query of a URL may be a token. It is sent to the server only: no log, label, error or state file
//! contains it.

use std::{fmt, str::FromStr};

use super::{
    download::{Host, Target, Url, UrlError},
    kind::ListSource,
    redact::{redacted_url, without_query},
};

/// A URL, and the name that the operator gave it. It is read as `URL` or `NAME=URL`. It is written as `NAME`,
/// or as the URL without its query. Two sources that are written alike are the same source for the gates,
/// even if their queries differ.
#[derive(Clone, PartialEq, Eq)]
pub struct UrlSpec {
    name: Option<String>,
    /// As given: the name of a source never changes by the way in which a URL is read.
    text: String,
    url: Url,
}

impl ListSource for UrlSpec {
    fn name(&self) -> String {
        format!("url:{self}")
    }

    fn target(&self, _page: Option<&Url>, allowed: &[Host]) -> Result<Option<Target>, UrlError> {
        Ok(Some(Target::document(self.url.clone(), allowed)))
    }

    /// Earlier releases named the source by its URL with the query.
    fn earlier_name(&self) -> Option<String> {
        Some(format!("url:{}", self.text))
    }

    fn has_query(&self) -> bool {
        without_query(&self.text) != self.text
    }
}

/// A text that is no valid `url:` source. The part of the text that the error shows contains no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the variants and fields are")]
pub enum UrlSpecError {
    #[error("url:{0}: {1}")]
    Url(String, UrlError),
    #[error(
        "{0:?} is no name of a source; write url:NAME=https://… with letters, digits, \".\", \"_\" and \"-\" in NAME"
    )]
    Name(String),
}

impl FromStr for UrlSpec {
    type Err = UrlSpecError;

    fn from_str(text: &str) -> Result<Self, UrlSpecError> {
        // A URL cannot begin like a name: its scheme ends in a colon, and a name contains no colon.
        let (name, text) = match text.split_once('=') {
            Some((name, url)) if !name.contains(['/', '?', '#']) => (Some(name), url),
            _ => (None, text),
        };
        if let Some(name) = name.filter(|name| !is_name(name)) {
            return Err(UrlSpecError::Name(redacted_url(name)));
        }
        let url = text.parse().map_err(|problem| UrlSpecError::Url(redacted_url(text), problem))?;
        Ok(Self { name: name.map(str::to_owned), text: text.to_owned(), url })
    }
}

fn is_name(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !name.is_empty() && name.bytes().all(is_part)
}

impl fmt::Display for UrlSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name.as_deref().unwrap_or_else(|| without_query(&self.text)))
    }
}

/// Shows the same text as `Display`, because the message of a panic must not contain the query either.
impl fmt::Debug for UrlSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UrlSpec({self})")
    }
}

#[cfg(test)]
mod tests;
