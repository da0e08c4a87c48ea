//! A source as the operator names it: the value of `--ranges`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::cloud::{Cloud, UnknownCloud};
use super::embedded::Embedded;
use super::kind::{ListSource, Schedule};
use super::redact::redacted_url;
use super::url_spec::{UrlSpec, UrlSpecError};

/// A source, read from `embedded`, `file:PATH`, `url:URL`, `url:NAME=URL`, `azure` or `azure:CLOUD`. It is
/// written as its identity, without the query of a URL. The gates, the state files and the metrics use that
/// identity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Spec {
    /// The list compiled into the program.
    #[default]
    Embedded,
    /// A list in a file: a service tags document of any cloud, or a plain list.
    File(PathBuf),
    /// A service tags document of any cloud at this URL. The download decides if the host is allowed.
    Url(UrlSpec),
    /// The current service tags document of a cloud, found through the vendor's download page.
    Azure(Cloud),
}

/// A value of `--ranges` that names no source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the variants and fields are")]
pub enum SpecError {
    #[error(
        "{0:?} names no range source; write \"embedded\", \"file:PATH\", \"url:URL\" or \"azure\"{more}",
        more = several(.0)
    )]
    Unknown(String),
    #[error("\"file:\" needs the path of a list behind it, as in file:/etc/d365/ranges.csv")]
    NoPath,
    #[error(transparent)]
    Url(#[from] UrlSpecError),
    #[error(transparent)]
    Cloud(#[from] UnknownCloud),
}

fn several(text: &str) -> &'static str {
    let hint = ", and repeat --ranges for each: only \"embedded\" and \"azure\" may share one";
    if text.contains(',') { hint } else { "" }
}

/// The registry: a new kind is a variant, its module here, and its word in [`FromStr`].
impl Spec {
    /// The kind of this source.
    #[must_use]
    pub fn kind(&self) -> &dyn ListSource {
        match self {
            Self::Embedded => &Embedded,
            Self::File(path) => path,
            Self::Url(url) => url,
            Self::Azure(cloud) => cloud,
        }
    }

    /// True for the list that is part of the program.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        self.kind().schedule() == Schedule::Once
    }

    /// Reads one value of `--ranges`: one source, or several separated by commas. The path of a file and a
    /// URL may contain commas. Therefore only words (`embedded`, `azure`, `azure:CLOUD`) can share a value.
    ///
    /// # Errors
    /// [`SpecError`] for the whole value.
    pub fn several(text: &str) -> Result<Vec<Self>, SpecError> {
        let parts: Result<Vec<Self>, _> = text.split(',').map(str::parse).collect();
        let is_word = |spec: &Self| matches!(spec, Self::Embedded | Self::Azure(_));
        match parts {
            Ok(specs) if specs.iter().all(is_word) => Ok(specs),
            _ => text.parse().map(|spec| vec![spec]),
        }
    }
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

/// Writes the name of the source's list, which is also the value of the metrics' label `source`.
impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind().name())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::source::download::UrlError;

    #[test]
    fn specs_are_written_as_they_are_read() {
        for text in [
            "embedded",
            "file:/etc/d365/ranges.csv",
            "file:a:b",
            "file: ",
            "url:https://mirror.example/x.json",
            "url:https://127.0.0.1:8443/a",
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
    fn a_text_that_names_no_source_is_an_error() {
        assert_eq!("file:".parse::<Spec>(), Err(SpecError::NoPath));
        for text in ["", "Embedded", "embedded:", "/etc/d365/ranges.csv", "https://example.com/", "Azure"] {
            assert_eq!(text.parse::<Spec>(), Err(SpecError::Unknown(text.to_owned())));
        }
        for (text, problem) in [
            ("", UrlError::Syntax),
            ("example.com", UrlError::Syntax),
            ("https:///x", UrlError::Syntax),
            ("https://ä/", UrlError::Syntax),
            ("ftp://example.com/", UrlError::NotHttps),
            ("http://example.com/", UrlError::NotHttps),
        ] {
            let error = UrlSpecError::Url(text.to_owned(), problem);
            assert_eq!(format!("url:{text}").parse::<Spec>(), Err(error.into()));
        }
        for text in ["", "Public", "mars"] {
            let error = UnknownCloud(text.to_owned());
            assert_eq!(format!("azure:{text}").parse::<Spec>(), Err(SpecError::Cloud(error)));
        }
    }

    #[test]
    fn words_may_share_a_value_and_paths_keep_their_commas() {
        let (embedded, azure) = (Spec::Embedded, Spec::Azure(Cloud::Public));
        for (text, specs) in [
            ("embedded", vec![embedded.clone()]),
            ("azure,embedded", vec![azure.clone(), embedded.clone()]),
            ("embedded,azure:china,azure", vec![embedded, Spec::Azure(Cloud::China), azure]),
            ("file:/a,b", vec![Spec::File("/a,b".into())]),
            ("file:/a,embedded", vec![Spec::File("/a,embedded".into())]),
            ("file:/a,file:/b", vec![Spec::File("/a,file:/b".into())]),
            ("url:https://a/x,y?z=1,2", vec!["url:https://a/x,y?z=1,2".parse().unwrap()]),
            ("url:https://a/x,azure", vec!["url:https://a/x,azure".parse().unwrap()]),
        ] {
            assert_eq!(Spec::several(text), Ok(specs), "{text}");
        }
        for text in ["embedded,", ",azure", "embedded, azure", "azure,file:/a", "embedded,mars", ""] {
            assert!(matches!(Spec::several(text), Err(SpecError::Unknown(_))), "{text}");
        }
        let error = Spec::several("embedded,file:/a").unwrap_err().to_string();
        assert!(error.contains("repeat --ranges"), "{error}");
        assert!(matches!(Spec::several("azure:mars,embedded"), Err(SpecError::Cloud(_))));
    }

    #[test]
    fn messages_name_the_next_step() {
        let error = |text: &str| text.parse::<Spec>().unwrap_err().to_string();
        assert_eq!(
            error("x\n"),
            r#""x\n" names no range source; write "embedded", "file:PATH", "url:URL" or "azure""#
        );
        assert!(!error("https://a/?s3cret").contains("s3cret"));
        assert_eq!(error("azure:mars"), r#""mars" names no Azure cloud; write public, government or china"#);
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
