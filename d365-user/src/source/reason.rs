//! The reasons for which a reading of a source gives no good list.

/// A reason: the value of the metrics' label `reason`. The variants are in the order of their words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "docs/reference.md lists the words, and the errors have a message for each")]
pub enum Reason {
    Challenge,
    Client,
    Connect,
    Dns,
    Empty,
    Encoding,
    HostNotAllowed,
    Html,
    Internal,
    Io,
    NoTag,
    NoValidPrefix,
    NotAFile,
    PageWithoutDocument,
    Protocol,
    Proxy,
    Ranges,
    Redirect,
    Reset,
    Shape,
    Status,
    Syntax,
    Timeout,
    Tls,
    TooDeep,
    TooLarge,
    TooMany,
    TooManyInvalid,
    Truncated,
    WrongCloud,
    Xml,
}

impl Reason {
    /// The reasons of every source that can fail.
    const OF_ALL: [Self; 17] = [
        Self::Empty,
        Self::Encoding,
        Self::Html,
        Self::Internal,
        Self::Io,
        Self::NoTag,
        Self::NoValidPrefix,
        Self::Ranges,
        Self::Shape,
        Self::Syntax,
        Self::TooDeep,
        Self::TooLarge,
        Self::TooMany,
        Self::TooManyInvalid,
        Self::Truncated,
        Self::WrongCloud,
        Self::Xml,
    ];
    const OF_FILE: [Self; 2] = [Self::NotAFile, Self::Timeout];
    const OF_DOWNLOAD: [Self; 13] = [
        Self::Challenge,
        Self::Client,
        Self::Connect,
        Self::Dns,
        Self::HostNotAllowed,
        Self::PageWithoutDocument,
        Self::Protocol,
        Self::Proxy,
        Self::Redirect,
        Self::Reset,
        Self::Status,
        Self::Timeout,
        Self::Tls,
    ];

    /// Every reason of a list in a file.
    #[must_use]
    pub fn of_file() -> Vec<Self> {
        [&Self::OF_ALL[..], &Self::OF_FILE].concat()
    }

    /// Every reason of a document on the network.
    #[must_use]
    pub fn of_download() -> Vec<Self> {
        [&Self::OF_ALL[..], &Self::OF_DOWNLOAD].concat()
    }

    /// The word for the metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Challenge => "challenge",
            Self::Client => "client",
            Self::Connect => "connect",
            Self::Dns => "dns",
            Self::Empty => "empty",
            Self::Encoding => "encoding",
            Self::HostNotAllowed => "host_not_allowed",
            Self::Html => "html",
            Self::Internal => "internal",
            Self::Io => "io",
            Self::NoTag => "no_tag",
            Self::NoValidPrefix => "no_valid_prefix",
            Self::NotAFile => "not_a_file",
            Self::PageWithoutDocument => "page_without_document",
            Self::Protocol => "protocol",
            Self::Proxy => "proxy",
            Self::Ranges => "ranges",
            Self::Redirect => "redirect",
            Self::Reset => "reset",
            Self::Shape => "shape",
            Self::Status => "status",
            Self::Syntax => "syntax",
            Self::Timeout => "timeout",
            Self::Tls => "tls",
            Self::TooDeep => "too_deep",
            Self::TooLarge => "too_large",
            Self::TooMany => "too_many",
            Self::TooManyInvalid => "too_many_invalid",
            Self::Truncated => "truncated",
            Self::WrongCloud => "wrong_cloud",
            Self::Xml => "xml",
        }
    }
}
