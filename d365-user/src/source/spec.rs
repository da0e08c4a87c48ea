//! A source as the operator names it: the value of `--ranges`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::cloud::{Cloud, UnknownCloud};
use super::redact::redacted_url;
use super::url_spec::{UrlSpec, UrlSpecError};

/// A source. Read as `embedded`, `file:PATH`, `url:URL`, `url:NAME=URL`, `azure` or `azure:CLOUD`. It is
/// written as its identity, which has no query of a URL: what the gates, the state files and the metrics know
/// it by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Spec {
    /// The list compiled into the program.
    #[default]
    Embedded,
    /// A list in a file: a service tags document of any cloud, or a plain list.
    File(PathBuf),
    /// A service tags document of any cloud at this URL: `http` or `https`. Whether its host may be asked,
    /// and without TLS, is the download's to say.
    Url(UrlSpec),
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
    #[error(transparent)]
    Url(#[from] UrlSpecError),
    /// `azure:` and no cloud behind it.
    #[error(transparent)]
    Cloud(#[from] UnknownCloud),
}

impl FromStr for Spec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        match text.split_once(':') {
            None if text == "embedded" => Ok(Self::Embedded),
            None if text == "azure" => Ok(Self::Azure(Cloud::default())),
            Some(("file", "")) => Err(SpecError::NoPath),
            Some(("file", path)) => Ok(Self::File(path.into())),
            Some(("url", text)) => Ok(Self::Url(text.parse()?)),
            Some(("azure", cloud)) => Ok(Self::Azure(cloud.parse()?)),
            _ => Err(SpecError::Unknown(redacted_url(text))),
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
            "url:http://127.0.0.1:8443/a",
            "url:HTTPS://[::1]:8443",
            "azure:public",
            "azure:government",
            "azure:china",
        ] {
            assert_eq!(text.parse::<Spec>().unwrap().to_string(), text);
        }
        assert_eq!("azure".parse::<Spec>(), Ok(Spec::Azure(Cloud::Public)));
        let named: Spec = "url:mirror=https://mirror.example/x.json?sig=s3cret".parse().unwrap();
        assert_eq!(format!("{named} {named:?}"), "url:mirror Url(UrlSpec(mirror))");
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
            assert_eq!(
                format!("url:{text}").parse::<Spec>(),
                Err(UrlSpecError::NotAUrl(text.to_owned()).into())
            );
        }
        assert_eq!("url:https://user:secret@a/".parse::<Spec>(), Err(UrlSpecError::Credentials.into()));
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
        for text in
            ["url:https://user:s3cret@a/", "https://a/?s3cret", "url:a/?s3cret", "url:a?s3cret=https://a/"]
        {
            assert!(!told(text).contains("s3cret"), "{}", told(text));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_spec_or_an_error(text in "(embedded|file|url|azure)?:?(https?://)?\\PC*") {
            match text.parse::<Spec>() {
                Ok(Spec::Url(url)) => prop_assert!(!url.to_string().contains(['?', '#'])),
                Ok(spec) => prop_assert_eq!(spec.to_string().parse(), Ok(spec)),
                Err(_) => {}
            }
        }
    }
}
