//! A source as the operator names it: the value of `--ranges`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::cloud::{Cloud, UnknownCloud};

/// A source. Written and read as `embedded`, `file:PATH`, `url:URL`, `azure` or `azure:CLOUD`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Spec {
    /// The list compiled into the program.
    #[default]
    Embedded,
    /// A list in a file: a service tags document of any cloud, or a plain list.
    File(PathBuf),
    /// A service tags document of any cloud at this URL: `http` or `https`, as it was written. Whether its host may be
    /// asked, and without TLS, is the download's to say.
    Url(String),
    /// The current service tags document of a cloud, found through the vendor's download page.
    Azure(Cloud),
}

/// A value of `--ranges` that names no source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// None of the known kinds.
    #[error("{0:?} names no range source; write \"embedded\", \"file:PATH\", \"url:URL\" or \"azure\"")]
    Unknown(String),
    /// `file:` and nothing behind it.
    #[error("\"file:\" needs the path of a list behind it, as in file:/etc/d365/ranges.csv")]
    NoPath,
    /// `url:` and no URL behind it.
    #[error(
        "{0:?} is not a URL of a document; write it like url:https://mirror.example/ServiceTags_Public.json"
    )]
    NotAUrl(String),
    /// A URL with a user or a password, which would show in logs and metrics.
    #[error("the URL has a user name or a password in it; leave them out, logs and metrics show the URL")]
    Credentials,
    /// `azure:` and no cloud behind it.
    #[error(transparent)]
    Cloud(#[from] UnknownCloud),
}

/// Whether this can be the URL of a document. The download reads it in full.
fn url(text: &str) -> Result<String, SpecError> {
    let not_a_url = || SpecError::NotAUrl(text.to_owned());
    let (scheme, rest) = text.split_once("://").ok_or_else(not_a_url)?;
    let known = ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if !known || authority.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
        return Err(not_a_url());
    }
    if authority.contains('@') { Err(SpecError::Credentials) } else { Ok(text.to_owned()) }
}

impl FromStr for Spec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        match text.split_once(':') {
            None if text == "embedded" => Ok(Self::Embedded),
            None if text == "azure" => Ok(Self::Azure(Cloud::default())),
            Some(("file", "")) => Err(SpecError::NoPath),
            Some(("file", path)) => Ok(Self::File(path.into())),
            Some(("url", text)) => url(text).map(Self::Url),
            Some(("azure", cloud)) => Ok(Self::Azure(cloud.parse()?)),
            _ => Err(SpecError::Unknown(text.to_owned())),
        }
    }
}

/// The name of its list, too: the metrics' label `source`.
impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => f.write_str("embedded"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Url(url) => write!(f, "url:{url}"),
            Self::Azure(cloud) => write!(f, "azure:{cloud}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn specs_are_written_as_they_are_read() {
        for text in [
            "embedded",
            "file:/etc/d365/ranges.csv",
            "file:a:b",
            "file: ",
            "url:https://mirror.example/x.json",
            "url:http://127.0.0.1:8443/a?b=c@d#e",
            "url:HTTPS://[::1]:8443",
            "azure:public",
            "azure:government",
            "azure:china",
        ] {
            assert_eq!(text.parse::<Spec>().unwrap().to_string(), text);
        }
        assert_eq!("azure".parse::<Spec>(), Ok(Spec::Azure(Cloud::Public)));
    }

    #[test]
    fn what_names_no_source_is_told_apart() {
        assert_eq!("file:".parse::<Spec>(), Err(SpecError::NoPath));
        for text in ["", "Embedded", "embedded:", "/etc/d365/ranges.csv", "https://example.com/", "Azure"] {
            assert_eq!(text.parse::<Spec>(), Err(SpecError::Unknown(text.to_owned())));
        }
        for text in
            ["", "example.com", "ftp://example.com/", "https://", "https:///x", "https://a b/", "https://ä/"]
        {
            assert_eq!(format!("url:{text}").parse::<Spec>(), Err(SpecError::NotAUrl(text.to_owned())));
        }
        assert_eq!("url:https://user:secret@a/".parse::<Spec>(), Err(SpecError::Credentials));
        for text in ["", "Public", "mars"] {
            let error = UnknownCloud(text.to_owned());
            assert_eq!(format!("azure:{text}").parse::<Spec>(), Err(SpecError::Cloud(error)));
        }
    }

    #[test]
    fn messages_say_what_to_do() {
        let told = |text: &str| text.parse::<Spec>().unwrap_err().to_string();
        assert_eq!(
            told("x\n"),
            r#""x\n" names no range source; write "embedded", "file:PATH", "url:URL" or "azure""#
        );
        assert_eq!(told("azure:mars"), r#""mars" names no Azure cloud; write public, government or china"#);
        assert!(!told("url:https://user:secret@a/").contains("secret"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_spec_or_an_error(text in "(embedded|file|url|azure)?:?(https?://)?\\PC*") {
            if let Ok(spec) = text.parse::<Spec>() {
                prop_assert_eq!(spec.to_string().parse(), Ok(spec));
            }
        }
    }
}
