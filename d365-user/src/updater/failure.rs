//! The failures of one reading of a source. They do not change the accepted list.

use std::{io, time::Duration};

use crate::{
    ranges::RangeError,
    source::{
        Reason, SourceError,
        download::{DownloadError, OptionsError},
    },
};

/// A failure of one reading of a source. Each message is one line and names the source.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum Failure {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("{}", downloaded(list, problem))]
    Download { list: String, problem: DownloadError },
    #[error("{list}: {problem}")]
    Client { list: String, problem: OptionsError },
    #[error("{}", problem.of_list(list))]
    Ranges { list: String, problem: Box<RangeError> },
    /// The reader panicked, which is a fault of this program.
    #[error("{list}: reading it failed unexpectedly; please report it with the log lines before this one")]
    Panicked { list: String },
}

/// Names a source whose name is its URL only once.
fn downloaded(list: &str, problem: &DownloadError) -> String {
    if list.strip_prefix("url:").is_some_and(|url| url == problem.url.to_string()) {
        format!("{list}: {}", problem.without_url())
    } else {
        format!("{list}: {problem}")
    }
}

impl Failure {
    /// The reason for the metrics.
    pub(super) const fn reason(&self) -> Reason {
        match self {
            Self::Source(error) => error.reason(),
            Self::Download { problem, .. } => problem.reason(),
            Self::Client { .. } => Reason::Client,
            Self::Ranges { .. } => Reason::Ranges,
            Self::Panicked { .. } => Reason::Internal,
        }
    }

    /// Returns true if the failure may end without a change of the source: the system could not read it
    /// because of a lack of descriptors or memory, or a fault of the device. A missing file does not count:
    /// it is watched.
    pub(super) fn is_passing(&self) -> bool {
        let Self::Source(SourceError::Read { cause, .. }) = self else { return false };
        cause.kind() != io::ErrorKind::NotFound
    }

    /// The pause that the server asked for, at most a day.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Download { problem, .. } => problem.retry_after(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ranges::{Policy, RangeSet},
        source::{download::Problem, plain},
    };

    #[test]
    fn every_refusal_names_its_source_once() {
        let file = "file:/etc/d365/ranges.csv";
        let set = |text: &str, limit| {
            let policy = Policy { max_ranges: limit, ..Policy::default() };
            RangeSet::build(&[plain::parse(text.as_bytes(), file).unwrap()], &policy).unwrap_err()
        };
        let policy = set("20.0.0.0/24\n10.0.0.0/8\n", 9);
        let ranges = |problem| Failure::Ranges { list: file.to_owned(), problem: Box::new(problem) };
        let download = |list: &str, url: &str| {
            let problem =
                DownloadError { url: url.parse().unwrap(), problem: Problem::Status(500), next: None };
            Failure::Download { list: list.to_owned(), problem }
        };
        for (failure, name) in [
            (ranges(policy), file),
            (ranges(set("20.0.0.0/24\n20.0.1.0/24\n", 1)), file),
            (SourceError::Empty { list: file.to_owned() }.into(), file),
            (plain::parse(b"x", file).unwrap_err().into(), file),
            (download("url:https://a/x", "https://a/x?s3cret"), "https://a/x"),
            (download("url:a", "https://a/x"), "url:a"),
            (download("azure:public", "https://a/x"), "https://a/x"),
        ] {
            let message = failure.to_string();
            assert_eq!(message.matches(name).count(), 1, "{message}");
            assert!(!message.contains("s3cret"), "{message}");
        }
        let redirected = download("url:https://a/x", "https://b/y").to_string();
        assert!(redirected.starts_with("url:https://a/x: https://b/y: "), "{redirected}");
    }
}
