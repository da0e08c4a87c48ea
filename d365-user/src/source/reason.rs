//! The reasons why a source gives no good list.

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
    /// Each reason, at its place, with its word.
    const TABLE: [(Self, &str); Self::Xml as usize + 1] = [
        (Self::Challenge, "challenge"),
        (Self::Client, "client"),
        (Self::Connect, "connect"),
        (Self::Dns, "dns"),
        (Self::Empty, "empty"),
        (Self::Encoding, "encoding"),
        (Self::HostNotAllowed, "host_not_allowed"),
        (Self::Html, "html"),
        (Self::Internal, "internal"),
        (Self::Io, "io"),
        (Self::NoTag, "no_tag"),
        (Self::NoValidPrefix, "no_valid_prefix"),
        (Self::NotAFile, "not_a_file"),
        (Self::PageWithoutDocument, "page_without_document"),
        (Self::Protocol, "protocol"),
        (Self::Proxy, "proxy"),
        (Self::Ranges, "ranges"),
        (Self::Redirect, "redirect"),
        (Self::Reset, "reset"),
        (Self::Shape, "shape"),
        (Self::Status, "status"),
        (Self::Syntax, "syntax"),
        (Self::Timeout, "timeout"),
        (Self::Tls, "tls"),
        (Self::TooDeep, "too_deep"),
        (Self::TooLarge, "too_large"),
        (Self::TooMany, "too_many"),
        (Self::TooManyInvalid, "too_many_invalid"),
        (Self::Truncated, "truncated"),
        (Self::WrongCloud, "wrong_cloud"),
        (Self::Xml, "xml"),
    ];
    const OF_FILE_ALONE: &[Self] = &[Self::Io, Self::NotAFile];
    const OF_DOWNLOAD_ALONE: &[Self] = &[
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
        Self::Tls,
    ];

    /// Every reason of a list in a file.
    #[must_use]
    pub fn of_file() -> Vec<Self> {
        Self::all_but(Self::OF_DOWNLOAD_ALONE)
    }

    /// Every reason of a document on the network.
    #[must_use]
    pub fn of_download() -> Vec<Self> {
        Self::all_but(Self::OF_FILE_ALONE)
    }

    fn all_but(others: &[Self]) -> Vec<Self> {
        Self::TABLE.into_iter().map(|(reason, _)| reason).filter(|reason| !others.contains(reason)).collect()
    }

    /// The word for the metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        Self::TABLE[self as usize].1
    }
}

#[cfg(test)]
mod tests {
    use super::Reason;

    #[test]
    fn every_reason_is_of_a_file_or_of_a_download() {
        let sources = [Reason::of_file(), Reason::of_download()].concat();
        for (reason, _) in Reason::TABLE {
            assert!(sources.contains(&reason), "{reason:?}");
        }
        // Each is there once, so none is missing, and each is at its place.
        assert!(Reason::TABLE.is_sorted_by(|one, next| one.0 < next.0 && one.1 < next.1));
    }
}
