//! The errors of a command line.

use thiserror::Error;

use crate::source::{Spec, SpecError, download::UrlError};

/// An error in the command line or the environment. Each message is one line.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[expect(missing_docs, reason = "the message of each variant describes its fields")]
pub enum ConfigError {
    /// The kernel would not accept the name.
    #[error(
        "--iface `{}` is no interface name: {reason}; `ip -brief link` lists the names",
        name.escape_debug()
    )]
    InterfaceName { name: String, reason: &'static str },
    /// More different values than one daemon can use.
    #[error("{flag} is given {count} times, at most {most} can be used by one daemon")]
    TooMany { flag: &'static str, count: usize, most: usize },
    /// A source that is not valid.
    #[error("--ranges: {0}")]
    Ranges(#[from] SpecError),
    /// A URL that is never fetched.
    #[error("--ranges {spec}: {problem}")]
    Url { spec: Spec, problem: UrlError },
    /// Two sources share the name by which they are shown and saved.
    #[error("--ranges: two sources are called {0}; give each a name of its own, as in url:NAME=https://…")]
    SameSource(String),
    /// No tag together with a tag.
    #[error("--tag none excludes other tags: leave it out, or the others")]
    NoneAndMore,
    /// A flag that would have no effect.
    #[error("{flag} needs {needed}; without it nothing is tagged so")]
    Needs { flag: &'static str, needed: &'static str },
}
